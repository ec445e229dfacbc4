"""
The sessions of sockets and of recordings, fed with changed frames.

Strategy: the other end answers requests as the exchange does, so that a session comes back from
whatever a frame has broken. A number sign in a frame stands for its sequence numbers, so that most
changed frames are not also out of sequence. After a few hundred inputs the socket is replaced: then
every channel that was not refused must be live again.
"""

from __future__ import annotations

import json
import random
from decimal import Decimal
from itertools import count
from typing import Any, Dict, Iterable, List, Tuple

from decoders import RECORDING, Decoder, frames_of, texts_of
from model_tables import ROWS

from bfxsync._base.enums import Flag
from bfxsync.errors import NetworkError
from bfxsync.models.account_streams import ROW_MODELS, SNAPSHOTS
from bfxsync.models.stream import Snapshot
from bfxsync.recording.contents import Contents
from bfxsync.recording.format import read_line
from bfxsync.recording.session import RecordedSession
from bfxsync.wire.account_session import AccountSession
from bfxsync.wire.channels import Channel, channel_for, raw_channel_for
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.codec import loads_for
from bfxsync.wire.commands import Reconciled, SendAuth, SendOperations, Subscribe
from bfxsync.wire.operations import Operation
from bfxsync.wire.outputs import (
    Authenticate,
    Deliver,
    Displaced,
    Fail,
    Reconcile,
    Reopen,
    Resolve,
    Send,
)
from bfxsync.wire.session import Session

NUMBER = b"#"
"""Stands for the numbers that follow the content of a frame."""

_INFO = {"event": "info", "version": 2, "platform": {"status": 1}}

_EVENTS = [
    '{"event":"subscribed","channel":"ticker","chanId":3,"symbol":"tBTCUSD","subId":1}',
    '{"event":"unsubscribed","status":"OK","chanId":3}',
    '{"event":"error","code":10301,"msg":"dup","chanId":3,"subId":2,"symbol":"tBTCUSD"}',
    '{"event":"error","code":10305,"msg":"limit","subId":3}',
    '{"event":"info","code":20060}',
    '{"event":"info","code":20061}',
    '{"event":"info","code":20051,"msg":"stop"}',
    '{"event":"info","version":2,"serverId":"x","platform":{"status":0}}',
    '{"event":"conf","status":"OK","flags":65536}',
    '{"event":"pong","ts":1511545528111,"cid":1}',
    '{"event":"auth","status":"FAILED","code":10100,"msg":"apikey: invalid"}',
    '{"event":"unauth","status":"OK","chanId":0}',
]


def rows(*names: str) -> List[str]:
    return [ROWS[name][0] for name in names]


_CHANNELS: List[Tuple[Dict[str, Any], List[str]]] = [
    ({"channel": "ticker", "symbol": "tBTCUSD"}, rows("Ticker")),
    ({"channel": "ticker", "symbol": "fUSD"}, rows("FundingTicker")),
    ({"channel": "trades", "symbol": "tBTCUSD"}, rows("Trade", "TradeUpdate")),
    ({"channel": "trades", "symbol": "fUSD"}, rows("FundingTrade")),
    ({"channel": "book", "symbol": "tBTCUSD"}, ["[100.5,1,2.5]", "[101,0,-1]"]),
    ({"channel": "book", "symbol": "fUSD"}, ["[0.01,30,1,-2.5]", "[0.01,2,0,1]"]),
    ({"channel": "book", "symbol": "tBTCUSD", "prec": "R0"}, ["[7,100.5,2.5]"]),
    ({"channel": "book", "symbol": "fUSD", "prec": "R0"}, ["[7,30,0.01,-2.5]"]),
    ({"channel": "candles", "key": "trade:1m:tBTCUSD"}, rows("Candle")),
    ({"channel": "candles", "key": "trade:1m:fUSD:p30"}, rows("Candle")),
    ({"channel": "status", "key": "deriv:tBTCF0:USTF0"}, rows("DerivativesStatus")),
    ({"channel": "status", "key": "liq:global"}, [f"[{ROWS['Liquidation'][0]}]"]),
]

# Channels whose frames are lists of rows only at first.
_HAS_ROWS = ("trades", "book", "candles")


def _frames(number: int, name: str, found: Iterable[str]) -> List[str]:
    """Return the contents of a channel's frames: its snapshot, updates, and the rest."""
    found = list(found)
    tags = ("te", "tu", "fte", "ftu") if name == "trades" else ()
    contents = [
        ",".join(found[:1]) if name not in _HAS_ROWS else f"[{','.join(found)}]",
        *found,
        *(f'"{tag}",{row}' for tag in tags for row in found),
        '"hb"',
        '"cs",-1234',
    ]
    return [f"[{number},{content},#]" for content in contents]


class PublicSession(Decoder):
    """The session of public channels."""

    errors = ()
    share = 4.0

    def __init__(self) -> None:
        frames = [
            frame
            for number, (fields, found) in enumerate(_CHANNELS)
            for frame in _frames(number + 1, fields["channel"], found)
        ]
        self.corpus = texts_of(
            [*frames * 3, *_EVENTS, *frames_of("public-frames.jsonl")]
        )
        self._begin(random.Random(0))

    def read(self, random: random.Random, data: bytes) -> None:
        self.held.append(data)
        if random.random() < 0.4:
            return
        self.now += random.choice((0.0, 0.1, 1.0, 1.0, 20.0))
        self._feed(self.held)
        self.held = []
        if random.random() < 0.05:
            self.perform(self.session.tick(self.now))

    def renew(self, random: random.Random) -> None:
        self.held = []
        self.perform(self.session.lose("renewed"))
        self.now += 3600.0
        self.open()
        assert self.session.tokens == list(self.channels)
        for number, channel in self.channels.items():
            assert channel.is_live, f"channel {number} is not live on a new socket"
        self._begin(random)

    def _begin(self, random: random.Random) -> None:
        flags = random.choice((0, Flag.SEQ_ALL, Flag.SEQ_ALL | Flag.OB_CHECKSUM))
        flags |= random.choice((0, Flag.TIMESTAMP)) | random.choice(
            (0, Flag.BULK_UPDATES)
        )
        number: Any = random.choice((float, float, Decimal))
        self.flags = int(flags)
        self.session = Session(flags=self.flags, loads=loads_for(number))
        self.now = 1000.0
        self.held: List[bytes] = []
        self.channels: Dict[int, Channel] = {}
        for index in random.sample(range(len(_CHANNELS)), 3):
            fields = dict(_CHANNELS[index][0])
            name = fields.pop("channel")
            if random.random() < 0.2:
                channel: Channel = raw_channel_for(name, fields, number=number)
            else:
                channel = channel_for(name, number=number, **fields)
                channel.extras = random.random() < 0.5
                channel.wants_last = channel.is_whole and random.random() < 0.5
            self.channels[index + 1] = channel
            self.session.apply(Subscribe(index + 1, channel), self.now)
        self.open()

    def open(self) -> None:
        self.seq = count(1)
        self.requests = [
            json.loads(output.text)
            for output in self.session.open(self.now)
            if isinstance(output, Send)
        ]
        self._feed([json.dumps(_INFO).encode()])

    def numbered(self, data: bytes) -> bytes:
        """Put the numbers into a frame."""
        if NUMBER not in data:
            return data
        numbers = []
        if self.flags & Flag.SEQ_ALL:
            numbers.append(str(next(self.seq)))
        if self.flags & Flag.TIMESTAMP:
            numbers.append("1511545528111")
        if not numbers:
            return data.replace(b"," + NUMBER, b"")
        return data.replace(NUMBER, ",".join(numbers).encode(), 1)

    def _feed(self, block: List[bytes]) -> None:
        self.perform(self.session.feed([self.numbered(d) for d in block], self.now))

    def perform(self, outputs: Iterable[Any]) -> None:
        """Note what is requested, forget what has left, and answer; a lost socket is replaced."""
        is_over = False
        for output in outputs:
            if isinstance(output, Send):
                self.requests.append(json.loads(output.text))
            elif isinstance(output, Displaced) or (
                isinstance(output, Resolve) and output.error is not None
            ):
                self.channels.pop(output.token, None)  # type: ignore[call-overload]
            elif isinstance(output, (Reopen, Fail)):
                is_over = True
        if is_over:
            self.session.lose("over")
            self.open()
        while self.requests:
            requests, self.requests = self.requests, []
            self._feed([message for body in requests for message in self._answer(body)])

    def _answer(self, body: Dict[str, Any]) -> List[bytes]:
        event = body.pop("event")
        answers: List[Any] = []
        frames: List[bytes] = []
        if event == "conf":
            answers = [{"event": "conf", "status": "OK", **body}]
        elif event == "unsubscribe":
            answers = [{"event": "unsubscribed", "status": "OK", **body}]
        elif event == "ping":
            answers = [{"event": "pong", "ts": 1, "cid": body["cid"]}]
        else:
            for index, (fields, found) in enumerate(_CHANNELS):
                if all(str(body.get(key)) == str(fields[key]) for key in fields):
                    is_raw_book = body.get("prec") == "R0"
                    if fields["channel"] == "book" and is_raw_book != (
                        "prec" in fields
                    ):
                        continue
                    answers = [{"event": "subscribed", "chanId": index + 1, **body}]
                    frames = [_frames(index + 1, fields["channel"], found)[0].encode()]
        return [json.dumps(each).encode() for each in answers] + frames


_AUTH = {"event": "auth", "apiKey": "fake-key", "authNonce": 1, "authSig": "fake-sig"}
_OK = {"event": "auth", "status": "OK", "chanId": 0, "userId": 7, "caps": {}}


class PrivateSession(PublicSession):
    """The session of an account, with operations in flight."""

    share = 2.5

    def __init__(self) -> None:
        frames = []
        for code, model in ROW_MODELS.items():
            row = ROWS[model.__name__][0]
            content = f"[{row},{row}]" if code in SNAPSHOTS else row
            frames.append(f'[0,"{code}",{content},#]')
        given = [
            frame[:-1] + ",#]" if frame.count(",") > 2 else frame
            for frame in frames_of("account-frames.jsonl")
        ]
        self.corpus = texts_of([*frames, *given, '[0,"hb",#]', *_EVENTS])
        self._begin(random.Random(0))

    def _begin(self, random: random.Random) -> None:
        self.flags = int(
            random.choice((0, Flag.SEQ_ALL, Flag.SEQ_ALL | Flag.TIMESTAMP))
        )
        number: Any = random.choice((float, float, Decimal))
        self.channel = AccountChannel(number)
        self.private = AccountSession(
            self.channel, flags=self.flags, loads=loads_for(number)
        )
        self.session: Any = self.private
        self.now = 1000.0
        self.held = []
        self.has_failed = False
        self.private.apply(Subscribe("account", self.channel), self.now)
        self.open()
        for name, body in (
            ("on", {"cid": 5, "type": "LIMIT", "symbol": "tBTCUSD", "amount": "1"}),
            ("ou", {"id": 34930659963, "price": "2"}),
            ("oc", {"id": 34930659963}),
            ("oc_multi", {"all": 1}),
            ("fon", {"type": "LIMIT", "symbol": "fUSD", "amount": "50", "period": 2}),
        ):
            body = {"price": "1", "rate": "0.0002", **body} if "cid" in body else body
            if name == "fon":
                body = {"rate": "0.0002", **body}
            operation = Operation(name, name, body)
            command = SendOperations((operation,), self.now + 10.0)
            self.perform(self.private.apply(command, self.now))

    def renew(self, random: random.Random) -> None:
        self.held = []
        if not self.has_failed:
            self.perform(self.private.lose("renewed"))
            self.now += 3600.0
            self.open()
            outputs = self.private.tick(self.now)
            snapshots = [
                self.numbered(b'[0,"%b",[],#]' % c.encode()) for c in SNAPSHOTS
            ]
            outputs += self.private.feed(snapshots, self.now)
            assert self.private._authentication.is_done, "not authenticated again"
            assert self.channel.is_live, "not live on a new socket"
        self._begin(random)

    def numbered(self, data: bytes) -> bytes:
        if not self.flags & Flag.SEQ_ALL or NUMBER not in data:
            return super().numbered(data)
        numbers = [str(next(self.seq))]
        if b'"hb"' not in data:
            numbers.append(str(next(self.auth_seq)))
        if self.flags & Flag.TIMESTAMP:
            numbers.append("1511545528111")
        return data.replace(NUMBER, ",".join(numbers).encode(), 1)

    def open(self) -> None:
        self.auth_seq = count(1)
        super().open()

    def perform(self, outputs: Iterable[Any]) -> None:
        outputs = list(outputs)
        for output in outputs:
            if isinstance(output, Fail):
                # A key that is refused ends the client.
                self.has_failed = True
            elif isinstance(output, Reconcile):
                error = NetworkError("away", phase="connect")
                command = Reconciled(output.operation, error=error)
                outputs = outputs + self.private.apply(command, self.now)
            elif isinstance(output, Authenticate):
                outputs = outputs + self.private.apply(SendAuth(_AUTH), self.now)
        super().perform(outputs)

    def _answer(self, body: Any) -> List[bytes]:
        if isinstance(body, list):
            return []
        if body["event"] == "auth":
            return [json.dumps(_OK).encode()]
        return super()._answer(body)


class Replays(Decoder):
    """The session of a recording."""

    share = 0.7
    corpus = texts_of(
        [
            *RECORDING[:120],
            *(
                json.dumps(
                    {
                        "t": 1_790_000_000 + index,
                        "conn": 2,
                        "dir": "server->client",
                        "frame": frame,
                    }
                )
                for index, frame in enumerate(frames_of("public-frames.jsonl"))
            ),
            '{"t":1790000000,"conn":2,"open":"wss://x"}',
            '{"t":1790000500,"conn":2,"lost":1006,"reason":"x"}',
            '{"t":1790000500,"conn":1,"lost":1000,"reason":""}',
            '{"t":1790000500,"conn":2,"missing":3}',
        ]
    )

    def __init__(self) -> None:
        self.contents = Contents.of(RECORDING)
        self.renew(random.Random(0))

    def read(self, random: random.Random, data: bytes) -> None:
        record = read_line(data)
        if record is not None:
            self.now = max(self.now, record.at)
            self.session.play(record, self.now)

    def renew(self, random: random.Random) -> None:
        """Play a recording from its beginning; the account must become live."""
        self.now = 0.0
        self.session = RecordedSession(self.contents)
        channel = AccountChannel()
        self.session.apply(Subscribe("account", channel), 0.0)
        for index, (fields, _) in enumerate(_CHANNELS):
            fields = dict(fields)
            public = channel_for(fields.pop("channel"), **fields)
            self.session.apply(Subscribe(index, public), 0.0)
        found = []
        for line in RECORDING[:30]:
            record = read_line(line)
            if record is not None:
                self.now = record.at
                found += self.session.play(record, self.now)
        delivered = [
            each
            for output in found
            if isinstance(output, Deliver)
            for each in output.updates
        ]
        assert any(isinstance(each, Snapshot) for each in delivered) or channel.is_live
