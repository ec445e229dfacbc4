"""
The queue of mailboxes that are ready to be served by the dispatch threads.

Strategy: items are added without a lock or a system call, and a wake-up follows, for all items of a
block together, when the I/O thread is about to wait. A thread without work sleeps in the read of
its own pipe, not in a lock: a thread woken by a lock goes to sleep again immediately, as the waking
thread still holds the GIL, while a write to a pipe releases the GIL.

Nothing can be lost: a thread joins the sleepers before it looks at the items for the last time, and
a writer adds its item before it looks at the sleepers. One thread is woken at a time, and wakes the
next one if there is more work.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Deque, Generic, Tuple, TypeVar

T = TypeVar("T")


class Sleeper:
    """A thread that waits for work, and its pipe."""

    # Empty until the pipe is created, which may fail for lack of descriptors.
    _pipe: Tuple[int, ...] = ()

    def __init__(self) -> None:
        self._pipe = os.pipe()
        self._reading, self._writing = self._pipe

    def sleep(self) -> None:
        """Wait for `wake`, which may have been called before."""
        os.read(self._reading, 64)

    def wake(self) -> None:
        """End its sleep, or the next one if it is awake."""
        # Never fills the pipe: between two reads of it each writer writes once, or a few times.
        os.write(self._writing, b"\0")

    def close(self) -> None:
        """Close the pipe; must not be called while another thread may write to it."""
        pipe, self._pipe = self._pipe, ()
        for descriptor in pipe:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()


class ReadyQueue(Generic[T]):
    """A queue that several threads read; an interrupt at any point leaves it intact."""

    def __init__(self) -> None:
        self.items: Deque[T] = deque()
        """Appending to it wakes no thread; `wake` must follow."""
        # Each sleep has its own entry: an old one must not be mistaken for the next.
        self._sleepers: Deque[Tuple[Sleeper, object]] = deque()

    def put(self, item: T) -> None:
        """Add an item and wake a thread."""
        self.items.append(item)
        self.wake()

    def wake(self) -> None:
        """Wake a thread if there is work."""
        if not self.items:
            return
        try:
            entry = self._sleepers[0]
        except IndexError:
            return
        # Before it is removed, so that an interrupted call leaves no thread asleep.
        entry[0].wake()
        self._forget(entry)

    def get(self, sleeper: Sleeper) -> T:
        """Wait for the oldest item and remove it."""
        while True:
            try:
                item = self.items.popleft()
            except IndexError:
                pass
            else:
                self.wake()
                return item
            entry = (sleeper, object())
            self._sleepers.append(entry)
            if not self.items:
                sleeper.sleep()
            self._forget(entry)

    def detach_after_fork(self) -> None:
        """Forget the items and threads of the parent process."""
        self.items.clear()
        self._sleepers.clear()

    def _forget(self, entry: Tuple[Sleeper, object]) -> None:
        try:
            self._sleepers.remove(entry)
        except ValueError:
            pass  # by another thread
