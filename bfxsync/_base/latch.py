"""
Waiting for another thread, in a way that signals and Ctrl-C cannot break.

Strategy: nobody shares a lock. Each waiting thread brings its own, here called a bell, already
locked; whoever has news releases all of them. Interrupted at any point, a waiter leaves at most a
bell behind that is released for nobody. `threading.Event` and `Condition` guard their state with a
shared lock instead: a waiter that Ctrl-C interrupts may keep it for ever, and a signal handler
that wants it while the interrupted code holds it never returns.
"""

from __future__ import annotations

from _thread import LockType, allocate_lock
from collections import deque
from threading import TIMEOUT_MAX
from typing import Callable, Deque


class Bells:
    """The threads that wait for the same thing, each with a lock of its own."""

    def __init__(self) -> None:
        self._bells: Deque[LockType] = deque()

    def __bool__(self) -> bool:
        return bool(self._bells)

    def ring(self) -> None:
        """
        Wake everyone who waits.

        All of them, as one alone might have been interrupted just now. What they wait for must
        have been made true before.
        """
        while True:
            try:
                bell = self._bells[0]
            except IndexError:
                return
            # Released before it is taken out, so that a ringer that is interrupted forgets nobody.
            try:
                bell.release()
            except RuntimeError:
                pass  # another thread rings at the same time
            self._forget(bell)

    def wait(self, is_over: Callable[[], bool], timeout_s: float | None) -> bool:
        """
        Wait until somebody rings; return False if nobody did in time.

        Does not wait if `is_over` returns true: it is asked when a ring can no longer be missed.
        """
        bell = allocate_lock()
        bell.acquire()
        self._bells.append(bell)
        try:
            if is_over():
                return True
            # The longest time that a lock waits has an end.
            limit = -1 if timeout_s is None else min(max(timeout_s, 0.0), TIMEOUT_MAX)
            return bell.acquire(True, limit)
        finally:
            self._forget(bell)

    def _forget(self, bell: LockType) -> None:
        try:
            self._bells.remove(bell)
        except ValueError:
            pass


class Latch:
    """
    A flag that any number of threads wait for, and any may set, a signal handler included.

    Attributes
    ----------
    is_set : bool
    """

    def __init__(self) -> None:
        self.is_set: bool = False
        self._bells = Bells()

    def set(self) -> None:
        """Let everyone pass, from now on."""
        self.is_set = True
        # Every time: whoever set it first may have been interrupted before it rang.
        self._bells.ring()

    def clear(self) -> None:
        """Let nobody pass any more; those that wait already have been let through."""
        self.is_set = False

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it is set; return False if it was not in time."""
        return self.is_set or self._bells.wait(lambda: self.is_set, timeout_s)
