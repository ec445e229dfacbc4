"""
The fast path: blocks of messages that hold nothing but channel data in sequence.

Strategy: a block is decoded at once, only its first and last sequence numbers are checked, and
each channel gets all its frames in one call.
"""

from __future__ import annotations

from typing import Any, Mapping

from bfxsync._base.aliases import ChanId
from bfxsync.wire.audit import Sequence
from bfxsync.wire.codec import LOADS_ERRORS, Loads, loads_many
from bfxsync.wire.frames import SEQ_ALL, sequence_index
from bfxsync.wire.subscription_state import SubscriptionState

# Raised below by frames that are not channel data.
_UNUSUAL = (TypeError, LookupError, *LOADS_ERRORS)


def group_by_channel(
    messages: list[bytes],
    loads: Loads,
    routes: Mapping[ChanId, SubscriptionState],
    flags: int,
    sequence: Sequence,
) -> list[tuple[SubscriptionState, list[Any]]] | None:
    """Group a block by subscription; return None and change nothing if it holds anything else."""
    groups: dict[ChanId, list[Any]] = {}
    try:
        frames = loads_many(loads, messages)
        if len(frames) == 1:
            grouped = [(routes[frames[0][0]], frames)]
        else:
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
