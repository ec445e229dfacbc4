"""
Wakes threads that wait for any update of a client.

Strategy: news replaces one object by a new one and rings. A waiting thread compares it with the one
it saw last, so nothing between two of its calls is missed, and no counter is shared.
"""

from __future__ import annotations

import threading
from typing import Callable

from bfxsync._base.latch import Bells


class News:
    """Whether there is something new, for each thread that waits."""

    def __init__(self) -> None:
        # True from the first wait on. Until then nothing has to be announced.
        self.is_awaited: bool = False
        self._latest = object()
        self._bells = Bells()
        self._seen = threading.local()

    def announce(self) -> None:
        """Wake the waiting threads; takes no lock."""
        self._latest = object()
        self._bells.ring()

    def wait(self, timeout_s: float | None, is_over: Callable[[], bool]) -> bool:
        """Wait for news since this thread's last call; False after the timeout or the end."""
        self.is_awaited = True
        seen = getattr(self._seen, "latest", None)
        if seen is None:
            # Kept even if the wait is interrupted.
            seen = self._seen.latest = self._latest
        self._bells.wait(lambda: self._latest is not seen or is_over(), timeout_s)
        # Before the caller reads any state: what comes meanwhile is news for its next call.
        latest = self._seen.latest = self._latest
        return latest is not seen
