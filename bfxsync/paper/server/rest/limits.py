"""Rate limits: a number of requests per minute and group, then a block of one minute."""

from __future__ import annotations

from collections import deque
from typing import Callable


class RateLimits:
    """
    Counts requests by client and group.

    Parameters
    ----------
    minute_s : float
        Length of a minute.
    clock : callable
        Returns monotonic seconds.
    """

    def __init__(self, minute_s: float, clock: Callable[[], float]) -> None:
        self._minute_s = minute_s
        self._clock = clock
        self._times: dict[tuple[str, str], deque[float]] = {}
        self._blocked_until: dict[tuple[str, str], float] = {}

    def admits(self, client: str, group: str, per_minute: int) -> bool:
        """Count a request; False if it exceeds the limit or its client is blocked."""
        now = self._clock()
        key = client, group
        if now < self._blocked_until.get(key, now):
            return False
        times = self._times.setdefault(key, deque())
        while times and times[0] <= now - self._minute_s:
            times.popleft()
        if len(times) >= per_minute:
            self._blocked_until[key] = now + self._minute_s
            times.clear()
            return False
        times.append(now)
        return True
