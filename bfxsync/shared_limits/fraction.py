"""
A process's own part of the limits, for the time in which the shared store is away.

Strategy: each process takes the limit divided by the number of processes that used the store last.
Before the outage others may have used the whole limit, so the first request is sent one window
after its beginning.
"""

from __future__ import annotations

from typing import Dict, Tuple

from bfxsync._base.atomic import AtomicValue
from bfxsync.shared_limits.window import Answer, Limit, Slot, Window

UNKNOWN_PROCESSES = 8
"""Assumed if the store was never reached."""

_Windows = Dict[str, Window]


class Fraction:
    """
    The windows of one outage.

    Parameters
    ----------
    began : float
        When the store was found to be away, on the clock of all later calls.
    processes : int
        Processes that have used the store lately; 0 if unknown.
    """

    def __init__(self, began: float, processes: int) -> None:
        self.began = began
        self.parts: int = processes or UNKNOWN_PROCESSES
        self._windows: AtomicValue[_Windows] = AtomicValue({})

    def request(
        self, key: str, owner: str, limit: Limit, now: float, longest_s: float
    ) -> Answer:
        """Claim or book a slot, as `Window.request` does, of this process's part."""
        part = limit._replace(requests=max(limit.requests // self.parts, 1))

        def change(windows: _Windows) -> Tuple[_Windows, Answer]:
            window = windows.get(key, Window())
            if part.requests > len(window.slots) and now < self.began + limit.window_s:
                window = window.with_slots(*self._used(part.requests))
            window, answer = window.request(owner, part, now, longest_s)
            return {**windows, key: window}, answer._replace(processes=self.parts)

        return self._windows.update(change)

    def _used(self, requests: int) -> Tuple[Slot, ...]:
        """Return slots as if the whole part had been used when the outage began."""
        return tuple(Slot(self.began, f"before.{i}") for i in range(requests))

    def give_back(self, key: str, owner: str) -> None:
        """Cancel a slot that was not used."""

        def change(windows: _Windows) -> Tuple[_Windows, None]:
            if key not in windows:
                return windows, None
            return {**windows, key: windows[key].without(owner)}, None

        self._windows.update(change)

    def block(self, key: str, now: float, until: float) -> None:
        """Block a limit until then."""

        def change(windows: _Windows) -> Tuple[_Windows, None]:
            window = windows.get(key, Window())
            return {**windows, key: window.blocked(now, until)}, None

        self._windows.update(change)
