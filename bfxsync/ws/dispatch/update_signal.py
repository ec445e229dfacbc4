"""
Wakes threads that wait for any update of a client.

Strategy: `notify` replaces one object by a new one and wakes the waiting threads. Each thread
compares it with the object that it saw last, so no update between two of its calls is missed, and
no counter is shared.
"""

from __future__ import annotations

import threading
import time
from typing import Callable

from bfxsync._base.latch import WaitList


class UpdateSignal:
    """Tracks for each waiting thread whether there was an update."""

    def __init__(self) -> None:
        # True after the first wait. Before that no call of `notify` is needed.
        self.is_awaited: bool = False
        self._latest = object()
        self._waiters = WaitList()
        self._seen = threading.local()

    def notify(self) -> None:
        """Wake the waiting threads; acquires no lock."""
        self._latest = object()
        self._waiters.wake_all()

    def watch(self) -> object:
        """Return the object that this thread saw last; its first call starts the observation."""
        self.is_awaited = True
        seen: object = getattr(self._seen, "latest", None)
        if seen is None:
            # Kept even if the wait is interrupted.
            seen = self._seen.latest = self._latest
        return seen

    def wait(self, timeout_s: float | None, is_over: Callable[[], bool]) -> bool:
        """Wait for updates since this thread's last call; False after the timeout or the end."""
        seen = self.watch()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s

        def is_new() -> bool:
            return self._latest is not seen or is_over()

        # In a loop, as a wake-up may belong to an earlier update: it also wakes threads that began
        # to wait since then.
        while self._waiters.wait(is_new, timeout_s) and not is_new():
            if deadline is not None:
                timeout_s = max(0.0, deadline - time.monotonic())
        # Recorded before the caller reads any state: later updates count for its next call.
        latest = self._seen.latest = self._latest
        return latest is not seen
