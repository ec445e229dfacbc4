"""
How often one channel is subscribed anew by itself.

References
----------
https://docs.bitfinex.com/docs/ws-websocket-checksum
"""

from __future__ import annotations

from collections import deque
from typing import Deque

WINDOW_S = 300.0
"""What counts as lately."""

BUDGET = 5
"""Times within that window after which a book goes on unhealed, and says so."""

MAX_DELAY_S = 60.0


class Recovery:
    """
    The times at which a channel was subscribed anew, and the pace that follows from them.

    Whatever is wrong with a channel, subscribing anew mostly helps, and is cheap once. When it
    does not help, it must not become a storm.

    Attributes
    ----------
    count : int
        Since the start.
    """

    def __init__(self) -> None:
        self.count = 0
        self._recent: Deque[float] = deque()

    def is_spent(self, now: float) -> bool:
        """Tell whether it was tried so often lately that it does not seem to help."""
        self._forget(now)
        return len(self._recent) >= BUDGET

    def take(self, now: float) -> float:
        """Note one more, and return how many seconds to wait before it: 0, then 1, 2, 4, …"""
        self._forget(now)
        tries = len(self._recent)
        self._recent.append(now)
        self.count += 1
        # The exponent is bounded too, as the number of tries is not.
        return min(MAX_DELAY_S, 2.0 ** (min(tries, 10) - 1)) if tries else 0.0

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0] <= now - WINDOW_S:
            self._recent.popleft()
