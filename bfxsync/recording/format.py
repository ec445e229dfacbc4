"""
One line of a recording, to and from values; and what must never stand in one.

Strategy: a recording is text, one JSON object in each line. The first is a header; every other
one has the time ``t`` (seconds since 1970) and the number of a connection, ``conn``. A message has
``dir`` and ``frame``, its text exactly as it went over the wire, so that a number that was sent
keeps its digits. The other lines say that a connection was opened (``open``) or lost (``lost``,
``reason``), or that messages are missing (``missing``). What else stands in a line, and lines of
other kinds, are passed over: other programs may write more.
"""

from __future__ import annotations

import json
import re
from typing import Any, Sequence, Union

import attrs

from bfxsync.errors import RemoteError, UsageError
from bfxsync.wire.codec import LOADS_ERRORS, dumps, loads_for, parse
from bfxsync.wire.websocket import MAX_MESSAGE_SIZE

FORMAT = "bfxsync recording"
VERSION = 1

SERVER, CLIENT = "server->client", "client->server"

REDACTED = "***"

_SECRETS = ("apiKey", "authNonce", "authPayload", "authSig", "token")

# On the text, not on what it means: all else stays as it was, also where it is no JSON.
_SECRET = re.compile(
    r'("(?:' + "|".join(_SECRETS) + r')"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)',
    re.DOTALL,
)

# The year 10000, for which there is no `datetime` any more.
_END_OF_TIME_S = 253_402_300_800

_loads = loads_for()
_quote = json.JSONEncoder().encode


@attrs.frozen
class Opened:
    """A connection was opened."""

    connection: int
    at: float
    url: str


@attrs.frozen
class Received:
    """A message came from the exchange."""

    connection: int
    at: float
    message: bytes


@attrs.frozen
class Sent:
    """A message went to the exchange; what is secret in it was left out."""

    connection: int
    at: float
    text: str


@attrs.frozen
class Lost:
    """
    A connection was lost; `code` as a user is told it.

    It was closed by its own client if the code is 1000 and there is no reason.
    """

    connection: int
    at: float
    code: int
    reason: str

    @property
    def is_farewell(self) -> bool:
        """Whether its own client closed it."""
        return self.code == 1000 and not self.reason


@attrs.frozen
class Missing:
    """So many messages of a connection were not recorded; they came before `at`."""

    connection: int
    at: float
    count: int


Record = Union[Opened, Received, Sent, Lost, Missing]


def header(at: float, version: str) -> str:
    """Return the first line of a recording that is begun now, by this version of bfxsync."""
    return _line({"format": FORMAT, "version": VERSION, "bfxsync": version, "t": at})


def received_lines(connection: int, at: float, messages: Sequence[bytes]) -> str:
    """Return the lines of a block of messages that came together."""
    # Nearly all that a recording consists of, so what is the same in all is made once.
    start = f'{{"t":{at:.6f},"conn":{connection},"dir":"{SERVER}","frame":'
    return "".join(
        [f"{start}{_quote(_read_text(message))}}}\n" for message in messages]
    )


def line_of(record: Record) -> str:
    """Return the line of anything that happened."""
    fields: dict[str, Any]
    if isinstance(record, Received):
        return received_lines(record.connection, record.at, [record.message])
    if isinstance(record, Sent):
        fields = {"dir": CLIENT, "frame": redact(record.text)}
    elif isinstance(record, Opened):
        fields = {"open": record.url}
    elif isinstance(record, Lost):
        fields = {"lost": record.code, "reason": record.reason}
    else:
        fields = {"missing": record.count}
    return _line({"t": round(record.at, 6), "conn": record.connection, **fields})


def read_line(line: bytes) -> Record | None:
    """
    Return what a line says happened, or None if it is a header or says something else.

    Raises
    ------
    RemoteError
        It is no JSON object, or its parts are not what they should be.
    UsageError
        The recording is of a later version.
    """
    return _read_fields(line)[1]


def is_line(line: bytes) -> bool:
    """
    Tell whether something is a line of a recording.

    Raises
    ------
    UsageError
        The recording is of a later version.
    """
    try:
        read_line(line)
    except RemoteError:
        return False
    return True


def is_ours(line: bytes) -> bool:
    """
    Tell whether something can be nothing but a line of a recording: a header, or what happened.

    Raises
    ------
    UsageError
        The recording is of a later version.
    """
    try:
        is_header, record = _read_fields(line)
    except RemoteError:
        return False
    return is_header or record is not None


def redact(text: str) -> str:
    """Return a message without the values that are secret."""
    return _SECRET.sub(rf'\1"{REDACTED}"', text)


def _read_fields(line: bytes) -> tuple[bool, Record | None]:
    """Return whether a line is a header, and what it says happened."""
    try:
        fields = _loads(line)
    except LOADS_ERRORS:
        # Only the standard library reads the lone surrogates that `_read_text` leaves.
        fields = parse(json.loads, line)
    if not isinstance(fields, dict):
        raise RemoteError("a line of a recording that is no object", raw=line[:1000])
    if fields.get("format") == FORMAT:
        version = fields.get("version")
        if type(version) is not int or version > VERSION:
            raise UsageError(
                f"the recording has version {version!r}; this bfxsync reads {VERSION}"
            )
        return True, None
    try:
        return False, _record(fields)
    except (TypeError, ValueError, OverflowError) as exc:
        message = f"a line of a recording that cannot be read: {exc}"
        raise RemoteError(message, raw=line[:1000]) from exc


def _line(fields: dict[str, Any]) -> str:
    return dumps(fields) + "\n"


def _read_text(message: bytes) -> str:
    # What is no UTF-8 becomes lone surrogates, which are the same bytes again when it is read.
    text = message.decode("utf-8", "surrogateescape")
    # An event could repeat what it answers to; the lists of channels hold no secrets.
    return text if text.startswith("[") else redact(text)


def _record(fields: dict[str, Any]) -> Record | None:
    connection = _take(fields, "conn", int, 1)
    if "frame" in fields:
        text = _take(fields, "frame", str)
        if fields.get("dir") == CLIENT:
            return Sent(connection, _time(fields), text)
        message = text.encode("utf-8", "surrogateescape")
        if len(message) > MAX_MESSAGE_SIZE:
            raise ValueError(f"a message has more than {MAX_MESSAGE_SIZE} bytes")
        return Received(connection, _time(fields), message)
    if "open" in fields:
        return Opened(connection, _time(fields), _take(fields, "open", str))
    if "lost" in fields:
        code, reason = _take(fields, "lost", int), _take(fields, "reason", str, "")
        return Lost(connection, _time(fields), code, reason)
    if "missing" in fields:
        count = _take(fields, "missing", int)
        return Missing(connection, _time(fields), count)
    return None


def _time(fields: dict[str, Any]) -> float:
    at: Any = fields.get("t")
    # Of a NaN this is true, and of milliseconds.
    if type(at) not in (int, float) or not 0 <= at < _END_OF_TIME_S:
        raise TypeError(f"t must be a number of seconds since 1970, not {at!r}")
    return float(at)


def _take(fields: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    value = fields.get(name, default)
    if type(value) is not kind:
        raise TypeError(f"{name} must be of type {kind.__name__}, not {value!r}")
    return value
