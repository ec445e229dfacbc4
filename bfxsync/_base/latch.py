"""
Waiting for another thread, safe against signals and Ctrl-C.

Strategy: there is no shared lock. Each waiting thread adds its own lock, already locked, and waking
means releasing all of them. A waiter interrupted at any point leaves at most an unused lock behind.
`threading.Event` and `Condition` guard their state with a shared lock instead: a waiter interrupted
by Ctrl-C may hold it forever, and a signal handler that needs it while the interrupted code holds
it never returns.
"""

from __future__ import annotations

from _thread import allocate_lock
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Callable, List

if TYPE_CHECKING:
    from typing_extensions import Protocol

    class Waiter(Protocol):
        """The lock of a waiting thread."""

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...

        def release(self) -> None: ...


def locked() -> Waiter:
    """Return a lock that is locked."""
    lock = allocate_lock()
    lock.acquire()
    return lock


# Replaced by backtests, whose time is that of a recording. The second one is for waits for the work
# of another thread.
new_waiter: Callable[[], Waiter] = locked
new_waiter_for_work: Callable[[], Waiter] = locked


class WaitList:
    """The threads waiting for one condition, each with its own lock."""

    def __init__(self) -> None:
        # A list, as there are few at a time and a deque takes longer to make.
        self.waiting: List[Waiter] = []
        """The locks of the threads that wait now."""

    def __bool__(self) -> bool:
        return bool(self.waiting)

    def wake_all(self) -> None:
        """
        Wake all waiting threads; their condition must already be true.

        All, because a single one may just have been interrupted.
        """
        while self.waiting:
            try:
                lock = self.waiting[0]
            except IndexError:
                return  # removed by another thread
            # Released before it is removed, so that an interrupted call skips no waiter.
            try:
                lock.release()
            except RuntimeError:
                pass  # already released by another thread
            self._forget(lock)

    def wait(
        self,
        is_over: Callable[[], bool],
        timeout_s: float | None,
        *,
        is_for_work: bool = False,
    ) -> bool:
        """
        Wait for `wake_all`; return False after the timeout.

        Returns at once if `is_over()` is true, evaluated after the lock has been added. With
        `is_for_work` another thread is at work for this one.
        """
        lock = new_waiter_for_work() if is_for_work else new_waiter()
        self.waiting.append(lock)
        try:
            if is_over():
                return True
            # A lock has a maximum timeout.
            limit = -1 if timeout_s is None else min(max(timeout_s, 0.0), TIMEOUT_MAX)
            return lock.acquire(True, limit)
        finally:
            self._forget(lock)

    def _forget(self, lock: Waiter) -> None:
        try:
            self.waiting.remove(lock)
        except ValueError:
            pass


class Latch:
    """A flag that threads wait for; any thread or signal handler may set it."""

    def __init__(self) -> None:
        self.is_set: bool = False
        self._waiters = WaitList()

    def set(self) -> None:
        """Set the flag and wake all waiting threads."""
        self.is_set = True
        # Every time: an earlier call may have been interrupted before it woke them.
        self._waiters.wake_all()

    def clear(self) -> None:
        """Reset the flag; threads that are already waiting have been woken."""
        self.is_set = False

    def wait_in_naps(self) -> None:
        """Wait for the work of another thread; Ctrl-C is handled at least once a second."""
        # Ctrl-C just before a wait does not end it; on Windows it never does.
        waiters = self._waiters
        while not self.is_set:
            waiters.wait(lambda: self.is_set, 1.0, is_for_work=True)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the flag is set; return False after the timeout."""
        return self.is_set or self._waiters.wait(lambda: self.is_set, timeout_s)
