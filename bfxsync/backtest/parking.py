"""
Waiting threads of a strategy, of which one at a time goes on.

Strategy: a thread waits on a lock of its own, which others release, as in `WaitList` and
`threading.Condition`, and notes so before it waits. After that it waits for its turn, which the
driver gives. So the driver knows at any time which threads could go on, and their order depends on
nothing but its choice.
"""

from __future__ import annotations

import threading
from _thread import LockType, allocate_lock, get_ident
from typing import Callable, Dict, List, Optional

from bfxsync._base.latch import Latch

# Ctrl-C does not end the wait for a lock on Windows.
_NAP_S = 1.0
_WAITS, _WANTS_TURN, _GOES_ON = range(3)


class Parked:
    """
    A waiting thread, and the lock that it waits for; locked from the beginning.

    Attributes
    ----------
    deadline : float or None
        Time of the exchange at which the wait ends.
    is_over : callable or None
        Whether the wait has ended without anybody who says so.
    is_late : bool
        Whether it has ended because of its deadline.
    interrupt : callable or None
        Called by the thread when it goes on.
    """

    def __init__(self, parking: Parking) -> None:
        self.thread: threading.Thread = threading.current_thread()
        self.deadline: Optional[float] = None
        self.is_over: Optional[Callable[[], bool]] = None
        self.is_late: bool = False
        self.interrupt: Optional[Callable[[], None]] = None
        self._parking = parking
        self._lock, self._turn = _locked(), _locked()
        self._is_released = False
        self._state = _WAITS

    @property
    def is_waiting(self) -> bool:
        """Whether it waits and has not been released."""
        return self._state == _WAITS and not self._is_released

    @property
    def wants_turn(self) -> bool:
        """Whether it could go on."""
        return self._state == _WANTS_TURN

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Wait until it is released, and for the turn; return False after the timeout."""
        if timeout == 0:
            return self._is_released
        return self._parking.park(self, None if timeout < 0 else timeout)

    def release(self) -> None:
        """End the wait; on any thread. Raises `RuntimeError` if that was done before."""
        # First, so that it does not count as waiting any more.
        self._is_released = True
        self._lock.release()

    def end(self) -> None:
        """End the wait, unless that was done before."""
        try:
            self.release()
        except RuntimeError:
            pass

    def give_turn(self) -> None:
        """Let it go on."""
        self._state = _GOES_ON
        try:
            self._turn.release()
        except RuntimeError:
            pass

    def wait(self) -> None:
        """Wait until it is released."""
        while not self._lock.acquire(True, _NAP_S):
            pass

    def wait_for_turn(self) -> None:
        """Wait until it may go on."""
        self._state = _WANTS_TURN
        self._parking.changed.set()
        while not self._turn.acquire(True, _NAP_S):
            pass


class Parking:
    """
    All waiting threads of a strategy.

    Parameters
    ----------
    now_s : callable
        The time of the exchange.

    Attributes
    ----------
    entries : dict
        By thread, each of which writes its own entry only.
    changed : Latch
        Set when a thread begins to wait, or could go on.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.entries: Dict[int, Parked] = {}
        self.changed: Latch = Latch()
        self._now_s = now_s
        self._is_over = False

    def park(self, parked: Parked, timeout_s: Optional[float]) -> bool:
        """Wait; return False if that has ended because of the timeout."""
        if timeout_s is not None:
            parked.deadline = self._now_s() + timeout_s
        with _Entry(self, parked):
            self.changed.set()
            parked.wait()
            parked.wait_for_turn()
        if parked.interrupt is not None:
            parked.interrupt()
        return not parked.is_late

    def wait_for_turn(self) -> None:
        """Wait until this thread may go on."""
        parked = Parked(self)
        with _Entry(self, parked):
            parked.wait_for_turn()

    def all(self) -> List[Parked]:
        """Return the threads that wait now."""
        return list(self.entries.values())

    def close(self) -> None:
        """End all threads that wait, or will."""
        self._is_over = True
        for parked in self.all():
            parked.interrupt = _end_thread
            parked.end()
            parked.give_turn()

    def enter(self, parked: Parked) -> None:
        """Note that this thread waits."""
        self.entries[get_ident()] = parked
        if self._is_over:
            # Not noticed by `close`, perhaps.
            parked.end()
            parked.give_turn()
            parked.interrupt = _end_thread

    def leave(self) -> None:
        """Note that this thread goes on."""
        self.entries.pop(get_ident(), None)


class _Entry:
    def __init__(self, parking: Parking, parked: Parked) -> None:
        self._parking, self._parked = parking, parked

    def __enter__(self) -> None:
        self._parking.enter(self._parked)

    def __exit__(self, *_: object) -> None:
        self._parking.leave()


def _locked() -> LockType:
    lock = allocate_lock()
    lock.acquire()
    return lock


def _end_thread() -> None:
    raise SystemExit("the backtest is over")
