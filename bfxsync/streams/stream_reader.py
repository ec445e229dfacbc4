"""
Applies the entries of streams to their channels.

Strategy: ids tell whether anything is missing: the next entry is the following one of the same
epoch, or there is a gap. Then the snapshot must be looked up again; if the stored one lacks the
missing entries, the stream is read until it announces a newer one. A relay's own losses are in its
entries, so sequence numbers, acknowledgements and channel ids of frames have no meaning here.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Sequence, Tuple

from bfxsync.errors import RemoteError
from bfxsync.models.stream import Gap
from bfxsync.streams.entries import (
    Entry,
    EntryId,
    Fence,
    Fields,
    Frames,
    GapMark,
    SnapshotMark,
    StoredSnapshot,
    read_entry,
)
from bfxsync.streams.stream_state import START, Phase, StreamState
from bfxsync.wire.codec import Loads, parse_many
from bfxsync.wire.delivery import split_at_events
from bfxsync.wire.outputs import Acknowledged, Deliver, Output, Report, Resolve

Entries = List[Tuple[bytes, Fields]]
"""Entries of one stream: id and fields, as Redis returns them."""


class StreamReader:
    """Reads the streams of one session."""

    def __init__(self, loads: Loads) -> None:
        self.frame_count: int = 0
        self._loads = loads

    def begin(
        self, state: StreamState, snapshot: StoredSnapshot, last: EntryId, now: float
    ) -> Iterator[Output]:
        """Apply a snapshot; the entries after it follow."""
        state.begin(snapshot, last)
        state.retry_at = None
        yield Acknowledged(state.token)
        yield from self._apply(state, [snapshot.message()], snapshot.id, now)
        yield from self._finish_catch_up(state)

    def _finish_catch_up(self, state: StreamState) -> Iterator[Output]:
        if state.phase is not Phase.CATCHING_UP or state.position < state.target:
            return
        yield from split_at_events(state.token, state.caught_up())
        if not state.is_resolved:
            state.is_resolved = True
            yield Resolve(state.token)

    def read(
        self, state: StreamState, entries: Entries, now: float
    ) -> Iterator[Output]:
        """Process entries after the position of a subscription, up to a gap."""
        messages: list[bytes] = []
        for raw_id, fields in entries:
            entry_id, entry = EntryId.read(raw_id), read_entry(fields)
            if entry_id <= state.position:
                # Read before the snapshot was looked up.
                continue
            is_next = entry_id == state.position.next()
            if state.phase is Phase.WAITING:
                self._look_for_snapshot(state, entry_id, entry)
                if not state.is_read:
                    return
                continue
            if is_next and isinstance(entry, (Frames, SnapshotMark)):
                if state.is_first_new(entry_id):
                    yield from self._apply(state, messages, state.position, now)
                    messages = []
                    if not state.is_read:
                        return
                state.position = entry_id
                if isinstance(entry, Frames):
                    messages += entry.messages
                if state.phase is Phase.CATCHING_UP and entry_id >= state.target:
                    yield from self._apply(state, messages, entry_id, now)
                    messages = []
                    yield from self._finish_catch_up(state)
                    if not state.is_read:
                        return
                continue
            # What arrived before the gap is complete.
            yield from self._apply(state, messages, state.position, now)
            if state.is_read:
                yield from self._handle_gap(state, entry_id, entry)
            return
        yield from self._apply(state, messages, state.position, now)

    def _look_for_snapshot(
        self, state: StreamState, entry_id: EntryId, entry: Entry
    ) -> None:
        state.position = entry_id
        if isinstance(entry, (Fence, GapMark)):
            state.floor = entry_id.next()
            state.floor_until = None
        elif isinstance(entry, SnapshotMark) and entry_id >= state.floor:
            state.phase, state.retry_at = Phase.LOOKUP, None

    def _handle_gap(
        self, state: StreamState, entry_id: EntryId, entry: Entry
    ) -> list[Output]:
        """Handle an entry that is not the next one, or that announces a loss."""
        if isinstance(entry, GapMark):
            reason = f"the relay has lost data: {entry.reason}"
        elif isinstance(entry, Fence):
            reason = "a relay has taken over"
        else:
            missing = f"entries between {state.position} and {entry_id} are missing"
            floor = EntryId(entry_id.epoch, max(0, entry_id.n - 1))
            return self.leave(state, missing, Phase.LOOKUP, floor)
        outputs = self.leave(state, reason, Phase.WAITING, entry_id.next())
        state.position = entry_id
        return outputs

    def _apply(
        self, state: StreamState, messages: list[bytes], entry_id: EntryId, now: float
    ) -> list[Output]:
        """Feed messages to the channel; deliver its updates if it is live."""
        if not messages:
            state.delivered = max(state.delivered, entry_id)
            return []
        self.frame_count += len(messages)
        outputs: list[Output] = []
        channel = state.channel
        channel.seen_at = now
        updates = channel.feed_many(self._decode(messages, outputs))
        if state.phase is Phase.CATCHING_UP:
            state.hold(updates, entry_id)
            channel.has_event = False
        else:
            state.delivered = entry_id
            if channel.has_event:
                channel.has_event = False
                outputs += split_at_events(state.token, updates)
            elif updates:
                outputs.append(Deliver(state.token, updates))
        if channel.errors:
            outputs += map(Report, channel.errors)
            channel.errors = []
        if channel.resync_reason is not None or not channel.is_live:
            reason = channel.resync_reason or "the snapshot could not be read"
            outputs += self.recover(state, reason, now)
        return outputs

    def _decode(self, messages: Sequence[bytes], outputs: list[Output]) -> list[Any]:
        frames, errors = parse_many(self._loads, list(messages))
        if errors:
            outputs += map(Report, errors)
            # Each counts as an unreadable frame of the channel.
            frames = [[] if isinstance(each, RemoteError) else each for each in frames]
        return frames

    def leave(
        self, state: StreamState, reason: str, phase: Phase, floor: EntryId
    ) -> list[Output]:
        """Give up the state of a subscription; one gap if the user has it."""
        is_live = state.phase in (Phase.LIVE, Phase.AUDIT)
        state.leave(phase, floor)
        return [Deliver(state.token, [Gap(reason)])] if is_live else []

    def recover(self, state: StreamState, reason: str, now: float) -> list[Output]:
        """Look up the snapshot of a wrong state again, with a delay that grows each time."""
        delay_s = state.channel.recovery.spend(now)
        outputs = self.leave(state, reason, Phase.LOOKUP, START)
        state.retry_at = now + delay_s
        return outputs
