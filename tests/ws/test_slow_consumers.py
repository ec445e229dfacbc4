"""Consumers that have stopped: bounds, counts, and what it costs the others (R09)."""

from __future__ import annotations

import json
import threading
import time

import pytest

from bfxsync import BookUpdate, Gap, Snapshot, Trade, WebSocketClient
from bfxsync._base.enums import Policy
from bfxsync.models import Ticker
from bfxsync.paper import PaperExchange
from bfxsync.paper.server.ws_session import WsSession
from bfxsync.ws.dispatch import mailbox as mailboxes
from bfxsync.ws.dispatch.mailbox import Mailbox

SIZE = 20
POLICIES = ["resync", "latest", "drop_oldest"]


def wait_until(condition, timeout=20.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def exchange():
    with PaperExchange(rate=2_000.0, checksum_s=0.05) as exchange:
        yield exchange


@pytest.fixture
def sent(monkeypatch):
    """The events of all that clients send."""
    events = []
    receive = WsSession.receive

    def count(session, text):
        events.append(json.loads(text)["event"])
        receive(session, text)

    monkeypatch.setattr(WsSession, "receive", count)
    return events


@pytest.fixture
def blocks(monkeypatch):
    """The sizes of all blocks that are put into mailboxes."""
    sizes = [0]
    add = Mailbox.add

    def note(mailbox, updates, restart, now):
        sizes.append(len(updates))
        return add(mailbox, updates, restart, now)

    monkeypatch.setattr(Mailbox, "add", note)
    return sizes


class Stopped:
    """A callback that stops at its first item until it may go on."""

    def __init__(self) -> None:
        self.items = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, item):
        self.begun.set()
        assert self.go_on.wait(60.0)
        self.items.append(item)


@pytest.fixture
def slow():
    callback = Stopped()
    yield callback
    callback.go_on.set()


def updates_of(items):
    return [item for item in items if isinstance(item, (BookUpdate, Trade))]


def drops_of(items):
    return sum(item.dropped for item in items if isinstance(item, Gap))


# --- a callback that has stopped --------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_r09_a_stopped_callback_costs_only_what_it_does_not_take(
    exchange, record, sent, blocks, slow, policy
):
    other = record()
    with WebSocketClient(exchange.url, dispatch_threads=2) as client:
        handle = client.subscribe_book(
            "tBTCUSD", slow, on_event=slow, policy=policy, mailbox_size=SIZE
        )
        client.subscribe_trades("tBTCUSD", other)
        assert slow.begun.wait(10.0)
        client.ping()
        before = list(sent)
        lags, sizes = [], []
        for _ in range(5):
            count = handle.update_count
            wait_until(lambda: handle.update_count > count + 2 * SIZE)
            sizes.append(handle.queued_count)
            lags.append(handle.lag_s)
        # Nobody was asked for anything, and the others went on.
        assert sent == before
        count = len(other.items)
        other.wait_for(count + 5)
        assert max(sizes) <= SIZE + max(blocks)
        assert all(lag > 0.0 for lag in lags)
        assert handle.book.is_live and handle.book.mismatch_count == 0
        handle.unsubscribe()
        total, dropped = handle.update_count, handle.dropped_count
        assert dropped > 0 or policy == "latest"
        slow.go_on.set()
        wait_until(lambda: handle.queued_count == 0)
    seen = updates_of(slow.items)
    assert drops_of(slow.items) == dropped
    if policy != "latest":
        # Nothing is missing that was not counted.
        assert len(seen) + dropped == total
    gap = next((n for n, i in enumerate(slow.items) if isinstance(i, Gap)), None)
    if policy == "resync":
        assert isinstance(slow.items[gap + 1], Snapshot)
    stats = client.stats()
    assert stats["drops"] == dropped
    assert [row["channel"] for row in stats["subscriptions"]] == ["trades"]


@pytest.mark.parametrize("policy", POLICIES)
def test_r09_a_reader_that_has_stopped_is_bounded_and_counted(
    exchange, sent, blocks, policy
):
    with WebSocketClient(exchange.url) as client:
        handle = client.subscribe_trades("tBTCUSD", policy=policy, mailbox_size=SIZE)
        events = handle.events()
        first = next(events)
        begun = handle.update_count
        client.ping()
        before = list(sent)
        wait_until(lambda: handle.update_count > begun + 3 * SIZE)
        assert handle.queued_count <= SIZE + max(blocks) and sent == before
        assert client.stats()["queued"] == handle.queued_count > 0
        handle.unsubscribe()
        dropped = handle.dropped_count
        items = list(events)
        assert isinstance(first, Snapshot) and dropped > 0
        # What came before the reader began is in its snapshot.
        assert drops_of(items) == dropped == client.stats()["drops"]
        assert len(updates_of(items)) + dropped >= handle.update_count - begun


def test_r09_drops_of_a_slow_event_handler_are_counted_and_logged(
    exchange, slow, blocks, caplog
):
    with WebSocketClient(exchange.url, mailbox_size=SIZE, dispatch_threads=2) as client:
        client.on("t_book_update", lambda subscription, update: slow(update))
        handle = client.subscribe_book("tBTCUSD")
        wait_until(lambda: client.stats()["drops"] > 3 * SIZE)
        stats = client.stats()
        assert 0 < stats["queued"] <= SIZE + max(blocks) and stats["lag_s"] > 0.0
        assert stats["subscriptions"][0]["drops"] == 0 == handle.dropped_count
        slow.go_on.set()
        count = len(slow.items)
        wait_until(lambda: len(slow.items) > count + SIZE)
        handle.unsubscribe()
        client.ping()
        drops = client.stats()["drops"]
        assert drops >= stats["drops"]
    assert client.stats()["drops"] == drops
    entries = [e.message for e in caplog.records if "an event of book" in e.message]
    assert len(entries) == 1 and "updates dropped" in entries[0], "once a minute"


# --- how long it has waited -------------------------------------------------------------------


class Time:
    """Stands in for the module `time` of the mailboxes."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Time()
    monkeypatch.setattr(mailboxes, "time", clock)
    return clock


def trades(*ids):
    return [Trade(identity, 0, 1.0, 1.0) for identity in ids]


def test_lag_is_how_long_the_oldest_item_waits(clock):
    mailbox = Mailbox(10)
    assert mailbox.lag_s == 0.0
    mailbox.put(trades(1, 2), list)
    clock.now += 3.0
    mailbox.put(trades(3, 4), list)
    clock.now += 1.0
    assert mailbox.lag_s == 4.0
    assert mailbox.next_batch(1) == trades(1)
    assert mailbox.lag_s == 4.0, "one that came with it still waits"
    mailbox.next_batch(2)
    assert mailbox.lag_s == 1.0
    clock.now += 1.0
    mailbox.next_batch(5)
    mailbox.finish_batch()
    clock.now += 50.0
    assert mailbox.lag_s == 2.0, "how long the last one did"
    mailbox.put(trades(5), list)
    assert mailbox.lag_s == 0.0
    clock.now += 0.5
    assert mailbox.get() == trades(5)[0] and mailbox.lag_s == 0.5


def test_lag_is_never_negative(clock):
    mailbox = Mailbox(10)
    mailbox.put(trades(1), list)
    clock.now -= 2.0
    assert mailbox.get() == trades(1)[0] and mailbox.lag_s == 0.0


def test_lag_of_an_empty_mailbox_is_the_last_items(clock):
    mailbox = Mailbox(10)
    mailbox.put(trades(1), list)
    clock.now += 2.0
    mailbox.next_batch(5)
    clock.now += 5.0
    assert mailbox.next_batch(5) == [] and mailbox.lag_s == 2.0


def test_lag_with_resync_is_that_of_what_took_the_place(clock):
    mailbox = Mailbox(3)
    mailbox.put(trades(1, 2, 3), list)
    clock.now += 5.0
    assert mailbox.lag_s == 5.0
    mailbox.put(trades(4), lambda: [Snapshot([])])
    assert mailbox.lag_s == 0.0
    clock.now += 1.0
    assert mailbox.lag_s == 1.0
    mailbox.next_batch(1)
    assert mailbox.lag_s == 1.0
    mailbox.next_batch(5)
    clock.now += 9.0
    assert mailbox.lag_s == 1.0
    mailbox.put(trades(5), list)
    clock.now += 0.25
    mailbox.next_batch(5)
    assert mailbox.lag_s == 0.25


def test_lag_with_drop_oldest_is_that_of_the_oldest_left(clock):
    mailbox = Mailbox(4, Policy.DROP_OLDEST)
    for identity in range(10):
        mailbox.put(trades(identity), list)
        clock.now += 1.0
    # A gap for what is gone, and 7, 8, 9.
    assert mailbox.lag_s in (3.0, 4.0) and len(mailbox) == 4
    mailbox.next_batch(3)
    assert mailbox.lag_s == 1.0


def test_lag_with_latest_grows_without_a_consumer(clock):
    mailbox = Mailbox(4, Policy.LATEST)
    for _ in range(10_000):
        mailbox.put([Ticker(*[1.0] * 10)], list)
        clock.now += 1.0
    assert mailbox.lag_s == 10_000.0 and len(mailbox) == 1
    mailbox.next_batch(5)
    mailbox.put([Ticker(*[1.0] * 10)], list)
    clock.now += 2.0
    assert mailbox.lag_s == 2.0


@pytest.mark.parametrize("policy", list(Policy))
def test_r09_lag_stays_true_after_many_overflows(clock, policy):
    mailbox = Mailbox(50, policy)
    for number in range(5_000):
        price = float(number % 80)
        mailbox.put([BookUpdate(price, 1, 1.0)] * 3, lambda: [Snapshot([])])
        clock.now += 0.1
        if number % 7 == 0:
            mailbox.next_batch(5)
            mailbox.finish_batch()
        assert len(mailbox) < 53
        assert 0.0 <= mailbox.lag_s < 10.0


def test_lag_is_that_of_the_oldest_after_repeated_overflows(clock):
    mailbox = Mailbox(40, Policy.DROP_OLDEST)
    came = {}
    for first in range(0, 3_000, 3):
        came.update(dict.fromkeys(range(first, first + 3), clock.now))
        mailbox.put(trades(*range(first, first + 3)), list)
        clock.now += 1.0
        if first % 7 == 0:
            lag_s = mailbox.lag_s
            oldest, *_ = [
                i for i in mailbox.next_batch(first % 5 + 2) if type(i) is Trade
            ]
            assert lag_s == clock.now - came[oldest.id]
    assert mailbox.dropped_count > 1_000


def test_latest_replaces_after_an_overflow_too():
    mailbox = Mailbox(3, Policy.LATEST)
    for price in range(5):
        mailbox.put([BookUpdate(float(price), 1, 1.0)], list)
    assert mailbox.next_batch(1) == [Gap("the consumer was too slow", 3)]
    for count in range(2, 10):
        mailbox.put([BookUpdate(4.0, count, 1.0)], list)
    assert mailbox.next_batch(5) == [BookUpdate(3.0, 1, 1.0), BookUpdate(4.0, 9, 1.0)]
    assert mailbox.dropped_count == 3


def test_latest_keeps_items_before_and_after_a_gap_apart():
    mailbox = Mailbox(3, Policy.LATEST)
    mailbox.put([BookUpdate(float(price), 1, 1.0) for price in range(4)], list)
    for count in range(2, 10):
        mailbox.put([BookUpdate(3.0, count, 1.0)], list)
    assert mailbox.next_batch(5) == [
        Gap("the consumer was too slow", 2),
        BookUpdate(2.0, 1, 1.0),
        BookUpdate(3.0, 9, 1.0),
    ]
