"""The transport against a server that does anything: one connection, plain and TLS."""

from __future__ import annotations

import selectors
import threading
import time
from typing import Callable, Iterator, Optional

import pytest
from patience import at_most

import bfxsync.ws.io.transport
from bfxsync import NetworkError
from bfxsync.wire.websocket import Binary
from bfxsync.ws.io.transport import MAX_PONGS, MAX_UNSENT, Traffic, Transport

from .bare_server import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEADLINE_S,
    PING,
    PONG,
    TEXT,
    BareServer,
    Frame,
    Peer,
    Tls,
    close_frame,
    frame,
)
from .conftest import Connect, Serve

Open = Callable[[BareServer], Transport]


@pytest.fixture
def open_transport(serve: Serve) -> Iterator[Open]:
    """Connect to servers; what was opened is closed before they stop."""
    transports: list[Transport] = []

    def open_to(server: BareServer) -> Transport:
        transport = Transport.connect(
            server.url, timeout_s=DEADLINE_S, ca_bundle=server.ca_bundle
        )
        transports.append(transport)
        return transport

    yield open_to
    for transport in transports:
        transport.close()


class Loop:
    """Read and write as the I/O thread does: wait in a selector, then let the transport work."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.messages: list[bytes] = []

    def until(self, done: Callable[[], bool], timeout_s: float = DEADLINE_S) -> None:
        transport = self.transport
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(transport, transport.events)
            while not done():
                if not transport.has_pending:
                    selector.modify(transport, transport.events)
                    ready = selector.select(max(0.0, deadline - time.monotonic()))
                    assert ready, "the deadline has passed"
                    if ready[0][1] & selectors.EVENT_WRITE:
                        transport.flush()
                self.messages += transport.read()

    def read(self, count: int) -> list[bytes]:
        self.until(lambda: len(self.messages) >= count)
        return self.messages

    def lost(self) -> NetworkError:
        self.until(lambda: self.transport.lost is not None)
        assert self.transport.lost is not None
        assert self.transport.lost.phase == "receive"
        return self.transport.lost


def is_readable(transport: Transport, timeout_s: float = 0.0) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(transport, selectors.EVENT_READ)
        return bool(selector.select(timeout_s))


# --- reading ----------------------------------------------------------------------------------


def test_frames_in_the_record_of_the_handshake_are_delivered(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    extra = frame("one") + frame("two") + frame("three")
    server = serve(lambda peer: peer.accept(extra), tls=security)
    transport = open_transport(server)
    server.next_peer()
    if security is not None:
        # All is inside TLS by now: whoever trusts the selector waits for ever.
        assert not is_readable(transport)
        assert transport.has_pending
    assert Loop(transport).read(3) == [b"one", b"two", b"three"]
    assert not transport.has_pending


@pytest.mark.parametrize("slice_size", [None, 4096, 1000, 129, 1])
def test_frames_after_the_response_are_delivered_wherever_it_is_cut(
    serve: Serve,
    open_transport: Open,
    security: Optional[Tls],
    slice_size: Optional[int],
) -> None:
    texts = [f"{number:0200d}" for number in range(40)]

    def handshake(peer: Peer) -> None:
        peer.slice_size = slice_size
        peer.accept(b"".join(map(frame, texts)))

    server = serve(handshake, tls=security)
    transport = open_transport(server)
    server.next_peer()
    assert Loop(transport).read(40) == [text.encode() for text in texts]


def test_close_frame_right_after_the_response_ends_the_connection(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    extra = frame("last") + close_frame(1013, "try again")
    server = serve(lambda peer: peer.accept(extra), tls=security)
    loop = Loop(open_transport(server))
    server.next_peer()
    assert loop.lost().code == 1013
    assert loop.messages == [b"last"]
    assert loop.transport.was_closed


def test_batch_leaves_at_its_end(serve: Serve) -> None:
    server, traffic = serve(), Traffic()
    transport = Transport.connect(server.url, timeout_s=DEADLINE_S, traffic=traffic)
    peer = server.next_peer()
    with transport.batch():
        transport.send("one")
        transport.send("two")
        assert traffic.sent == 0
    assert traffic.sent == 2 * (2 + 4 + len("one"))
    assert [peer.receive().payload for _ in range(2)] == [b"one", b"two"]
    transport.close()


def test_a_client_heeds_frames_in_the_record_of_the_handshake(
    serve: Serve, connect: Connect, security: Optional[Tls]
) -> None:
    info = frame('{"event":"info","version":2,"platform":{"status":1}}')
    conf = frame('{"event":"conf","status":"OK","flags":196608}')
    server = serve(lambda peer: peer.accept(info + conf + frame("[9]")), tls=security)
    connect(server).subscribe_many(
        [{"channel": "ticker", "symbol": "tBTCUSD"}], wait=False
    )
    peer = server.next_peer()
    assert peer.receive_json() == {"event": "conf", "flags": 196608}
    assert peer.receive_json()["event"] == "subscribe"


def test_single_bytes_make_whole_messages(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    peer.slice_size = 1
    texts = ["", "x", "y" * 125, "z" * 126, "é" * 300]
    peer.send_text(*texts)
    assert loop.read(5) == [text.encode() for text in texts]


def test_traffic_is_the_bytes_of_the_frames(
    serve: Serve, security: Optional[Tls]
) -> None:
    traffic = Traffic()
    server = serve(tls=security)
    texts = ["x", "y" * 126, "z" * 100_000]
    for times in (1, 2):  # of one connection after another
        transport = Transport.connect(
            server.url,
            timeout_s=DEADLINE_S,
            ca_bundle=server.ca_bundle,
            traffic=traffic,
        )
        peer = server.next_peer()
        peer.send_text(*texts)
        Loop(transport).read(3)
        assert traffic.received == times * sum(len(frame(text)) for text in texts)
        transport.send("a" * 10)
        transport.close()
        # Masks, and a close frame with a code.
        assert traffic.sent == times * ((2 + 4 + 10) + (2 + 4 + 2))


def test_messages_are_read_in_single_bytes(
    serve: Serve,
    open_transport: Open,
    security: Optional[Tls],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bfxsync.ws.io.transport, "BLOCK_SIZE", 1)
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    texts = ["", "x", "y" * 125, "z" * 126]
    peer.send_text(*texts)
    peer.send_bytes(frame("ping", PING) + frame("last"))
    assert loop.read(5) == [*(text.encode() for text in texts), b"last"]
    assert peer.receive() == Frame(PONG, b"ping")


def test_long_messages_and_many_in_one_write(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    texts = ["a" * 70_000, *(str(n) for n in range(20_000)), "b" * 1_000_000]
    sender = threading.Thread(target=peer.send_text, args=texts, name="test-sender")
    sender.start()
    loop.read(len(texts))
    sender.join(DEADLINE_S)
    assert loop.messages == [text.encode() for text in texts]


def test_fragments_are_joined_around_a_ping(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    peer.send_bytes(frame("one ", TEXT, final=False) + frame("now", PING))
    peer.send_bytes(frame("two", CONTINUATION) + frame(b"\x00\xff", BINARY))
    assert loop.read(2) == [b"one two", b"\x00\xff"]
    assert [type(message) for message in loop.messages] == [bytes, Binary]
    assert peer.receive() == Frame(PONG, b"now")


def test_a_part_of_a_tls_record_does_not_block(
    serve: Serve, open_transport: Open, tls: Tls
) -> None:
    server = serve(tls=tls)
    transport = open_transport(server)
    peer = server.next_peer()
    record = peer.encrypt(frame("whole"))
    for part in (record[:3], record[3:10], record[10:-1]):
        peer.send_wire(part)
        assert is_readable(transport, DEADLINE_S)
        begin = time.monotonic()
        assert transport.read() == []
        assert time.monotonic() - begin < at_most(1.0)
        assert not transport.has_pending and transport.lost is None
    peer.send_wire(record[-1:])
    assert Loop(transport).read(1) == [b"whole"]


def test_nothing_to_read_is_nothing(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    transport = open_transport(server)
    server.next_peer()
    assert transport.read() == []
    assert transport.lost is None
    assert transport.events == selectors.EVENT_READ


# --- control frames ---------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"are you there?", bytes(125)])
def test_ping_is_answered_with_its_payload(
    serve: Serve, open_transport: Open, security: Optional[Tls], payload: bytes
) -> None:
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    peer.send_bytes(frame(payload, PING) + frame("after"))
    assert loop.read(1) == [b"after"]
    assert peer.receive() == Frame(PONG, payload)


def test_every_ping_of_a_few_is_answered(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    payloads = [b"%d" % n for n in range(MAX_PONGS)]
    pings = b"".join(frame(payload, PING) for payload in payloads)
    peer.send_bytes(pings + frame("after"))
    assert loop.read(1) == [b"after"]
    assert [peer.receive() for _ in payloads] == [
        Frame(PONG, payload) for payload in payloads
    ]


def test_of_a_flood_of_pings_the_last_ones_are_answered(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    transport = open_transport(server)
    peer = server.next_peer()
    pings = b"".join(frame(b"%d" % n, PING) for n in range(1000))
    peer.send_bytes(pings + frame("after"))
    # In one block, for which all must be here; 1,000 pings take less than a record of TLS.
    assert is_readable(transport, DEADLINE_S)
    loop = Loop(transport)
    assert loop.read(1) == [b"after"]
    transport.send("done")
    received = []
    while not received or received[-1].opcode == PONG:
        received.append(peer.receive())
    assert received[-2:] == [Frame(PONG, b"999"), Frame(TEXT, b"done")]
    assert len(received) < 1000


@pytest.mark.parametrize(
    ("sent", "code", "reason", "echoed"),
    [
        (close_frame(1000, "bye"), 1000, "bye", b"\x03\xe8"),
        (close_frame(1012, "restart"), 1012, "restart", b"\x03\xf4"),
        (close_frame(4321, "ünique"), 4321, "ünique", b"\x10\xe1"),
        (close_frame(1001), 1001, "closed by the exchange", b"\x03\xe9"),
        (frame(b"", CLOSE), 1005, "closed by the exchange", b""),
    ],
    ids=["normal", "restart", "private", "no-reason", "no-code"],
)
def test_close_frame_is_reported_and_echoed(
    serve: Serve,
    open_transport: Open,
    security: Optional[Tls],
    sent: bytes,
    code: int,
    reason: str,
    echoed: bytes,
) -> None:
    server = serve(tls=security)
    transport = open_transport(server)
    loop = Loop(transport)
    peer = server.next_peer()
    peer.send_bytes(frame("before") + sent + frame("after"))
    lost = loop.lost()
    assert (lost.code, str(lost)) == (code, reason)
    assert loop.messages == [b"before"]
    assert peer.receive() == Frame(CLOSE, echoed)
    transport.close()
    with pytest.raises(EOFError):
        peer.receive()


@pytest.mark.parametrize(
    ("end", "code"), [(close_frame(1012, "restart"), 1012), (b"\xf1\x00", 1002)]
)
def test_what_came_before_the_end_may_still_be_answered(
    serve: Serve,
    open_transport: Open,
    security: Optional[Tls],
    end: bytes,
    code: int,
) -> None:
    server = serve(tls=security)
    transport = open_transport(server)
    loop = Loop(transport)
    peer = server.next_peer()
    peer.send_bytes(frame("question") + end)
    assert loop.read(1) == [b"question"]
    transport.send("answer")
    assert loop.lost().code == code
    assert peer.receive() == Frame(TEXT, b"answer")
    assert peer.receive() == Frame(CLOSE, code.to_bytes(2, "big"))


def test_the_peers_close_reason_counts_even_without_an_answer(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    transport = open_transport(server)
    loop = Loop(transport)
    peer = server.next_peer()
    peer.send_bytes(frame("last words") + close_frame(1012, "restart"))
    assert loop.read(1) == [b"last words"]
    peer.reset()
    transport.send("answer")
    lost = loop.lost()
    assert (lost.code, str(lost)) == (1012, "restart")


def test_close_sends_a_close_frame_and_ends(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    transport = open_transport(server)
    peer = server.next_peer()
    transport.close(1000, "done")
    assert peer.receive() == Frame(CLOSE, b"\x03\xe8done")
    with pytest.raises(EOFError):
        peer.receive()
    transport.close()  # twice does no harm


def test_close_while_the_peer_streams_is_immediate(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    transport = open_transport(server)
    peer = server.next_peer()
    peer.send_text(*["x" * 1000] * 50)
    assert is_readable(transport, DEADLINE_S)
    begin = time.monotonic()
    transport.close()
    assert time.monotonic() - begin < at_most(0.5)
    assert peer.receive() == Frame(CLOSE, b"\x03\xe8")


# --- ends -------------------------------------------------------------------------------------


def end_orderly(peer: Peer) -> None:
    peer.half_close()


END_OF = {"fin": Peer.end, "rst": Peer.reset, "half-close": end_orderly}


@pytest.mark.parametrize("how", list(END_OF))
def test_an_end_without_close_frame_is_1006(
    serve: Serve, open_transport: Open, security: Optional[Tls], how: str
) -> None:
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    peer.send_text("last words")
    loop.read(1)
    END_OF[how](peer)
    assert loop.lost().code == 1006
    assert loop.transport.read() == []
    loop.transport.send("too late")  # no error here: `lost` says it
    assert loop.messages == [b"last words"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame("masked", mask=b"\x01\x02\x03\x04"), 1002),
        (frame("?", opcode=0x3), 1002),
        (frame("?", opcode=0xB), 1002),
        (b"\xf1\x00", 1002),
        (frame("no beginning", CONTINUATION), 1002),
        (frame("a", final=False) + frame("b"), 1002),
        (frame("p", PING, final=False), 1002),
        (b"\x89\x7e\x00\x7e" + bytes(126), 1002),
        (b"\x88\x01\x03", 1002),
        (close_frame(1005), 1002),
        (frame(b"\x03\xe8\xff", CLOSE), 1007),
        (frame(b"\xff"), 1007),
        (frame(b"\xc3"), 1007),
        (frame(b"\xff" + bytes(70_000))[:11], 1007),
        (b"\x81\x7f" + (16 * 2**20 + 1).to_bytes(8, "big"), 1009),
        (b"\x81\x7f" + (2**63).to_bytes(8, "big"), 1002),
        (b"HTTP/1.1 200 OK\r\n\r\n", 1002),
    ],
    ids=[
        "masked",
        "opcode-3",
        "opcode-11",
        "reserved-bits",
        "lone-continuation",
        "message-in-message",
        "fragmented-ping",
        "long-ping",
        "half-a-code",
        "unsendable-code",
        "reason-not-utf8",
        "text-not-utf8",
        "half-a-character",
        "unfinished-not-utf8",
        "too-long",
        "absurd-length",
        "http",
    ],
)
def test_a_broken_frame_ends_the_connection(
    serve: Serve, open_transport: Open, security: Optional[Tls], sent: bytes, code: int
) -> None:
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    peer.send_bytes(frame("before") + sent + frame("after"))
    lost = loop.lost()
    assert lost.code == code
    assert "protocol" in str(lost)
    assert loop.messages == [b"before"]
    assert peer.receive() == Frame(CLOSE, code.to_bytes(2, "big"))


def test_fragments_that_add_up_to_too_much_end_the_connection(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    loop = Loop(open_transport(server))
    peer = server.next_peer()
    begin = frame(bytes(15 * 2**20), TEXT, final=False)
    rest = frame(bytes(1), CONTINUATION, final=False)
    announced = b"\x00\x7f" + (2**20).to_bytes(8, "big")
    sender = threading.Thread(
        target=peer.send_bytes, args=(begin + rest + announced,), name="test-sender"
    )
    sender.start()
    assert loop.lost().code == 1009
    sender.join(DEADLINE_S)
    assert loop.messages == []


# --- writing ----------------------------------------------------------------------------------


def test_a_peer_that_does_not_read_is_given_up(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security, reads=False)
    transport = open_transport(server)
    server.next_peer()
    text = "x" * 60_000
    sent = 0
    begin = time.monotonic()
    while transport.lost is None and sent < 2**26:
        transport.send(text)
        sent += len(text)
    assert time.monotonic() - begin < at_most(5.0)  # it never waits
    assert transport.lost is not None
    assert transport.lost.code == 1006
    # What the kernel took, and what was allowed to wait.
    assert MAX_UNSENT < sent < 2**25
    before = transport.lost
    transport.send(text)
    transport.flush()
    assert transport.lost is before


def test_what_the_socket_does_not_take_at_once_is_sent_later(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security, reads=False)
    transport = open_transport(server)
    peer = server.next_peer()
    writable = selectors.EVENT_READ | selectors.EVENT_WRITE
    texts: list[str] = []
    while transport.events != writable:
        texts.append(f"{len(texts)} " + "x" * 60_000)
        transport.send(texts[-1])
        assert len(texts) < 1000
    # More, in small pieces, while the first of it is stuck.
    for _ in range(500):
        texts.append(f"{len(texts)}")
        transport.send(texts[-1])
    peer.send_text("not stuck in this direction")
    loop = Loop(transport)
    loop.read(1)
    assert transport.lost is None
    peer.start_reading()
    loop.until(lambda: transport.events == selectors.EVENT_READ)
    received = [peer.receive() for _ in texts]
    assert received == [Frame(TEXT, text.encode()) for text in texts]
    transport.send("and now at once")
    assert peer.receive() == Frame(TEXT, b"and now at once")


def test_bytes_are_sent_as_a_binary_message(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    transport = open_transport(server)
    peer = server.next_peer()
    transport.send(b"\x00\xff")
    transport.send("é")
    assert peer.receive() == Frame(BINARY, b"\x00\xff")
    assert peer.receive() == Frame(TEXT, "é".encode())


def test_one_owner_reads_and_writes_at_full_speed(
    serve: Serve, open_transport: Open, security: Optional[Tls]
) -> None:
    """Both directions are kept full; every message arrives, in order."""
    count = 20_000
    server = serve(tls=security)
    transport = open_transport(server)
    loop = Loop(transport)
    peer = server.next_peer()

    def stream() -> None:
        for start in range(0, count, 100):
            peer.send_text(*(f"down {n}" for n in range(start, start + 100)))

    sender = threading.Thread(target=stream, name="test-sender")
    sender.start()
    for start in range(0, count, 100):
        for n in range(start, start + 100):
            transport.send(f"up {n}")
        loop.messages += transport.read()
    loop.until(lambda: len(loop.messages) >= count, 20.0)
    loop.until(lambda: transport.events == selectors.EVENT_READ)
    sender.join(DEADLINE_S)
    assert loop.messages == [f"down {n}".encode() for n in range(count)]
    received = [peer.receive().payload for _ in range(count)]
    assert received == [f"up {n}".encode() for n in range(count)]
    assert transport.lost is None
