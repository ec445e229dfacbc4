from __future__ import annotations

import asyncio
from typing import Any, Callable

import pytest

from bfxsync.paper.server import ws_connection as connection
from bfxsync.paper.server.ws_connection import HIGH_WATER, WsConnection


class Transport:
    """Takes everything and sends nothing, as if the other side did not read."""

    def __init__(self) -> None:
        self.written = b""
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True

    close = abort


class Ws:
    closed = False


def make(transport: Transport, stall_s: float = 0.02, ws: Any = Ws()) -> WsConnection:
    return WsConnection(ws, transport, stall_s)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_messages_are_framed_and_sent_in_one_piece(size: int, header: bytes) -> None:
    async def scene() -> bytes:
        transport = Transport()
        one = make(transport)
        one.send("x" * size)
        one.send("y")
        assert transport.written == b""
        await asyncio.sleep(0)
        return transport.written

    assert asyncio.run(scene()) == header + b"x" * size + b"\x81\x01y"


def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def scene() -> Transport:
        transport = Transport()
        one = make(transport)
        one.send("x" * HIGH_WATER)
        await one.drain()
        return transport

    assert asyncio.run(scene()).is_aborted


def test_a_client_that_reads_in_time_is_waited_for() -> None:
    async def scene() -> Transport:
        transport = Transport()
        one = make(transport, stall_s=5)
        one.send("x" * HIGH_WATER)

        def read() -> None:
            transport.written = b""

        asyncio.get_running_loop().call_later(0.01, read)
        await one.drain()
        await one.drain()
        return transport

    transport = asyncio.run(scene())
    assert transport.written == b"" and not transport.is_aborted


def test_nothing_follows_a_close_frame() -> None:
    async def scene() -> bytes:
        transport = Transport()
        one = make(transport)
        one.send("x")
        one.hang_up(1001)
        one.send("y")
        one.hang_up(1001)
        await one.drain()
        await asyncio.sleep(0)
        return transport.written

    assert asyncio.run(scene()) == b"\x81\x01x\x88\x02\x03\xe9"
    assert connection.HIGH_WATER == 1 << 20


def test_the_time_without_reading_restarts_with_each_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene() -> None:
        now = 100.0
        transport = Transport()
        one = make(transport)
        monkeypatch.setattr(one, "_loop", Clock(lambda: now))
        assert one.unread_since() is None
        one.send("x" * 98)
        await asyncio.sleep(0)
        assert one.unread_since() == 100
        now = 101
        assert one.unread_since() == 100
        # More to read is no sign of life, less is.
        one.send("y" * 98)
        await asyncio.sleep(0)
        assert one.unread_since() == 100
        transport.written = transport.written[1:]
        assert one.unread_since() == 101
        now = 102
        assert one.unread_since() == 101
        transport.written = b""
        assert one.unread_since() is None

    asyncio.run(scene())


class Clock:
    """An event loop with another clock."""

    def __init__(self, time: Callable[[], float]) -> None:
        self.time = time

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_running_loop(), name)
