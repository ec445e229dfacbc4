"""
What the entries of a stream mean for workers that share it.

Strategy: a worker sees some of the entries only, so nothing is state: a trade is one when it is
executed, its confirmation is left out, and rows of snapshots are trades that may be known. A
renewed snapshot is no work: its trades were in the entries before it, but perhaps in those of other
workers.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple

from bfxsync._base.aliases import NumberType
from bfxsync.errors import BfxError, RemoteError, UsageError
from bfxsync.models.stream import Gap, Snapshot
from bfxsync.streams.entries import (
    Fence,
    Fields,
    Frames,
    GapMark,
    StoredSnapshot,
    read_entry,
)
from bfxsync.streams.keys import channel_of
from bfxsync.wire.channels import LiquidationsChannel, TradesChannel
from bfxsync.wire.codec import Loads, loads_for, parse_many

_CONFIRMATIONS = ("tu", "ftu")


class Work(NamedTuple):
    """What an entry means."""

    updates: List[Any]
    """Updates, and a `Gap` where data may be missing."""
    errors: List[BfxError]
    """Of unreadable frames and rows, which are left out of the updates."""


NO_WORK = Work([], [])


class SharedWork:
    """The trades or liquidations of one stream, for one worker."""

    def __init__(self, identity: str, number: NumberType = float) -> None:
        self.identity = identity
        self._number = number
        self._loads: Loads = loads_for(number)
        self._flags = 0
        self._channel = self._new_channel()
        if not isinstance(self._channel, (TradesChannel, LiquidationsChannel)):
            raise UsageError(
                "workers can share trades and liquidations, which are no state, not "
                + identity
            )

    def _new_channel(self) -> Any:
        channel = channel_of(self.identity, self._number)
        channel.set_flags(self._flags)
        channel.feed_many([[0, []]])
        return channel

    def read(
        self, fields: Fields, snapshot: StoredSnapshot | None, is_repeated: bool
    ) -> Work:
        """
        Return the updates of an entry, and the errors of what is unreadable in it.

        Parameters
        ----------
        fields : dict
        snapshot : StoredSnapshot, optional
            The stored one, for an entry that announces it.
        is_repeated : bool
            Whether the entry was delivered before: then what is known is returned again.

        Raises
        ------
        RemoteError
            Unknown kind of entry.
        """
        entry = read_entry(fields)
        if isinstance(entry, Fence):
            return Work([Gap("a relay has taken over")], [])
        if isinstance(entry, GapMark):
            return Work([Gap(f"the relay has lost data: {entry.reason}")], [])
        if is_repeated:
            self._channel = self._new_channel()
        if isinstance(entry, Frames):
            return self._feed(entry.messages)
        if snapshot is None or entry.is_renewal:
            return NO_WORK
        return self.read_snapshot(snapshot)

    def read_snapshot(self, snapshot: StoredSnapshot) -> Work:
        """Return the updates of a stored snapshot that this worker has not had."""
        if snapshot.flags != self._flags:
            self._flags = snapshot.flags
            self._channel.set_flags(snapshot.flags)
        return self._feed([snapshot.message()])

    def _feed(self, messages: List[bytes]) -> Work:
        found = Work([], [])
        channel = self._channel
        frames, errors = parse_many(self._loads, messages)
        found.errors.extend(errors)
        for frame in frames:
            if isinstance(frame, RemoteError) or _confirms(frame):
                continue
            # One at a time: after an unreadable frame a channel ignores the others.
            found.updates.extend(
                item
                for item in channel.feed_many([frame])
                if not isinstance(item, Snapshot)
            )
            found.errors.extend(channel.errors)
            # There is nothing to subscribe again here: the relay does that.
            channel.errors, channel.resync_reason = [], None
        return found

    def forget(self) -> None:
        """Forget known trades, as the caller has not handled all of the last ones."""
        self._channel = self._new_channel()


def _confirms(frame: Any) -> bool:
    return isinstance(frame, list) and len(frame) > 1 and frame[1] in _CONFIRMATIONS
