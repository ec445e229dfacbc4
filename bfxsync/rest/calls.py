"""
How much time a call has, and how far it has come.

Strategy: requests bounds each read of the socket, not all of them together: a server that sends a
byte now and then is read for ever. So the socket's file, which every byte of an answer comes
through, asks the call for the rest of its time before each read. It is put in with what http.client
and urllib3 have for that: `response_class`, `ConnectionCls` and `pool_classes_by_scheme`.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import threading
import time
from contextlib import contextmanager
from typing import Any, Iterator, Optional


class Call:
    """
    One request on its way.

    Attributes
    ----------
    phase : str
        ``connect``, ``send`` (nothing can have come of it yet) or ``receive``.
    answer : http.client.HTTPResponse or None
        That is being read, of the server or of a proxy before it.
    is_out_of_time : bool
        A read found no time left, or got nothing in it.
    """

    def __init__(self, connect_s: float, read_s: float, deadline: float) -> None:
        self.phase = "connect"
        self.answer: Optional[http.client.HTTPResponse] = None
        self.is_out_of_time = False
        self._connect_s = connect_s
        self._read_s = read_s
        self._deadline = deadline

    @property
    def timeouts(self) -> tuple[float, float]:
        """For connecting and for the first read, in seconds."""
        rest_s = max(self._deadline - time.monotonic(), 0.001)
        return min(self._connect_s, rest_s), min(self._read_s, rest_s)

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

    call: Optional[Call] = None


_this_thread = _ThisThread()


def _current() -> Call:
    call = _this_thread.call
    assert call is not None, "connections are used by calls only"
    return call


class _Bounded(io.RawIOBase):
    """A socket's file that is read within a call's time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, call: Call) -> None:
        self._raw = raw
        self._sock = sock
        self._call = call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._call.read_into(buffer, self._raw, self._sock)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _HTTPResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        call = _current()
        call.phase = "receive"
        call.answer = self
        raw: Any = self.fp.detach()
        self.fp = io.BufferedReader(_Bounded(raw, sock, call))


class _Watched:
    """What is added to urllib3's connections."""

    response_class = _HTTPResponse
    # http.client prints what it sends when this is switched on for the class it belongs to.
    debuglevel = 0

    def connect(self) -> None:
        call = _current()
        try:
            super().connect()  # type: ignore[misc]
        except BaseException:
            # What came was the answer of a proxy, which some versions of Python leave open.
            call.phase = "connect"
            if call.answer is not None:
                call.answer.close()
            raise
        call.phase = "send"


@functools.lru_cache(maxsize=None)
def _watched(pool: Any) -> Any:
    connection = type(pool.ConnectionCls.__name__, (_Watched, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def watch(manager: Any) -> Any:
    """Let a pool manager of urllib3 make connections that know the call they serve."""
    manager.pool_classes_by_scheme = {
        scheme: _watched(pool)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager
