"""
The server side of one WebSocket connection.

Strategy: aiohttp does the handshake and reads. Messages are framed here and written to the
transport in one block per turn of the event loop: frames of a server are not masked, so a header is
two to ten bytes, and a busy market needs one system call instead of hundreds. Pongs are queued in
order with the messages. Close frames are written here too, so that there is exactly one, with the
right code.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Callable

from aiohttp import WSMsgType, web

from bfxsync.paper.fault_options import NO_CODE
from bfxsync.paper.server.wire_json import to_bytes

_TEXT, _CLOSE, _PONG = 0x81, 0x88, 0x8A

HIGH_WATER = 1 << 20
"""Unread bytes of a client above which producers wait."""
_POLL_S = 0.002
ANSWER_S = 1.0
"""Time for a client to respond to a close frame, and to read the data before it."""

# Two ints, on Windows two unsigned shorts: linger for zero seconds.
_NO_LINGER = struct.pack("HH" if os.name == "nt" else "ii", 1, 0)


class Hold:
    """While it is on, no connection writes messages; they are queued."""

    def __init__(self) -> None:
        self.is_on: bool = False
        self._writes: list[Callable[[], None]] = []

    def add(self, write: Callable[[], None]) -> None:
        """Keep a call until the end."""
        self._writes.append(write)

    def end(self) -> None:
        """Write what has been queued."""
        self.is_on = False
        writes, self._writes = self._writes, []
        for write in writes:
            write()


class WsConnection:
    """
    A WebSocket after its handshake.

    Parameters
    ----------
    stall_s : float
        Aborts a client that stays above `HIGH_WATER` for this time.
    before_write : callable
        Called before each block; if it returns False the connection is aborted instead.
    hold : Hold, optional
        Delays messages.

    Attributes
    ----------
    last_received_at : float
        Event-loop time of the last frame received, control frames included.
    """

    def __init__(
        self,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport,
        stall_s: float,
        before_write: Callable[[], bool] = lambda: True,
        hold: Hold | None = None,
    ) -> None:
        self._ws = ws
        self._transport = transport
        self._stall_s = stall_s
        self._before_write = before_write
        self._hold = Hold() if hold is None else hold
        self._loop = asyncio.get_running_loop()
        self._has_closed = False
        self._is_cut = False
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._written_bytes = 0
        self._read_bytes = 0
        self._read_at = self._loop.time()
        self.last_received_at: float = self._read_at

    def send(self, text: str) -> None:
        """Queue a message; it is written at the end of this turn of the event loop."""
        self._queue(_frame(_TEXT, to_bytes(text)))

    def cut(self) -> None:
        """Write what is queued, but nothing after it, and cut the TCP connection."""
        self._is_cut = True
        self._loop.call_soon(self._finish_cut)

    def _finish_cut(self) -> None:
        self._flush()
        self._transport.close()

    def _queue(self, frame: bytes) -> None:
        if self._is_cut:
            return
        if not self._waiting:
            self._loop.call_soon(self._write)
        self._waiting.append(frame)
        self._waiting_bytes += len(frame)

    async def read(self, receive: Callable[[str], None]) -> None:
        """Pass each text message to `receive` until the connection is closed."""
        async for message in self._ws:
            self.last_received_at = self._loop.time()
            if message.type is WSMsgType.TEXT:
                receive(message.data)
            elif message.type is WSMsgType.PING:
                self._queue(_frame(_PONG, message.data))
            await self.drain()
        # The client has answered the close frame, or sent the first one and gets its code back.
        self.hang_up(self._ws.close_code or 1000)

    async def drain(self) -> None:
        """Wait while more than `HIGH_WATER` bytes are unread; abort after `stall_s`."""
        deadline = self._loop.time() + self._stall_s
        while self._backlog() > HIGH_WATER:
            if self._loop.time() > deadline:
                self.abort()
                return
            await asyncio.sleep(_POLL_S)

    def unread_since(self) -> float | None:
        """
        Return the time since which the client has read none of its pending data.

        None without pending data. The resolution is the interval between calls.
        """
        unread = self._unread_bytes()
        read = self._written_bytes - unread
        if not unread or read != self._read_bytes:
            self._read_bytes, self._read_at = read, self._loop.time()
        return self._read_at if unread else None

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, and wait up to `ANSWER_S` for that of the client."""
        self._flush()
        if not self._is_over():
            payload = b""
            if code != NO_CODE:
                payload = struct.pack(">H", code) + to_bytes(reason)
            self._transport.write(_frame(_CLOSE, payload))
            self._has_closed = True
            self._loop.call_later(ANSWER_S, self._transport.abort)

    def hang_up(self, code: int) -> None:
        """Send a close frame, unless one was sent, and close without waiting for a response."""
        self.close(code)
        self._transport.close()
        # Closing the transport waits until everything is read.
        self._loop.call_later(ANSWER_S, self._transport.abort)

    def abort(self, reset: bool = False) -> None:
        """Cut the TCP connection without a close frame; with `reset` by a RST instead of a FIN."""
        if reset and not self._transport.is_closing():
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._transport.abort()

    def _is_over(self) -> bool:
        return self._has_closed or self._ws.closed or self._transport.is_closing()

    def _backlog(self) -> int:
        return 0 if self._is_over() else self._waiting_bytes + self._unread_bytes()

    def _unread_bytes(self) -> int:
        try:
            return self._transport.get_write_buffer_size()
        except AttributeError:
            # Before CPython 3.11, the transport of a lost TLS connection has no inner transport.
            return 0

    def _write(self) -> None:
        if self._hold.is_on:
            self._hold.add(self._flush)
        else:
            self._flush()

    def _flush(self) -> None:
        if self._waiting and not self._before_write():
            self.abort()
        # Nothing may follow a close frame.
        if self._waiting and not self._is_over():
            block = b"".join(self._waiting)
            self._written_bytes += len(block)
            self._transport.write(block)
        self._waiting.clear()
        self._waiting_bytes = 0


def _frame(first_byte: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((first_byte, size)) + payload
    if size < 1 << 16:
        return struct.pack(">BBH", first_byte, 126, size) + payload
    return struct.pack(">BBQ", first_byte, 127, size) + payload
