"""
Formats and parses the lines of a recording, without secrets.

Strategy: a recording is JSON lines. The first is a header; every other line has the time ``t``
(seconds since 1970) and the number of a connection, ``conn``. A message has ``dir`` and ``frame``,
its text exactly as on the wire, so that numbers keep their digits. Other lines report that a
connection was opened (``open``) or lost (``lost``, ``reason``), or that messages are ``missing``.
Unknown fields and kinds of lines are ignored, as other programs may write them.
"""

from __future__ import annotations

import json
from typing import Any, Sequence, Union

import attrs

from bfxsync.errors import RemoteError, UsageError
from bfxsync.recording.secrets import redact
from bfxsync.wire.codec import LOADS_ERRORS, dumps, loads_for, parse
from bfxsync.wire.websocket import MAX_MESSAGE_SIZE

FORMAT = "bfxsync recording"
VERSION = 1

SERVER, CLIENT = "server->client", "client->server"

# The year 10000, beyond the range of `datetime`.
_END_OF_TIME_S = 253_402_300_800

_loads = loads_for()
_quote = json.JSONEncoder().encode


@attrs.frozen
class _Event:
    connection: int
    at: float


@attrs.frozen
class Opened(_Event):
    """A connection was opened."""

    url: str


@attrs.frozen
class Received(_Event):
    """A message was received."""

    message: bytes


@attrs.frozen
class Sent(_Event):
    """A message was sent; recorded without its secrets."""

    text: str


@attrs.frozen
class Lost(_Event):
    """A connection was lost, with the code and reason of the `disconnected` event."""

    code: int
    reason: str
    is_farewell: bool = attrs.field(
        default=attrs.Factory(lambda lost: lost.is_plain(), takes_self=True)
    )
    """Whether the recorded client closed the connection."""

    def is_plain(self) -> bool:
        """Whether it looks like a close by the client; older recordings have no `is_farewell`."""
        return self.code == 1000 and not self.reason


@attrs.frozen
class Missing(_Event):
    """Messages of a connection before `at` were not recorded."""

    count: int


Record = Union[Opened, Received, Sent, Lost, Missing]


def header(at: float, version: str) -> str:
    """Return the first line of a recording; `version` is that of bfxsync."""
    return _line({"format": FORMAT, "version": VERSION, "bfxsync": version, "t": at})


def received_lines(connection: int, at: float, messages: Sequence[bytes]) -> str:
    """Return the lines of a block of received messages."""
    # Nearly all lines are formatted here, so the common part is formatted once.
    start = f'{{"t":{at:.6f},"conn":{connection},"dir":"{SERVER}","frame":'
    return "".join(
        [f"{start}{_quote(_read_text(message))}}}\n" for message in messages]
    )


def line_of(record: Record) -> str:
    """Return the line of a record."""
    fields: dict[str, Any]
    if isinstance(record, Received):
        return received_lines(record.connection, record.at, [record.message])
    if isinstance(record, Sent):
        fields = {"dir": CLIENT, "frame": redact(record.text)}
    elif isinstance(record, Opened):
        fields = {"open": record.url}
    elif isinstance(record, Lost):
        fields = {"lost": record.code, "reason": record.reason}
        if record.is_farewell != record.is_plain():
            fields["farewell"] = record.is_farewell
    else:
        fields = {"missing": record.count}
    return _line({"t": round(record.at, 6), "conn": record.connection, **fields})


def read_line(line: bytes) -> Record | None:
    """
    Return the record of a line; None for a header or a line of an unknown kind.

    Raises
    ------
    RemoteError
        Not a JSON object, or a field has the wrong type.
    UsageError
        The recording has a later format version.
    """
    return _read_fields(line)[1]


def is_line(line: bytes) -> bool:
    """Return whether a line may be part of a recording; raises `UsageError` as `read_line` does."""
    try:
        read_line(line)
    except RemoteError:
        return False
    return True


def is_ours(line: bytes) -> bool:
    """Return whether a line is a header or a record; raises `UsageError` as `read_line` does."""
    try:
        is_header, record = _read_fields(line)
    except RemoteError:
        return False
    return is_header or record is not None


def _read_fields(line: bytes) -> tuple[bool, Record | None]:
    """Return whether a line is a header, and its record."""
    try:
        fields = _loads(line)
    except LOADS_ERRORS:
        # Only the standard library reads the lone surrogates that `_read_text` leaves.
        fields = parse(json.loads, line)
    if not isinstance(fields, dict):
        raise RemoteError(
            "a line of the recording is not a JSON object", raw=line[:1000]
        )
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
        message = f"a line of the recording cannot be read: {exc}"
        raise RemoteError(message, raw=line[:1000]) from exc


def _line(fields: dict[str, Any]) -> str:
    return dumps(fields) + "\n"


def _read_text(message: bytes) -> str:
    # Invalid UTF-8 becomes lone surrogates, which are converted back to the same bytes.
    text = message.decode("utf-8", "surrogateescape")
    # An event may echo a request, and a notification of the account has what other programs sent;
    # public data has no secrets.
    is_public = text.startswith("[") and not text.startswith("[0,")
    return text if is_public else redact(text)


def _record(fields: dict[str, Any]) -> Record | None:
    connection = _field(fields, "conn", int, 1)
    if "frame" in fields:
        text = _field(fields, "frame", str)
        if fields.get("dir") == CLIENT:
            # Refuses lone surrogates, which a sent message never has.
            text.encode()
            return Sent(connection, _time(fields), text)
        message = text.encode("utf-8", "surrogateescape")
        if len(message) > MAX_MESSAGE_SIZE:
            raise ValueError(f"a message has more than {MAX_MESSAGE_SIZE} bytes")
        return Received(connection, _time(fields), message)
    if "open" in fields:
        return Opened(connection, _time(fields), _field(fields, "open", str))
    if "lost" in fields:
        code, reason = _field(fields, "lost", int), _field(fields, "reason", str, "")
        if "farewell" in fields:
            is_farewell = _field(fields, "farewell", bool)
            return Lost(connection, _time(fields), code, reason, is_farewell)
        return Lost(connection, _time(fields), code, reason)
    if "missing" in fields:
        count = _field(fields, "missing", int)
        return Missing(connection, _time(fields), count)
    return None


def _time(fields: dict[str, Any]) -> float:
    at: Any = fields.get("t")
    # Excludes NaN, and times in milliseconds.
    if type(at) not in (int, float) or not 0 <= at < _END_OF_TIME_S:
        raise TypeError(f"t must be a number of seconds since 1970, not {at!r}")
    return float(at)


def _field(fields: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    value = fields.get(name, default)
    if type(value) is not kind:
        raise TypeError(f"{name} must be of type {kind.__name__}, not {value!r}")
    return value
