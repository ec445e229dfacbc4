"""
The queue between the connections of a relay and the thread that writes to Redis.

Strategy: the threads of the connections only append, and never wait for Redis. The queue is bounded
in bytes. When it is full, data is dropped until the writer has caught up. Marks in the queue say
where the first frame is missing, and where the last one. Events, requests and losses are never
dropped, as the channels could not be told apart without them.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Lock
from typing import Callable, List, NamedTuple, Optional, Union

from bfxsync.errors import BfxError

MAX_WAITING_BYTES = 16 * 1024 * 1024

MAX_ITEMS = 64
"""Items that the writer takes at once, each at most one entry of a stream."""

_OVERHEAD_BYTES = 64


class Opened(NamedTuple):
    """A connection was opened."""

    connection: int


class Received(NamedTuple):
    """A block of messages was received."""

    connection: int
    messages: List[bytes]
    size: int


class Sent(NamedTuple):
    """A message is being sent."""

    connection: int
    text: str


class Lost(NamedTuple):
    """A connection has ended."""

    connection: int
    reason: str


class Dropped(NamedTuple):
    """Messages are missing from here on."""


class Resumed(NamedTuple):
    """No more messages are missing from here on."""


Item = Union[Opened, Received, Sent, Lost, Dropped, Resumed]


class FrameTap:
    """The `recording.tap.Tap` of a relay."""

    def __init__(self, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self.report: Callable[[BfxError], object] = lambda error: None
        self.dropped_count: int = 0
        """Messages dropped because the queue was full."""
        self._max_waiting_bytes = max_waiting_bytes
        self._queue: SimpleQueue[Optional[Item]] = SimpleQueue()
        # Protects the two below, for the threads of connections and the writer.
        self._lock = Lock()
        self._waiting_bytes = 0
        self._is_dropping = False

    @property
    def waiting_bytes(self) -> int:
        """Size of the queue."""
        return self._waiting_bytes

    # --- the threads of the connections -------------------------------------------------------

    def opened(self, connection: int, url: str) -> None:
        """Append a new connection."""
        self._queue.put(Opened(connection))

    def received(self, connection: int, messages: List[bytes]) -> None:
        """Append a block, or only its events if the queue is full."""
        size = sum(map(len, messages)) + _OVERHEAD_BYTES * len(messages)
        with self._lock:
            waiting = self._waiting_bytes
            # A block alone is never too large.
            has_room = not waiting or waiting + size <= self._max_waiting_bytes
            if self._is_dropping or not has_room:
                messages = self._drop(messages)
                size = 0
            if messages:
                self._waiting_bytes += size
                self._queue.put(Received(connection, messages, size))

    def _drop(self, messages: List[bytes]) -> List[bytes]:
        """Count dropped messages, and return the others."""
        events = [message for message in messages if message[:1] == b"{"]
        if len(events) < len(messages) and not self._is_dropping:
            self._is_dropping = True
            self._queue.put(Dropped())
        self.dropped_count += len(messages) - len(events)
        return events

    def sent(self, connection: int, text: str) -> None:
        """Append a request."""
        self._queue.put(Sent(connection, text))

    def lost(
        self, connection: int, code: int, reason: str, is_farewell: bool = False
    ) -> None:
        """Append the end of a connection."""
        self._queue.put(Lost(connection, f"the connection was lost: {reason}"))

    def stop(self) -> None:
        """Do nothing: the relay stops the writer."""

    def join(self, deadline: float) -> bool:
        """Return True: there is no thread."""
        return True

    # --- the writer ---------------------------------------------------------------------------

    def wake(self) -> None:
        """Make `take` return; any thread or signal handler may call it."""
        self._queue.put(None)

    def take(self, timeout_s: float) -> List[Item]:
        """Return the next items, after a wait if there are none yet."""
        items: List[Item] = []
        try:
            item = self._queue.get(timeout=max(0.0, timeout_s))
            while item is not None:
                items.append(item)
                if len(items) >= MAX_ITEMS:
                    break
                item = self._queue.get_nowait()
        except Empty:
            pass
        size = sum(item.size for item in items if isinstance(item, Received))
        with self._lock:
            self._waiting_bytes -= size
        return items

    def accept(self) -> None:
        """Stop dropping: the writer has handled `Dropped`; `Resumed` says from where on."""
        with self._lock:
            self._is_dropping = False
            self._queue.put(Resumed())
