from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from contextlib import suppress
from datetime import timedelta
from itertools import islice

import attrs
import pytest
from interrupts import interrupted_before_each_bytecode

from bfxsync._base.clock import CLOCK
from bfxsync._base.enums import Policy
from bfxsync.checks.options import check_mailbox_size, check_policy
from bfxsync.errors import NetworkError, UsageError
from bfxsync.models import (
    BookUpdate,
    Candle,
    DerivativesStatus,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    Gap,
    Liquidation,
    RawBookUpdate,
    RawRow,
    Snapshot,
    Ticker,
    Trade,
    TradeUpdate,
)
from bfxsync.models.stream import AccountMessage, ChannelHeartbeat, Checksum
from bfxsync.ws.dispatch import mailbox as mailboxes
from bfxsync.ws.dispatch.claims import handed_over
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.dispatch.update_kinds import EVENTS_OF_CHANNEL


def trades(*ids):
    return [Trade(identity, 0, 1.0, 1.0) for identity in ids]


def nothing():
    return []


def drain(mailbox):
    items = []
    more = True
    while more:
        items += mailbox.next_batch(100)
        more = mailbox.finish_batch()
    return items


def test_items_are_read_in_order():
    mailbox = Mailbox(10)
    mailbox.put(trades(1, 2), nothing)
    mailbox.put(trades(3), nothing)
    assert mailbox.next_batch(2) == trades(1, 2)
    assert mailbox.finish_batch()
    assert mailbox.next_batch(2) == trades(3)
    assert not mailbox.finish_batch()
    assert mailbox.next_batch(2) == []


def test_a_mailbox_announces_itself_once_until_it_is_left_empty():
    announced = []
    mailbox = Mailbox(10, on_ready=lambda: announced.append(mailbox))
    mailbox.put(trades(1), nothing)
    mailbox.put(trades(2), nothing)
    assert announced == [mailbox]
    mailbox.next_batch(1)
    assert mailbox.finish_batch()
    mailbox.next_batch(10)
    # Nobody else may be told while what was taken is under way.
    mailbox.put(trades(3), nothing)
    assert announced == [mailbox]
    assert mailbox.finish_batch()
    mailbox.next_batch(10)
    assert not mailbox.finish_batch()
    mailbox.put(trades(4), nothing)
    assert announced == [mailbox, mailbox]


def test_r09_resync_counts_its_drops_and_restarts():
    state = [Snapshot(trades(4, 5))]
    mailbox = Mailbox(3)
    mailbox.put(trades(1, 2, 3), lambda: state)
    mailbox.put(trades(4, 5), lambda: state)
    assert drain(mailbox) == [Gap("the consumer was too slow", 5), *state]
    assert mailbox.dropped_count == 5


@pytest.mark.parametrize("policy", [Policy.RESYNC, Policy.DROP_OLDEST], ids=str)
def test_only_an_overflowing_resync_uses_the_local_state(policy):
    asked = []

    def restart():
        asked.append(True)
        return []

    mailbox = Mailbox(2, policy)
    mailbox.put(trades(1, 2), restart)
    assert asked == []
    mailbox.put(trades(3), restart)
    assert asked == [True] * (policy is Policy.RESYNC)


def test_r09_a_second_overflow_adds_to_an_unread_gap():
    state = [Snapshot([])]
    mailbox = Mailbox(3)
    mailbox.put(trades(*range(10)), lambda: state)
    mailbox.put(trades(10, 11), lambda: state)
    assert drain(mailbox) == [Gap("the consumer was too slow", 12), *state]
    assert mailbox.dropped_count == 12


def test_a_dropped_gap_is_no_dropped_update():
    mailbox = Mailbox(3)
    mailbox.put([Gap("the link"), Snapshot([]), *trades(1)], nothing)
    mailbox.put(trades(2), nothing)
    assert drain(mailbox) == [Gap("the consumer was too slow", 2)]


@pytest.mark.parametrize("policy", list(Policy))
def test_r09_a_burst_that_finds_an_empty_mailbox_is_kept_whole(policy):
    mailbox = Mailbox(10, policy)
    for first in (0, 1000):
        burst = trades(*range(first, first + 1000))
        mailbox.put(burst, nothing)
        assert len(mailbox) == 1000
        assert drain(mailbox) == burst
    assert mailbox.dropped_count == 0


@pytest.mark.parametrize("policy", list(Policy))
def test_r09_a_burst_exceeds_the_size_only_by_one_block(policy):
    mailbox = Mailbox(10, policy)
    for first in range(0, 10_000, 100):
        mailbox.put(trades(*range(first, first + 100)), nothing)
        assert len(mailbox) <= 110
    items = drain(mailbox)
    kept = [item.id for item in items if isinstance(item, Trade)]
    assert mailbox.dropped_count == items[0].dropped == 10_000 - len(kept)
    if policy is not Policy.RESYNC:
        assert kept == list(range(9_900, 10_000)), "only what had waited went"


@pytest.mark.parametrize("policy", [Policy.LATEST, Policy.DROP_OLDEST], ids=str)
def test_r09_a_full_mailbox_drops_several_at_once(policy):
    mailbox = Mailbox(80, policy)
    mailbox.put(trades(*range(80)), nothing)
    mailbox.put(trades(80), nothing)
    gap, *rest = drain(mailbox)
    assert gap.dropped == 10 and [item.id for item in rest] == list(range(10, 81))


@pytest.mark.parametrize("policy", list(Policy))
def test_the_rest_of_a_long_block_counts(policy):
    mailbox = Mailbox(10, policy)
    mailbox.put(trades(*range(10)), nothing)
    assert mailbox.next_batch(4) == trades(0, 1, 2, 3)
    assert len(mailbox) == 6 and mailbox.finish_batch()
    assert mailbox.get(0) == trades(4)[0]
    assert len(mailbox) == 5
    assert drain(mailbox) == trades(*range(5, 10))
    assert len(mailbox) == 0


def test_r09_drop_oldest_puts_a_gap_where_the_oldest_stood():
    mailbox = Mailbox(4, Policy.DROP_OLDEST)
    mailbox.put(trades(1, 2, 3, 4), nothing)
    mailbox.put(trades(5, 6), nothing)
    assert drain(mailbox) == [Gap("the consumer was too slow", 3), *trades(4, 5, 6)]
    assert mailbox.dropped_count == 3


def test_r09_drop_oldest_never_exceeds_its_size_and_loses_no_count():
    mailbox = Mailbox(10, Policy.DROP_OLDEST)
    for first in range(0, 1000, 7):
        mailbox.put(trades(*range(first, first + 7)), nothing)
        assert len(mailbox) <= 10
    gap, *rest = drain(mailbox)
    assert gap.dropped + len(rest) == 1001
    assert mailbox.dropped_count == gap.dropped


def test_latest_keeps_the_newest_of_each_key():
    mailbox = Mailbox(10, Policy.LATEST)
    old, new = Ticker(*[1.0] * 10), Ticker(*[2.0] * 10)
    mailbox.put([old, old, new], nothing)
    assert drain(mailbox) == [new]
    levels = [BookUpdate(1.0, 1, 1.0), BookUpdate(2.0, 1, -1.0), BookUpdate(1.0, 0, 1)]
    mailbox.put(levels, nothing)
    assert drain(mailbox) == levels[1:]
    assert mailbox.dropped_count == 0


# What makes a thing another one; all else about it is only newer.
KEYS = {
    Ticker: [],
    FundingTicker: [],
    Trade: ["id"],
    TradeUpdate: ["id"],
    FundingTrade: ["id"],
    FundingTradeUpdate: ["id"],
    BookUpdate: ["price", "side"],
    FundingBookUpdate: ["rate", "period", "side"],
    RawBookUpdate: ["order_id"],
    FundingRawBookUpdate: ["offer_id"],
    Candle: ["mts"],
    DerivativesStatus: [],
    Liquidation: ["pos_id", "mts"],
}


def test_r09_latest_knows_every_class_that_a_channel_delivers():
    delivered = {model for events in EVENTS_OF_CHANNEL.values() for model in events}
    events = {AccountMessage, ChannelHeartbeat, Checksum, RawRow}
    assert KEYS.keys() == delivered - events


@pytest.mark.parametrize("model", list(KEYS), ids=lambda model: model.__name__)
def test_r09_latest_replaces_updates_of_the_same_key_only(model):
    names = [field.name for field in attrs.fields(model)]
    first = model(*[1] * len(names))
    for name in names:
        if name == "amount" and "side" in KEYS[model]:
            # Of a level the sign is its side, and the size is not.
            side = attrs.evolve(first, amount=-1)
            mailbox = Mailbox(10, Policy.LATEST)
            mailbox.put([first, side], nothing)
            assert drain(mailbox) == [first, side]
        newer = attrs.evolve(first, **{name: 2})
        mailbox = Mailbox(10, Policy.LATEST)
        mailbox.put([first, newer], nothing)
        expected = [first, newer] if name in KEYS[model] else [newer]
        assert drain(mailbox) == expected, name


def test_latest_keeps_the_newest_raw_row_of_each_tag():
    first, other, newer = RawRow([1], "te"), RawRow([1], "tu"), RawRow([2], "te")
    mailbox = Mailbox(10, Policy.LATEST)
    mailbox.put([first, other, newer], nothing)
    assert sorted(drain(mailbox)) == [[1], [2]]


def test_latest_keeps_what_an_event_stands_between_apart():
    mailbox = Mailbox(10, Policy.LATEST)
    before, after = BookUpdate(1.0, 1, 1.0), BookUpdate(1.0, 2, 2.0)
    mailbox.put([before, Gap("the link"), Snapshot([]), after], nothing)
    assert drain(mailbox) == [before, Gap("the link"), Snapshot([]), after]


def test_r09_latest_is_bounded_too():
    mailbox = Mailbox(5, Policy.LATEST)
    for price in range(20):
        mailbox.put([BookUpdate(float(price), 1, 1.0)], nothing)
        assert len(mailbox) <= 5
    gap, *rest = drain(mailbox)
    assert gap == Gap("the consumer was too slow", 16)
    assert [level.price for level in rest] == [16.0, 17.0, 18.0, 19.0]


def test_latest_drops_nothing_for_a_key_that_has_its_place():
    mailbox = Mailbox(2, Policy.LATEST)
    old, other, new = (BookUpdate(*row) for row in ((1, 1, 1), (2, 1, 1), (1, 2, 2)))
    mailbox.put([old, other], nothing)
    mailbox.put([new], nothing)
    assert drain(mailbox) == [other, new]
    assert mailbox.dropped_count == 0


def test_get_waits_for_a_put_of_another_thread():
    mailbox = Mailbox(10)
    thread = threading.Thread(target=mailbox.put, args=(trades(1), nothing))
    thread.start()
    assert mailbox.get(5.0) == trades(1)[0]
    thread.join(5.0)


@pytest.mark.parametrize("timeout_s", [0.0, 0.01])
def test_get_ends_with_its_timeout(timeout_s):
    with pytest.raises(TimeoutError):
        Mailbox(10).get(timeout_s)


@pytest.mark.parametrize("policy", list(Policy))
def test_get_misses_nothing_while_the_writer_makes_room(policy, monkeypatch):
    """Taken out and not yet put back is not the same as not there."""
    mailbox = Mailbox(10, policy)
    asked, seen = threading.Event(), []

    def read():
        asked.wait(5.0)
        seen.append(mailbox.get(0.0))

    thread = threading.Thread(target=read)
    thread.start()
    weigh = mailboxes._weigh

    def weigh_slowly(items):
        asked.set()
        # Until the reader waits, which it would not do with nothing to wait for.
        deadline = time.monotonic() + 5.0
        while not mailbox._readers and time.monotonic() < deadline:
            time.sleep(0)
        return weigh(items)

    monkeypatch.setattr(mailboxes, "_weigh", weigh_slowly)
    mailbox.put(trades(*range(10)), nothing)
    mailbox.put(trades(10), lambda: [Snapshot([])])
    thread.join(5.0)
    assert isinstance(seen[0], Gap)


@pytest.mark.parametrize("policy", list(Policy))
def test_the_end_is_not_before_what_the_writer_has_put_back(policy, monkeypatch):
    mailbox = Mailbox(10, policy)
    mailbox.put(trades(1, 2), nothing)
    mailbox.close()
    claim, left = mailbox._queue.claim, [True]

    def claim_in_between(*arguments):
        # Where the writer has everything in its hands, and puts it back just after that.
        if left:
            left.clear()
            raise IndexError
        return claim(*arguments)

    monkeypatch.setattr(mailbox._queue, "claim", claim_in_between)
    assert [mailbox.get(), mailbox.get()] == trades(1, 2)
    with pytest.raises(StopIteration):
        mailbox.get()


@pytest.mark.parametrize("policy", list(Policy))
def test_interrupts_of_a_reader_lose_and_double_nothing(policy):
    """Before each bytecode, for blocks of several lengths."""
    mailbox, ids = Mailbox(1_000, policy), iter(range(600))
    for number in range(300):
        mailbox.put(trades(*islice(ids, 1 + number % 3)), nothing)
    mailbox.close()
    found = []
    names = interrupted_before_each_bytecode(
        lambda: found.extend(handed_over(mailbox.claim))
    )
    assert [trade.id for trade in found] == list(range(600))
    assert names >= {"claim", "handed_over"}
    assert not any(mailbox._claims.values())


@pytest.mark.parametrize("policy", list(Policy))
def test_a_signal_handler_that_reads_takes_nothing_twice(policy):
    """Wherever it comes: before each bytecode of the thread that reads."""
    mailbox, found = Mailbox(1_000, policy), []
    for number in range(0, 900, 3):
        mailbox.put(trades(number, number + 1, number + 2), nothing)
    mailbox.close()

    def read_as_well():
        with suppress(StopIteration):
            found.append(mailbox.get(0))

    interrupted_before_each_bytecode(
        lambda: found.extend(islice(handed_over(mailbox.claim), 2)), read_as_well
    )
    found.extend(handed_over(mailbox.claim))
    assert sorted(trade.id for trade in found) == list(range(900))


def test_a_closed_mailbox_is_read_to_its_end():
    mailbox = Mailbox(10)
    mailbox.put(trades(1), nothing)
    mailbox.close()
    mailbox.put(trades(2), nothing)
    assert mailbox.get() == trades(1)[0]
    with pytest.raises(StopIteration):
        mailbox.get()


def test_a_mailbox_closed_with_an_error_raises_it_at_its_end():
    mailbox = Mailbox(10)
    mailbox.close(NetworkError("gone", phase="receive"))
    with pytest.raises(NetworkError, match="gone"):
        mailbox.get()


def test_a_mailbox_is_crowded_past_half_of_its_size():
    mailbox = Mailbox(4)
    mailbox.put(trades(1, 2), nothing)
    assert not mailbox.is_crowded
    mailbox.put(trades(3), nothing)
    assert mailbox.is_crowded


def test_r09_read_and_dropped_items_add_up_to_all():
    total = 50_000
    ready = threading.Semaphore(0)
    mailbox = Mailbox(100, Policy.DROP_OLDEST, ready.release)
    taken = []

    def consume():
        while True:
            ready.acquire()
            more = True
            while more:
                taken.extend(mailbox.next_batch(7))
                more = mailbox.finish_batch()
            if None in taken[-7:]:
                return

    consumer = threading.Thread(target=consume)
    consumer.start()
    for first in range(0, total, 50):
        mailbox.put(trades(*range(first, first + 50)), nothing)
    mailbox.put([None], nothing)
    consumer.join(10.0)
    ids = [item.id for item in taken if isinstance(item, Trade)]
    dropped = sum(item.dropped for item in taken if isinstance(item, Gap))
    assert ids == sorted(ids)
    assert len(ids) + dropped == total
    assert mailbox.dropped_count == dropped


class _Interrupted(deque):
    """Blocks of a mailbox; a consumer takes some items after each one that is taken out."""

    def __init__(self, blocks, take):
        super().__init__(blocks)
        self.take = take

    def pop(self):
        block = super().pop()
        self.take()
        return block

    def popleft(self):
        block = super().popleft()
        self.take()
        return block


def test_r09_order_holds_while_the_writer_drops_items():
    mailbox = Mailbox(12, Policy.DROP_OLDEST)
    taken = []
    for first in range(0, 12, 4):
        mailbox.put(trades(*range(first, first + 4)), nothing)
    queue = mailbox._queue
    queue._blocks = _Interrupted(
        queue._blocks, lambda: taken.extend(mailbox.next_batch(1))
    )
    mailbox.put(trades(*range(12, 16)), nothing)
    # There is one consumer at a time.
    queue._blocks.take = lambda: None
    taken += mailbox.next_batch(100)
    ids = [item.id for item in taken if isinstance(item, Trade)]
    assert ids == sorted(ids)
    assert len(ids) + mailbox.dropped_count == 16


class _InterruptedItems(OrderedDict):
    """Items of a mailbox; a consumer takes one after each one that is taken out."""

    def popitem(self, last=True):
        item = super().popitem(last)
        if self.take is not None:
            take, self.take = self.take, None
            take()
            self.take = take
        return item


def test_r09_order_holds_while_the_writer_drops_newest_items():
    mailbox = Mailbox(12, Policy.LATEST)
    taken = []
    mailbox.put(trades(*range(12)), nothing)
    queue = mailbox._queue
    items = queue._items = _InterruptedItems(queue._items)
    items.take = lambda: taken.extend(mailbox.next_batch(1))
    mailbox.put(trades(*range(12, 16)), nothing)
    items.take = None
    taken += mailbox.next_batch(100)
    ids = [item.id for item in taken if isinstance(item, Trade)]
    assert ids == sorted(ids)
    assert len(ids) + mailbox.dropped_count == 16


@pytest.mark.parametrize("size", [2, 1, 0, -1, 3.5, "10", None, True])
def test_an_impossible_size_is_a_usage_error(size):
    with pytest.raises(UsageError, match="mailbox_size"):
        check_mailbox_size(size)


@pytest.mark.parametrize("policy", ["newest", None, 3])
def test_an_unknown_policy_is_a_usage_error(policy):
    with pytest.raises(UsageError, match="policy"):
        check_policy(policy)


@pytest.mark.parametrize("policy", ["resync", "drop_oldest"])
def test_the_gap_of_a_slow_consumer_says_from_when_to_when(policy):
    mailbox, earlier = Mailbox(4, Policy(policy)), Gap("the link")
    earlier.since = CLOCK.utc(CLOCK.now() - 60.0)
    begin = CLOCK.utc(CLOCK.now())
    for _ in range(3):
        mailbox.put(trades(1, 2, 3), nothing)
    first = mailbox.next_batch(1)[0]
    assert isinstance(first, Gap)
    slack = timedelta(seconds=1)
    assert begin - slack < first.since <= first.until + slack
    assert first.until < CLOCK.utc(CLOCK.now()) + slack
    mailbox = Mailbox(4, Policy(policy))
    mailbox.put([earlier, *trades(1, 2, 3)], nothing)
    mailbox.put(trades(1, 2, 3), nothing)
    assert mailbox.next_batch(1)[0].since == earlier.since
