"""
The times at which writes were sent, which identify those without an id of ours.

Strategy: a write is sent with its last attempt, not when the call begins: it may wait minutes for a
rate limit, for its turn, or after a refusal. Times are kept by both clocks, as the wall clock may
be set, and the monotonic one may stop while the machine is suspended. The exchange's books cannot
distinguish equal writes of about the same time; the records here show that there were several.
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
    When one write was sent and when its call ended.

    Attributes
    ----------
    fingerprint : object
        Equal for all writes that the exchange's books cannot distinguish.
    sent_s, ended_s : float
        When it was sent and when its call ended, in seconds since 1970.
    sent_at, ended_at : float
        The same by `time.monotonic`; `ended_at` is infinite while the call lasts.
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
        """Record that it is sent now; an earlier attempt was refused."""
        self.was_sent = True
        self.sent_s, self.sent_at = time.time(), time.monotonic()

    def mark_ended(self) -> None:
        """Record that its call has ended."""
        self.ended_s, self.ended_at = time.time(), time.monotonic()

    @property
    def lasted_s(self) -> float:
        """Longest possible duration, in seconds."""
        return max(self.ended_s - self.sent_s, self.ended_at - self.sent_at)


class RecentWrites:
    """The last writes of a key that may have been executed."""

    def __init__(self) -> None:
        # A call of a deque is atomic.
        self._records: Deque[WriteRecord] = deque(maxlen=MOST_KEPT)

    def add(self, record: WriteRecord) -> None:
        """Keep a write that may be sent now."""
        self._records.append(record)

    def drop(self, record: WriteRecord) -> None:
        """Forget a write that was certainly not executed."""
        with suppress(ValueError):
            self._records.remove(record)

    def is_alone(self, record: WriteRecord, margin_s: float) -> bool:
        """Tell whether no equal write was on its way within so many seconds."""
        kept = list(self._records)
        first, last = record.sent_at - margin_s, record.ended_at + margin_s
        if len(kept) == MOST_KEPT and kept[0].sent_at > first:
            return False  # older ones are forgotten
        return not any(
            other is not record
            and other.fingerprint == record.fingerprint
            and other.sent_at <= last
            and other.ended_at >= first
            for other in kept
        )


_sent: Dict[Tuple[str, str], RecentWrites] = {}


def sent_to(host: str, identity: str) -> RecentWrites:
    """Return the writes of all clients of this process to a host with a key."""
    # A call of a dict is atomic.
    return _sent.setdefault((host, identity), RecentWrites())
