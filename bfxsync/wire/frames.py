"""
A decoded message plus the acknowledged flags: what kind of frame it is.

The flags decide what stands at a frame's end, so a frame is read from the left, by kind, and its
suffix by what is left over. This is the careful way, used when a block holds anything unusual;
the everyday way is `Session.feed`, which hands whole frames to their channels.

References
----------
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

# Plain integers: `&` with a member of an enumeration takes longer than all else in a small block.
SEQ_ALL = int(Flag.SEQ_ALL)
TIMESTAMP = int(Flag.TIMESTAMP)
BULK_UPDATES = int(Flag.BULK_UPDATES)


@attrs.frozen
class Event:
    """An object: info, conf, subscribed, error, …"""

    name: str
    body: dict[str, Any]


@attrs.frozen
class Heartbeat:
    """A sign of life of a channel; channel 0 is the account's."""

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
    """Data of a channel; `tag` is the text before the payload of a trade (`te`, `tu`, …)."""

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
    Tell what a message is.

    Parameters
    ----------
    value : object
        What the JSON reader returned.
    flags : int
        The `Flag` values that the exchange acknowledged for this connection.

    Raises
    ------
    RemoteError
        It is neither an object with a name nor a list that begins with a channel.
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
        seq, _, mts = _suffix(value, 2, flags)
        return Heartbeat(chan_id, seq, mts)
    if chan_id == ACCOUNT_CHANNEL:
        if not isinstance(second, str) or len(value) < 3:
            raise RemoteError(
                "an account message without its kind or content", raw=value
            )
        seq, auth_seq, mts = _suffix(value, 3, flags)
        return AccountData(second, value[2], seq, auth_seq, mts)
    if second == CHECKSUM:
        if len(value) < 3 or type(value[2]) is not int:
            raise RemoteError("a checksum that is no integer", raw=value)
        seq, _, mts = _suffix(value, 3, flags)
        return ChecksumFrame(chan_id, value[2], seq, mts)
    if isinstance(second, str):
        if len(value) < 3 or not isinstance(value[2], list):
            raise RemoteError(f"{second[:20]!r} without a row", raw=value)
        seq, _, mts = _suffix(value, 3, flags)
        return ChannelData(chan_id, second, value[2], seq, mts)
    if not isinstance(second, list):
        raise RemoteError("a channel's frame without data", raw=value)
    seq, _, mts = _suffix(value, 2, flags)
    return ChannelData(chan_id, None, second, seq, mts)


def sequence_index(flags: int) -> int:
    """Return where, from the end, the sequence number of a public frame stands."""
    return -2 if flags & TIMESTAMP else -1


def read_code(value: object) -> int | None:
    """Read a code of an event, which may come as text; None if it is none."""
    # Longer ones are no codes, and int() refuses very long ones.
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    return value if type(value) is int else None


def _suffix(
    value: list[Any], start: int, flags: int
) -> tuple[int | None, int | None, Mts | None]:
    """
    Read (seq, account seq, timestamp) from what follows a frame's content.

    With the timestamp on it is the last one; the others are read from the left. Account frames
    carry one or two numbers, so both are accepted.
    """
    rest = value[start:]
    if any(type(number) is not int for number in rest):
        # Content that was appended to the frame. With text or a list between, nothing tells
        # which of the numbers is which.
        rest = [number for number in rest if type(number) is int]
    mts = rest.pop() if flags & TIMESTAMP and rest else None
    if not flags & SEQ_ALL or not rest:
        return None, None, mts
    return rest[0], rest[1] if len(rest) > 1 else None, mts
