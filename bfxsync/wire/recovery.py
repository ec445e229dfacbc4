"""
The limit for automatic resubscriptions of one channel.

https://docs.bitfinex.com/docs/ws-websocket-checksum
"""

from __future__ import annotations

from collections import deque
from typing import Deque

WINDOW_S = 300.0
"""Period in which recoveries count."""

BUDGET = 5
"""Recoveries within `WINDOW_S` after which a channel is reported as degraded instead."""

MAX_DELAY_S = 60.0


class RecoveryBudget:
    """
    The recoveries of a channel: their delays and their limit.

    A resubscription fixes most problems of a channel, and a single one is cheap. If it does not
    help, further ones must not flood the exchange with requests.
    """

    def __init__(self) -> None:
        self.count: int = 0
        """Recoveries so far."""
        self._recent: Deque[float] = deque()

    def is_spent(self, now: float) -> bool:
        """Return whether so many recoveries were recent that another one is unlikely to help."""
        self._expire(now)
        return len(self._recent) >= BUDGET

    def spend(self, now: float) -> float:
        """Count a recovery, and return its delay in seconds: 0, then 1, 2, 4, …"""
        self._expire(now)
        tries = len(self._recent)
        self._recent.append(now)
        self.count += 1
        # The exponent is bounded, as the number of tries is not.
        return min(MAX_DELAY_S, 2.0 ** (min(tries, 10) - 1)) if tries else 0.0

    def _expire(self, now: float) -> None:
        while self._recent and self._recent[0] <= now - WINDOW_S:
            self._recent.popleft()
