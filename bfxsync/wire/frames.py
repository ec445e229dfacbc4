"""
The kinds of frames, distinguished by their content and the acknowledged flags.

The flags determine which numbers follow the content of a frame, so it is parsed from the left, and
the rest is its suffix. Only unusual blocks are decoded this way; `blocks` handles all others.

https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

from typing import Any, Union

import attrs

from bfxsync._base.aliases import ChanId, Mts
from bfxsync._base.enums import Flag
from bfxsync.errors import RemoteError

HEARTBEAT = "hb"
CHECKSUM = "cs"
ACCOUNT_CHANNEL = 0

# Plain integers: `&` with an enum member would take longer than the rest of a small block.
SEQ_ALL = int(Flag.SEQ_ALL)
TIMESTAMP = int(Flag.TIMESTAMP)
BULK_UPDATES = int(Flag.BULK_UPDATES)
OB_CHECKSUM = int(Flag.OB_CHECKSUM)


@attrs.frozen
class Event:
    """An object: info, conf, subscribed, error, …"""

    name: str
    body: dict[str, Any]


@attrs.frozen
class Heartbeat:
    """A heartbeat of a channel; channel 0 is the account's."""

    chan_id: ChanId
    seq: int | None
    mts: Mts | None


@attrs.frozen
class ChecksumFrame:
    """The exchange's checksum of a book, as a signed 32-bit integer."""

    chan_id: ChanId
    value: int
    seq: int | None
    mts: Mts | None


@attrs.frozen
class ChannelData:
    """Data of a channel; `tag` is the kind of a trade (`te`, `tu`, …), else None."""

    chan_id: ChanId
    tag: str | None
    payload: list[Any]
    seq: int | None
    mts: Mts | None


@attrs.frozen
class AccountData:
    """A message of the account's channel 0."""

    code: str
    payload: Any
    seq: int | None
    auth_seq: int | None
    mts: Mts | None


Frame = Union[Event, Heartbeat, ChecksumFrame, ChannelData, AccountData]


def decode(value: object, flags: int) -> Frame:
    """
    Return the frame of a decoded message; `flags` are those acknowledged for the socket.

    Raises `RemoteError` for anything but an event object or a list that starts with a channel id.
    """
    if isinstance(value, dict):
        name = value.get("event")
        if not isinstance(name, str):
            raise RemoteError("an object without the name of an event", raw=value)
        return Event(name, value)
    if not isinstance(value, list) or len(value) < 2 or type(value[0]) is not int:
        raise RemoteError("neither an event nor a channel's frame", raw=value)
    chan_id, second = value[0], value[1]
    if second == HEARTBEAT:
        seq, _, mts = suffix(value, 2, flags)
        return Heartbeat(chan_id, seq, mts)
    if chan_id == ACCOUNT_CHANNEL:
        if not isinstance(second, str) or len(value) < 3:
            raise RemoteError(
                "an account message without its kind or content", raw=value
            )
        seq, auth_seq, mts = suffix(value, 3, flags)
        return AccountData(second, value[2], seq, auth_seq, mts)
    if second == CHECKSUM:
        if len(value) < 3 or type(value[2]) is not int:
            raise RemoteError("a checksum that is not an integer", raw=value)
        seq, _, mts = suffix(value, 3, flags)
        return ChecksumFrame(chan_id, value[2], seq, mts)
    if isinstance(second, str):
        if len(value) < 3 or not isinstance(value[2], list):
            raise RemoteError(f"{second[:20]!r} without a row", raw=value)
        seq, _, mts = suffix(value, 3, flags)
        return ChannelData(chan_id, second, value[2], seq, mts)
    if not isinstance(second, list):
        raise RemoteError("a channel's frame without data", raw=value)
    seq, _, mts = suffix(value, 2, flags)
    return ChannelData(chan_id, None, second, seq, mts)


def sequence_index(flags: int) -> int:
    """Return the index, from the end, of the sequence number of a public frame."""
    return -2 if flags & TIMESTAMP else -1


def server_mts(frame: list[Any]) -> Mts | None:
    """Return the timestamp of a public frame of a socket with the flag TIMESTAMP."""
    last = frame[-1]
    # Nearly always; otherwise fields were appended.
    return last if type(last) is int else suffix(frame, 2, TIMESTAMP)[2]


def read_code(value: object) -> int | None:
    """Return the code of an event as a number, or None; it may be sent as text."""
    # Longer texts are no codes, and int() refuses very long ones.
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    return value if type(value) is int else None


def suffix(
    value: list[Any], start: int, flags: int
) -> tuple[int | None, int | None, Mts | None]:
    """
    Return (seq, account seq, timestamp) of the numbers after a frame's content.

    The timestamp, if enabled, is the last; the others are read from the left. Account frames have
    one or two sequence numbers.
    """
    rest = value[start:]
    if any(type(number) is not int for number in rest):
        # Fields appended to the frame. With text or a list in between, the meaning of the numbers
        # is uncertain.
        rest = [number for number in rest if type(number) is int]
    mts = rest.pop() if flags & TIMESTAMP and rest else None
    if not flags & SEQ_ALL or not rest:
        return None, None, mts
    return rest[0], rest[1] if len(rest) > 1 else None, mts
