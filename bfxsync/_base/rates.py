"""Rates of monotonic counters."""

from __future__ import annotations

from collections import deque
from typing import Deque, Tuple

WINDOW_S = 60.0
"""Approximate averaging period."""

_APART_S = 5.0
_LEAST_S = 1.0


class RateMeter:
    """
    Averages over the last minute, or since the start if that is later.

    One thread calls `observe`; `rates` may be called from any.

    Parameters
    ----------
    now : float
        Monotonic seconds.
    counters : int
        Number of counters; all start at zero.
    """

    def __init__(self, now: float, counters: int) -> None:
        kept = int(WINDOW_S / _APART_S) + 2
        self._samples: Deque[Tuple[float, Tuple[int, ...]]] = deque(maxlen=kept)
        self._samples.append((now, (0,) * counters))
        self.due: float = now + _APART_S
        """Time of the next call of `observe`."""

    def observe(self, now: float, *counts: int) -> None:
        """Record the current counts."""
        self._samples.append((now, counts))
        self.due = now + _APART_S

    def rates(self, now: float, *counts: int) -> Tuple[float, ...]:
        """Return the rate of each counter, per second."""
        samples = list(self._samples)
        # The newest one that is at least a minute old.
        old = [sample for sample in samples if sample[0] <= now - WINDOW_S]
        at, before = old[-1] if old else samples[0]
        # A minimum period, or the first frames of a connection would give a huge rate.
        seconds = max(now - at, _LEAST_S)
        return tuple((count - was) / seconds for count, was in zip(counts, before))
