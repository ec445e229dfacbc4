"""Peers that send nothing, send half a request, or do not read are disconnected."""

from __future__ import annotations

import gc
import json
import socket
import ssl
import struct
import sys
import time
from typing import Callable, Iterator

import pytest
import trustme

from bfxsync.paper import PaperExchange

from .support import Client, ask, connected

PATIENCE_S = 30.0
REQUEST = b"GET /v2/platform/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET /ws/2 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
)


@pytest.fixture
def hasty() -> Iterator[PaperExchange]:
    """One that waits a tenth of a second for a request."""
    with PaperExchange(rate=1e-3, request_timeout_s=0.1) as exchange:
        yield exchange


def connect(exchange: PaperExchange) -> socket.socket:
    return socket.create_connection(("127.0.0.1", exchange.port), timeout=PATIENCE_S)


def answer(plain: socket.socket) -> bytes:
    """Ask for the status, and return the whole answer."""
    plain.sendall(REQUEST)
    received = b""
    while not received.endswith(b"[1]"):
        block = plain.recv(65536)
        assert block, received
        received += block
    return received


def rest_of(plain: socket.socket) -> bytes:
    """Everything that comes until the other side ends the connection."""
    received = b""
    while True:
        try:
            block = plain.recv(65536)
        except ConnectionResetError:
            return received
        if not block:
            return received
        received += block


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n", REQUEST[:5], REQUEST[:-2], UPGRADE],
    ids=["nothing", "a line", "a word", "no end", "no key"],
)
def test_a_connection_without_a_request_is_cut_off(
    hasty: PaperExchange, sent: bytes
) -> None:
    with connect(hasty) as plain:
        plain.sendall(sent)
        assert rest_of(plain) == b""


def test_a_client_that_leaves_in_its_request_is_no_error(
    exchange: PaperExchange, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(exchange) as plain:
        length = b"Content-Length: 9\r\n\r\n{"
        plain.sendall(
            b"POST /v2/auth/r/wallets HTTP/1.1\r\nHost: localhost\r\n" + length
        )
        with connect(exchange) as other:
            answer(other)  # the request has been read by then
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with connect(exchange) as other:
        answer(other)
    assert caplog.records == []


def test_a_tls_connection_without_a_handshake_is_cut_off() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with PaperExchange(ssl_context=context, request_timeout_s=0.1) as exchange:
        with connect(exchange) as plain:
            assert rest_of(plain) == b""


def test_a_connection_that_has_made_a_request_may_be_silent(
    hasty: PaperExchange,
) -> None:
    with connect(hasty) as early, connect(hasty) as late:
        assert b"200 OK" in answer(early)
        # The deadline of both is over.
        assert rest_of(late) == b""
        assert b"200 OK" in answer(early)


@pytest.mark.parametrize("path", ["calc/fx", "auth/r/wallets"])
def test_a_body_that_does_not_come_is_not_waited_for(
    hasty: PaperExchange, path: str
) -> None:
    with connect(hasty) as plain:
        head = f"POST /v2/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        plain.sendall(f"{head}\r\n{{".encode())
        assert plain.recv(65536).startswith(b"HTTP/1.1 408")


def test_an_unread_answer_is_aborted() -> None:
    with PaperExchange(rate=1e-3, idle_s=0.2) as exchange:
        with connect(exchange) as deaf:
            # More than the buffers of both sides hold.
            path = b"/v2/candles/trade:1m:tBTCUSD/hist?limit=10000"
            request = REQUEST.replace(b"/v2/platform/status", path)
            deaf.sendall(request * 16)
            wait_until(lambda: is_reset(deaf))


def is_reset(plain: socket.socket) -> bool:
    """Say whether the other side has cut the connection off, without reading from it."""
    try:
        plain.sendall(b"\r\n")
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


@pytest.mark.parametrize("is_half_closed", [False, True], ids=["open", "half closed"])
def test_a_subscriber_that_takes_nothing_is_cut_off(is_half_closed: bool) -> None:
    # Long before the deadline of those for whom much waits.
    with PaperExchange(rate=1e-3, idle_s=0.2, stall_s=1e6) as exchange:
        with connected(exchange) as client:
            client.subscribe("ticker", "tBTCUSD")
            ping = json.dumps({"event": "ping", "cid": "x" * 900_000})
            client.ws.settimeout(PATIENCE_S)
            try:
                for _ in range(16):
                    client.ws.send(ping)
                if is_half_closed:
                    client.ws.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # cut off already
            wait_until(lambda: not exchange.connections)


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT")
def test_a_subscriber_with_little_unread_is_cut_off() -> None:
    """What waits for it is all in the kernel's buffers, where we cannot see it."""
    small = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
    with PaperExchange(rate=1e-3, idle_s=0.2) as exchange:
        with connected(exchange, sockopt=small) as client:
            client.subscribe("ticker", "tBTCUSD")
            client.send(event="ping", cid="x" * 300_000)
            wait_until(lambda: not exchange.connections)


def test_a_subscriber_that_reads_may_be_silent() -> None:
    with PaperExchange(rate=1e-3, idle_s=0.1, heartbeat_s=0.02) as exchange:
        with connected(exchange) as busy, connected(exchange) as idle:
            busy.subscribe("ticker", "tBTCUSD")
            assert idle.close_code() is None
            assert ask(busy, event="ping")["event"] == "pong"


def test_a_ping_or_pong_is_life() -> None:
    with PaperExchange(rate=1e-3, idle_s=0.5) as exchange:
        with Client(exchange.url) as pings, Client(exchange.url) as pongs:
            for client in (pings, pongs):
                client.receive()
            with Client(exchange.url) as silent:
                silent.receive()
                silent.ws.settimeout(0.02)
                while exchange.connections == 3:
                    pings.ws.ping("x")
                    pongs.ws.pong("x")
                    try:
                        assert not silent.ws.sock.recv(1)
                    except (socket.timeout, ConnectionResetError):
                        pass
            for client in (pings, pongs):
                assert ask(client, event="ping")["event"] == "pong"


def test_a_peer_that_ignores_a_close_frame_is_aborted(
    exchange: PaperExchange,
) -> None:
    with Client(exchange.url) as client:
        client.receive()
        # A frame of a kind that there is not, and then nothing more.
        client.ws.sock.sendall(b"\x83\x80aaaa")
        wait_until(lambda: not exchange.connections)
        assert client.close_code() == 1002


def test_a_connection_accepted_at_the_stop_is_closed_too() -> None:
    """What was forgotten would warn when it is collected."""
    for _ in range(5):
        exchange = PaperExchange().start()
        with connect(exchange):
            exchange.stop()
            gc.collect()
