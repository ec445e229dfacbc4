"""A flag to wait for that a signal handler may set."""

from __future__ import annotations

from threading import Lock


class Latch:
    """
    Set once, waited for by any number of threads.

    `threading.Event` guards its flag with a lock of its own; a signal handler that sets it while
    the main thread is about to wait for it would block for ever. Here the lock is the flag.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()
        self.is_set = False

    def set(self) -> None:
        """Let everyone pass, from now on."""
        self.is_set = True
        self._release()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it is set; return whether it is."""
        if self.is_set:
            return True
        passed = self._lock.acquire(
            timeout=-1 if timeout_s is None else max(timeout_s, 0)
        )
        if passed:
            self._release()
        return self.is_set

    def _release(self) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            # Released by another thread in the meantime, which is what was wanted.
            pass
