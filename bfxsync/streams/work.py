"""
What the entries of a stream mean for workers that share it.

Strategy: a worker sees some of the entries only, so nothing is state: a trade is one when it is
executed, its confirmation is left out, and rows of snapshots are trades that may be known. Groups
hide holes of a stream, so each batch is compared with the entry before it.
"""

from __future__ import annotations

from typing import Any, List

from bfxsync._base.aliases import NumberType
from bfxsync.errors import BfxError, UsageError
from bfxsync.models.stream import Gap, Snapshot
from bfxsync.streams.entries import (
    EntryId,
    Fence,
    Fields,
    Frames,
    GapMark,
    StoredSnapshot,
    read_entry,
)
from bfxsync.streams.keys import channel_of
from bfxsync.wire.channels import LiquidationsChannel, TradesChannel
from bfxsync.wire.codec import Loads, loads_for, loads_many

_CONFIRMATIONS = ("tu", "ftu")


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

    def is_next(self, before: EntryId, entry_id: EntryId) -> bool:
        """Return whether no entry is missing between two."""
        return entry_id == before.next() or (
            entry_id.epoch > before.epoch and entry_id.n == 0
        )

    def updates_of(
        self, fields: Fields, snapshot: StoredSnapshot | None, is_repeated: bool
    ) -> List[Any]:
        """
        Return the updates of an entry, and a `Gap` where data may be missing.

        Parameters
        ----------
        fields : dict
        snapshot : StoredSnapshot, optional
            The stored one, for an entry that announces it.
        is_repeated : bool
            Whether the entry was delivered before: then what is known is returned again.

        Raises
        ------
        BfxError
            Unreadable.
        """
        entry = read_entry(fields)
        if isinstance(entry, Fence):
            return [Gap("a relay has taken over")]
        if isinstance(entry, GapMark):
            return [Gap(f"the relay has lost data: {entry.reason}")]
        if is_repeated:
            self._channel = self._new_channel()
        if isinstance(entry, Frames):
            frames = [
                frame
                for frame in loads_many(self._loads, entry.messages)
                if frame[1] not in _CONFIRMATIONS
            ]
        elif snapshot is None:
            return []
        else:
            if snapshot.flags != self._flags:
                self._flags = snapshot.flags
                self._channel.set_flags(snapshot.flags)
            frames = [self._loads(snapshot.message())]
        return self._feed(frames)

    def _feed(self, frames: List[Any]) -> List[Any]:
        updates = self._channel.feed_many(frames)
        errors: List[BfxError] = self._channel.errors
        if errors:
            self._channel = self._new_channel()
            raise errors[0]
        return [item for item in updates if not isinstance(item, Snapshot)]

    def forget(self) -> None:
        """Forget known trades, as the caller has not handled all of the last ones."""
        self._channel = self._new_channel()
