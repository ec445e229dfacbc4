"""
The other end of a session's socket, driven by hand.

`Peer` is a session and the exchange's side of its socket: it numbers the frames that it sends and
moves the clock. Tokens are plain strings.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Dict, Iterable, List

from bfxsync._base.enums import ConnectionStatus, Flag, SubscriptionStatus
from bfxsync.book.checksums import checksum
from bfxsync.models import BookUpdate, Snapshot, Status, Ticker, Trade
from bfxsync.wire.channels import Channel, channel_for
from bfxsync.wire.commands import Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.outputs import (
    Change,
    Deliver,
    Fail,
    Output,
    Reopen,
    Report,
    Resolve,
    Send,
)
from bfxsync.wire.session import Session

SEQ = int(Flag.SEQ_ALL | Flag.OB_CHECKSUM)
SEQ_MTS = SEQ | int(Flag.TIMESTAMP)
MTS = 1_511_545_528_111

OPEN = Change(ConnectionStatus.OPEN)
MAINTENANCE = Change(ConnectionStatus.MAINTENANCE)
PAUSED = Status(SubscriptionStatus.MAINTENANCE)

INFO = {"event": "info", "version": 2, "platform": {"status": 1}}
STOP = {"event": "info", "code": 20051, "msg": "stop"}
PAUSE = {"event": "info", "code": 20060, "msg": "pause"}
RESUME = {"event": "info", "code": 20061, "msg": "resume"}

BTC, ETH = "tBTCUSD", "tETHUSD"

TICKER_ROW = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
TICKER = Ticker.from_row(TICKER_ROW)
LEVELS = [[100.0, 1, 1.0], [101.0, 1, -1.0]]
BOOK = Snapshot([BookUpdate.from_row(row) for row in LEVELS])
GOOD = checksum([(100.0, 1.0)], [(101.0, -1.0)])


def trade_row(identity: int) -> List[float]:
    return [identity, MTS, 0.5, 100.0]


def trade(identity: int) -> Trade:
    return Trade.from_row(trade_row(identity))


class Peer:
    """A session, and the exchange at the other end of its socket."""

    def __init__(self, flags: int = SEQ, **options: Any) -> None:
        self.session = Session(flags=flags, **options)
        self.now = 1000.0
        self.flags = flags
        self.seq = count(1)
        self.channels: Dict[str, Channel] = {}

    def open(self) -> List[Output]:
        self.seq = count(1)
        return self.session.open(self.now)

    def frame(self, chan_id: int, *content: Any) -> bytes:
        """Return the text of a channel's next frame."""
        suffix = [next(self.seq)] if self.flags & Flag.SEQ_ALL else []
        suffix += [MTS] if self.flags & Flag.TIMESTAMP else []
        return json.dumps([chan_id, *content, *suffix]).encode()

    def feed(self, *messages: Any) -> List[Output]:
        """Feed one block: texts as they are, events as dicts."""
        block = [
            message if isinstance(message, bytes) else json.dumps(message).encode()
            for message in messages
        ]
        return self.session.feed(block, self.now)

    def ready(self) -> List[Output]:
        """Open a socket and shake hands on it."""
        outputs = [*self.open(), *self.feed(INFO)]
        if self.flags:
            outputs += self.feed({"event": "conf", "status": "OK", "flags": self.flags})
        return outputs

    def after(self, seconds: float) -> List[Output]:
        self.now += seconds
        return self.session.tick(self.now)

    def subscribe(
        self, token: str, name: str, symbol: str = BTC, **options: Any
    ) -> List[Output]:
        channel = self.channels[token] = channel_for(name, symbol=symbol)
        return self.session.apply(Subscribe(token, channel, **options), self.now)

    def unsubscribe(self, token: str) -> List[Output]:
        return self.session.apply(Unsubscribe(token), self.now)

    def resubscribe(self, token: str) -> List[Output]:
        return self.session.apply(Resubscribe(token), self.now)

    def ping(self, token: str, timeout_s: float = 5.0) -> List[Output]:
        return self.session.apply(Ping(token, self.now + timeout_s), self.now)


def ack(sub_id: int, chan_id: Any, **fields: Any) -> dict[str, Any]:
    return {"event": "subscribed", "chanId": chan_id, "subId": sub_id, **fields}


def failure(code: Any, **fields: Any) -> dict[str, Any]:
    return {"event": "error", "code": code, "msg": "any text", **fields}


def sent(outputs: Iterable[Output]) -> List[Any]:
    """Return what is to be sent: a subscribe as its symbol or key, others as event and argument."""
    found: List[Any] = []
    for output in outputs:
        if isinstance(output, Send):
            body = json.loads(output.text)
            argument = {
                "subscribe": "symbol" if "symbol" in body else "key",
                "unsubscribe": "chanId",
                "ping": "cid",
                "conf": "flags",
            }[body["event"]]
            found.append((body["event"], body[argument]))
    return found


def updates(outputs: Iterable[Output], token: str = "a") -> List[Any]:
    return [
        update
        for output in outputs
        if isinstance(output, Deliver) and output.token == token
        for update in output.updates
    ]


def reports(outputs: Iterable[Output]) -> List[type]:
    return [type(output.error) for output in outputs if isinstance(output, Report)]


def resolved(outputs: Iterable[Output], token: str = "a") -> List[Any]:
    """Return how the token's wait ended: None or the error, each time."""
    return [
        output.error
        for output in outputs
        if isinstance(output, Resolve) and output.token == token
    ]


def reopens(outputs: Iterable[Output]) -> List[Output]:
    return [output for output in outputs if isinstance(output, (Reopen, Fail))]


def with_book(flags: int = SEQ, **options: Any) -> Peer:
    """Return a peer whose book "a" is live on channel 5."""
    peer = Peer(flags, **options)
    peer.ready()
    peer.subscribe("a", "book")
    peer.feed(ack(1, 5), peer.frame(5, LEVELS))
    return peer


def with_trades() -> Peer:
    """Return a peer whose trades "a" are live on channel 5; 1 and 2 were in the snapshot."""
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "trades")
    peer.feed(ack(1, 5), peer.frame(5, [trade_row(2), trade_row(1)]))
    return peer
