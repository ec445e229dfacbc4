r"""
The entries of a stream, their ids, and stored snapshots.

Strategy: an id is ``<epoch>-<n>``. An epoch begins with each lease of a relay and after each error
of Redis, and n is contiguous within it, so that a hole is visible in the ids alone. Redis refuses
an id that is not greater than the last one, and with it every relay whose epoch is over.

=========================  =====================================================================
fields                     meaning
=========================  =====================================================================
``k=fence``                an epoch begins; n is 0
``f=<frames>``             frames of the channel as received, joined by ``\n``
``k=snap``                 the state at exactly this entry is in the hash of the snapshot
``k=snap``, ``r=renewal``  the same, and no data is missing before it
``k=gap``, ``r=<reason>``  the relay may have missed data; a snapshot follows
=========================  =====================================================================
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Union

from bfxsync.errors import RemoteError

Fields = Mapping[bytes, bytes]

# As many digits as 64 bits have; int() refuses very long texts.
_ID = re.compile(rb"(\d{1,20})-(\d{1,20})")


class EntryId(NamedTuple):
    """The id of an entry; ids are ordered."""

    epoch: int
    n: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.n}"

    @classmethod
    def read(cls, value: bytes) -> EntryId:
        """Return an id as Redis returns it, or raise `RemoteError`."""
        match = _ID.fullmatch(value)
        if match is None:
            raise RemoteError("not the id of a stream's entry", raw=value)
        return cls(int(match[1]), int(match[2]))

    def next(self) -> EntryId:
        """Return the id of the next entry if nothing is missing."""
        return EntryId(self.epoch, self.n + 1)


class Fence(NamedTuple):
    """The first entry of an epoch: what was written before may be incomplete."""


class Frames(NamedTuple):
    """Frames as received from the exchange, in order."""

    messages: List[bytes]


class SnapshotMark(NamedTuple):
    """The stored snapshot is the state at exactly this entry."""

    is_renewal: bool = False
    """Whether the entries before it have all that is in it: no relay has lost anything."""


class GapMark(NamedTuple):
    """The relay may have missed data."""

    reason: str


Entry = Union[Fence, Frames, SnapshotMark, GapMark]


def fields_of(entry: Entry) -> Dict[bytes, bytes]:
    """Return the fields of an entry."""
    if isinstance(entry, Frames):
        return {b"f": join_messages(entry.messages)}
    if isinstance(entry, GapMark):
        return {b"k": b"gap", b"r": entry.reason.encode("utf-8", "replace")}
    if isinstance(entry, Fence):
        return {b"k": b"fence"}
    return {b"k": b"snap", **({b"r": b"renewal"} if entry.is_renewal else {})}


def read_entry(fields: Fields) -> Entry:
    """Return the entry with these fields, or raise `RemoteError`; further fields are ignored."""
    frames = fields.get(b"f")
    if frames is not None:
        return Frames(frames.split(b"\n"))
    kind = fields.get(b"k")
    if kind == b"fence":
        return Fence()
    if kind == b"snap":
        return SnapshotMark(fields.get(b"r") == b"renewal")
    if kind == b"gap":
        return GapMark(fields.get(b"r", b"").decode("utf-8", "replace"))
    raise RemoteError("unknown kind of entry", raw=dict(fields))


def join_messages(messages: List[bytes]) -> bytes:
    """Return messages as one value, which `split` separates again."""
    joined = b"\n".join(messages)
    if joined.count(b"\n") >= len(messages):
        # In JSON a line break is white space: text has it as an escape.
        joined = b"\n".join(message.replace(b"\n", b" ") for message in messages)
    return joined


class StoredSnapshot(NamedTuple):
    """
    The state of a channel at an entry: what the exchange would send now.

    It is stored in the hash of the channel (`keys.ShardKeys.snapshot`).
    """

    id: EntryId
    flags: int
    """Sum of the `Flag` values by which the frames since this entry are to be read."""
    rows: bytes
    """
    JSON of the content of the first frame after a subscription, in the exchange's order and with
    the digits of its numbers: a list of rows, or the row of a ticker.
    """

    def fields(self) -> Dict[bytes, bytes]:
        """Return the fields of the hash."""
        return {
            b"id": str(self.id).encode(),
            b"flags": b"%d" % self.flags,
            b"rows": self.rows,
        }

    @classmethod
    def read(cls, fields: Fields) -> StoredSnapshot | None:
        """Return the snapshot of a hash; None if the hash is empty. May raise `RemoteError`."""
        if not fields:
            return None
        entry_id, flags = fields.get(b"id", b""), fields.get(b"flags", b"")
        rows = fields.get(b"rows")
        if rows is None or not flags.isdigit() or len(flags) > 10:
            raise RemoteError("not the snapshot of a stream", raw=dict(fields))
        return cls(EntryId.read(entry_id), int(flags), rows)

    def message(self) -> bytes:
        """Return the snapshot as a frame of channel 0, without the numbers of the flags."""
        return b"[0," + self.rows + b"]"
