"""A book that is read while it changes."""

from __future__ import annotations

import gc
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import attrs
import pytest
from paper.support import BookCopy, is_event
from paper.support import Client as BareClient

from bfxsync import (
    Backoff,
    ChecksumMismatch,
    ClosedError,
    Flag,
    Gap,
    Snapshot,
    SubscriptionStatus,
    UsageError,
    WebSocketClient,
)
from bfxsync._base.enums import Policy
from bfxsync.book.queries import Depth
from bfxsync.paper import PaperExchange
from bfxsync.wire.channels import channel_for
from bfxsync.ws.book_view import BookView
from bfxsync.ws.core.subscriber import Subscriber

READERS = 3
FRAMES = 200
STATES = 10


@pytest.fixture
def busy_exchange():
    with PaperExchange(rate=1000.0, checksum_s=0.02) as exchange:
        yield exchange


@pytest.fixture
def hasty_threads():
    """Let threads interrupt each other wherever they are, not only each 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def state(bids, asks):
    levels = (*bids, *asks)
    return tuple(
        attrs.astuple(level, filter=lambda field, _: field.eq) for level in levels
    )


class Peer:
    """Another subscriber of the same book, who writes down every state after a whole message."""

    def __init__(self, client: BareClient, prec: str, is_funding: bool) -> None:
        self.client = client
        self.states = set()
        self.frames = 0
        self._copy = BookCopy(prec == "R0", is_funding)

    def receive(self):
        """Take a message of the book; a checksum changes nothing."""
        message = self.client.receive()
        if isinstance(message, list) and isinstance(message[1], list):
            rows = message[1]
            self._copy.feed(rows if isinstance(rows[0], list) else [rows])
            self.frames += 1
        self.states.add(tuple(map(tuple, self._copy.rows())))


class Reader(threading.Thread):
    """Reads as fast as it can, until it is told to stop."""

    def __init__(self, book: BookView, stop: threading.Event) -> None:
        super().__init__()
        self.states = set()
        self.wrong = []
        self._book = book
        self._stop_reading = stop

    def run(self):
        while not self._stop_reading.is_set():
            copy = self._book.snapshot()
            bids, asks = self._book.levels()
            self.states.update((state(copy.bids, copy.asks), state(bids, asks)))
            if not copy.is_live or copy.mid is None:
                self.wrong.append(copy)


@pytest.mark.parametrize(
    "symbol, prec, bulk",
    [
        ("tBTCUSD", "P0", False),
        ("tBTCUSD", "P0", True),
        ("tBTCUSD", "R0", True),
        ("fUSD", "P0", True),
    ],
)
def test_r11_readers_see_only_states_after_a_whole_message(
    busy_exchange, hasty_threads, symbol, prec, bulk
):
    flags = Flag.BULK_UPDATES if bulk else Flag(0)
    ours = Flag.SEQ_ALL | Flag.OB_CHECKSUM | flags
    with (
        BareClient(busy_exchange.url) as bare,
        WebSocketClient(busy_exchange.url, flags=ours) as client,
    ):
        bare.send(event="conf", flags=int(flags))
        bare.until(is_event("conf"))
        bare.subscribe("book", symbol, prec=prec, len="25")
        peer = Peer(bare, prec, symbol.startswith("f"))
        peer.receive()
        subscription = client.subscribe_book(symbol, prec=prec, len=25)
        book = subscription.book
        stop = threading.Event()
        readers = [Reader(book, stop) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        try:
            deadline = time.monotonic() + 60.0
            while (
                peer.frames < FRAMES
                or max(len(reader.states) for reader in readers) <= STATES
            ) and time.monotonic() < deadline:
                peer.receive()
        finally:
            stop.set()
            for reader in readers:
                reader.join(5.0)
        last = state(*book.levels())
        subscription.unsubscribe()
        while last not in peer.states and time.monotonic() < deadline:
            peer.receive()
    seen = set().union(*(reader.states for reader in readers))
    assert len(seen) > STATES, "too few states for a proof"
    assert seen - peer.states == set()
    assert [reader.wrong for reader in readers] == [[]] * READERS
    assert (book.mismatch_count, book.unknown_deletes) == (0, 0)


# --- what is read -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [float, Decimal], ids=["float", "decimal"])
def test_every_read_is_in_the_clients_numbers(exchange, number):
    with WebSocketClient(exchange.url, numbers=number) as client:
        book = client.subscribe_book("tLTCBTC", len=100).book
        copy = book.snapshot()
        for view in (book, copy):
            depth = view.depth(within_ratio="0.01")
            assert isinstance(depth, Depth)
            values = [view.mid, view.spread, *depth, view.vwap(1), view.vwap("-1")]
            assert {type(value) for value in values} == {number}
        assert copy.best_bid.price < copy.mid < copy.best_ask.price
        assert copy.vwap(-1) <= copy.best_bid.price
        assert copy.vwap(1) >= copy.best_ask.price
        assert copy.vwap(10**9) is None
        # `sum` rounds in another way since Python 3.12.
        total = float(sum(level.amount for level in copy.bids))
        assert float(copy.depth(within_ratio=1).bids) == pytest.approx(total)


def test_a_snapshot_stays_as_it_is_while_the_book_goes_on(client):
    subscription = client.subscribe_book("tBTCUSD")
    book = subscription.book
    copy = book.snapshot()
    before = state(copy.bids, copy.asks)
    for _ in subscription:
        if book.levels() != (list(copy.bids), list(copy.asks)):
            break
    assert state(copy.bids, copy.asks) == before
    assert (copy.symbol, copy.prec) == ("tBTCUSD", "P0")
    assert len(copy) == len(book) == 50


@pytest.mark.parametrize("prec", ["P0", "R0"])
def test_rates_of_a_funding_book_are_read_as_prices(client, prec):
    book = client.subscribe_book("fUSD", prec=prec).book.snapshot()
    assert book.is_funding
    assert book.mid == (book.best_bid.rate + book.best_ask.rate) / 2
    assert book.best_bid.amount < 0 < book.best_ask.amount
    assert book.vwap(1) == book.best_bid.rate, "who lends, gets the highest rate"
    assert book.vwap(-1) == book.best_ask.rate
    assert min(book.depth(within_ratio=1)) > 0


@pytest.mark.parametrize("count", [-1, 2.0, "2", True])
@pytest.mark.parametrize("name", ["bids", "asks", "levels"])
def test_a_count_of_levels_must_be_one(client, name, count):
    book = client.subscribe_book("tBTCUSD").book
    with pytest.raises(UsageError, match="count"):
        getattr(book, name)(count)


def test_a_view_shows_itself_in_a_line(client):
    subscription = client.subscribe_book("tBTCUSD", prec="P1", len=100)
    assert repr(subscription.book) == "<BookView book tBTCUSD P1 F0 100: live>"


# --- how far it can be trusted ------------------------------------------------------------------


def test_a_checked_book_says_when(client):
    subscription = client.subscribe_book("tBTCUSD")
    book = subscription.book
    for _ in subscription:
        if book.verified_count:
            break
    for verified_at in (book.verified_at, book.snapshot().verified_at):
        assert verified_at.utcoffset() == timedelta(0)
        assert abs(datetime.now(timezone.utc) - verified_at) < timedelta(seconds=5)
    assert 0 <= book.age < 5.0
    assert book.is_live and not book.is_stale


def test_funding_books_are_not_verified(exchange, client):
    subscription = client.subscribe_book("fUSD")
    for _ in range(20):
        subscription.get(5.0)
    book = subscription.book
    assert (book.verified_at, book.verified_count) == (None, 0)
    assert book.snapshot().verified_at is None
    assert book.is_live and not book.is_stale


def until(condition, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_a_lost_book_is_empty_and_says_so(record):
    got = record()
    with PaperExchange(rate=300.0, checksum_s=0.05) as exchange:
        with WebSocketClient(exchange.url, backoff=Backoff(first_s=0.05)) as client:
            book = client.subscribe_book("tBTCUSD", on_event=got).book
            exchange.stop()
            # It announces its end, so the client may have come back once before.
            until(lambda: client.stats()["reconnects"].get("unreachable"))
            got.wait(lambda items: isinstance(items[-1], Gap))
            copy = book.snapshot()
            assert (len(copy), copy.mid, copy.depth(within=1)) == (0, None, None)
            assert (copy.is_live, book.is_live, book.is_stale) == (False, False, True)
            assert (book.age, book.verified_at) == (None, None)
            exchange.start()
            got.wait(lambda items: isinstance(items[-1], Snapshot), 15.0)
            assert book.is_live and len(book) == 50 and not book.is_stale


@pytest.mark.parametrize("fault", ["wrong_checksum", "lost_book_update"])
@pytest.mark.parametrize("prec, length", [("P0", 25), ("P2", 1), ("R0", 250)])
def test_r11_a_wrong_book_is_replaced_by_one_snapshot(
    exchange, record, fault, prec, length
):
    errors, got, others = record(), record(), record()
    with WebSocketClient(exchange.url, on_error=errors) as client:
        client.subscribe_book("tETHUSD", on_event=others)
        subscription = client.subscribe_book(
            "tBTCUSD", got, on_event=got, prec=prec, len=length
        )
        book = subscription.book
        until(lambda: book.verified_count)
        exchange.inject(fault, symbol="tBTCUSD")
        items = got.wait(lambda items: [type(item) for item in items].count(Gap))
        gap = items.index(next(item for item in items if isinstance(item, Gap)))
        items = got.wait(lambda items: len(items) > gap + 2)
        before = book.verified_count
        until(lambda: book.verified_count > before)
        assert book.is_live and not book.is_stale
        assert isinstance(items[gap + 1], Snapshot)
        assert [type(e) for e in got.of(Snapshot, Gap)] == [Snapshot, Gap, Snapshot]
        assert len(items[gap + 1].rows) <= 2 * length
        assert [type(error) for error in errors.items] == [ChecksumMismatch]
        assert (book.mismatch_count, subscription.heal_count) == (1, 1)
        assert exchange.fault_counts[fault] == 1
        assert [type(item) for item in others.items] == [Snapshot], "the other goes on"
        assert client.stats()["reconnects"] == {}


def test_a_book_is_not_live_after_the_end(client):
    subscription = client.subscribe_book("tBTCUSD")
    subscription.unsubscribe()
    assert not subscription.book.is_live and subscription.book.is_stale


@pytest.fixture
def view():
    """A view of a channel that nobody feeds but the test."""
    channel = channel_for("book", symbol="tBTCUSD")
    subscriber = Subscriber(channel, {}, None, size=1, policy=Policy.RESYNC)
    return BookView(None, subscriber)


def feed(view, frame, seen_at=None):
    channel = view._subscriber.channel
    channel.seen_at = time.monotonic() if seen_at is None else seen_at
    channel.feed_many([frame])
    view._subscriber.status = SubscriptionStatus.LIVE


SNAPSHOT = [1, [[99, 1, 1], [101, 1, -1]]]


def test_nothing_is_known_before_the_first_frame(view):
    assert (view.age, view.verified_at, len(view)) == (None, None, 0)
    assert not view.is_live and view.is_stale


def test_a_silent_book_is_stale_but_stays_readable(view):
    view._subscriber.stale_after_s = 35.0
    feed(view, SNAPSHOT, time.monotonic() - 34.0)
    assert not view.is_stale and 34.0 <= view.age < 35.0
    feed(view, SNAPSHOT, time.monotonic() - 35.0)
    assert view.is_live and view.is_stale and view.mid == 100
    feed(view, [1, "hb"])
    assert not view.is_stale


def test_r11_a_book_with_another_checksum_is_not_live_from_that_moment(view):
    feed(view, SNAPSHOT)
    assert view.is_live
    feed(view, [1, "cs", view.checksum()])
    verified_at = view.verified_at
    assert abs(datetime.now(timezone.utc) - verified_at) < timedelta(seconds=5)
    feed(view, [1, "cs", view.checksum() + 1])
    # The session has not given it up yet, and nobody was told.
    assert not view.is_live and view.is_stale
    assert not view.snapshot().is_live


def test_r11_a_degraded_book_is_not_live_until_a_checksum_is_equal(view):
    feed(view, SNAPSHOT)
    for _ in range(5):
        view._subscriber.channel.recovery.spend(time.monotonic())
    feed(view, [1, "cs", view.checksum() + 1])
    assert not view.is_live and view.is_stale and view.mid == 100
    feed(view, [1, "cs", view.checksum()])
    assert view.is_live and not view.is_stale


# --- without a lock ---------------------------------------------------------------------------


def test_r11_a_reader_waits_while_the_book_is_changed(view, record):
    feed(view, SNAPSHOT)
    channel, got = view._subscriber.channel, record()
    channel.version += 1
    channel.book.reset()
    thread = threading.Thread(target=lambda: got(view.levels()))
    thread.start()
    # As long as it takes to try many times.
    thread.join(0.02)
    assert got.items == []
    channel.feed_many([[1, [98, 1, 1]]])
    channel.version += 1
    assert [level.price for level in got.wait_for(1)[0][0]] == [98]
    thread.join(5.0)


@pytest.mark.parametrize("fails", [False, True], ids=["torn", "raises"])
def test_r11_a_read_is_repeated_when_the_book_has_changed_meanwhile(view, fails):
    feed(view, SNAPSHOT)
    tries = []

    def read(channel):
        tries.append(channel.version)
        if len(tries) < 3:
            channel.feed_many([[1, [98, 1, 1]]])
            if fails:
                raise IndexError
        return len(channel.book)

    assert view._read(read) == 3
    assert len(tries) == 3 and tries == sorted(set(tries))


def test_r11_what_a_read_raises_is_raised_when_nothing_has_changed(view):
    def read(channel):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        view._read(read)


def test_r11_a_reader_gives_up_when_nobody_ends_the_change(view):
    writers = iter([True] * 50)
    view._has_writer = lambda: next(writers, False)
    view._subscriber.channel.version += 1
    with pytest.raises(ClosedError, match="interrupted, or"):
        view.bids()
    assert next(writers, None) is None


def test_r10_a_reader_gives_up_when_it_finds_itself_in_a_fork(view):
    forked = ClosedError("of the parent")

    def fork():
        view._subscriber.detach_after_fork(forked)
        return True

    view._has_writer = fork
    view._subscriber.channel.version += 1
    with pytest.raises(ClosedError, match="of the parent"):
        view.asks()


def test_a_book_can_be_read_from_a_thread_that_changes_others(client):
    """As in a callback with `dispatch_threads=0`, or after the end."""
    handle = client.subscribe_book("tBTCUSD")
    core, subscriber = handle._core, handle._subscriber
    assert core.has_writer(subscriber)
    handle.unsubscribe()
    assert core.has_writer(subscriber), "the channel may be shared"
    client.close()
    assert not core.has_writer(subscriber)
    assert isinstance(handle.book.bids(), list)


def test_a_book_keeps_the_handle_that_it_was_taken_from(client):
    book = client.subscribe_book("tBTCUSD").book
    gc.collect()
    assert book.is_live and client.stats()["subscriptions"]


@pytest.mark.parametrize("symbol, prec", [("tBTCUSD", "P0"), ("fUSD", "R0")])
@pytest.mark.parametrize("number", [float, Decimal])
def test_book_is_a_table_of_both_sides(exchange, number, symbol, prec):
    with exchange.client(numbers=number) as bfx:
        book = bfx.wss.subscribe_book(symbol, prec=prec).book
        snapshot = book.snapshot()
        frame = snapshot.df()
        assert list(frame.columns) == list(book.df().columns)
        assert list(book.df().dtypes) == list(frame.dtypes)
        bids, asks = snapshot.levels()
        assert list(frame["side"]) == ["bid"] * len(bids) + ["ask"] * len(asks)
        assert list(frame["amount"]) == [level.amount for level in (*bids, *asks)]
        assert (frame["amount"].dtype == object) is (number is Decimal)
        # Nothing is known of an empty book but this.
        empty = attrs.evolve(snapshot, bids=(), asks=()).df()
        assert list(empty.dtypes) == list(frame.dtypes) and len(empty) == 0
        assert book.arrow()["side"].to_pylist()[:1] == ["bid"]
