"""
The other end of an account's socket, driven by hand.

`AccountPeer` is a session and the exchange's side of its socket: it numbers the frames that it
sends, answers the authentication, and moves the clock. Tokens are plain strings.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Dict, Iterable, List, Type, TypeVar

from bfxsync._base.enums import ConnectionStatus, Flag
from bfxsync.errors import BfxError
from bfxsync.wire.account_session import AccountSession
from bfxsync.wire.capabilities import Capabilities
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.commands import SendAuth, SendOperations, Subscribe
from bfxsync.wire.operations import Operation
from bfxsync.wire.outputs import (
    AnyOutput,
    Authenticate,
    Change,
    Deliver,
    Report,
    Send,
    Settle,
)

SEQ = int(Flag.SEQ_ALL)
SEQ_MTS = SEQ | int(Flag.TIMESTAMP)
MTS = 1_700_000_000_000

OPEN = Change(ConnectionStatus.OPEN)

INFO = {"event": "info", "version": 2, "platform": {"status": 1}}
CLOSED_INFO = {"event": "info", "version": 2, "platform": {"status": 0}}
CAPS = {"orders": {"read": 1, "write": 1}}
AUTH = {"event": "auth", "apiKey": "fake-key", "authNonce": 1, "authSig": "fake-sig"}
OK = {"event": "auth", "status": "OK", "chanId": 0, "userId": 7, "caps": CAPS}
PERMITS = Capabilities(CAPS)

SNAPSHOTS = ("ps", "ws", "os", "fos", "fcs", "fls")
TOKEN = "account"

Kind = TypeVar("Kind")


def order_row(id: int, cid: int = 5, status: str = "ACTIVE", mts: int = MTS) -> Any:
    row: List[Any] = [None] * 32
    row[0], row[2], row[3], row[4], row[5] = id, cid, "tBTCUSD", MTS, mts
    row[6] = row[7] = 1.0
    row[8], row[12], row[13], row[16] = "EXCHANGE LIMIT", 0, status, 100.0
    row[17] = 0.0
    row[23] = row[24] = 0
    row[28] = "API>BFX"
    return row


def trade_row(id: int, order_id: int, *, fee: bool = False, cid: int = 5) -> Any:
    last = [-0.1, "USD"] if fee else [None, None]
    start = [id, "tBTCUSD", MTS, order_id, 1.0, 100.0, "EXCHANGE LIMIT", 100.0, 1]
    return [*start, *last, cid]


def wallet_row(currency: str, balance: float) -> Any:
    return ["exchange", currency, balance, 0, None, None, None]


def notification_row(kind: str, info: Any, status: str = "SUCCESS") -> Any:
    return [MTS, kind, None, None, info, None, status, "text"]


def new_order(token: str = "order", cid: int = 5, **fields: Any) -> Operation:
    body = {"cid": cid, "type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "1"}
    return Operation(token, "on", {**body, "price": "100"}, **fields)


def cancel(token: str = "cancel", id: int = 1, **fields: Any) -> Operation:
    return Operation(token, "oc", {"id": id}, **fields)


def of(kind: Type[Kind], outputs: Iterable[Any]) -> List[Kind]:
    return [output for output in outputs if isinstance(output, kind)]


def sent(outputs: Iterable[Any]) -> List[Any]:
    """Return the messages, without pings."""
    messages = [json.loads(output.text) for output in of(Send, outputs)]
    return [
        message
        for message in messages
        if not (isinstance(message, dict) and message["event"] == "ping")
    ]


def told(outputs: Iterable[Any]) -> List[Any]:
    """Return what was delivered."""
    return [update for each in of(Deliver, outputs) for update in each.updates]


def settled(outputs: Iterable[Any]) -> Dict[Any, Any]:
    """Return the results and errors by token."""
    return {
        each.token: each.value if each.error is None else each.error
        for each in of(Settle, outputs)
    }


def reported(outputs: Iterable[Any]) -> List[BfxError]:
    return [report.error for report in of(Report, outputs)]


class AccountPeer:
    """A session, and the exchange at the other end of its socket."""

    def __init__(self, flags: int = SEQ, **options: Any) -> None:
        filters = options.get("filters", ())
        self.channel = AccountChannel(filters=filters or None)
        self.session = AccountSession(self.channel, flags=flags, **options)
        self.flags = flags
        self.now = 1000.0
        self.seq = count(1)
        self.auth_seq = count(1)

    def subscribe(self) -> List[AnyOutput]:
        return self.apply(Subscribe(TOKEN, self.channel))

    def apply(self, command: Any) -> List[AnyOutput]:
        return self.session.apply(command, self.now)

    def submit(self, *operations: Operation, **options: Any) -> List[AnyOutput]:
        expires = self.now + options.pop("expires_in", 10.0)
        return self.apply(SendOperations(operations, expires, **options))

    def frame(self, code: str, *content: Any, suffix: Any = None) -> bytes:
        """Return the text of the next frame of channel 0, with a suffix of its own if given."""
        if suffix is None:
            suffix = []
            if self.flags & Flag.SEQ_ALL:
                suffix.append(next(self.seq))
                if code != "hb":
                    suffix.append(next(self.auth_seq))
            suffix += [MTS] if self.flags & Flag.TIMESTAMP else []
        return json.dumps([0, code, *content, *suffix]).encode()

    def feed(self, *messages: Any) -> List[AnyOutput]:
        texts = [
            each if isinstance(each, bytes) else json.dumps(each).encode()
            for each in messages
        ]
        return self.session.feed(texts, self.now)

    def get(self, code: str, *content: Any) -> List[AnyOutput]:
        return self.feed(self.frame(code, *content))

    def after(self, seconds: float) -> List[AnyOutput]:
        self.now += seconds
        return self.session.tick(self.now)

    # --- the steps ----------------------------------------------------------------------------

    def open(self) -> List[AnyOutput]:
        self.seq, self.auth_seq = count(1), count(1)
        return self.session.open(self.now)

    def greet(self) -> List[AnyOutput]:
        """Open a socket, up to the request of a nonce."""
        self.open()
        outputs = self.feed(INFO)
        if self.flags:
            conf = {"event": "conf", "status": "OK", "flags": self.flags}
            outputs += self.feed(conf)
        assert outputs == [Authenticate()]
        return outputs

    def authenticate(self) -> List[AnyOutput]:
        """Open a socket and authenticate it."""
        self.greet()
        self.apply(SendAuth(AUTH))
        return self.feed(OK)

    def snapshots(self, **rows: Any) -> List[AnyOutput]:
        """Send all snapshots, empty if not given."""
        frames = [self.frame(code, rows.get(code, [])) for code in SNAPSHOTS]
        return self.feed(*frames)

    def live(self, **rows: Any) -> List[AnyOutput]:
        """Open a socket as far as the snapshots."""
        return self.authenticate() + self.snapshots(**rows)
