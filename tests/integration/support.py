"""Helpers of the integration tests."""

from __future__ import annotations

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

import bfxsync.paper
from bfxsync import WebSocketClient

from .bare_server import DEADLINE_S, Peer

CAPTURES = Path(bfxsync.paper.__file__).parent / "data"

INFO = {"event": "info", "version": 2, "platform": {"status": 1}}

TICKER = [6443, 5.26, 6443.1, 2.5, 31.5, 0.0049, 6443, 9876.5, 6480, 6390]


class Capture(NamedTuple):
    """A recorded session: the texts that each side sent."""

    client: list[str]
    server: list[str]


def captured(name: str) -> Capture:
    """Read a recording; its first line may describe it."""
    capture = Capture([], [])
    with gzip.open(CAPTURES / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "frame" in record:
                is_ours = record.get("dir") == "client->server"
                (capture.client if is_ours else capture.server).append(record["frame"])
    return capture


class Collector:
    """A callback that collects its arguments, and can be awaited from other threads."""

    def __init__(self, check: Callable[[Any], object] = lambda item: None) -> None:
        self.items: list[Any] = []
        self._check = check
        self._changed = threading.Condition()

    def __call__(self, *arguments: Any) -> None:
        item = arguments[0] if len(arguments) == 1 else arguments
        with self._changed:
            self.items.append(item)
            self._check(item)
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self.items)

    def wait_for(self, count: int, timeout_s: float = DEADLINE_S) -> list[Any]:
        """Wait for so many items, and return all."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.items) >= count, timeout_s)
            assert came, f"{len(self.items)} of {count} within {timeout_s} s"
            return list(self.items)


class DictBook:
    """
    An order book of a pair as two dicts, fed with rows of the wire.

    Attributes
    ----------
    deletes, unknown_deletes : int
        Rows that took a level away, and those of them for which there was none.
    crossings : list
        Rows after which the best bid was not below the best ask.
    """

    def __init__(self) -> None:
        self.bids: dict[Any, list[Any]] = {}
        self.asks: dict[Any, list[Any]] = {}
        self.deletes = 0
        self.unknown_deletes = 0
        self.crossings: list[list[Any]] = []

    def apply(self, row: list[Any]) -> None:
        """Set or remove a level."""
        price, count, amount = row
        side = self.bids if amount > 0 else self.asks
        if count:
            side[price] = row
        else:
            self.deletes += 1
            if side.pop(price, None) is None:
                self.unknown_deletes += 1
        if self.bids and self.asks and max(self.bids) >= min(self.asks):
            self.crossings.append(row)

    def levels(self) -> tuple[list[list[Any]], list[list[Any]]]:
        """Return bids and asks, best first."""
        bids = [self.bids[price] for price in sorted(self.bids, reverse=True)]
        return bids, [self.asks[price] for price in sorted(self.asks)]


def rows_of(levels: tuple[list[Any], list[Any]]) -> tuple[list[Any], list[Any]]:
    """Return the levels of a book as rows of the wire."""
    bids, asks = ([[row.price, row.count, row.amount] for row in s] for s in levels)
    return bids, asks


def round_trip(
    client: WebSocketClient, peer: Peer, timeout_s: float = DEADLINE_S
) -> None:
    """Return when the client has processed everything that the peer has sent."""
    with ThreadPoolExecutor(1) as executor:
        pong = executor.submit(client.ping, timeout_s)
        answer_ping(peer, timeout_s)
        pong.result(timeout_s)


def answer_ping(peer: Peer, timeout_s: float = DEADLINE_S) -> None:
    """Answer the next ping."""
    ping = peer.receive_json(timeout_s)
    assert ping["event"] == "ping", ping
    peer.send_json({"event": "pong", "ts": 1511545528111, "cid": ping["cid"]})


def greet(peer: Peer, flags: int = 0) -> None:
    """Send the greeting, and acknowledge the requested flags."""
    peer.send_json(INFO)
    if flags:
        conf = peer.receive_json()
        assert conf == {"event": "conf", "flags": flags}
        peer.send_json({"event": "conf", "status": "OK", "flags": flags})


def acknowledge(peer: Peer, chan_id: int, *frames: Any) -> dict[str, Any]:
    """Acknowledge the next subscription, and send its first frames."""
    request: dict[str, Any] = peer.receive_json()
    assert request["event"] == "subscribe", request
    peer.send_json({**request, "event": "subscribed", "chanId": chan_id}, *frames)
    return request


def subscribed(
    client: WebSocketClient,
    peer: Peer,
    chan_id: int,
    first: Optional[list[Any]] = None,
    **request: Any,
) -> Any:
    """Subscribe, with the peer's answers, and return the subscription."""
    with ThreadPoolExecutor(1) as executor:
        subscription = executor.submit(client.subscribe, **request)
        acknowledge(peer, chan_id, [chan_id, TICKER if first is None else first])
        return subscription.result(DEADLINE_S)
