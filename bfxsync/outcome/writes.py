"""
The times at which writes were sent, which identify writes without client id.

Strategy: the time of a write is that of its last attempt, not the start of the call: it may wait
minutes for a rate limit, for its turn, or after a refusal. Both clocks are recorded, as the wall
clock may be set, and the monotonic one may stop during a suspend. The exchange's records cannot
distinguish equal writes at about the same time; the records here show that there were several.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import Deque, Dict, Hashable, Tuple

import attrs

MOST_KEPT = 1_000

_FAR = float("inf")


@attrs.define(eq=False)
class WriteRecord:
    """
    Times of one write.

    Attributes
    ----------
    fingerprint : object
        Equal for all writes that the exchange's records cannot distinguish.
    sent_s, ended_s : float
        Times at which it was sent and its call ended, in seconds since 1970.
    sent_at, ended_at : float
        The same by `time.monotonic`; `ended_at` is infinite during the call.
    was_sent : bool
        It was sent at least once.
    """

    fingerprint: Hashable = None
    sent_s: float = attrs.field(factory=time.time)
    sent_at: float = attrs.field(factory=time.monotonic)
    ended_s: float = _FAR
    ended_at: float = _FAR
    was_sent: bool = False

    def mark_sent(self) -> None:
        """Record the time of sending; an earlier attempt, if any, was refused."""
        self.was_sent = True
        self.sent_s, self.sent_at = time.time(), time.monotonic()

    def mark_ended(self) -> None:
        """Record the end of the call."""
        self.ended_s, self.ended_at = time.time(), time.monotonic()

    @property
    def lasted_s(self) -> float:
        """Longest possible duration, in seconds."""
        return max(self.ended_s - self.sent_s, self.ended_at - self.sent_at)


class RecentWrites:
    """Recent writes with a key that may have been executed."""

    def __init__(self) -> None:
        # Calls of a deque are atomic.
        self._records: Deque[WriteRecord] = deque(maxlen=MOST_KEPT)

    def add(self, record: WriteRecord) -> None:
        """Add a write that may be sent now."""
        self._records.append(record)

    def drop(self, record: WriteRecord) -> None:
        """Drop a write that was certainly not executed."""
        with suppress(ValueError):
            self._records.remove(record)

    def is_alone(self, record: WriteRecord, margin_s: float) -> bool:
        """Return whether no equal write was in flight within `margin_s` of it."""
        kept = list(self._records)
        first, last = record.sent_at - margin_s, record.ended_at + margin_s
        if len(kept) == MOST_KEPT and kept[0].sent_at > first:
            return False  # older ones have been dropped
        return not any(
            other is not record
            and other.fingerprint == record.fingerprint
            and other.sent_at <= last
            and other.ended_at >= first
            for other in kept
        )


_sent: Dict[Tuple[str, str], RecentWrites] = {}


def sent_to(host: str, identity: str) -> RecentWrites:
    """Return the recent writes to a host with a key, by all clients of this process."""
    # Calls of a dict are atomic.
    return _sent.setdefault((host, identity), RecentWrites())
