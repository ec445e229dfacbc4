from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import pytest
import requests
import trustme
import websocket

from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange

from .support import BOOK, TICKER, Client, ask, connected, is_event, subscribed


@pytest.mark.parametrize("status", [429, 408, 503, 502])
def test_handshakes_are_refused(quiet: PaperExchange, status: int) -> None:
    quiet.inject("refuse_handshake", times=2, status=status)
    assert requests.get(f"{quiet.rest_url}/platform/status", timeout=5).json() == [1]
    assert (
        requests.get(quiet.url.replace("ws", "http", 1), timeout=5).status_code == 400
    )
    for _ in range(2):
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            Client(quiet.url)
        assert caught.value.status_code == status
    with connected(quiet) as client:
        assert ask(client, event="ping")["event"] == "pong"
    assert quiet.fault_counts == {"refuse_handshake": 2}
    assert quiet.connections_opened == 1


def test_maintenance_is_announced_to_current_and_new_clients(
    quiet: PaperExchange,
) -> None:
    with Client(quiet.url) as early:
        assert early.receive()["platform"] == {"status": 1}
        assert quiet.send_info(20060) == 1
        assert early.receive()["code"] == 20060
        with Client(quiet.url) as late:
            assert late.receive()["platform"] == {"status": 0}
            quiet.clear_faults()  # which is no end of it
            with Client(quiet.url) as later:
                assert later.receive()["platform"] == {"status": 0}
                assert quiet.send_info(20051) == 3
                assert quiet.send_info(20061) == 3
                for client in (early, late, later):
                    codes = [client.receive()["code"] for _ in range(2)]
                    assert codes == [20051, 20061]
                with Client(quiet.url) as last:
                    assert last.receive()["platform"] == {"status": 1}
    assert quiet.fault_counts == {"info_20060": 1, "info_20051": 3, "info_20061": 3}


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (1000, "", b"\x03\xe8"),
        (1005, "", b""),
        (1006, "", b"\x03\xee"),
        (1012, "caf\xe9", b"\x03\xf4caf\xc3\xa9"),
        (1015, "", b"\x03\xf7"),
        (2999, "", b"\x0b\xb7"),
        (4999, "x" * 123, b"\x13\x87" + b"x" * 123),
    ],
    ids=["1000", "none", "1006", "reason", "1015", "2999", "4999"],
)
def test_a_close_frame_is_sent_as_given(
    quiet: PaperExchange, code: int, reason: str, payload: bytes
) -> None:
    with connected(quiet) as one, connected(quiet) as two:
        assert quiet.drop_connections(code, reason) == 2
        for client in (one, two):
            # Some of the codes must not be sent, so the client would refuse to read them.
            assert read_to_the_end(client) == bytes((0x88, len(payload))) + payload
    assert quiet.fault_counts == {f"close_{code}": 2}


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((999,), {}, "code must be from 1000 to 4999, not 999"),
        ((5000,), {}, "code must be"),
        (("1000",), {}, "code must be"),
        ((None, "why"), {}, "reason needs a code"),
        ((1005, "why"), {}, "reason needs a code"),
        ((1000, "\xe9" * 62), {}, "at most 123 bytes"),
        ((1000, b"why"), {}, "at most 123 bytes"),
        ((1000,), {"reset": True}, "reset sends no close frame"),
    ],
    ids=str,
)
def test_impossible_closes_are_refused(
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(UsageError, match=message):
        PaperExchange().drop_connections(*arguments, **options)


def raw(client: Client) -> socket.socket:
    """What is below the WebSocket."""
    sock: socket.socket = client.ws.sock  # type: ignore[assignment]
    return sock


def read_to_the_end(client: Client) -> bytes:
    """The bytes up to the close frame's end; the answer to it makes the exchange hang up."""
    sock = raw(client)
    data: bytes = sock.recv(200)
    client.ws.send_close(1000)
    while True:
        more = sock.recv(200)
        if not more:
            return data
        data += more


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_a_connection_is_cut_with_or_without_a_reset(
    quiet: PaperExchange, reset: bool
) -> None:
    with connected(quiet) as client:
        assert quiet.drop_connections(reset=reset) == 1
        sock = raw(client)
        if reset:
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        else:
            assert sock.recv(1) == b""
    assert quiet.drop_connections(reset=reset) == 0
    assert quiet.fault_counts == {"drop": 1}


def test_a_connection_of_tls_is_cut_with_a_reset() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with PaperExchange(ssl_context=context) as exchange:
        with connected(exchange, sslopt={"context": trusting}) as client:
            # Below TLS, as Python's takes a reset for an end.
            with socket.socket(fileno=raw(client).detach()) as plain:
                plain.settimeout(5)
                exchange.drop_connections(reset=True)
                with pytest.raises(ConnectionResetError):
                    plain.recv(1)


def test_a_recording_plays_on_when_its_listeners_are_gone() -> None:
    with PaperExchange(
        captures=("public-20210417",), speed=60, autoplay=False
    ) as exchange:
        with connected(exchange) as client:
            subscribed(client, channel="book", symbol="tETHUSD", len="25")
            exchange.play()
            client.until(lambda m: isinstance(m, list) and m[1] != "hb")
            exchange.drop_connections()
        begin = exchange.book("tETHUSD")
        deadline = time.monotonic() + 5
        while exchange.book("tETHUSD") == begin:
            assert time.monotonic() < deadline
        assert exchange.finished.wait(10)


def test_nothing_is_simulated_when_the_listeners_are_gone() -> None:
    with PaperExchange(rate=400, paused=True) as exchange:
        with connected(exchange) as client:
            for fields in (BOOK, TICKER, {"channel": "status", "key": "liq:global"}):
                client.send(event="subscribe", **fields)
            client.until(is_event("subscribed"))
            exchange.step(1)
            assert exchange._thread.call(lambda server: server.clock.pending) > 2
            exchange.drop_connections(reset=True)
            exchange.step(6)  # longer than the interval of liquidations
            assert exchange._thread.call(lambda server: server.clock.pending) == 0
