"""
When writes left, by which those are known that have no id of ours.

Strategy: a write leaves when its last attempt goes out, not when the call begins: it may wait for
minutes for a limit, for its turn, or after a refusal. Times are kept by both clocks, as the wall
clock may be set and the other one may stand still while the machine is suspended. Two that are
alike and leave at about the same time cannot be told apart in the exchange's books; here it is
known that there were two.
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
    One write on its way.

    Attributes
    ----------
    likeness : object
        Equal to that of every other one whose traces in the books look the same.
    left_s, over_s : float
        When it left, and when its call was over, by this machine's clock, since 1970.
    left_at, over_at : float
        The same, by `time.monotonic`; infinite as long as it is on its way.
    has_left : bool
    """

    likeness: Hashable = None
    left_s: float = attrs.field(factory=time.time)
    left_at: float = attrs.field(factory=time.monotonic)
    over_s: float = _FAR
    over_at: float = _FAR
    has_left: bool = False

    def leave(self) -> None:
        """Note that it leaves now; what left before was refused."""
        self.has_left = True
        self.left_s, self.left_at = time.time(), time.monotonic()

    def end(self) -> None:
        """Note that its call is over."""
        self.over_s, self.over_at = time.time(), time.monotonic()

    @property
    def lasted_s(self) -> float:
        """How long it may have been on its way, in seconds."""
        return max(self.over_s - self.left_s, self.over_at - self.left_at)


class RecentWrites:
    """The last writes of a key that may have left traces."""

    def __init__(self) -> None:
        # One call of a deque is not interrupted by other threads.
        self._records: Deque[WriteRecord] = deque(maxlen=MOST_KEPT)

    def add(self, record: WriteRecord) -> None:
        """Keep one that may leave now."""
        self._records.append(record)

    def drop(self, record: WriteRecord) -> None:
        """Forget one that was certainly not executed."""
        with suppress(ValueError):
            self._records.remove(record)

    def is_alone(self, record: WriteRecord, margin_s: float) -> bool:
        """Tell whether no other one like it was on its way within so many seconds of it."""
        kept = list(self._records)
        first, last = record.left_at - margin_s, record.over_at + margin_s
        if len(kept) == MOST_KEPT and kept[0].left_at > first:
            return False  # nobody knows any more
        return not any(
            other is not record
            and other.likeness == record.likeness
            and other.left_at <= last
            and other.over_at >= first
            for other in kept
        )


_sent: Dict[Tuple[str, str], RecentWrites] = {}


def sent_to(host: str, identity: str) -> RecentWrites:
    """Return what was sent to a host with a key by all clients of this process."""
    # One call of a dict is not interrupted by other threads.
    return _sent.setdefault((host, identity), RecentWrites())
