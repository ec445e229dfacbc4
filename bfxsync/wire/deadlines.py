"""Deadlines of many entries, of which each has one."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Generic, List, Protocol, Tuple, TypeVar


class HasDue(Protocol):
    """An entry; its deadline is cancelled by setting it to None."""

    due: float | None


E = TypeVar("E", bound=HasDue)


class Deadlines(Generic[E]):
    """A heap in which outdated deadlines are skipped."""

    def __init__(self) -> None:
        self._heap: List[Tuple[float, int, E]] = []
        self._count = count()

    def set(self, entry: E, due: float) -> None:
        """Set the deadline of an entry, instead of a former one."""
        entry.due = due
        heapq.heappush(self._heap, (due, next(self._count), entry))

    def next(self) -> float | None:
        """Return the earliest deadline, None without one."""
        while self._heap and self._heap[0][2].due != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def passed(self, now: float) -> List[E]:
        """Return the entries whose deadline has passed; they have none afterwards."""
        found: List[E] = []
        while True:
            due = self.next()
            if due is None or due > now:
                return found
            entry = heapq.heappop(self._heap)[2]
            entry.due = None
            found.append(entry)
