"""Handshakes that come in drips, never end, or break off after they have said their status."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from typing import Any, Optional

import pytest
from websocket._socket import recv_line

from bfxsync import Backoff
from bfxsync.ws.io.handshake_socket import HandshakeSocket

from .bare_server import Peer, Tls
from .conftest import Connect, Serve
from .test_connecting import refusal
from .user import wait_until

ANSWER = "HTTP/1.1 {} Answer\r\nContent-Type: text/html\r\n"


class Drip:
    """
    A handshake in single bytes, each in good time, that has no end; or one after a while.

    Attributes
    ----------
    ended : Event
        The client has given up.
    """

    def __init__(self, lasts_s: float = 60.0, status: int = 101) -> None:
        self.ended = threading.Event()
        self._lasts_s = lasts_s
        self._status = status

    def __call__(self, peer: Peer) -> None:
        peer.read_request()
        end = time.monotonic() + self._lasts_s
        try:
            peer.send_bytes(ANSWER.format(self._status).encode())
            while time.monotonic() < end:
                peer.send_bytes(b"x")
                # Not a wait for anything: this is the pace of the drips.
                time.sleep(0.005)
        except OSError:
            self.ended.set()
            raise


def test_a_handshake_in_drips_is_given_up_as_a_whole(
    serve: Serve, security: Optional[Tls]
) -> None:
    drip = Drip()
    server = serve(drip, tls=security)
    error = refusal(server.url, timeout_s=0.3, ca_bundle=server.ca_bundle)
    assert "timed out" in str(error)
    assert drip.ended.wait(30.0)


def test_a_tls_handshake_in_drips_is_given_up_as_a_whole(
    serve: Serve, tls: Tls
) -> None:
    ended = threading.Event()

    def handshake(peer: Peer) -> None:
        try:
            # A record that is said to be long, and comes byte by byte.
            peer.send_wire(b"\x16\x03\x03\x3f\x00")
            for _ in range(12_000):
                peer.send_wire(b"\x02")
                time.sleep(0.005)
        except OSError:
            ended.set()
            raise

    server = serve(handshake, reads=False)
    url = server.url.replace("ws:", "wss:")
    error = refusal(url, timeout_s=0.3, ca_bundle=tls.ca_bundle)
    assert "timed out" in str(error)
    assert ended.wait(30.0)


def test_a_refusal_in_drips_is_a_refusal(serve: Serve, security: Optional[Tls]) -> None:
    server = serve(Drip(status=429), tls=security)
    error = refusal(server.url, timeout_s=0.3, ca_bundle=server.ca_bundle)
    assert error.code == 429


def test_an_extension_that_was_not_offered_is_refused(
    serve: Serve, security: Optional[Tls]
) -> None:
    requests = []

    def compress(peer: Peer) -> None:
        peer.accept(headers="Sec-WebSocket-Extensions: permessage-deflate\r\n")
        requests.append(peer.request.lower())

    server = serve(compress, tls=security)
    error = refusal(server.url, ca_bundle=server.ca_bundle)
    assert "not offered: permessage-deflate" in str(error)
    wait_until(lambda: requests)
    assert "sec-websocket-extensions" not in requests[0]


def flood(peer: Peer) -> None:
    """Send a head without an end, as fast as it is taken."""
    peer.read_request()
    peer.send_bytes(ANSWER.format(101).encode())
    while True:
        peer.send_bytes(b"X-More: and more\r\n" * 1000)


def test_an_endless_head_is_given_up(serve: Serve, security: Optional[Tls]) -> None:
    server = serve(flood, tls=security)
    error = refusal(server.url, timeout_s=30.0, ca_bundle=server.ca_bundle)
    assert "more than" in str(error)


def cut(peer: Peer) -> None:
    peer.end()


def reset(peer: Peer) -> None:
    peer.reset()


def keep(peer: Peer) -> None:
    pass


@pytest.mark.parametrize("status", [408, 429, 503])
@pytest.mark.parametrize("end", [cut, reset, keep])
def test_r04_a_refusal_counts_though_its_body_does_not_come(
    serve: Serve, security: Optional[Tls], status: int, end: Any
) -> None:
    def handshake(peer: Peer) -> None:
        peer.read_request()
        head = ANSWER.format(status) + "Content-Length: 1000\r\n\r\nless"
        peer.send_bytes(head.encode())
        end(peer)

    server = serve(handshake, tls=security, reads=False)
    error = refusal(server.url, timeout_s=1.0, ca_bundle=server.ca_bundle)
    assert error.code == status


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 120", 120.0),
        ("retry-after:  90 ", 90.0),
        (
            "Date: Sat, 31 Jan 2026 10:00:00 GMT\r\n"
            "Retry-After: Sat, 31 Jan 2026 10:02:00 GMT",
            120.0,
        ),
        ("X-Retry-After: 120", None),
        ("X-Text: Retry-After: 120", None),
    ],
)
def test_a_refusal_says_how_long_to_wait(
    serve: Serve, security: Optional[Tls], header: str, seconds: Optional[float]
) -> None:
    server = serve(lambda peer: peer.refuse(429, header), tls=security)
    error = refusal(server.url, ca_bundle=server.ca_bundle)
    assert (error.code, error.retry_after_s) == (429, seconds)


def test_r04_a_client_waits_for_as_long_as_a_refusal_asks(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bfxsync.ws.io.connection")
    server = serve(lambda peer: peer.refuse(429, "Retry-After: 300"))
    client = connect(server, backoff=Backoff())
    client.start()
    wait_until(lambda: "connecting again" in caplog.text)
    (delay,) = re.findall(r"connecting again in (\S+) s", caplog.text)
    assert 300.0 <= float(delay) <= 301.0
    client.close()
    assert server.accepted == 1


def test_r04_a_handshake_in_drips_is_followed_by_the_next_attempt(
    serve: Serve, connect: Connect
) -> None:
    drips = [Drip(), Drip()]

    def handshake(peer: Peer) -> None:
        if drips:
            drips.pop()(peer)
        peer.accept()

    server = serve(handshake)
    client = connect(server, timeout=0.3, backoff=Backoff(first_s=0.01))
    client.start()
    # Only one that was accepted is handed out.
    server.next_peer(60.0)
    assert server.accepted == 3
    client.close()


@pytest.mark.parametrize(
    "answer, refusal_at",
    [(b"HTTP/1.1 101 Switching", None), (b"HTTP/1.1 429 Too Many", 12)],
    ids=["agreed", "refused"],
)
def test_an_answer_that_is_cut_within_its_status_has_none(
    answer: bytes, refusal_at: Optional[int]
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        opening = HandshakeSocket(ours, 30.0)
        for size in range(1, len(answer) + 1):
            theirs.sendall(answer[size - 1 : size])
            opening.recv(1)
            is_known = refusal_at is not None and size >= refusal_at
            assert opening.refusal == (429 if is_known else None), size


def test_lines_of_a_response_do_not_depend_on_its_pieces() -> None:
    lines = [b"HTTP/1.1 101 Switching Protocols\r\n", b"\n", b"A: b\r\n", b"\r\n"]
    answer = b"".join(lines) + b"\x81\x02{}"
    for cut in range(1, len(answer)):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(answer[:cut])
            opening = HandshakeSocket(ours, 30.0)
            found = [opening.recv(1)]
            theirs.sendall(answer[cut:])
            while found[-1] != b"\n":
                found.append(opening.recv(1))
            others = [recv_line(opening) for _ in lines[1:]]
            assert [b"".join(found), *others] == lines
            assert b"\x81\x02{}".startswith(opening.rest)
