"""The queues of `BtfxWss`."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import Any, Callable, List

from bfxsync._base.logs import get_logger

_log = get_logger(__name__)


class EntryQueue:
    """A queue that drops its oldest entries when it is full; written by one thread."""

    def __init__(self, name: str, size: int) -> None:
        # A class in C: no interrupt of a reader can leave it locked for the dispatch thread.
        self.entries: SimpleQueue[Any] = SimpleQueue()
        self.name = name
        self._size = size
        self._was_full = False

    def add(
        self, entry: object, restart: Callable[[], List[Any]] | None = None
    ) -> None:
        """Add an entry; `restart` returns those that replace all others if the queue is full."""
        if self.entries.qsize() >= self._size:
            if not self._was_full:
                self._was_full = True
                _log.warning(
                    "the queue of %s is full: its oldest entries are dropped", self.name
                )
            replacing = [] if restart is None else restart()
            self._drop(self._size if replacing else 1)
            for item in replacing:
                self.entries.put(item)
        self.entries.put(entry)

    def _drop(self, count: int) -> None:
        try:
            for _ in range(count):
                self.entries.get_nowait()
        except Empty:
            pass
