"""
Every decoder of bfxsync that reads what others have written, and texts to begin with.

Strategy: `read` takes bytes and either returns or raises a typed error, of `BfxError`'s tree by
default. Decoders with state are made anew from time to time, and must work then as at first.
"""

from __future__ import annotations

import inspect
import json
import random
import zlib
from decimal import Decimal
from importlib import import_module
from io import BytesIO
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

from inputs import Tokens, tokens_of
from model_tables import CASES
from rest.tables import AnswerTransport, arguments_of, rows_of
from strategies import server_frame

import bfxsync.checks
from bfxsync._base.hosts import address_of
from bfxsync.auth.env_file import variables_in
from bfxsync.checks.hosts import check_rest_host, check_wss_host
from bfxsync.errors import BfxError, RemoteError
from bfxsync.models.account_streams import CODES, read_update
from bfxsync.recording.contents import Contents
from bfxsync.recording.files import lines_in
from bfxsync.recording.format import read_line
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.http.encodings import unpacked
from bfxsync.rest.http.framing import has_certain_end
from bfxsync.rest.http.response import HttpResponse, read_answer
from bfxsync.rest.merchant import MerchantEndpoints
from bfxsync.rest.public import PublicEndpoints
from bfxsync.streams.entries import EntryId, StoredSnapshot, read_entry
from bfxsync.streams.keys import IdentityState, channel_of, check_shard
from bfxsync.wire.channels import channel_for, raw_channel_for
from bfxsync.wire.codec import LOADS_ERRORS, loads_for, loads_many, parse
from bfxsync.wire.frames import decode
from bfxsync.wire.websocket import Splitter
from bfxsync.ws.io.handshake_socket import HandshakeSocket

Errors = Tuple[type, ...]

DATA = Path(__file__).parent.parent / "data"

loads = loads_for()
loads_decimals = loads_for(Decimal)


class Decoder:
    """A decoder with its texts; subclasses may keep state between inputs."""

    corpus: List[Tokens]
    errors: Errors = (BfxError,)
    """What may be raised."""
    share: float = 1.0
    """Its share of all inputs: less for the slow ones."""

    def read(self, random: random.Random, data: bytes) -> None:
        """Read an input; raises one of `errors` if it is invalid."""
        raise NotImplementedError

    def renew(self, random: random.Random) -> None:
        """Check that the decoder still works, and begin anew."""


def texts_of(texts: Iterable[Any]) -> List[Tokens]:
    return [
        tokens_of(text.encode() if isinstance(text, str) else text) for text in texts
    ]


def frames_of(name: str) -> List[str]:
    with open(DATA / name, encoding="utf-8") as lines:
        return [json.loads(line)["frame"] for line in lines]


FRAMES = [*frames_of("public-frames.jsonl"), *frames_of("account-frames.jsonl")]
RECORDING = (DATA / "account-run.jsonl").read_bytes().splitlines()


class Json(Decoder):
    """The readers of JSON, one by one and many at once."""

    share = 3.0

    corpus = texts_of(FRAMES)
    errors = (RemoteError,)

    def read(self, random: random.Random, data: bytes) -> None:
        number = Decimal if random.random() < 0.3 else float
        if random.random() < 0.1:
            try:
                loads_many(loads_for(number), [data, b"[1]"] * 5)
            except (TypeError, *LOADS_ERRORS):
                pass
        parse(loads_for(number), data)


class Frames(Decoder):
    """The kinds of frames under all flags."""

    corpus = texts_of(FRAMES)
    errors = (RemoteError,)
    share = 3.0

    def read(self, random: random.Random, data: bytes) -> None:
        value = parse(loads, data)
        for flags in (0, 65536, 32768 + 65536, 131072 + 65536 + 536870912):
            decode(value, flags)


class Models(Decoder):
    """Every model from its row or object."""

    errors = (RemoteError,)
    share = 3.0

    def __init__(self) -> None:
        self.cases = list(CASES.values())
        self.corpus = texts_of(case.text for case in self.cases)

    def read(self, random: random.Random, data: bytes) -> None:
        number = Decimal if random.random() < 0.3 else float
        value = parse(loads_decimals if number is Decimal else loads, data)
        found = random.choice(self.cases).build(value, number)
        found.to_dict()
        repr(found)


class AccountUpdates(Decoder):
    """The messages of an account, by their codes."""

    errors = (RemoteError,)
    share = 2.0

    def __init__(self) -> None:
        self.codes = sorted(CODES)
        self.corpus = texts_of(frames_of("account-frames.jsonl"))

    def read(self, random: random.Random, data: bytes) -> None:
        value = parse(loads, data)
        if isinstance(value, list) and len(value) > 2:
            code = value[1] if random.random() < 0.8 else random.choice(self.codes)
            if isinstance(code, str) and code in CODES:
                read_update(code, value[2], float)


class RestAnswers(Decoder):
    """Bodies and headers of responses."""

    share = 2.0

    corpus = texts_of(
        [
            *(f"200||\n{row['answer']}" for row in rows_of("requests.jsonl")),
            *(f"{status}|5|\n" + "{}" for status in (200, 429, 502, 301, 204)),
            '500||\n["error",10020,"symbol: invalid"]',
            '500|Wed, 21 Oct 2026 07:28:00 GMT|Wed, 21 Oct 2026 07:27:00 GMT\n["error",11010,"x"]',
            '200||\n{"error":"ERR_RATE_LIMIT","message":"x"}',
            '400||\n{"code":10100,"error":"apikey","error_description":"invalid"}',
            "502||\n<html><head><title>502 Bad Gateway</title></head></html>",
        ]
    )

    def read(self, random: random.Random, data: bytes) -> None:
        head, _, body = data.partition(b"\n")
        status, after, date, *_ = [*head.decode("latin-1").split("|"), "", ""]
        number = status[:3].strip()
        answer = HttpResponse(
            int(number) if number.isascii() and number.isdecimal() else 200,
            body,
            after or None,
            date or None,
            has_length=random.random() < 0.8,
            location=date or None,
        )
        has_certain_end(answer.status, [after, date], [status])
        read_answer(answer, loads, 1_700_000_000.0)


class RestCalls(Decoder):
    """What every method makes of a response."""

    share = 0.7

    def __init__(self) -> None:
        rows = rows_of("requests.jsonl")
        self.calls: List[Tuple[Callable[..., Any], Dict[str, Any]]] = []
        self.transport = AnswerTransport()
        transport: Any = self.transport
        faces: Dict[str, Any] = {
            "public": PublicEndpoints(transport),
            "auth": AuthEndpoints(transport),
            "merchant": MerchantEndpoints(transport),
        }
        for path in sorted((DATA / "rest").glob("auth-requests-*.jsonl")):
            rows += rows_of(path.name)
        # Deprecated methods warn, and read as the others do.
        self.rows = [row for row in rows if not _is_deprecated(faces, row)]
        self.faces = faces
        # The number of the call comes before its response.
        self.corpus = texts_of(
            f"{number} {row['answer']}" for number, row in enumerate(self.rows)
        )

    def read(self, random: random.Random, data: bytes) -> None:
        number, _, answer = data.partition(b" ")
        index = int(number) if number.isdigit() and len(number) < 5 else 0
        row = self.rows[index % len(self.rows)]
        arguments, options = arguments_of(row)
        self.transport.answer = parse(loads, answer)
        face = self.faces[row.get("on", "public")]
        getattr(face, row["call"][0])(*arguments, **options)


def _is_deprecated(faces: Dict[str, Any], row: Dict[str, Any]) -> bool:
    method = getattr(faces[row.get("on", "public")], row["call"][0])
    return "deprecated" in (method.__doc__ or "").lower()


class WebSocketBytes(Decoder):
    """Frames of a WebSocket, cut anywhere."""

    corpus = [
        [
            server_frame(1, b'[17,[1,2,3,"x"]]'),
            server_frame(1, b"x" * 126),
            server_frame(1, b"ab", length_bytes=2),
            server_frame(1, b"ab", length_bytes=8),
            server_frame(9, b"ping"),
            server_frame(10),
            server_frame(2, b"\xff"),
            server_frame(1, b"\xc3", final=False),
            server_frame(0, b"\xbc"),
            server_frame(0, b"", final=False),
        ],
        [server_frame(8, b"\x03\xe8bye"), server_frame(8, b"\x03\xe8\xff")],
        [server_frame(8, b"\x03"), b"\x81", b"\x7e\xff\xff", b"\x81\x7f" + b"\xff" * 8],
        [bytes([first]) for first in (0x01, 0x80, 0x88, 0x8B, 0x91, 0xC1, 0xFF)],
    ]
    errors = ()
    share = 2.0

    def __init__(self) -> None:
        self.splitter = Splitter(200)

    def read(self, random: random.Random, data: bytes) -> None:
        at = int(random.random() * (len(data) + 1))
        for part in (data[:at], data[at:]):
            for message in self.splitter.feed(part):
                assert isinstance(message, bytes) and len(message) <= 200
        self.splitter.controls.clear()
        if self.splitter.close is not None or self.splitter.violation is not None:
            self.renew(random)

    def renew(self, random: random.Random) -> None:
        self.splitter = Splitter(random.choice((200, 2**24)))
        assert self.splitter.feed(server_frame(1, b"ab")) == [b"ab"]
        self.splitter = Splitter(200)


class _Bytes:
    """A socket that has received some bytes already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def settimeout(self, timeout_s: float | None) -> None: ...

    def recv(self, size: int) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data


class Handshakes(Decoder):
    """Responses to the handshake of a WebSocket."""

    corpus = texts_of(
        [
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n[1]",
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n\r\n",
            "HTTP/1.1 503 x\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"
            "Date: Wed, 21 Oct 2026 07:27:00 GMT\r\n\r\n<html>",
            "HTTP/1.1 302\r\nLocation: /\r\n\r\n",
        ]
    )
    errors = (OSError,)
    share = 0.5

    def read(self, random: random.Random, data: bytes) -> None:
        sock = HandshakeSocket(_Bytes(data), 5.0)
        try:
            while sock.recv(random.choice((1, 1, 16, 4096))):
                pass
        finally:
            sock.refusal
            sock.retry_after_s
            assert data.endswith(sock.rest)


class Compressed(Decoder):
    """Compressed responses and recordings."""

    errors = (BfxError, ValueError, EOFError, zlib.error)
    share = 1.0

    def __init__(self) -> None:
        packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        packed = packer.compress(b'{"t":1,"conn":1}\n' * 9) + packer.flush()
        self.corpus = [[packed[:10], packed[10:20], packed[20:]], [packed, packed]]
        self.corpus += texts_of([b'{"t":1}\n' * 5, b'{"t":1}\n{"t":'])

    def read(self, random: random.Random, data: bytes) -> None:
        if random.random() < 0.5:
            for line in lines_in(BytesIO(data)):
                assert line
        else:
            encoding = random.choice(("gzip", "x-gzip", "", "br", "gzip, gzip"))
            for piece in unpacked([data[:9], data[9:]], encoding):
                assert len(piece) <= 2**16


class RecordingLines(Decoder):
    """Single lines of recordings."""

    share = 1.0

    corpus = texts_of(
        [
            *RECORDING[:60],
            '{"t":1.5,"conn":1,"open":"wss://x"}',
            '{"t":2,"conn":1,"lost":1006,"reason":"x","farewell":true}',
            '{"t":2,"conn":1,"missing":3}',
            '{"format":"bfxsync recording","version":1,"t":1}',
            '{"t":1,"conn":2,"dir":"client->server","frame":"{\\"event\\":\\"conf\\",\\"flags\\":65536}"}',
            '{"t":1,"conn":2,"dir":"server->client","frame":"{\\"event\\":\\"subscribed\\",\\"channel\\":\\"ticker\\",\\"chanId\\":5,\\"symbol\\":\\"tBTCUSD\\"}"}',
            '{"t":1,"conn":2,"dir":"server->client","frame":"\\ud800"}',
        ]
    )

    def read(self, random: random.Random, data: bytes) -> None:
        read_line(data)
        Contents.of([data, data])


class EnvFiles(Decoder):
    """Files with keys."""

    corpus = texts_of(
        [
            'BFX_API_KEY=abc\nBFX_API_SECRET="d\'ef\\"g" # x\n',
            "export BFX_API_KEY='a b'\r\n# no\nOTHER=\"1\n2\"\nBFX_API_SECRET=x\n",
            "BFX_API_KEY=$x\nBFX_API_KEY=`y`\nBFX_API_SECRET='",
        ]
    )
    share = 1.0

    def read(self, random: random.Random, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        variables_in(text, ("BFX_API_KEY", "BFX_API_SECRET"))


class Checks(Decoder):
    """The checks of arguments, with any value in the place of a good one."""

    corpus = texts_of(
        [
            *('"tBTCUSD"', '"btc/usd"', '"fUSD"', '"fUSD:p30"', '"fUSD:a30:p2:p30"'),
            *('"trade:1m:tBTCUSD"', '"1W"', '"liq:global"', '"deriv:tBTCF0:USTF0"'),
            *('"2024-10-04"', '"2024-10-04T10:00:00Z"', '"1.5"', "1.5", "7", "true"),
            *('["tBTCUSD","tETHUSD"]', '["ALL"]', '{"a":[1,"x"]}', '"pub:map:tx"'),
            *('"pos.size:1m:tBTCUSD:long"', '"vol:3h:tBTCUSD:hist"', '"api:me"'),
            *('"wss://api.x/ws/2"', '"https://u:p@[::1]:80/v2"', '"bfx"', '"BTC"'),
            *("1700000000000", '["trading","wallet-exchange"]', '"exchange"'),
        ]
    )
    share = 1.5

    def __init__(self) -> None:
        self.checks = [*_checks(), check_rest_host, check_wss_host, _address]

    def read(self, random: random.Random, data: bytes) -> None:
        value: Any = data.decode("utf-8", "replace").strip('"')
        if random.random() < 0.6:
            value = parse(loads_decimals if random.random() < 0.2 else loads, data)
        for _ in range(3):
            try:
                random.choice(self.checks)(value)
            except BfxError:
                pass
        name = random.choice(("ticker", "book", "candles", "status", "trades", value))
        fields = value if isinstance(value, dict) else {"symbol": value, "key": value}
        fields = {name: each for name, each in fields.items() if name != "channel"}
        if random.random() < 0.5:
            raw_channel_for(name, fields)
        elif "number" not in fields:
            channel_for(name, **fields)


def _address(value: Any) -> None:
    if isinstance(value, str):
        address_of(value)


def _checks() -> Iterator[Callable[[Any], object]]:
    """Yield each check of one value, with or without the name of its argument."""
    for module in iter_modules(bfxsync.checks.__path__):
        members = vars(import_module(f"bfxsync.checks.{module.name}"))
        for name, member in sorted(members.items()):
            if not name.startswith("check_") or not inspect.isfunction(member):
                continue
            if member.__module__.endswith((".callbacks", ".files")):
                continue
            needed = [
                each
                for each in inspect.signature(member).parameters.values()
                if each.default is each.empty
            ]
            # Others get values that a check has returned.
            if not needed or needed[-1].annotation != "object":
                continue
            if len(needed) == 1:
                yield member
            elif len(needed) == 2 and needed[0].name == "name":
                yield lambda value, check=member: check("name", value)  # type: ignore


class StreamEntries(Decoder):
    """What a relay writes into Redis, as its consumers read it."""

    corpus = [
        [b"1700-5", b"|", b"f", b"|", b"[0,[1,2]]\n[0,[3]]"],
        [b"0-0", b"|", b"k", b"|", b"fence"],
        [b"1-18446744073709551615", b"|", b"k", b"|", b"gap", b"|", b"r", b"|", b"x"],
        [b"7-1", b"|", b"id", b"|", b"7-0", b"|", b"flags", b"|", b"65536"]
        + [b"|", b"rows", b"|", b"[[1,2,3]]"],
        *texts_of(["book|tBTCUSD|P0|F0|25", "refused 10301", "ticker|fUSD", "live"]),
    ]
    share = 1.5

    def read(self, random: random.Random, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        words = data.split(b"|")
        fields = dict(zip(words[1::2], words[2::2]))
        calls: List[Callable[[], object]] = [
            lambda: EntryId.read(words[0]).next(),
            lambda: read_entry(fields),
            lambda: StoredSnapshot.read(fields),
            lambda: IdentityState.read(data).text,
            lambda: channel_of(text),
            lambda: check_shard(text),
        ]
        for call in calls:
            try:
                call()
            except BfxError:
                pass
