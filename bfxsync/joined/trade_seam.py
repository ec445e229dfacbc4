"""
The seam of trades: pages of the past, snapshots and updates as one sequence.

Strategy: trades are ordered by time and id. A snapshot has the newest ones without a hole, so what
is missing are those between the last delivered trade, or a little before it, and its oldest. They
are read from REST until that oldest trade has been found there, which proves that the two meet.

The exchange may send trades out of order. So a live trade is held back for a moment, and released
together with all that stand before it; one that comes even later is a `LateTrade`. What is held
back when updates are lost is dropped: the past or the next snapshot has it again, in order.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Dict, Iterable, Iterator, Sequence, Set, Tuple

from bfxsync._base.aliases import Mts
from bfxsync.joined.past import PastRange
from bfxsync.models.stream import LateTrade

KEPT = 10_000
"""Delivered trades that are remembered, to tell a late trade from a repeated one."""

# So much earlier than the last trade one may still be missing, after a gap.
_LATE_MS = 1_000

# The last trades before the end are waited for that long.
_END_MS = 1_000.0

Key = Tuple[Mts, int]


def key_of(trade: Any) -> Key:
    """Return what trades are ordered by."""
    return trade.mts, trade.id


class TradeSeam:
    """
    Joins the trades of one symbol; see the module.

    Parameters
    ----------
    start, until : int
        First and last time, inclusive.
    grace_ms : float
        Time for which a live trade is held back.
    """

    def __init__(self, start: Mts, until: Mts | None, grace_ms: float) -> None:
        self.is_finished: bool = False
        self._start = start
        self._until = until
        self._grace_ms = grace_ms
        self._last: Key | None = None
        # The last trade that REST had, since updates were lost.
        self._reached: Key | None = None
        # Delivered and late trades; those up to `_floor` may be forgotten.
        self._recent: Deque[Key] = deque()
        self._ids: Set[int] = set()
        self._floor: Key = (start, -1)
        # Held back, and when they came.
        self._held: Dict[Key, Any] = {}
        self._arrivals: Deque[Tuple[float, Key]] = deque()

    @property
    def due(self) -> float | None:
        """The time in milliseconds at which `tick` has something to do, or None."""
        if self._arrivals:
            return self._arrivals[0][0] + self._grace_ms
        if self._until is None or self.is_finished:
            return None
        return self._until + max(self._grace_ms, _END_MS)

    def past(self) -> PastRange:
        """Return the range that is to be read without a stream."""
        start = self._start
        if self._last is not None:
            # One that came late may have been lost.
            start = max(start, self._last[0] - _LATE_MS)
        return PastRange(start, self._until)

    def missing(self, rows: Sequence[Any]) -> PastRange | None:
        """Return the range between the last trade and a snapshot, if any."""
        wanted = self.past()
        if not rows:
            return wanted
        oldest = min(map(key_of, rows))
        # Of the same millisecond, others may stand before it.
        if oldest[0] < wanted.start:
            return None
        # Also beyond the end, as only a later trade proves that REST has all before it.
        return PastRange(wanted.start, oldest[0])

    def has_reached(self, rows: Sequence[Any]) -> bool:
        """Return whether the past that was added reaches the snapshot, or the end."""
        oldest = min(map(key_of, rows), default=None)
        if oldest is None or self.is_finished:
            return True
        return self._reached is not None and self._reached >= oldest

    def add_past(self, rows: Iterable[Any]) -> Iterator[object]:
        """Yield what follows from trades of a missing range, oldest first."""
        for trade in rows:
            key = self._reached = key_of(trade)
            yield from self._deliver(key, trade)

    def join(self, rows: Sequence[Any], now_mts: float) -> Iterator[object]:
        """Yield what follows from a snapshot whose missing range has been added."""
        for trade in rows:
            yield from self.add(trade, now_mts)

    def add(self, trade: Any, now_mts: float) -> Iterator[object]:
        """Yield what follows from an update that has just come."""
        key = key_of(trade)
        if self._last is not None and key <= self._last:
            yield from self._deliver(key, trade)
        elif key not in self._held and trade.mts >= self._start:
            self._held[key] = trade
            self._arrivals.append((now_mts, key))
            yield from self.tick(now_mts)

    def tick(self, now_mts: float) -> Iterator[object]:
        """Yield what is due at a time of the exchange, in ms, while nothing is missing."""
        released: Key | None = None
        while self._arrivals and now_mts >= self._arrivals[0][0] + self._grace_ms:
            key = self._arrivals.popleft()[1]
            released = key if released is None else max(released, key)
        if released is not None:
            # With all that stand before it, whenever they came.
            for key in sorted(key for key in self._held if key <= released):
                yield from self._deliver(key, self._held.pop(key))
            self._arrivals = deque(
                come for come in self._arrivals if come[1] in self._held
            )
        if not self._held and self.due is not None and now_mts >= self.due:
            self.is_finished = True

    def finish(self) -> Iterator[object]:
        """End, once the whole past until the end was added."""
        self.is_finished = True
        return iter(())

    def lose(self) -> None:
        """Drop what is held back, as updates were lost: the next snapshot is to be joined."""
        self._reached = None
        self._held.clear()
        self._arrivals.clear()

    def _deliver(self, key: Key, trade: Any) -> Iterator[object]:
        if key[1] in self._ids or key <= self._floor or self.is_finished:
            return
        if self._until is not None and key[0] > self._until:
            self.is_finished = True
            return
        self._recent.append(key)
        self._ids.add(key[1])
        if len(self._recent) > KEPT:
            oldest = self._recent.popleft()
            self._ids.discard(oldest[1])
            self._floor = max(self._floor, oldest)
        if self._last is not None and key < self._last:
            yield LateTrade(trade)
            return
        self._last = key
        yield trade
