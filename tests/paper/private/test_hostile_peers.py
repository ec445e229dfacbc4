"""Malformed and oversized messages, half-open sockets and floods: the exchange goes on."""

from __future__ import annotations

import json
import logging
import random
import socket
import struct
import threading
import time
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bfxsync.paper import PaperAccount, PaperExchange

from ..support import Client, ask, connected
from .channel import ChannelSession, auth_message, is_code, logged_in
from .support import EngineHarness, Signed

MIB = 1 << 20
THREADS = 16
PATIENCE_S = 30.0

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = (
    "id cid gid cid_date type symbol amount price price_trailing price_aux_limit price_oco_stop"
    " delta lev flags tif meta all rate period info event apiKey authNonce authSig authPayload"
    " filter dms token channel key chanId prec len freq subId"
).split()
ODD = json_values | st.sampled_from(
    [
        "tBTCUSD",
        "fUSD",
        "EXCHANGE LIMIT",
        "LIMIT",
        "1",
        "-1",
        "1e-9",
        "1e400",
        "NaN",
        "٣",
    ]
)
bodies = st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=8)
HARNESS = EngineHarness()
LIMIT = {
    "type": "EXCHANGE LIMIT",
    "symbol": "tBTCUSD",
    "amount": "0.01",
    "price": "30000",
}
KINDS = "on ou oc oc_multi ox_multi fon foc calc n ws hb zz".split()
inputs = st.tuples(st.just(0), st.sampled_from(KINDS) | ODD, ODD, bodies | ODD)
batches = st.tuples(
    st.just(0),
    st.just("ox_multi"),
    st.none(),
    st.lists(st.tuples(st.sampled_from(KINDS), bodies) | ODD, max_size=4),
)
events = st.builds(
    lambda event, body: {**body, "event": event},
    st.sampled_from("auth conf ping subscribe unsubscribe unauth info".split()) | ODD,
    bodies,
)


@given(messages=st.lists(inputs | batches | events | json_values, max_size=6))
@example(messages=[[0, "oc_multi", None, {"id": [None, {}, "x"], "all": 1}]])
@example(messages=[[0, "calc", None, [[[]], [{}], ["margin_sym_"], "wallet__"]]])
@example(messages=[[0], [], [0, "on"], [0, "on", None], [0, None, None, None]])
def test_no_message_breaks_a_logged_in_session(messages: list[object]) -> None:
    channel = ChannelSession(HARNESS)
    channel.log_in()
    for message in messages:
        channel.session.receive(json.dumps(message))
        # Whatever is sent is JSON.
        channel.take()
    answer = channel.send({"event": "ping", "cid": 5})
    assert [item["event"] for item in answer] == ["pong"]
    channel.session.close()


@given(text=st.text(max_size=40) | st.binary(max_size=40).map(repr))
@example(text='[0,"on",null,{"amount":1e999}]')
@example(text='[0,"on",null,' + "[" * 5000)
@example(text='{"event":"auth","authPayload":"\\ud800","authSig":"\\udc80"}')
def test_no_text_breaks_a_logged_in_session(text: str) -> None:
    channel = ChannelSession(HARNESS)
    channel.log_in()
    channel.session.receive(text)
    channel.take()
    assert channel.send({"event": "ping"})[0]["event"] == "pong"
    channel.session.close()


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """A frame of a client, with a mask of zeros."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + bytes(4) + payload
    return struct.pack(">BBQ", first, 0xFF, size) + bytes(4) + payload


MALFORMED = {
    "reserved bit": frame(b"{}", 0xC1),
    "reserved opcode": frame(b"{}", 0x83),
    "fragmented ping": frame(b"", 0x09),
    "long ping": frame(b"x" * 126, 0x89),
    "continuation of nothing": frame(b"x", 0x80),
    "not UTF-8": frame(b"\xff\xfe"),
    "close with one byte": frame(b"x", 0x88),
    "8 MiB": frame(b" " * (8 * MIB)),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", list(MALFORMED))
def test_a_malformed_frame_ends_only_its_own_socket(
    exchange: PaperExchange, name: str
) -> None:
    with connected(exchange) as good, Client(exchange.url) as bad:
        logged_in(good)
        logged_in(bad)
        try:
            bad.ws.sock.sendall(MALFORMED[name])
        except OSError:
            pass  # ended in the middle of it
        assert bad.close_code(PATIENCE_S) in (None, 1002, 1007, 1009)
        with Signed(exchange) as signed:
            signed.post("auth/w/order/submit", **LIMIT)
        good.until(lambda message: is_code("on", message))


@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("path", ["auth/w/order/submit", "calc/fx"])
def test_a_body_of_8_mib_is_refused(
    exchange: PaperExchange, signed: Signed, path: str, is_signed: bool
) -> None:
    body = b" " * (8 * MIB)
    headers = None if is_signed else {"content-type": "application/json"}
    assert signed.send(path, body, headers).status_code == 413
    assert signed.post("auth/r/orders") == []


def test_a_peer_that_resets_its_handshake_is_no_error(
    exchange: PaperExchange, caplog: pytest.LogCaptureFixture
) -> None:
    request = (
        b"GET /ws/2 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    for _ in range(5):
        plain = socket.create_connection(("127.0.0.1", exchange.port), PATIENCE_S)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plain.sendall(request)
        plain.close()
    with connected(exchange) as good:
        assert ask(good, event="ping")["event"] == "pong"
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


def test_a_flood_of_garbage_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    """From 16 threads, while one client trades and sees every frame."""
    accounts = [
        PaperAccount(api_key=key) for key in ("paper-key", *map(str, range(THREADS)))
    ]
    with PaperExchange(rate=50, accounts=accounts) as exchange:
        kept: list[list[socket.socket]] = [[] for _ in range(THREADS)]
        floods = [
            threading.Thread(target=flood, args=(exchange, number, sockets))
            for number, sockets in enumerate(kept)
        ]
        with connected(exchange) as good, Signed(exchange) as signed:
            good.ws.settimeout(PATIENCE_S)
            logged_in(good)
            good.subscribe("book", "tBTCUSD", len="25")
            for thread in floods:
                thread.start()
            count = 0
            while any(thread.is_alive() for thread in floods) or count < 3:
                order = signed.post("auth/w/order/submit", **LIMIT)[4][0]
                signed.post("auth/w/order/cancel", id=order[0])
                frames = good.until(
                    lambda m: is_code("oc", m) and m[2][0] == order[0], PATIENCE_S
                )
                count += 1
            for thread in floods:
                thread.join()
            numbers = [m[-2] if m[0] == 0 and m[1] != "hb" else m[-1] for m in frames]
            numbers = [n for m, n in zip(frames, numbers) if not is_code("n", m)]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            for plain in chain(*kept):
                plain.close()
            deadline = time.monotonic() + PATIENCE_S
            while exchange.connections > 1 and time.monotonic() < deadline:
                assert ask(good, event="ping")["event"] == "pong"
            assert exchange.connections == 1
            usd = exchange.account.balances["exchange"]["USD"]
            assert usd == exchange.account.available["exchange"]["USD"]
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


def flood(exchange: PaperExchange, seed: int, kept: list[socket.socket]) -> None:
    """Behave badly in many ways; nothing of it is awaited."""
    source = random.Random(seed)
    address = ("127.0.0.1", exchange.port)
    for _ in range(3):
        # Half a request, noise, and nothing at all.
        for data in (b"GET /v2/platf", bytes(source.choices(range(256), k=999)), b""):
            plain = socket.create_connection(address, timeout=PATIENCE_S)
            plain.sendall(data)
            kept.append(plain)
        with Client(exchange.url) as client:
            client.ws.settimeout(PATIENCE_S)
            logged_in(client, key=str(seed))
            for _ in range(20):
                client.ws.send(noise(source))
            try:
                client.ws.sock.sendall(source.choice(list(MALFORMED.values())[:8]))
                client.ws.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        # A subscriber that never reads.
        silent = Client(exchange.url)
        silent.send(**auth_message(str(seed)))
        silent.send(event="subscribe", channel="book", symbol="tBTCUSD")
        kept.append(silent.ws.sock)


def noise(source: random.Random) -> str:
    """A message that begins well."""
    message = json.dumps(
        source.choice(
            [
                [
                    0,
                    source.choice(KINDS),
                    None,
                    {source.choice(FIELDS): source.random()},
                ],
                [0, "oc", None, {"id": source.randrange(10**9)}],
                {"event": source.choice(["auth", "conf", "subscribe", "x"])},
                source.random(),
            ]
        )
    )
    return message[: source.randrange(len(message) + 1)]
