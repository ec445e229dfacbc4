"""
The queue between the worker of a history and its consumer.

Strategy: nothing is dropped. The worker waits while more than `LIMIT` items are queued, so a slow
consumer slows down the paging. It is woken by the consumer: by each `get` of an iteration, and by a
marker after each chunk of items for a callback, which the dispatch thread handles like an item.
"""

from __future__ import annotations

from typing import Any, Callable, List

from bfxsync._base.latch import Latch
from bfxsync.errors import BfxError
from bfxsync.ws.dispatch.mailbox import Mailbox

LIMIT = 1_000
"""Queued items from which on the worker waits."""

SIZE = 1_000_000
"""Of the mailboxes: far more than the limit and a chunk, so that their policy never applies."""


class Marker:
    """Stands after a chunk of items; `done` is called when they have been handled."""

    def __init__(self, done: Callable[[], object]) -> None:
        self.done = done


class Failure:
    """An error after which the iteration can go on."""

    def __init__(self, error: BfxError) -> None:
        self.error = error


class Outlet:
    """
    The worker's end of a mailbox.

    Parameters
    ----------
    is_marked : bool
        Whether the consumer is a callback, which needs markers.
    """

    def __init__(self, mailbox: Mailbox, is_marked: bool) -> None:
        self.mailbox = mailbox
        self.ended: Latch = Latch()
        self._is_marked = is_marked
        self._is_stopped = False
        # Set by the consumer at each step, and by `stop`.
        self._stepped = Latch()
        if not is_marked:
            mailbox.on_get = self._step

    def put(self, items: List[Any]) -> None:
        """Add a chunk of items, once there is room."""
        self._wait_until(lambda: len(self.mailbox) <= LIMIT)
        if self._is_marked:
            items = [*items, Marker(self._step)]
        self.mailbox.put(items, list)

    def fail(self, error: BfxError) -> None:
        """Let the iteration raise an error; return when it has taken it."""
        self.mailbox.put([Failure(error)], list)
        self._wait_until(lambda: not len(self.mailbox))

    def close(self, error: BfxError | None = None) -> None:
        """End the iteration, with an error if there is one, once all items were taken."""
        if self._is_marked:
            self.mailbox.put([Marker(self.ended.set)], list)
        self.mailbox.close(error)

    def stop(self, error: BfxError | None = None) -> None:
        """Accept no more items and let the worker wait no more; a finalizer may call this."""
        self._is_stopped = True
        self._stepped.set()
        self.mailbox.close(error)
        self.ended.set()

    def _step(self) -> None:
        # Cheaper than to set it again.
        if not self._stepped.is_set:
            self._stepped.set()

    def _wait_until(self, is_over: Callable[[], bool]) -> None:
        while not (is_over() or self._is_stopped):
            self._stepped.clear()
            if is_over() or self._is_stopped:
                return
            self._stepped.wait()
