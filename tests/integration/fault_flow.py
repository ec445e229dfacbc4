"""
One direction of a connection through the `FaultProxy`: what comes, what is held, what goes on.

Everything here runs on the proxy's thread.
"""

from __future__ import annotations

import random
import re
import socket
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Callable, Deque, Optional, Union

import attrs

if TYPE_CHECKING:
    from .fault_link import Link

UP, DOWN = "up", "down"
"""From the client to the server, and from the server to the client."""

BOTH = (UP, DOWN)

_BLOCK = 65_536

# More than this is left in the kernel, until the peer has to wait.
_HIGH_WATER = 1 << 20

# Pieces in a row before the other flows have their turn.
_BURST = 200

# A bandwidth is kept by pieces of this time's worth.
_PIECE_S = 0.005

_LONGEST_PATTERN = 1000

# What a flow holds at its end instead of bytes.
_FIN, _RST = "fin", "rst"


@attrs.define
class Conditions:
    """How bytes travel in one direction."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    slice_size: Optional[int] = None
    pause_s: float = 0.0
    bytes_per_s: Optional[float] = None
    is_stopped: bool = False


@attrs.define(eq=False)
class Watch:
    """What is to happen where a pattern stands in the stream, and how often still."""

    pattern: re.Pattern[bytes]
    direction: str
    happen: Callable[[Link], None]
    is_after: bool
    times: int


class Flow:
    """
    One direction of a connection.

    Attributes
    ----------
    passed : int
        Bytes that have gone through.
    has_ended : bool
        The sender has ended it.
    is_over : bool
        Its end has gone through, or nothing will any more.
    is_blocked : bool
        The receiver's kernel has no room.
    """

    def __init__(
        self,
        link: Link,
        direction: str,
        ends: tuple[socket.socket, socket.socket],
        conditions: Conditions,
        watches: list[Watch],
    ) -> None:
        self.source, self.sink = ends
        self.conditions = conditions
        self.passed = 0
        self.is_over = False
        self.is_blocked = False
        self._link = link
        self._direction = direction
        self._watches = watches
        self._taken = 0
        self._tail = b""
        self._searched: dict[Watch, int] = {}
        self._is_mute = False
        self.has_ended = False
        self._held: Deque[tuple[float, Union[memoryview, str]]] = deque()
        self._held_size = 0
        self._last_due = self._next_at = 0.0
        # A frame that the next one overtakes.
        self._overtaken: bytes | None = None
        # What happens after so many bytes, in that order.
        self._marks: list[tuple[int, Callable[[], None]]] = []

    @property
    def wants_read(self) -> bool:
        """True while there may be more to read, and room for it."""
        return not self.has_ended and self._held_size < _HIGH_WATER

    @property
    def due(self) -> Optional[float]:
        """When something can go on; None if that depends on others."""
        if not self._held or self.is_blocked or self.conditions.is_stopped:
            return None
        return max(self._held[0][0], self._next_at)

    @property
    def is_holding(self) -> bool:
        """True if something has come that has not gone through."""
        return bool(self._held)

    @property
    def is_marked(self) -> bool:
        """True if something is going to happen in this flow."""
        return bool(self._marks)

    def look_for(self, watch: Watch) -> None:
        """Look for a pattern in what comes from now on."""
        self._searched[watch] = self._taken

    def mark(self, count: int, happen: Callable[[], None]) -> None:
        """Have something happen after exactly so many bytes of the whole stream."""
        self._marks.append((count, happen))
        self._marks.sort(key=lambda mark: mark[0])

    def hasten(self) -> None:
        """Let what waits for more bytes happen now."""
        self._marks = [(self.passed, happen) for _, happen in self._marks]

    def repeat(self) -> bool:
        """Send the frame that begins here once more; False if not all of it has come."""
        frame = self._next_frame()
        if frame is not None:
            self.sink.send(frame)
        return frame is not None

    def overtake(self) -> bool:
        """Keep the frame that begins here until the next has gone; False as for `repeat`."""
        self._overtaken = self._next_frame()
        self._drop(len(self._overtaken or b""))
        return self._overtaken is not None

    def mute(self) -> None:
        """Let nothing more through; what comes is thrown away."""
        self._is_mute = True
        self._held.clear()
        self._held_size = 0
        self._marks = []

    def shut(self) -> None:
        """Say to the receiver that nothing more comes."""
        self.is_over = True
        try:
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone already

    def take(self) -> None:
        """Read what the sender sent."""
        try:
            data = self.source.recv(_BLOCK)
        except BlockingIOError:
            return
        except OSError:
            self.has_ended = True
            self._hold(_RST)
            return
        if not data:
            self.has_ended = True
            self._hold(_FIN)
        elif not self._is_mute:
            self._link.note(self._direction, data)
            self._look_for_patterns(data)
            self._held_size += len(data)
            self._hold(memoryview(data))

    def push(self) -> None:
        """Let go on what is due."""
        for _ in range(_BURST):
            if self._overtaken is not None and not self._pass_by(self._overtaken):
                return
            if self._marks and self._marks[0][0] <= self.passed:
                _, happen = self._marks.pop(0)
                happen()
                if self._link.is_closed:
                    return
                continue
            due = self.due
            if due is None or due > time.monotonic():
                return
            item = self._held[0][1]
            if isinstance(item, str):
                self._held.clear()
                self._end(item)
                return
            if not self._send(item):
                return

    def _next_frame(self) -> bytes | None:
        """Return the frame of a server with which the held bytes begin, if all of it has come."""
        held = b"".join(item for _, item in self._held if not isinstance(item, str))
        if len(held) < 4:
            return None
        size, head = held[1], 2
        if size == 126:
            size, head = int.from_bytes(held[2:4], "big"), 4
        elif size == 127:
            size, head = int.from_bytes(held[2:10], "big"), 10
        return held[: head + size] if len(held) >= head + size else None

    def _drop(self, count: int) -> None:
        """Take bytes from the beginning of what is held."""
        self._held_size -= count
        while count:
            at, item = self._held.popleft()
            assert not isinstance(item, str)
            if len(item) > count:
                self._held.appendleft((at, item[count:]))
            count -= min(count, len(item))

    def _pass_by(self, overtaken: bytes) -> bool:
        """Send the next frame and then this one; False if that has not come yet."""
        has_ended = bool(self._held) and isinstance(self._held[-1][1], str)
        frame = self._next_frame()
        if frame is None and not has_ended:
            return False
        self._drop(len(frame or b""))
        self._overtaken = None
        both = (frame or b"") + overtaken
        self.passed += self.sink.send(both)
        return True

    def _hold(self, item: Union[memoryview, str]) -> None:
        conditions, count = self.conditions, self._link.count
        due = time.monotonic()
        if conditions.delay_s or conditions.jitter_s:
            count("delay")
            jitter_s = random.uniform(0.0, conditions.jitter_s)
            due += conditions.delay_s + jitter_s
        if conditions.is_stopped:
            count("stop")
        # Nothing overtakes: a stream stays in order.
        self._last_due = max(self._last_due, due)
        self._held.append((self._last_due, item))

    def _look_for_patterns(self, data: bytes) -> None:
        """Mark where the patterns stand; one may begin in an earlier block."""
        begin = self._taken - len(self._tail)
        self._taken += len(data)
        text = self._tail + data
        self._tail = text[-_LONGEST_PATTERN:]
        for watch in self._watches:
            if watch.direction != self._direction:
                continue
            while watch.times:
                start = max(0, self._searched.get(watch, 0) - begin)
                found = watch.pattern.search(text, start)
                if found is None:
                    break
                watch.times -= 1
                self._searched[watch] = begin + found.end()
                offset = begin + (found.end() if watch.is_after else found.start())
                self.mark(offset, partial(watch.happen, self._link))

    def _send(self, item: memoryview) -> bool:
        """Send a piece, and return whether more may follow at once."""
        conditions = self.conditions
        size = len(item)
        if self._marks:
            size = min(size, self._marks[0][0] - self.passed)
        if conditions.slice_size is not None and conditions.slice_size < size:
            size = conditions.slice_size
            self._link.count("slice")
        if conditions.bytes_per_s is not None:
            piece = max(1, int(conditions.bytes_per_s * _PIECE_S))
            if piece < size:
                size = piece
                self._link.count("limit")
        try:
            sent = self.sink.send(item[:size])
        except BlockingIOError:
            self.is_blocked = True
            return False
        except OSError:
            # Its peer is gone, and says so in the other direction.
            self.mute()
            return False
        self.passed += sent
        self._held_size -= sent
        ready_at, _ = self._held.popleft()
        if sent < len(item):
            self._held.appendleft((ready_at, item[sent:]))
        wait_s = conditions.pause_s
        if conditions.bytes_per_s is not None:
            wait_s = max(wait_s, sent / conditions.bytes_per_s)
        if wait_s:
            self._next_at = time.monotonic() + wait_s
        return True

    def _end(self, how: str) -> None:
        if how == _RST:
            self._link.break_off()
        else:
            self.shut()
