"""
The fast path: blocks of messages that hold nothing but channel data in sequence.

Strategy: a block is decoded at once, only its first and last sequence numbers are checked, and
each channel gets all its frames in one call.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

from bfxsync._base.aliases import ChanId
from bfxsync.wire.audit import Sequence
from bfxsync.wire.codec import LOADS_ERRORS, Loads, loads_many
from bfxsync.wire.frames import SEQ_ALL, TIMESTAMP, sequence_index
from bfxsync.wire.subscription_state import SubscriptionState

# Raised below by frames that are not channel data.
_UNUSUAL = (TypeError, LookupError, *LOADS_ERRORS)


Groups = List[Tuple[SubscriptionState, List[Any]]]
"""The frames of a block by subscription."""


def read_one(
    messages: list[bytes],
    loads: Loads,
    routes: Mapping[ChanId, SubscriptionState],
    flags: int,
    sequence: Sequence,
) -> Groups | None:
    """Do the same as `group_by_channel` with a block of one message, as most are."""
    try:
        frame = loads(messages[0])
        entry = routes[frame[0]]
        if flags & SEQ_ALL:
            number = frame[-2 if flags & TIMESTAMP else -1]
            if type(number) is not int or number - 1 != sequence.last:
                return None
            sequence.last = number
    except _UNUSUAL:
        return None
    return [(entry, [frame])]


def group_by_channel(
    messages: list[bytes],
    loads: Loads,
    routes: Mapping[ChanId, SubscriptionState],
    flags: int,
    sequence: Sequence,
) -> Groups | None:
    """Group a block by subscription; return None and change nothing if it holds anything else."""
    groups: dict[ChanId, list[Any]] = {}
    try:
        frames = loads_many(loads, messages)
        for frame in frames:
            group = groups.get(frame[0])
            if group is None:
                groups[frame[0]] = [frame]
            else:
                group.append(frame)
        grouped = [(routes[chan_id], group) for chan_id, group in groups.items()]
        if flags & SEQ_ALL:
            index = sequence_index(flags)
            first, last = frames[0][index], frames[-1][index]
            if not sequence.accept_block(first, last, len(frames)):
                return None
    except _UNUSUAL:
        return None
    return grouped
