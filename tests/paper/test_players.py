from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from patience import at_most

from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange
from bfxsync.recording.recorder import Recorder

from .support import BULK, BookCopy, Client, connected, is_event

CHECKSUM = 131072
PATIENCE_S = 30.0
BTCUSD = "btcusd-20181112"


def collect(client: Client) -> tuple[Counter[str], list[Any]]:
    """Everything until the exchange says that it stops, but for heartbeats."""
    counts: Counter[str] = Counter()
    messages = client.until(is_event("info"), deadline_s=120)
    messages = [m for m in messages if isinstance(m, dict) or m[1] != "hb"]
    for message in messages[:-1]:
        payload = message[1]
        if isinstance(payload, str):
            counts[payload] += 1
        elif isinstance(payload[0], list):
            counts["snapshot"] += 1
        else:
            counts["update" if payload[1] else "delete"] += 1
    return counts, messages


def test_a_market_may_stay_as_it_is_at_the_end() -> None:
    with (
        PaperExchange(
            captures=["public-20210417"], speed=1e9, restart_at_end=False
        ) as exchange,
        Client(exchange.url) as client,
    ):
        client.receive()
        begin = exchange.book("tDOGUSD")
        client.subscribe("book", "tDOGUSD")
        assert exchange.finished.wait(PATIENCE_S)
        end = exchange.book("tDOGUSD")
        assert end != begin
        # Another subscription does not start it again, but `play` does.
        client.subscribe("ticker", "tDOGUSD")
        client.send(event="ping", cid=1)
        client.until(is_event("pong"))
        assert exchange.finished.is_set() and exchange.book("tDOGUSD") == end
        exchange.play()
        assert client.until(is_event("info"))[-1]["code"] == 20051
        assert exchange.finished.wait(PATIENCE_S)
        assert exchange.book("tDOGUSD") == end


@pytest.mark.parametrize("value", [1, None, "no"])
def test_whether_it_restarts_is_true_or_false(value: Any) -> None:
    with pytest.raises(UsageError, match="^restart_at_end must be True or False, not"):
        PaperExchange(restart_at_end=value)


def test_a_client_gets_a_whole_recording_and_is_then_closed() -> None:
    with (
        PaperExchange(
            captures=(BTCUSD,), speed=1e9, autoplay=False, farewell_s=0.1
        ) as exchange,
        Client(exchange.url) as client,
    ):
        client.receive()
        client.subscribe("trades", "tBTCUSD")
        book = client.subscribe("book", "tBTCUSD", len="100")
        first = client.receive()
        assert not exchange.finished.is_set()
        exchange.play()
        counts, messages = collect(client)
        assert counts == {
            "te": 123,
            "tu": 121,
            "update": 40895 - 13130,
            "delete": 13130,
        }
        assert messages[-1]["code"] == 20051
        copy = BookCopy()
        copy.feed(first[1], limit=100)
        copy.feed([m[1] for m in messages[:-1] if m[0] == book], limit=100)
        assert exchange.finished.wait(5)
        assert client.close_code() == 1012
        # It is rewound: new subscribers start at the beginning.
        with connected(exchange, BULK) as again:
            again.subscribe("book", "tBTCUSD", len="100")
            assert again.receive()[1] == first[1]
            exchange.play()
            assert not exchange.finished.is_set()
            *frames, _ = again.until(is_event("info"), deadline_s=120)
            rows = [row for _, body in frames if body != "hb" for row in body]
            assert Counter(bool(row[1]) for row in rows) == {
                True: 40895 - 13130,
                False: 13130,
            }


def test_other_clients_do_not_notice_the_end_of_a_capture() -> None:
    with PaperExchange(
        captures=("public-20210417",), speed=1e9, farewell_s=0.01
    ) as exchange:
        with Client(exchange.url) as other, Client(exchange.url) as client:
            other.subscribe("ticker", "tBTCUSD")
            client.subscribe("trades", "tTESTBTC:TESTUSD")
            assert exchange.finished.wait(10)
            assert client.close_code() == 1012
            other.send(event="ping")
            messages = other.until(is_event("pong"))
            assert not [m for m in messages if is_event("info")(m)]


def test_a_capture_starts_with_its_first_subscription() -> None:
    with PaperExchange(
        captures=("public-20210417",), speed=20, checksum_s=2
    ) as exchange:
        with Client(exchange.url) as client:
            client.send(event="conf", flags=CHECKSUM)
            ticker = client.subscribe("ticker", "tDOGUSD")
            begin = time.monotonic()
            book = client.subscribe("book", "tDOGUSD", len="100")
            messages = client.until(is_event("info"))
            assert 1 < time.monotonic() - begin < at_most(4)  # 30 s, 20 times as fast
            frames = [m for m in messages if isinstance(m, list)]
            tickers = [m[1] for m in frames if m[0] == ticker]
            assert tickers[-1][:2] == [278790, 1.53574339]
            copy = BookCopy()
            checksums = 0
            for chan_id, payload, *value in (m for m in frames if m[0] == book):
                if payload == "cs":
                    checksums += 1
                    assert value == [copy.checksum()]
                else:
                    copy.feed(
                        payload if isinstance(payload[0], list) else [payload],
                        limit=100,
                    )
            assert 5 <= checksums <= 15
            assert exchange.finished.wait(5)


def test_a_late_subscriber_gets_the_state_of_now() -> None:
    with PaperExchange(captures=(BTCUSD,), speed=100, autoplay=True) as exchange:
        with Client(exchange.url) as early, Client(exchange.url) as late:
            chan_id = early.subscribe("book", "tBTCUSD", len="100")
            copy = BookCopy()
            copy.feed(early.receive()[1])
            for _ in range(2_000):
                copy.apply(early.receive()[1])
            late.subscribe("book", "tBTCUSD", len="100")
            snapshot = late.receive()[1]
            deadline = time.monotonic() + 5
            while copy.rows() != snapshot:
                assert time.monotonic() < deadline
                message = early.receive()
                assert message[0] == chan_id
                copy.apply(message[1])


def test_a_capture_takes_the_place_of_the_random_market() -> None:
    with PaperExchange(captures=[BTCUSD], autoplay=False) as exchange:
        with Client(exchange.url) as client:
            client.subscribe("ticker", "tBTCUSD")
            assert client.receive()[1][0] == 6443
            client.subscribe("ticker", "tETHUSD")
            client.send(event="subscribe", channel="ticker", symbol="tBFTUSD")
            assert client.until(is_event("error"))[-1]["code"] == 10300


class Recording:
    """A client that records, and loses its connections; what it knew at the end."""

    def __init__(self, path: Path, symbol: str, **book: str) -> None:
        self.symbol = symbol
        self.book_fields = book
        self.trades: dict[int, list[Any]] = {}
        self.copy = BookCopy(book.get("prec") == "R0", symbol.startswith("f"))
        self._recorder = Recorder(path)

    def run(self, url: str, messages: int, number: int = 1) -> None:
        """Subscribe on a new connection, and take so many messages."""
        symbol, is_first = self.symbol, True
        with Client(url) as client:
            self._recorder.opened(number, url)
            self._take(client, number, 1)
            client.send(event="subscribe", channel="trades", symbol=symbol)
            trades = self._take(client, number, 1)["chanId"]
            self._take_trades(self._take(client, number, 1)[1])
            client.send(
                event="subscribe", channel="book", symbol=symbol, **self.book_fields
            )
            for _ in range(messages):
                message = self._take(client, number, 1)
                if isinstance(message, dict):
                    continue
                elif message[0] == trades:
                    self._take_trades(message[2:] or message[1])
                elif is_first:
                    is_first = False
                    self.copy.bids, self.copy.asks = {}, {}
                    self.copy.feed(message[1])
                else:
                    self.copy.feed([message[1]])
        self._recorder.lost(number, 1006, "the end")

    def end(self) -> None:
        self._recorder.stop()
        assert self._recorder.join(time.monotonic() + 5)

    def _take(self, client: Client, number: int, count: int) -> Any:
        text = client.ws.recv()
        self._recorder.received(number, [text.encode()])
        return json.loads(text)

    def _take_trades(self, rows: list[list[Any]]) -> None:
        self.trades.update((row[0], row) for row in rows)


@pytest.mark.parametrize(
    ("symbol", "book"),
    [
        ("tBTCUSD", {"prec": "P0", "freq": "F0", "len": "25"}),
        ("tBTCUSD", {"prec": "R0", "freq": "F0", "len": "100"}),
        ("fUSD", {"prec": "P0", "freq": "F0", "len": "25"}),
    ],
    ids=["levels", "raw", "funding"],
)
def test_a_recording_with_reconnects_is_played_to_the_same_end(
    tmp_path: Path, symbol: str, book: dict[str, str]
) -> None:
    path = tmp_path / "run.jsonl.gz"
    recording = Recording(path, symbol, **book)
    with PaperExchange(rate=1_000) as exchange:
        for number, messages in enumerate((200, 100, 300), start=1):
            recording.run(exchange.url, messages, number % 2)
    recording.end()
    with (
        PaperExchange(
            captures=[str(path)],
            speed=1e9,
            autoplay=False,
            farewell_s=0.01,
            checksum_s=0.05,
        ) as exchange,
        Client(exchange.url) as client,
    ):
        client.send(event="conf", flags=CHECKSUM)
        trades = client.subscribe("trades", symbol)
        first = client.receive()[1]
        client.subscribe("book", symbol, **book)
        copy = BookCopy(book["prec"] == "R0", symbol.startswith("f"))
        copy.feed(client.receive()[1])
        exchange.play()
        played = [row[0] for row in reversed(first)]
        checksums = 0
        for message in client.until(is_event("info"))[:-1]:
            if message[0] != trades and message[1] != "cs":
                copy.feed([message[1]])
            elif message[1] == "cs":
                checksums += 1
                assert message[2] == copy.checksum()
            elif message[1] in ("te", "fte"):
                played.append(message[2][0])
        assert len(played) == len(set(played))
        # Trades from before the subscription have only their confirmation.
        assert set(played) == recording.trades.keys()
        assert copy.rows() == recording.copy.rows()
        assert checksums > 0 or symbol.startswith("f")
