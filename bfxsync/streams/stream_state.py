"""One relayed subscription: where it stands in its stream, and how its updates are delivered."""

from __future__ import annotations

from enum import Enum
from typing import Any, Hashable, Mapping

import attrs

from bfxsync.models.stream import Degraded, Snapshot
from bfxsync.streams.entries import EntryId, StoredSnapshot
from bfxsync.streams.keys import identity_of
from bfxsync.wire.channels import Channel, LiquidationsChannel, TradesChannel

START = EntryId(0, 0)
"""Before the first entry of any stream."""


class Phase(Enum):
    """How a subscription stands to its stream."""

    LOOKUP = "lookup"
    """The snapshot must be looked up; the stream is not read."""
    WAITING = "waiting"
    """There is no usable snapshot: the stream is read until it announces one."""
    CATCHING_UP = "catching up"
    """Entries between the snapshot and the end of the stream are applied, not delivered."""
    LIVE = "live"
    """Each entry is delivered."""
    AUDIT = "audit"
    """Live before a reconnect; the position is compared with the stream's last entry."""


_READ = (Phase.WAITING, Phase.CATCHING_UP, Phase.LIVE)


@attrs.frozen
class StreamInfo:
    """The keys of one channel as Redis has them: the answer to a lookup."""

    last_id: bytes | None
    """``last-generated-id`` of the stream, read before the snapshot; None without a stream."""
    snapshot: Mapping[bytes, bytes]
    """The hash of the snapshot; empty if there is none."""


@attrs.define(eq=False, slots=False)
class StreamState:
    """A subscription and its position in its stream."""

    token: Hashable
    channel: Channel
    is_resolved: bool = False
    """Data arrived once: the user's call has returned."""
    was_requested: bool = False
    phase: Phase = Phase.LOOKUP
    position: EntryId = START
    """The last entry that was read."""
    floor: EntryId = START
    """Older snapshots lack entries that are missing from the stream, or that were delivered."""
    floor_until: float | None = None
    """When the floor is given up, because Redis has lost entries and the clock is behind."""
    target: EntryId = START
    """The last entry to catch up with."""
    delivered: EntryId = START
    """The last entry whose updates were delivered."""
    has_delivered: bool = False
    """Whether the user has had data."""
    retry_at: float | None = None
    """When to look up the next time; None for immediately."""
    attempts: int = 0
    """Lookups in a row without a usable snapshot."""
    is_stale: bool = False
    """Whether the user was told that the data may be outdated."""
    held: list[Any] = attrs.field(factory=list)
    """Updates for the end of the catch-up."""

    def __attrs_post_init__(self) -> None:
        self.identity: str = identity_of(self.channel)

    @property
    def is_read(self) -> bool:
        """Whether its stream is read."""
        return self.phase in _READ

    def begin(self, snapshot: StoredSnapshot, target: EntryId) -> None:
        """Start from a snapshot, and catch up with the stream."""
        if self.channel.is_live:
            # An earlier catch-up was interrupted.
            self.channel.lose()
        self.channel.set_flags(snapshot.flags)
        self.position, self.target = snapshot.id, max(snapshot.id, target)
        self.phase = Phase.CATCHING_UP
        self.held = []
        self.attempts = 0
        self.floor, self.floor_until = START, None

    def hold(self, updates: list[Any], entry_id: EntryId) -> None:
        """Keep the updates of an entry that the user will get at the end of the catch-up."""
        channel = self.channel
        if self.has_delivered and isinstance(channel, TradesChannel):
            # Each trade once, by its id: those missed are delivered, known ones are not.
            self.held += updates
        elif self.has_delivered and isinstance(channel, LiquidationsChannel):
            is_new = entry_id > self.delivered
            self.held += [
                item for item in updates if is_new and not isinstance(item, Snapshot)
            ]
        else:
            self.held += [item for item in updates if isinstance(item, Degraded)]

    def is_first_new(self, entry_id: EntryId) -> bool:
        """Return whether all earlier entries of the catch-up were delivered, and this was not."""
        is_catching_up = self.phase is Phase.CATCHING_UP
        return is_catching_up and self.position <= self.delivered < entry_id

    def caught_up(self) -> list[Any]:
        """
        Return the updates to begin with.

        The state at the end of the stream is one snapshot, so that no old data arrives as news:
        the stream may have entries of many minutes. Trades and liquidations that were missed are
        delivered one by one.
        """
        held, self.held = self.held, []
        if not (self.has_delivered and isinstance(self.channel, TradesChannel)):
            held = self.channel.restart() + held
        self.has_delivered = True
        self.phase = Phase.LIVE
        self.delivered = self.position
        return held

    def leave(self, phase: Phase, floor: EntryId) -> None:
        """Give up the state; only a snapshot that is not older than the floor brings it back."""
        self.channel.lose()
        self.channel.has_event = False
        self.phase, self.retry_at = phase, None
        self.floor, self.floor_until = max(self.floor, floor), None
        self.held = []
        self.is_stale = False
