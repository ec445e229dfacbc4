"""
The fast path: blocks of messages that contain only channel data in sequence.

Strategy: a block is decoded at once, only its first and last sequence numbers are checked, and
each channel gets all its frames in one call. Where only the last state of a channel is wanted, its
earlier messages in the block are recognized by their first bytes and not decoded.
"""

from __future__ import annotations

from collections import Counter
from operator import methodcaller
from typing import Any, List, Mapping, Tuple

from bfxsync._base.aliases import ChanId
from bfxsync.wire.audit import Sequence
from bfxsync.wire.codec import LOADS_ERRORS, Loads, loads_many
from bfxsync.wire.frames import SEQ_ALL, TIMESTAMP, sequence_index
from bfxsync.wire.subscription_state import SubscriptionState

# Raised below by frames that are not channel data.
_UNUSUAL = (TypeError, LookupError, *LOADS_ERRORS)

LEAVE_OUT_FROM = 8
"""Minimum number of messages in a block for which leaving some out saves time."""

Groups = List[Tuple[SubscriptionState, List[Any]]]
"""The frames of a block by subscription."""


class BlockReader:
    """Decodes blocks and groups their frames; `sequence` is that of the socket."""

    def __init__(
        self,
        loads: Loads,
        routes: Mapping[ChanId, SubscriptionState],
        sequence: Sequence,
    ) -> None:
        self._loads = loads
        self._routes = routes
        self._sequence = sequence
        # Whether messages could be left out of the last block that was long enough.
        self._leaves_out = False

    def read(self, messages: list[bytes], flags: int) -> Groups | None:
        """Group a block by subscription; None, without effect, if it contains other messages."""
        try:
            if len(messages) == 1:
                # As most are.
                frame = self._loads(messages[0])
                entry = self._routes[frame[0]]
                if flags & SEQ_ALL:
                    number = frame[-2 if flags & TIMESTAMP else -1]
                    if type(number) is not int or number - 1 != self._sequence.last:
                        return None
                    self._sequence.last = number
                return [(entry, [frame])]
            if self._leaves_out and len(messages) >= LEAVE_OUT_FROM:
                return self._read_last(messages, flags)
            frames = loads_many(self._loads, messages)
            groups = self._group(frames)
            return groups if self._accept(frames[0], frames, flags) else None
        except _UNUSUAL:
            return None

    def _read_last(self, messages: list[bytes], flags: int) -> Groups | None:
        kept, left_out = leave_out(messages, self._routes)
        self._leaves_out = bool(left_out)
        frames = loads_many(self._loads, kept)
        groups = self._group(frames)
        first = self._loads(messages[0])
        if not self._accept(first, frames, flags, len(messages)):
            return None
        for entry, count in left_out:
            entry.channel.skipped_count += count
        return groups

    def _group(self, frames: list[Any]) -> Groups:
        groups: dict[ChanId, list[Any]] = {}
        for frame in frames:
            group = groups.get(frame[0])
            if group is None:
                groups[frame[0]] = [frame]
            else:
                group.append(frame)
        routes = self._routes
        grouped = [(routes[chan_id], group) for chan_id, group in groups.items()]
        for entry, group in grouped:
            if entry.channel.wants_last and len(group) > 1:
                self._leaves_out = True
        return grouped

    def _accept(
        self, first: Any, frames: list[Any], flags: int, count: int | None = None
    ) -> bool:
        """Count the sequence numbers of a block; return False without effect if they are wrong."""
        if not flags & SEQ_ALL:
            return True
        index = sequence_index(flags)
        count = len(frames) if count is None else count
        return self._sequence.accept_block(first[index], frames[-1][index], count)


def leave_out(
    messages: list[bytes], routes: Mapping[ChanId, SubscriptionState]
) -> tuple[list[bytes], list[tuple[SubscriptionState, int]]]:
    """
    Leave out data of channels with `wants_last`, except for the last message of each.

    Returns the other messages, and how many of each subscription were left out.
    """
    wanted = {
        b"[%d,[" % chan_id: entry
        for chan_id, entry in routes.items()
        if entry.channel.wants_last and entry.channel.is_live
    }
    last = messages[-1]
    start = last[: last.find(b"[", 1) + 1]
    if start in wanted:
        # Perhaps all are of one channel, as in a flood: no loop in Python.
        count = sum(map(methodcaller("startswith", start), messages))
        if count == len(messages):
            return [last], [(wanted[start], count - 1)]
    starts = [data[: data.find(b"[", 1) + 1] for data in messages]
    counts = Counter(starts)
    left_out = {each: wanted[each] for each in wanted if counts[each] > 1}
    latest = dict(zip(starts, messages))
    kept = [
        data
        for start, data in zip(starts, messages)
        if start not in left_out or latest[start] is data
    ]
    return kept, [(entry, counts[start] - 1) for start, entry in left_out.items()]
