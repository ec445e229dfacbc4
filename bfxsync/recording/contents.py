"""Table of contents of a recording, collected in a first pass over its lines."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterable, List, Set

import attrs

from bfxsync.errors import RemoteError
from bfxsync.recording.format import Missing, Received, Sent, read_line
from bfxsync.wire.channels import Channel
from bfxsync.wire.codec import LOADS_ERRORS, loads_for

# The start of nearly all lines with channel data; these are skipped without parsing them.
_DATA = b'"frame":"['

# Fields that identify a channel in the responses to subscribe requests, before any others; the
# fields below do not identify a channel.
_FIELDS = ("channel", "symbol", "key", "prec", "freq", "len")
_NOT_FIELDS = ("event", "chanId", "subId", "pair", "currency")

MAX_CONNECTIONS = 10_000
"""Recordings with more connections are refused, as each uses memory until the end."""

MAX_CHANNELS_SIZE = 4 * 2**20
"""Limit for the identifying fields of all channels, in characters: some ten thousand channels."""

ACCOUNT = "account"
"""Name of the channel of an account, which is not subscribed by a request."""

_loads = loads_for()


@attrs.define
class Contents:
    """Period, channels and flags of a recording."""

    begin: float | None = None
    """Time of the first record, in seconds since 1970; None in an empty recording."""
    end: float | None = None
    """Time of the last record."""
    channels: List[Dict[str, Any]] = attrs.Factory(list)
    """The identifying fields of each subscribed channel, once, in order of subscription."""
    flags: Dict[int, int] = attrs.Factory(dict)
    """By connection: the requested flags, if the exchange answered the request."""
    accounts: Set[int] = attrs.Factory(set)
    """The connections on which the recorded client authenticated."""
    missing_count: int = 0
    """Messages that could not be recorded."""
    _requested_flags: Dict[int, int] = attrs.Factory(dict)
    _known: Set[str] = attrs.Factory(set)
    _size: int = 0

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> Contents:
        """Read the lines of a recording; raises as `read_line` does."""
        contents = cls()
        skipped = b""
        for line in lines:
            if contents.begin is not None and _DATA in line:
                skipped = line
                continue
            contents._add(line)
            skipped = b""
        if skipped:
            contents._add(skipped)
        return contents

    def has(self, channel: Channel) -> bool:
        """Return whether the channel was ever subscribed; the account's: whether there is one."""
        if channel.name == ACCOUNT:
            return bool(self.accounts)
        return any(channel.matches(fields) for fields in self.channels)

    def _add(self, line: bytes) -> None:
        record = read_line(line)
        if record is None:
            return
        self.begin = record.at if self.begin is None else self.begin
        self.end = record.at
        if isinstance(record, Missing):
            self.missing_count += record.count
        elif isinstance(record, Sent):
            event = event_of(record.text.encode())
            flags = event.get("flags") if event.get("event") == "conf" else None
            if type(flags) is int:
                self._requested_flags[record.connection] = flags
                check_connections(self._requested_flags)
        elif isinstance(record, Received):
            self._add_event(record.connection, event_of(record.message))

    def _add_event(self, connection: int, event: Dict[str, Any]) -> None:
        if event.get("event") == "conf":
            flags = event.get("flags")
            requested = self._requested_flags.get(connection, 0)
            self.flags[connection] = flags if type(flags) is int else requested
            check_connections(self.flags)
        elif event.get("event") == "auth" and event.get("status") == "OK":
            self.accounts.add(connection)
            check_connections(self.accounts)
        elif event.get("event") == "subscribed":
            fields = {
                name: event[name]
                for name in dict.fromkeys((*_FIELDS, *event))
                if name in event and name not in _NOT_FIELDS
            }
            name = repr(fields)
            if name not in self._known:
                self._size += len(name)
                if self._size > MAX_CHANNELS_SIZE:
                    raise RemoteError("the recording has too many channels")
                self._known.add(name)
                self.channels.append(fields)


def check_connections(by_number: Collection[int]) -> None:
    """Raise `RemoteError` if there are more than `MAX_CONNECTIONS`."""
    if len(by_number) > MAX_CONNECTIONS:
        raise RemoteError(f"the recording has more than {MAX_CONNECTIONS} connections")


def event_of(data: bytes) -> Dict[str, Any]:
    """Return the JSON object in a message, or an empty one for any other message."""
    if data.startswith(b"["):
        return {}
    try:
        value = _loads(data)
    except LOADS_ERRORS:
        return {}
    return value if isinstance(value, dict) else {}
