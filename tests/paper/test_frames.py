"""Control frames and frames that break the protocol, as RFC 6455 has them answered."""

from __future__ import annotations

import struct

import pytest
import websocket

from bfxsync.paper import PaperExchange

from .support import Client


def frame(first_byte: int, payload: bytes) -> bytes:
    """A client's frame; the mask is zeros, so the payload is itself."""
    size = len(payload)
    if size < 126:
        head = bytes([first_byte, 0x80 | size])
    elif size < 1 << 16:
        head = struct.pack(">BBH", first_byte, 0xFE, size)
    else:
        head = struct.pack(">BBQ", first_byte, 0xFF, size)
    return head + bytes(4) + payload


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))], ids=len)
def test_a_ping_is_answered_with_its_payload(
    quiet: PaperExchange, payload: bytes
) -> None:
    with Client(quiet.url) as client:
        client.receive()
        client.ws.ping(payload)
        opcode, data = client.ws.recv_data(control_frame=True)
        assert (opcode, data) == (websocket.ABNF.OPCODE_PONG, payload)
        # It is no message.
        assert quiet.frames_sent == 1


def test_pings_and_requests_are_answered_in_order(quiet: PaperExchange) -> None:
    with Client(quiet.url) as client:
        client.receive()
        for n in range(20):
            client.ws.ping(str(n))
            client.send(event="ping", cid=n)
        for n in range(20):
            assert client.ws.recv_data(control_frame=True)[1] == str(n).encode()
            assert client.receive()["cid"] == n


def test_a_ping_between_two_fragments_is_answered(quiet: PaperExchange) -> None:
    with Client(quiet.url) as client:
        client.receive()
        text = b'{"event":"ping","cid":7}'
        parts = (frame(0x01, text[:9]), frame(0x89, b"x"), frame(0x80, text[9:]))
        client.ws.sock.sendall(b"".join(parts))
        assert client.ws.recv_data(control_frame=True)[1] == b"x"
        assert client.receive()["cid"] == 7


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(0x81, b"\xff\xfe"), 1007),
        (frame(0x83, b"x"), 1002),
        (frame(0xC1, b"x"), 1002),
        (frame(0x89, b"x" * 126), 1002),
        (frame(0x09, b"x"), 1002),
        (frame(0x88, b"\x03\xed"), 1002),
        (frame(0x88, b"\x0b\xb8"), 3000),
    ],
    ids=[
        "no UTF-8",
        "unknown kind",
        "reserved bit",
        "long ping",
        "ping in fragments",
        "close 1005",
        "close 3000",
    ],
)
def test_what_breaks_the_protocol_is_closed_with_its_code(
    quiet: PaperExchange, sent: bytes, code: int
) -> None:
    with Client(quiet.url) as client:
        client.receive()
        client.ws.sock.sendall(sent)
        assert client.close_code() == code


@pytest.mark.parametrize(
    "sent",
    [
        frame(0x81, b"x" * (1 << 21)),
        frame(0x01, b"x" * (1 << 19)) + 3 * frame(0x00, b"x" * (1 << 19)),
    ],
    ids=["in one", "in fragments"],
)
def test_a_message_that_is_too_large_ends_its_connection(
    quiet: PaperExchange, sent: bytes
) -> None:
    with Client(quiet.url) as client, Client(quiet.url) as other:
        client.receive()
        try:
            client.ws.sock.sendall(sent)
        except OSError:
            pass  # closed before it had read everything
        # The code is lost with a socket that is closed while something in it is unread.
        assert client.close_code() in (1009, None)
        assert other.receive()["event"] == "info"


def test_binary_frames_are_ignored(quiet: PaperExchange) -> None:
    with Client(quiet.url) as client:
        client.receive()
        client.ws.send_binary(b'{"event":"ping","cid":1}')
        client.send(event="ping", cid=2)
        assert client.receive()["cid"] == 2
