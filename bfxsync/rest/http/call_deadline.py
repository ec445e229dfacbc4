"""
The deadline and the phase of one call, and whether its answer was complete.

Strategy: requests bounds each read of the socket, not all of them together: a server that sends a
byte now and then is read for ever. So the socket's file, which every byte of an answer comes
through, asks the call for the rest of its time before each read. It is put in with what http.client
and urllib3 have for that: `response_class`, `ConnectionCls` and `pool_classes_by_scheme`.

http.client reads past 100 only, takes any other interim answer for the real one, and throws away
what its buffer holds beyond the end of a body: either way the connection would give the next call
an answer that is not its own. So interim answers are skipped here, and the buffer is looked at
before it goes.
"""

from __future__ import annotations

import functools
import http.client
import io
import queue
import socket
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import Any, Deque, Iterator, Optional

from bfxsync._base.dialing import dial
from bfxsync._base.hosts import Address
from bfxsync._base.proxies import Proxy
from bfxsync.rest.http.framing import has_certain_end, is_interim

MAX_HEAD_SIZE = 256 * 1024
"""Bytes of an answer before its body, with all interim answers; a usual head has one KB."""


class HeadTooLarge(http.client.HTTPException):
    """The head does not end, or interim answers come without end."""


class CallDeadline:
    """
    One request on its way.

    Attributes
    ----------
    phase : str
        ``connect``, ``send`` (nothing can have come of it yet) or ``receive``.
    answer : http.client.HTTPResponse or None
        That is being read, of the server or of a proxy before it.
    proxy : Proxy or None
        By way of which its host is reached.
    is_out_of_time : bool
        A read found no time left, or got nothing in it.
    has_length : bool
        The answer says where it ends, by a length or by chunks; else the connection's end is
        its end, and nobody can tell whether it is whole.
    has_surplus : bool
        More came than the answer, as far as can be seen without asking the socket again.
    socket : socket or None
        That the answer came by.
    """

    def __init__(self, connect_s: float, read_s: float, deadline: float) -> None:
        self.phase = "connect"
        self.answer: Optional[http.client.HTTPResponse] = None
        self.proxy: Optional[Proxy] = None
        self.is_out_of_time: bool = False
        self.has_length = True
        self.has_surplus = False
        self.socket: Optional[socket.socket] = None
        self._connect_s = connect_s
        self._read_s = read_s
        self._deadline = deadline

    @property
    def timeouts(self) -> tuple[float, float]:
        """For connecting and for the first read, in seconds."""
        rest_s = max(self._deadline - time.monotonic(), 0.001)
        return min(self._connect_s, rest_s), min(self._read_s, rest_s)

    @property
    def is_complete(self) -> bool:
        """Tell whether its answer was read to a certain end, so that the next byte is new."""
        answer = self.answer
        return (
            answer is not None
            and answer.isclosed()
            and not answer.will_close
            and has_certain_end(
                answer.status,
                answer.headers.get_all("Content-Length", []),
                answer.headers.get_all("Transfer-Encoding", []),
            )
            and not self.has_surplus
        )

    @contextmanager
    def on_this_thread(self) -> Iterator[None]:
        """Make this the call that the connections of this thread serve."""
        # A signal handler may make a call of its own while the thread is in one.
        outer, _this_thread.call = _this_thread.call, self
        try:
            yield
        finally:
            _this_thread.call = outer

    def read_into(self, buffer: Any, raw: io.RawIOBase, sock: socket.socket) -> int:
        """Read from the socket what is there, within the time that is left."""
        rest_s = self._deadline - time.monotonic()
        try:
            if rest_s <= 0:
                raise socket.timeout("the total time is over")
            sock.settimeout(min(self._read_s, rest_s))
            return raw.readinto(buffer) or 0
        except socket.timeout:
            self.is_out_of_time = True
            raise


class _ThisThread(threading.local):
    """The call that the thread is in: requests has no way to hand it down to a connection."""

    call: Optional[CallDeadline] = None


_this_thread = _ThisThread()


def _current() -> CallDeadline:
    call = _this_thread.call
    assert call is not None, "connections are used by calls only"
    return call


class _Bounded(io.RawIOBase):
    """A socket's file that is read within a call's time."""

    def __init__(
        self, raw: io.RawIOBase, sock: socket.socket, call: CallDeadline
    ) -> None:
        self.call = call
        self.is_in_head = True
        self.is_over = False
        self._raw = raw
        self._sock = sock
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        if self.is_over:
            return None  # nothing is there, and nothing is waited for
        count = self.call.read_into(buffer, self._raw, self._sock)
        self._size += count
        if self.is_in_head and self._size > MAX_HEAD_SIZE:
            raise HeadTooLarge(
                f"the head of the answer has more than {MAX_HEAD_SIZE} bytes"
            )
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _ResponseReader(io.BufferedReader):
    """Says when it goes whether there was more than was read from it."""

    raw: _Bounded  # pyright: ignore[reportIncompatibleVariableOverride]

    def close(self) -> None:
        if not self.closed:
            self.raw.is_over = True
            self.raw.call.has_surplus |= bool(self.peek())
        super().close()


class _HTTPResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._call = call = _current()
        call.phase = "receive"
        call.answer = self
        call.socket = sock
        raw: Any = self.fp.detach()
        self._bounded = _Bounded(raw, sock, call)
        self.fp = _ResponseReader(self._bounded)

    def begin(self) -> None:
        super().begin()
        while is_interim(self.status):
            # As before the first one, or nothing would be read.
            self.headers = self.msg = None  # type: ignore[assignment]  # pyright: ignore
            super().begin()
        self._bounded.is_in_head = False
        self._call.has_length = bool(self.chunked) or self.length is not None


class _Watched:
    """What is added to urllib3's connections."""

    response_class = _HTTPResponse
    # http.client prints what it sends when this is switched on for the class it belongs to.
    debuglevel = 0

    def _new_conn(self) -> Any:
        proxy = _current().proxy
        if proxy is None or not proxy.is_socks:
            return super()._new_conn()  # type: ignore[misc]  # pyright: ignore
        address = Address("", self.host, self.port)  # type: ignore[attr-defined]  # pyright: ignore
        return dial(address, proxy, _current().timeouts[0])

    def connect(self) -> None:
        call = _current()
        try:
            super().connect()  # type: ignore[misc]  # pyright: ignore
        except BaseException:
            # What came was the answer of a proxy, which some versions of Python leave open.
            call.phase = "connect"
            if call.answer is not None:
                call.answer.close()
            raise
        call.phase = "send"


class _Places:
    """
    What a pool of urllib3 keeps its connections in, here a single one, by one thread.

    `queue.LifoQueue` has a lock: a thread that is interrupted while it holds it would wait for it
    for ever when urllib3 gives the connection back.
    """

    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self._items: Deque[Any] = deque()

    def qsize(self) -> int:
        return len(self._items)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if len(self._items) >= self._maxsize:
            raise queue.Full
        self._items.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        try:
            return self._items.pop()
        except IndexError:
            raise queue.Empty from None


@functools.lru_cache(maxsize=None)
def _watched(pool: Any) -> Any:
    connection = type(pool.ConnectionCls.__name__, (_Watched, pool.ConnectionCls), {})
    names = {"ConnectionCls": connection, "QueueCls": _Places}
    return type(pool.__name__, (pool,), names)


def watch(manager: Any) -> Any:
    """Let a pool manager of urllib3 make connections that know the call they serve."""
    manager.pool_classes_by_scheme = {
        scheme: _watched(pool)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager
