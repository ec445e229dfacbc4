"""Recorded sessions of the real exchange, text for text, through real sockets."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any, Optional

import pytest

import bfxsync.ws.io.transport
from bfxsync import (
    Backoff,
    BookUpdate,
    Flag,
    Gap,
    Snapshot,
    Ticker,
    Trade,
    WebSocketClient,
)
from bfxsync.paper import PaperExchange

from .bare_server import DEADLINE_S, Tls
from .conftest import Connect, Serve
from .support import Capture, Collector, DictBook, captured, round_trip, rows_of

BUSY = "btcusd-20181112"
SEVEN_PAIRS = "public-20210417"


class Watched:
    """A subscription's callback and events, and a copy of its book made from them alone."""

    def __init__(self) -> None:
        self.copy = DictBook()
        self.data = Collector(self._replay)
        self.events = Collector(self._restart)

    def _replay(self, update: Any) -> None:
        if isinstance(update, BookUpdate):
            self.copy.apply([update.price, update.count, update.amount])

    def _restart(self, event: Any) -> None:
        if isinstance(event, Snapshot) and event.rows:
            self.copy = DictBook()
            for level in event.rows:
                self._replay(level)

    @property
    def callbacks(self) -> dict[str, Collector]:
        return {"callback": self.data, "on_event": self.events}


def replay(frames: list[str], chan_id: int, number: Any = float) -> DictBook:
    """Make the book of a channel from what was recorded, with nothing of bfxsync."""
    book = DictBook()
    for text in frames:
        frame = json.loads(text, parse_float=number)
        if isinstance(frame, list) and frame[0] == chan_id and frame[1] != "hb":
            rows = frame[1]
            for row in rows if isinstance(rows[0], list) else [rows]:
                book.apply(row)
    return book


# --- fourteen minutes of one pair, without sequence numbers -----------------------------------


@pytest.fixture(scope="module")
def busy() -> Capture:
    return captured(BUSY)


def test_every_frame_of_the_busy_recording_arrives(
    serve: Serve, connect: Connect, security: Optional[Tls], busy: Capture
) -> None:
    server = serve(tls=security)
    errors, closes = Collector(), Collector()
    client = connect(server, flags=0, mailbox_size=50_000, on_error=errors)
    executions, confirmations = Collector(), Collector()
    client.on("t_trade_execution", executions)
    client.on("t_trade_execution_update", confirmations)
    client.on("disconnected", closes)
    trades, book = Watched(), Watched()
    requests = [
        {"channel": "trades", "symbol": "tBTCUSD"},
        {
            "channel": "book",
            "symbol": "tBTCUSD",
            "prec": "P0",
            "freq": "F0",
            "len": "100",
        },
    ]
    watched = [trades, book]
    subscriptions: list[Any] = client.subscribe_many(
        [{**request, **w.callbacks} for request, w in zip(requests, watched)],
        wait=False,
    )
    peer = server.next_peer()
    info, *others = busy.server
    peer.send_text(info)
    asked = [peer.receive_json() for _ in requests]
    assert [{**request, "subId": None} for request in asked] == [
        {"event": "subscribe", **request, "subId": None} for request in requests
    ]
    peer.send_text(*others)
    round_trip(client, peer)

    assert len(busy.server) == 41_374
    assert client.frame_count == 41_374 + 1  # and the pong
    live = subscriptions[1].book
    assert live.unknown_deletes == 0
    model = replay(others, 81568)
    assert rows_of(live.levels()) == model.levels()
    assert (model.deletes, model.unknown_deletes, model.crossings) == (13_130, 0, [])

    assert len(trades.data.wait_for(123)) == 123
    assert len(executions.wait_for(123)) == 123
    assert len(confirmations.wait_for(121)) == 121
    book.data.wait_for(40_895)
    assert [type(event) for event in trades.events.items] == [Snapshot]
    assert [type(event) for event in book.events.items] == [Snapshot]
    copy = book.copy
    assert (copy.deletes, copy.unknown_deletes, copy.crossings) == (13_130, 0, [])
    assert copy.levels() == model.levels()
    assert [s.gap_count for s in subscriptions] == [0, 0]
    assert [s.dropped_count for s in subscriptions] == [0, 0]
    client.close()
    assert (len(trades.data), len(book.data)) == (123, 40_895)
    assert errors.items == []
    assert closes.items == [(1000, "")]
    assert server.accepted == 1


# --- half a minute of seven pairs, with sequence numbers --------------------------------------


@pytest.fixture(scope="module")
def seven_pairs() -> Capture:
    return captured(SEVEN_PAIRS)


def test_the_recording_of_seven_pairs_is_as_documented(
    seven_pairs: Capture,
) -> None:
    frames = [json.loads(text) for text in seven_pairs.server]
    arrays = [frame for frame in frames if isinstance(frame, list)]
    assert [frame[-1] for frame in arrays] == list(range(1, 1671))
    acknowledged = set()
    early = 0
    for frame in frames:
        if isinstance(frame, dict):
            acknowledged.add(frame.get("chanId"))
        elif frame[0] not in acknowledged:
            assert frame[1] == "hb"
            early += 1
    assert early > 0


@pytest.mark.parametrize("number", [float, Decimal], ids=["float", "decimal"])
def test_every_frame_of_seven_pairs_arrives(
    serve: Serve,
    connect: Connect,
    security: Optional[Tls],
    seven_pairs: Capture,
    number: Any,
) -> None:
    play_seven_pairs(serve, connect, security, seven_pairs, number)


@pytest.mark.parametrize("number", [float, Decimal], ids=["float", "decimal"])
def test_every_frame_of_seven_pairs_arrives_byte_by_byte(
    serve: Serve,
    connect: Connect,
    security: Optional[Tls],
    seven_pairs: Capture,
    number: Any,
) -> None:
    play_seven_pairs(serve, connect, security, seven_pairs, number, slice_size=1)


def test_every_frame_of_seven_pairs_is_read_in_scraps(
    serve: Serve,
    connect: Connect,
    security: Optional[Tls],
    seven_pairs: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Odd, so that they end everywhere in a frame and its head.
    monkeypatch.setattr(bfxsync.ws.io.transport, "BLOCK_SIZE", 7)
    play_seven_pairs(serve, connect, security, seven_pairs, float)


def play_seven_pairs(
    serve: Serve,
    connect: Connect,
    security: Optional[Tls],
    capture: Capture,
    number: Any,
    slice_size: Optional[int] = None,
) -> None:
    server = serve(tls=security)
    errors = Collector()
    # Byte by byte it takes a while, above all where coverage is measured.
    client = connect(
        server,
        flags=Flag.SEQ_ALL,
        numbers=number,
        on_error=errors,
        timeout=DEADLINE_S,
    )
    conf, *subscribes = [json.loads(text) for text in capture.client]
    requests = [{k: v for k, v in s.items() if k != "event"} for s in subscribes]
    watched = [Watched() for _ in requests]
    subscriptions: list[Any] = client.subscribe_many(
        [{**request, **w.callbacks} for request, w in zip(requests, watched)],
        wait=False,
    )
    peer = server.next_peer()
    peer.slice_size = slice_size
    info, conf_answer, *others = capture.server
    peer.send_text(info)
    assert peer.receive_json() == conf
    peer.send_text(conf_answer)
    asked = [peer.receive_json() for _ in requests]
    assert [{**request, "subId": None} for request in asked] == [
        {**request, "subId": None} for request in subscribes
    ]
    peer.send_text(*others)
    round_trip(client, peer, timeout_s=DEADLINE_S)

    assert client.frame_count == len(capture.server) + 1
    # Closing empties the books.
    books = {s.symbol: rows_of(s.book.levels()) for s in subscriptions[7:14]}
    assert [s.book.unknown_deletes for s in subscriptions[7:14]] == [0] * 7
    client.close()
    assert errors.items == []
    assert server.accepted == 1
    assert [s.gap_count for s in subscriptions] == [0] * 21
    expected = expected_counts(others)
    deletes = 0
    numbers = (float, int) if number is float else Decimal
    for request, subscription, w in zip(requests, subscriptions, watched):
        key = request["channel"], request["symbol"]
        assert len(w.data) == expected[key], key
        assert subscription.update_count == expected[key], key
        assert [type(event) for event in w.events.items] == [Snapshot], key
        if request["channel"] == "book":
            assert (w.copy.unknown_deletes, w.copy.crossings) == (0, [])
            assert books[subscription.symbol] == w.copy.levels()
            assert w.copy.levels() == recorded_book(others, key, number)
            deletes += w.copy.deletes
        for update in w.data.items:
            assert isinstance(price_of(update), numbers)
    assert deletes == 722
    assert ("ticker", "tTESTBTC:TESTUSD") in expected


def expected_counts(frames: list[str]) -> Counter[tuple[str, str]]:
    """Count what a callback must get, by channel and symbol."""
    names: dict[int, tuple[str, str]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for frame in map(json.loads, frames):
        if isinstance(frame, dict):
            names[frame["chanId"]] = frame["channel"], frame["symbol"]
        elif frame[1] == "te" or (
            isinstance(frame[1], list) and not isinstance(frame[1][0], list)
        ):
            counts[names[frame[0]]] += 1
    return counts


def recorded_book(
    frames: list[str], key: tuple[str, str], number: Any
) -> tuple[list[Any], list[Any]]:
    """Return the final levels of a book as recorded."""
    for frame in map(json.loads, frames):
        if isinstance(frame, dict) and (frame["channel"], frame["symbol"]) == key:
            return replay(frames, frame["chanId"], number).levels()
    raise AssertionError(f"{key} is not in the recording")


def price_of(update: Any) -> Any:
    return update.bid if isinstance(update, Ticker) else update.price


# --- the same through the local exchange ------------------------------------------------------


def test_the_paper_exchange_plays_the_busy_recording_to_its_end() -> None:
    with PaperExchange(captures=(BUSY,), speed=1e9, autoplay=False) as exchange:
        errors = Collector()
        client = WebSocketClient(
            exchange.url,
            mailbox_size=50_000,
            # The next connection is not part of this.
            backoff=Backoff(first_s=0.0, refused_s=0.0),
            on_error=errors,
        )
        with client:
            executions, confirmations, closes = Collector(), Collector(), Collector()
            client.on("t_trade_execution", executions)
            client.on("t_trade_execution_update", confirmations)
            client.on("disconnected", closes)
            trades, book = Watched(), Watched()
            client.subscribe_trades("tBTCUSD", trades.data, on_event=trades.events)
            view = client.subscribe_book(
                "tBTCUSD", book.data, len=100, on_event=book.events
            ).book
            exchange.play()
            # The end of the recording is announced with 20051, and they part.
            assert closes.wait_for(1, 30.0)[0][0] == 1012
            assert exchange.finished.wait(5.0)
            trades.events.wait_for(2)
            book.events.wait_for(2, 10.0)
            assert view.mismatch_count == 0 and view.verified_count > 0
    assert len(trades.data) == len(executions) == 123
    assert len(confirmations) == 121
    assert len(book.data) == 40_895
    assert all(isinstance(item, Trade) for item in trades.data.items)
    for watched in (trades, book):
        kinds = [type(event) for event in watched.events.items]
        assert kinds[:2] == [Snapshot, Gap]
        assert "20051" in watched.events.items[1].reason
    assert book.copy.unknown_deletes == 0
    assert errors.items == []
