"""Recordings of our own client, played again: what users get is what they got."""

from __future__ import annotations

import gc
import gzip
import json
import os
import threading
import time
import warnings
from decimal import Decimal
from pathlib import Path

import pytest
from patience import at_most

import bfxsync
from bfxsync import (
    Backoff,
    ClosedError,
    ConnectionStatus,
    Gap,
    NetworkError,
    RemoteError,
    RequestTimeout,
    Snapshot,
    Status,
    SubscriptionRejected,
    SubscriptionStatus,
    Trade,
    UsageError,
    VersionMismatch,
    WebSocketClient,
)
from bfxsync.paper import PaperExchange
from bfxsync.ws.io import recorded_connection
from bfxsync.ws.replay import replay

BUNDLED = Path(bfxsync.__file__).parent / "paper" / "data"

REQUESTS = {
    "ticker": {"channel": "ticker", "symbol": "tBTCUSD"},
    "trades": {"channel": "trades", "symbol": "tBTCUSD"},
    "book": {"channel": "book", "symbol": "tBTCUSD", "len": 25},
    "raw": {"channel": "book", "symbol": "fUSD", "prec": "R0", "len": 100},
    "candles": {"channel": "candles", "key": "trade:1m:tBTCUSD"},
    "deriv": {"channel": "status", "key": "deriv:tBTCF0:USTF0"},
}


class Material:
    """A recording, and what each subscription got while it was made."""

    def __init__(self, path):
        self.path = path
        self.items = {name: [] for name in REQUESTS}
        self.disconnections = []
        self._changed = threading.Condition()

    def make(self):
        with (
            PaperExchange(rate=200, checksum_s=0.05) as exchange,
            WebSocketClient(
                exchange.url,
                backoff=Backoff(first_s=0.05),
                channels_per_connection=4,
                record=self.path,
            ) as client,
        ):
            client.on("disconnected", self._note_loss)
            for name, request in REQUESTS.items():
                take = self.taker(name)
                client.subscribe(**request, callback=take, on_event=take)
            self._await_trades()
            for happen in (
                exchange.drop_connections,
                lambda: exchange.inject("sequence_hole"),
                lambda: exchange.inject("wrong_checksum", symbol="tBTCUSD"),
                lambda: (exchange.send_info(20060), exchange.send_info(20061)),
                lambda: exchange.drop_connections(4000, "enough"),
            ):
                had = self._gaps()
                happen()
                self._wait(lambda had=had: self._gaps() > had and self._is_whole())
                self._await_trades()
        return self

    def taker(self, name):
        def take(item):
            with self._changed:
                self.items[name].append(item)
                self._changed.notify_all()

        return take

    def _note_loss(self, code, reason):
        self.disconnections.append((code, reason))

    def _wait(self, condition):
        with self._changed:
            assert self._changed.wait_for(condition, 10)

    def _await_trades(self):
        had = len(self.items["trades"])
        self._wait(lambda: len(self.items["trades"]) > had + 5)

    def _gaps(self):
        return sum(len(self.of(name, Gap)) for name in REQUESTS)

    def _is_whole(self):
        ends = [items[-1] for items in self.items.values() if items]
        return not any(isinstance(item, (Gap, Status)) for item in ends)

    def of(self, name, kind):
        return [item for item in self.items[name] if isinstance(item, kind)]


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return Material(tmp_path_factory.mktemp("recorded") / "run.jsonl.gz").make()


def write(path, *frames, step_s=0.1):
    """Write a recording of a whole connection, with a tenth of a second between frames."""
    start = [
        {"event": "info", "version": 2, "platform": {"status": 1}},
        {"event": "subscribed", "channel": "ticker", "chanId": 1, "symbol": "tBTCUSD"},
    ]
    with gzip.open(path, "wt") as file:
        for n, frame in enumerate([*start, *frames]):
            line = {"t": 1000 + n * step_s, "conn": 1, "frame": json.dumps(frame)}
            file.write(json.dumps(line) + "\n")
    return path


def tick(bid):
    return [1, [bid, 1, bid + 1, 2, 0, 0, bid, 100, 11, 9, None]]


@pytest.fixture
def ticks(tmp_path):
    return write(tmp_path / "ticks.jsonl.gz", *[tick(n) for n in range(1, 101)])


def played(path, names, **options):
    """Play it, and return what each subscription got, and everything in its order."""
    items = {name: [] for name in names}
    order = []
    with replay(path, **options) as recording:
        for name in names:

            def take(item, name=name):
                items[name].append(item)
                order.append((name, item))

            recording.subscribe(**REQUESTS[name], callback=take, on_event=take)
        recording.run()
    return items, order


# --- the same as it was --------------------------------------------------------------------------


def test_every_subscription_gets_what_it_got_live(material):
    items, _ = played(material.path, REQUESTS)
    for name in REQUESTS:
        assert items[name] == material.items[name], name
    # It was worth recording.
    assert len(material.of("book", Gap)) >= 4
    assert len(material.of("trades", Trade)) >= 30
    assert any(isinstance(item, Status) for item in material.items["ticker"])


def test_r03_each_recorded_loss_gives_gap_snapshot_and_updates(material):
    items, _ = played(material.path, ["trades", "book"])
    for name in items:
        kinds = [type(item) for item in items[name] if not isinstance(item, Status)]
        for n, kind in enumerate(kinds):
            if kind is Gap:
                assert kinds[n + 1] is Snapshot
            if kind is Snapshot and n:
                assert kinds[n - 1] is Gap


def test_two_runs_have_the_same_calls_and_books(material):
    runs = []
    for _ in range(2):
        seen = []
        with replay(material.path) as recording:
            book = recording.subscribe(**REQUESTS["book"]).book

            def note(*arguments, seen=seen, book=book):
                seen.append((arguments[-1], book.levels(), book.verified_count))

            for name in ("ticker", "trades", "candles"):
                recording.subscribe(**REQUESTS[name], callback=note, on_event=note)
            for event in ("open", "disconnected", "t_book_update", "checksum"):
                recording.on(
                    event, lambda *arguments, event=event: note((event, len(arguments)))
                )
            recording.run()
        runs.append(seen)
    assert runs[0] == runs[1]
    assert len(runs[0]) > 100
    assert runs[0][-1][2] > 0
    assert not [thread for thread in threading.enumerate() if "replay" in thread.name]


def test_losses_reach_the_handlers_too(material):
    losses = []
    with replay(material.path) as recording:
        recording.on("disconnected", lambda code, reason: losses.append((code, reason)))
        recording.run()
    # Two connections, in whatever order their threads came to tell it.
    assert sorted(losses) == sorted(material.disconnections)
    assert (4000, "") not in losses and losses.count((1000, "")) == 2


def test_the_exchange_plays_it_to_the_same_end(material):
    trades = []
    # On the thread that keeps the book: after the end of the capture it would be empty.
    with (
        PaperExchange(
            captures=[material.path], speed=1e9, autoplay=False, farewell_s=5
        ) as exchange,
        WebSocketClient(exchange.url, dispatch_threads=0) as client,
    ):
        book = Latest(client)
        client.subscribe_trades("tBTCUSD", trades.append, on_event=trades.append)
        stopped = threading.Event()
        client.on("disconnected", lambda code, reason: stopped.set())
        exchange.play()
        assert exchange.finished.wait(10) and stopped.wait(10)
    ids = []
    for item in trades:
        if isinstance(item, Gap):
            break
        ids += ids_of(item)
    assert len(ids) == len(set(ids))
    assert set(ids) == {id for item in material.items["trades"] for id in ids_of(item)}
    with replay(material.path) as recording:
        expected = Latest(recording)
        recording.run()
    assert book.levels == expected.levels


def ids_of(item):
    rows = item.rows if isinstance(item, Snapshot) else [item]
    return [row.id for row in rows if isinstance(row, Trade)]


class Latest:
    """The levels of the book after its last update."""

    def __init__(self, client):
        self.levels = None
        self._book = client.subscribe(**REQUESTS["book"], callback=self._note).book

    def _note(self, _):
        self.levels = self._book.levels()


def test_a_capture_of_another_program_can_be_replayed():
    with replay(BUNDLED / "btcusd-20181112.jsonl.gz") as recording:
        trades, updates = [], []
        recording.subscribe_trades("tBTCUSD", trades.append)
        book = recording.subscribe_book("tBTCUSD", updates.append, len=100)
        recording.run()
        assert book.book.unknown_deletes == 0
    assert len(trades) >= 121
    assert len({trade.id for trade in trades}) == len(trades)
    assert len(updates) == 40895
    assert recording.channels[1]["len"] == "100"


def test_the_time_is_that_of_the_recording(material):
    ages = []
    with replay(material.path) as recording:
        handle = recording.subscribe_book("tBTCUSD", lambda _: ages.append(handle.age))
        recording.run()
        assert recording.begin <= handle.book.verified_at <= recording.end
    assert set(ages) == {0.0}


def test_numbers_may_be_decimals(ticks):
    got = []
    with replay(ticks, numbers=Decimal) as recording:
        recording.subscribe_ticker("tBTCUSD", got.append)
        recording.run()
    assert type(got[0].bid) is Decimal


# --- when it plays -------------------------------------------------------------------------------


def test_nothing_plays_before_the_start(ticks):
    got = []
    with replay(ticks, speed=100) as recording:
        subscription = recording.subscribe_ticker("tBTCUSD", got.append)
        assert subscription.status is SubscriptionStatus.PENDING
        with pytest.raises(UsageError, match="there is no data before"):
            recording.wait_ready()
        assert got == [] and recording.status is ConnectionStatus.NEW
        recording.start()
        recording.wait_ready()
        subscription.wait_ready()
        recording.run()
        assert len(got) == 100
        assert recording.status is ConnectionStatus.CLOSED


def test_an_iteration_begins_and_ends_with_the_recording(ticks):
    with replay(ticks) as recording:
        bids = [ticker.bid for ticker in recording.subscribe_ticker("tBTCUSD")]
    assert bids == list(range(1, 101))


def test_the_first_item_that_is_waited_for_begins_it(ticks):
    with replay(ticks) as recording:
        ticker = recording.subscribe_ticker("tBTCUSD")
        reading = iter(ticker)
        events = recording.subscribe_ticker("tBTCUSD").events()
        assert recording.frame_count == 0
        assert next(reading).bid == 1
        assert isinstance(next(events), Snapshot)
    with replay(ticks, speed=10) as recording:
        assert recording.subscribe_ticker("tBTCUSD").get(5).bid == 1


@pytest.mark.parametrize("size", [50, 10_000])
def test_readers_are_waited_for_and_nothing_is_dropped(material, size):
    names = ["trades", "book", "raw"]
    got = {}
    slowly = threading.Event()
    with replay(material.path, mailbox_size=size) as recording:
        handles = {name: recording.subscribe(**REQUESTS[name]) for name in names}
        readings = {name: handles[name].events() for name in names}

        def read(name):
            got[name] = []
            for item in readings[name]:
                got[name].append(item)
                if name == "book" and len(got[name]) % 20 == 0:
                    slowly.wait(0.001)

        threads = [threading.Thread(target=read, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert [handles[name].dropped_count for name in names] == [0, 0, 0]
    for name in names:
        assert got[name] == material.items[name]


def test_a_slow_reader_is_named_once(material, monkeypatch, caplog):
    """Such as a loop that waits for the one while the other fills up."""
    monkeypatch.setattr(recorded_connection, "PATIENCE_S", 0.05)
    with replay(material.path, mailbox_size=20) as recording:
        trades = recording.subscribe(**REQUESTS["trades"])
        book = recording.subscribe(**REQUESTS["book"])
        levels = iter(book)
        recording.start()
        deadline = time.monotonic() + 10.0
        while (
            "the replay waits for the reader of book tBTCUSD P0 F0 25"
            not in caplog.text
        ):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        count = len(caplog.records)
        with pytest.raises(RequestTimeout):
            while True:
                trades.get(0.2)
        assert len(caplog.records) == count
        next(levels)
        book.unsubscribe()
        assert list(trades)


def test_a_closed_reader_does_not_block_the_replay(ticks):
    with replay(ticks, mailbox_size=10) as recording:
        lazy, busy = (recording.subscribe_ticker("tBTCUSD") for _ in range(2))
        reading = iter(busy)
        next(iter(lazy))
        threading.Timer(0.05, lazy.unsubscribe).start()
        assert [ticker.bid for ticker in reading] == list(range(1, 101))


@pytest.mark.parametrize(("speed", "least"), [(20, 0.49), (None, 0.0)])
def test_the_speed_is_recorded_or_that_of_consumers(ticks, speed, least):
    with replay(ticks, speed=speed) as recording:
        times = [time.monotonic()]
        recording.subscribe_ticker("tBTCUSD", lambda _: times.append(time.monotonic()))
        recording.run()
    # From the beginning: what came late is made up for. It was 99 tenths of a second.
    assert len(times) == 101 and least < times[-1] - times[0] < 9.0


def test_a_recording_that_was_cut_off_plays_up_to_there(tmp_path):
    path = write(tmp_path / "cut.gz", *[tick(n * 37 % 1000) for n in range(1, 3_001)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    got = []
    with replay(path) as recording:
        recording.subscribe_ticker("tBTCUSD", got.append)
        recording.run()
    assert 500 < len(got) < 2_500
    assert [t.bid for t in got] == [n * 37 % 1000 for n in range(1, len(got) + 1)]


def test_a_recording_in_which_messages_are_missing_says_so(tmp_path):
    path = write(tmp_path / "holes.gz", tick(1), tick(2))
    with gzip.open(path, "at") as file:
        file.write('{"t":2000,"conn":1,"missing":12}\n')
    got, errors = [], []
    with replay(path, on_error=errors.append) as recording:
        assert recording.missing_count == 12
        recording.subscribe_ticker("tBTCUSD", got.append, on_event=got.append)
        recording.run()
    assert got[-1] == Gap("12 messages were not recorded")
    assert [str(error) for error in errors] == ["12 messages were not recorded"]


# --- what is refused -----------------------------------------------------------------------------


def test_a_channel_that_was_not_recorded_is_rejected_at_once(ticks):
    with replay(ticks) as recording:
        with pytest.raises(SubscriptionRejected, match="there is ticker tBTCUSD$"):
            recording.subscribe_trades("tBTCUSD", sub_id="mine")
        with pytest.raises(SubscriptionRejected):
            recording.subscribe_ticker("tETHUSD")
        with pytest.raises(UsageError, match="no subscription with sub_id 'mine'"):
            recording.unsubscribe("mine")
        with pytest.raises(UsageError):
            recording.subscribe("tickers", symbol="tBTCUSD")
        requests = [
            {"channel": "ticker", "symbol": "tBTCUSD"},
            {"channel": "ticker", "symbol": "tETHUSD"},
        ]
        with pytest.raises(SubscriptionRejected):
            recording.subscribe_many(requests)
        assert recording.stats()["subscriptions"] == []


def test_the_name_of_a_rejected_channel_is_free(ticks):
    with replay(ticks) as recording:
        with pytest.raises(SubscriptionRejected) as caught:
            recording.subscribe("ticker", "mine", symbol="tETHUSD")
        # As a notebook does, which keeps the last error.
        assert caught.value is not None
        assert recording.subscribe("ticker", "mine", symbol="tBTCUSD")["sub_id"] == (
            "mine"
        )


def test_an_empty_recording_has_nothing_and_ends_at_once(tmp_path):
    path = tmp_path / "empty.gz"
    path.write_bytes(gzip.compress(b""))
    with replay(path) as recording:
        with pytest.raises(SubscriptionRejected, match="there is nothing$"):
            recording.subscribe_ticker("tBTCUSD")
        assert (recording.begin, recording.end, recording.channels) == (None, None, [])
        recording.run()


def test_it_says_what_there_is(ticks):
    with replay(str(ticks)) as recording:
        assert recording.channels == [{"channel": "ticker", "symbol": "tBTCUSD"}]
        assert recording.begin.isoformat() == "1970-01-01T00:16:40+00:00"
        assert (recording.end - recording.begin).total_seconds() == 10.1
        assert recording.missing_count == 0
        assert repr(recording) == f"<Replay {ticks}: new>"


def test_r10_the_slowest_speed_is_a_wait_that_can_be_ended(ticks):
    with replay(ticks, speed=1e-300) as recording:
        ticker = recording.subscribe_ticker("tBTCUSD")
        with pytest.raises(RequestTimeout):
            ticker.get(0.2)
    assert recording.exception is None and list(ticker) == []


@pytest.mark.parametrize("speed", [0, -1, "1", True, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(ticks, speed):
    with pytest.raises(UsageError, match="speed must be a positive number"):
        replay(ticks, speed=speed)


def test_what_is_no_recording_is_refused_at_the_callers_line(tmp_path):
    text, broken, later = (tmp_path / name for name in "abc")
    text.write_bytes(b"text")
    broken.write_bytes(gzip.compress(b'{"t":1,"frame":"[]"}\n{"t":2,\n'))
    later.write_bytes(gzip.compress(b'{"format":"bfxsync recording","version":2}\n'))
    for path in (None, 1, text, tmp_path, tmp_path / "none", "nul\0", later):
        with pytest.raises(UsageError):
            replay(path)
    with pytest.raises(RemoteError, match="unreadable JSON"):
        replay(broken)
    many = b'{"t":1,"frame":"[1,\\"hb\\"]"}\n' * 50_000
    whole = gzip.compress(os.urandom(100_000).hex().encode() + b"\n" + many)
    whole = gzip.compress(many + os.urandom(100_000).hex().encode())
    broken.write_bytes(whole[:50_000] + bytes(1_000) + whole[51_000:])
    with pytest.raises(RemoteError):
        replay(broken)


def test_a_file_damaged_after_the_first_pass_ends_the_run(ticks):
    with replay(ticks) as recording:
        ticker = recording.subscribe_ticker("tBTCUSD")
        ticks.write_bytes(b"something else")
        with pytest.raises(UsageError, match="cannot read the recording"):
            recording.run()
        with pytest.raises(UsageError):
            ticker.get(1)


def test_another_version_of_the_protocol_ends_the_run(tmp_path):
    path = tmp_path / "run.gz"
    with gzip.open(path, "wt") as file:
        frame = json.dumps({"event": "info", "version": 3})
        file.write(json.dumps({"t": 1, "frame": frame}) + "\n")
    with replay(path) as recording:
        with pytest.raises(VersionMismatch):
            recording.run()


def test_resubscribe_and_ping_fail(ticks):
    with replay(ticks) as recording:
        recording.subscribe_ticker("tBTCUSD", sub_id="mine")
        with pytest.raises(UsageError, match="cannot resubscribe"):
            recording.resubscribe("mine")
        with pytest.raises(NetworkError, match="does not answer pings"):
            recording.ping(1)


# --- callbacks and the end -----------------------------------------------------------------------


def test_a_callback_may_close_it(ticks):
    got = []
    with replay(ticks) as recording:

        def take(ticker):
            got.append(ticker)
            recording.close()

        recording.subscribe_ticker("tBTCUSD", take)
        recording.run()
    assert len(got) == 1


def test_a_callback_that_raises_is_reported_and_nothing_else_changes(ticks):
    errors, got = [], []
    with replay(ticks, on_error=errors.append) as recording:

        def take(ticker):
            got.append(ticker)
            raise LookupError

        recording.subscribe_ticker("tBTCUSD", take)
        recording.run()
    assert len(got) == 100
    assert [type(error) for error in errors] == [LookupError]


def test_a_callback_may_end_the_program(ticks):
    with replay(ticks) as recording:
        recording.subscribe_ticker("tBTCUSD", lambda _: exit(3))
        with pytest.raises(SystemExit) as caught:
            recording.run()
    assert caught.value.code == 3


def test_a_callback_may_subscribe_and_does_not_wait(tmp_path):
    again = {"event": "subscribed", "channel": "ticker", "chanId": 1}
    path = write(
        tmp_path / "run.gz", tick(1), tick(2), {**again, "symbol": "tBTCUSD"}, tick(3)
    )
    first, second = [], []
    active, refused = [], []
    with replay(path) as recording:

        def take(ticker):
            first.append(ticker.bid)
            if len(first) == 1:
                handle = recording.subscribe_ticker(
                    "tBTCUSD", lambda ticker: second.append(ticker.bid)
                )
                # The same channel: it begins with the local state.
                active.append(handle.is_active)
                other = recording.subscribe_ticker("tBTCUSD")
                try:
                    other.get()
                except UsageError as error:
                    refused.append(str(error))

        recording.subscribe_ticker("tBTCUSD", take)
        recording.run()
    assert (first, second) == ([1, 2, 3], [1, 2, 3])
    assert active == [True]
    assert len(refused) == 1 and "dispatch_threads=0" in refused[0]


@pytest.mark.parametrize("speed", [None, 0.001])
def test_r10_it_closes_in_time_from_any_state(ticks, speed):
    recording = replay(ticks, speed=speed, mailbox_size=3)
    reading = iter(recording.subscribe_ticker("tBTCUSD"))
    if speed is None:
        # It waits for the reader, who does not come back.
        assert next(reading).bid == 1
    else:
        recording.start()
    begin = time.monotonic()
    recording.close()
    recording.close()
    assert time.monotonic() - begin < at_most(1)
    list(reading)
    with pytest.raises(ClosedError):
        recording.start()
    with pytest.raises(ClosedError):
        recording.subscribe_ticker("tBTCUSD")
    recording.run()


def test_it_closes_before_it_has_begun(ticks):
    recording = replay(ticks)
    recording.close()
    recording = replay(ticks)
    recording.subscribe_ticker("tBTCUSD", print)
    recording.close()
    recording.run()


def test_an_abandoned_one_ends_by_itself(ticks):
    recording = replay(ticks, speed=0.001)
    recording.subscribe_ticker("tBTCUSD", print)
    recording.start()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del recording
        gc.collect()
    assert [w.category for w in caught] == [ResourceWarning]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_the_child_of_a_fork_can_replay(ticks):
    got = []
    with replay(ticks, speed=0.001) as recording:
        recording.subscribe_ticker("tBTCUSD", got.append)
        recording.start()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = _play_in_child(recording)
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0


def _play_in_child(recording):
    try:
        recording.subscribe_ticker("tBTCUSD")
        return 2
    except ClosedError:
        pass
    recording.start()
    ticker = recording.subscribe_ticker("tBTCUSD")
    recording.close()
    return 0 if not ticker.is_active else 3


def test_it_counts_like_a_live_client(ticks):
    with replay(ticks) as recording:
        ticker = recording.subscribe_ticker("tBTCUSD", lambda _: None)
        recording.run()
        stats = recording.stats()
    assert stats["frames"] == recording.frame_count == 102
    assert stats["updates"] == ticker.update_count == 100
    assert stats["drops"] == 0
