"""
Deadline and phase (connect, send, receive) of one call, and completeness of its response.

Strategy: requests has a timeout per read only, so a server that occasionally sends a byte is read
forever. So the socket's file, through which every byte of a response passes, limits each read to
the time left. It is installed through the hooks of http.client and urllib3: `response_class`,
`ConnectionCls` and `pool_classes_by_scheme`.

http.client skips only status 100, treats other informational responses as final, and discards
buffered bytes after the end of a body: in both cases the next call on the connection would read a
wrong response. So informational responses are skipped here, and the buffer is checked for surplus.
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
from contextlib import contextmanager, suppress
from typing import Any, Deque, Dict, Iterator, Optional

from bfxsync._base.dialing import dial
from bfxsync._base.hosts import Address
from bfxsync._base.proxies import Proxy
from bfxsync.rest.http.framing import has_certain_end, is_interim

MAX_HEAD_SIZE = 256 * 1024
"""Maximum bytes before the body, including informational responses; usually about 1 KB."""


class HeadTooLarge(http.client.HTTPException):
    """The headers, with informational responses, exceed `MAX_HEAD_SIZE`."""


class CallDeadline:
    """
    Timing and state of one call.

    Attributes
    ----------
    phase : str
        ``connect``, ``send`` or ``receive``.
    answer : http.client.HTTPResponse or None
        The response being read, of the server or of a proxy.
    is_out_of_time : bool
        A read timed out.
    has_length : bool
        The end of the response is defined by a length or chunks; otherwise by the end of the
        connection, and truncation cannot be detected.
    has_surplus : bool
        Bytes beyond the response are buffered.
    received_bytes, sent_bytes : int
        Bytes of HTTP inside TLS, including those of a proxy.
    """

    def __init__(self, connect_s: float, read_s: float, deadline: float) -> None:
        self.phase = "connect"
        self.answer: Optional[http.client.HTTPResponse] = None
        self.proxy: Optional[Proxy] = None
        self.is_out_of_time: bool = False
        self.has_length = True
        self.has_surplus = False
        self.received_bytes: int = 0
        self.sent_bytes = 0
        self.socket: Optional[socket.socket] = None
        self._connect_s = connect_s
        self._read_s = read_s
        self._deadline = deadline

    @property
    def timeouts(self) -> tuple[float, float]:
        """Connect and read timeout, in seconds."""
        rest_s = max(self._deadline - time.monotonic(), 0.001)
        return min(self._connect_s, rest_s), min(self._read_s, rest_s)

    @property
    def is_complete(self) -> bool:
        """Whether the response has an unambiguous end, so that the connection can be reused."""
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
        """Make this the current call of the thread."""
        # A signal handler may make a nested call.
        outer, _this_thread.call = _this_thread.call, self
        try:
            yield
        finally:
            _this_thread.call = outer

    def abort(self) -> None:
        """
        End the call, from another thread; safe in a signal handler.

        Only an attempt to connect lasts until its own timeout.
        """
        # First: a call that has no socket yet does not read from it later.
        self._deadline = 0.0
        sock = self.socket
        if sock is not None:
            with suppress(OSError):
                # Not that of TLS, which would replace objects that the other thread is using.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def read_into(self, buffer: Any, raw: io.RawIOBase, sock: socket.socket) -> int:
        """Read available bytes from the socket before the deadline."""
        rest_s = self._deadline - time.monotonic()
        try:
            if rest_s <= 0:
                raise socket.timeout("the total time is over")
            sock.settimeout(min(self._read_s, rest_s))
            count = raw.readinto(buffer) or 0
        except socket.timeout:
            self.is_out_of_time = True
            raise
        self.received_bytes += count
        return count


class CallsInFlight:
    """The calls that use connections of one pool; each access is one atomic operation."""

    def __init__(self) -> None:
        self._calls: Dict[CallDeadline, None] = {}
        self._is_aborted = False

    def add(self, call: CallDeadline) -> None:
        """Add a call that begins."""
        self._calls[call] = None
        # After the call was added: `abort` sets it before it looks for calls.
        if self._is_aborted:
            call.abort()

    def remove(self, call: CallDeadline) -> None:
        """Remove a call that has ended."""
        self._calls.pop(call, None)

    def abort(self) -> None:
        """Abort all calls, and those that begin later."""
        self._is_aborted = True
        for call in list(self._calls):
            call.abort()


class _ThisThread(threading.local):
    """The current call: requests cannot pass it down to a connection."""

    call: Optional[CallDeadline] = None


_this_thread = _ThisThread()


def _current() -> CallDeadline:
    call = _this_thread.call
    assert call is not None, "connections are used by calls only"
    return call


class _Bounded(io.RawIOBase):
    """A socket's file whose reads observe the deadline of a call."""

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
            return None  # no more reads
        count = self.call.read_into(buffer, self._raw, self._sock)
        self._size += count
        if self.is_in_head and self._size > MAX_HEAD_SIZE:
            raise HeadTooLarge(
                f"the head of the response has more than {MAX_HEAD_SIZE} bytes"
            )
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _ResponseReader(io.BufferedReader):
    """Records on close whether unread bytes are buffered."""

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
            # Reset, or `begin` would read nothing.
            self.headers = self.msg = None  # type: ignore[assignment]  # pyright: ignore
            super().begin()
        self._bounded.is_in_head = False
        self._call.has_length = bool(self.chunked) or self.length is not None


class _Watched:
    """Mixin for urllib3's connections."""

    response_class = _HTTPResponse
    # http.client prints requests if this is set on its class.
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
            # A proxy's response, which some versions of Python do not close.
            call.phase = "connect"
            if call.answer is not None:
                call.answer.close()
            raise
        call.phase = "send"

    def send(self, data: Any) -> None:
        super().send(data)  # type: ignore[misc]  # pyright: ignore
        # This library passes nothing but bytes.
        _current().sent_bytes += len(data)


class _LockFreeQueue:
    """
    The queue of a urllib3 pool, here of one connection used by one thread.

    The lock of `queue.LifoQueue` could stay locked after an interrupt, and returning the
    connection would then block forever.
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
    names = {"ConnectionCls": connection, "QueueCls": _LockFreeQueue}
    return type(pool.__name__, (pool,), names)


def watch(manager: Any) -> Any:
    """Make a urllib3 pool manager create connections that observe the current call."""
    manager.pool_classes_by_scheme = {
        scheme: _watched(pool)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager
