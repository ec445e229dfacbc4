"""Test data, a client's copy of a book, and a test client."""

from __future__ import annotations

import json
import time
import zlib
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, Callable, Iterator

import websocket

from bfxsync.paper import PaperExchange

SEQ, CHECKSUM, BULK = 65536, 131072, 536870912
TICKER = {"channel": "ticker", "symbol": "tBTCUSD"}
TRADES = {"channel": "trades", "symbol": "tBTCUSD"}
BOOK = {"channel": "book", "symbol": "tETHUSD", "prec": "P0", "freq": "F0", "len": "25"}

DATA = Path(__file__).parent.parent / "data"


def read_data(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


class WireNumber(float):
    """A number with its text, as a checksum is taken over what was sent."""

    text: str


def loads(text: str) -> Any:
    def number(digits: str) -> WireNumber:
        value = WireNumber(digits)
        value.text = digits
        return value

    return json.loads(text, parse_float=number)


def is_event(name: str) -> Callable[[Any], bool]:
    return lambda message: isinstance(message, dict) and message["event"] == name


def is_heartbeat(message: Any) -> bool:
    return isinstance(message, list) and message[1] == "hb"


class BookCopy:
    """
    A book as a naive client keeps it: two dicts, fed with rows in order.

    The rows stay as they came; `is_raw` and `is_funding` say how to read them.
    """

    def __init__(self, is_raw: bool = False, is_funding: bool = False) -> None:
        self.is_raw = is_raw
        self.is_funding = is_funding
        self.bids: dict[Any, list[Any]] = {}
        self.asks: dict[Any, list[Any]] = {}

    def feed(self, rows: list[list[Any]], limit: int | None = None) -> None:
        for row in rows:
            self.apply(row)
            if limit is not None:
                assert len(self.bids) <= limit and len(self.asks) <= limit

    def apply(self, row: list[Any]) -> None:
        is_bid = (row[-1] > 0) != self.is_funding
        side = self.bids if is_bid else self.asks
        if self.is_raw:
            key, is_gone = row[0], row[2 if self.is_funding else 1] == 0
        elif self.is_funding:
            key, is_gone = (row[0], row[1]), row[2] == 0
        else:
            key, is_gone = row[0], row[1] == 0
        if is_gone:
            assert row[-1] in (1, -1)
            del side[key]  # a delete of something unknown is a mistake of the exchange
        else:
            side[key] = row

    def rows(self) -> list[list[Any]]:
        """In the order of a snapshot."""

        def price(row: list[Any]) -> float:
            at = (2 if self.is_funding else 1) if self.is_raw else 0
            number: float = row[at]
            return number

        def tie(row: list[Any]) -> float:
            number: float = row[0] if self.is_raw else row[1] if self.is_funding else 0
            return number

        bids = sorted(self.bids.values(), key=lambda row: (-price(row), tie(row)))
        asks = sorted(self.asks.values(), key=lambda row: (price(row), tie(row)))
        return bids + asks

    def checksum(self) -> int:
        """Over the texts of the wire."""
        count = len(self.bids)
        rows = self.rows()
        parts = []
        for bid, ask in zip_longest(rows[:count][:25], rows[count:][:25]):
            parts += [(row[0], row[-1]) for row in (bid, ask) if row is not None]
        text = ":".join(getattr(n, "text", str(n)) for part in parts for n in part)
        unsigned = zlib.crc32(text.encode())
        return int.from_bytes(unsigned.to_bytes(4, "big"), "big", signed=True)


class Client:
    """A client on a socket; each wait has a deadline."""

    def __init__(self, url: str, **options: Any) -> None:
        self.ws = websocket.create_connection(url, timeout=5, **options)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.ws.shutdown()

    def send(self, **message: Any) -> None:
        self.ws.send(json.dumps(message))

    def text(self) -> str:
        text = self.ws.recv()
        assert isinstance(text, str)
        return text

    def receive(self) -> Any:
        return loads(self.text())

    def until(self, wanted: Callable[[Any], bool], deadline_s: float = 5) -> list[Any]:
        """All messages up to the first that is wanted."""
        end = time.monotonic() + deadline_s
        messages = []
        while time.monotonic() < end:
            messages.append(self.receive())
            if wanted(messages[-1]):
                return messages
        raise AssertionError(f"{len(messages)} messages, and not what was waited for")

    def subscribe(self, channel: str, symbol: str, **fields: Any) -> int:
        """Subscribe, and return the channel's id; frames before the ack are dropped."""
        return self._subscribe(channel=channel, symbol=symbol, **fields)

    def subscribe_key(self, channel: str, key: str) -> int:
        """Subscribe to a channel that has a key."""
        return self._subscribe(channel=channel, key=key)

    def _subscribe(self, **fields: Any) -> int:
        self.send(event="subscribe", **fields)
        ack = self.until(
            lambda m: isinstance(m, dict) and m["event"] in ("subscribed", "error")
        )
        assert ack[-1]["event"] == "subscribed", ack[-1]
        chan_id: int = ack[-1]["chanId"]
        return chan_id

    def close_code(self, deadline_s: float = 5) -> int | None:
        """Read until the connection ends; its code, None if there was no close frame."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            try:
                opcode, data = self.ws.recv_data(control_frame=True)
            except (websocket.WebSocketConnectionClosedException, OSError):
                return None
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big")
        raise AssertionError("still open")


@contextmanager
def connected(
    exchange: PaperExchange, flags: int = SEQ, **options: Any
) -> Iterator[Client]:
    """A client after the greeting, with its flags set."""
    with Client(exchange.url, **options) as client:
        assert client.receive()["event"] == "info"
        client.send(event="conf", flags=flags)
        assert client.receive()["status"] == "OK"
        yield client


def ask(client: Client, **message: Any) -> Any:
    """The answer to a message; frames before it are dropped."""
    client.send(**message)
    return client.until(lambda m: isinstance(m, dict))[-1]


def subscribed(client: Client, **fields: Any) -> tuple[dict[str, Any], list[Any]]:
    """Subscribe, and return the ack and the first frame; other frames are dropped."""
    ack = ask(client, event="subscribe", **fields)
    assert ack["event"] == "subscribed"
    while True:
        first: list[Any] = client.receive()
        if first[0] == ack["chanId"]:
            return ack, first
