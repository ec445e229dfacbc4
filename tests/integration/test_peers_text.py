"""What a peer says is printed and logged on one line, without what a terminal acts upon."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from bfxsync import ApiError, Client, Gap, NetworkError, SubscriptionRejected

from .bare_server import Peer, close_frame
from .conftest import Connect, Serve
from .support import Collector, greet, subscribed

EVIL = "bye\r\n2026-01-01 CRITICAL forged\x1b]0;title\x07\x1b[31m\u202e\u2028"


def assert_harmless(caplog: pytest.LogCaptureFixture, *errors: Any) -> None:
    texts = [*caplog.messages, *map(str, errors), *map(repr, errors)]
    assert any("forged" in text for text in texts)
    for text in texts:
        assert text.isprintable(), text


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_reason_of_a_close_frame(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    gaps, seen = Collector(), Collector()
    client = connect(server, flags=0)
    client.on("disconnected", seen)
    client.start()
    peer = server.next_peer()
    greet(peer)
    subscription = subscribed(client, peer, 17, channel="ticker", symbol="tBTCUSD")
    client.subscribe("ticker", symbol="tBTCUSD", on_event=gaps, callback=print)
    peer.send_bytes(close_frame(4000, EVIL))
    seen.wait_for(1)
    (gap,) = [item for item in gaps.wait_for(1) if isinstance(item, Gap)]
    assert seen.items[0][1].isprintable()
    assert_harmless(caplog, client._core.placement.links[0].last_error or "", repr(gap))
    assert subscription is not None


def test_refusal_of_a_subscription(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(peer: Peer) -> None:
        peer.accept()
        greet(peer)
        peer.start_reading()
        asked = peer.receive_json()
        peer.send_json({**asked, "event": "error", "code": 10300, "msg": EVIL})

    server = serve(refuse, reads=False)
    with pytest.raises(SubscriptionRejected) as caught:
        connect(server, flags=0).subscribe_ticker("tBTCUSD")
    assert_harmless(caplog, caught.value)
    # The program itself gets it as it came.
    assert EVIL in caught.value.message


def test_error_that_belongs_to_nobody(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    errors = Collector()
    server = serve()
    client = connect(server, flags=0, on_error=errors)
    client.start()
    peer = server.next_peer()
    greet(peer)
    peer.send_json({"event": "error", "code": 10000, "msg": EVIL}, {"event": EVIL})
    assert_harmless(caplog, *errors.wait_for(2))


def test_status_of_a_handshake(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(peer: Peer) -> None:
        peer.read_request()
        peer.send_bytes(f"HTTP/1.1 \x1b[31mforged {EVIL}\r\n\r\n".encode())

    client = connect(serve(refuse, reads=False))
    with pytest.raises(NetworkError) as caught:
        client.wait_ready(0.3)
    assert_harmless(caplog, caught.value, caught.value.__cause__, "forged")


def test_refusal_of_rest(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    body = json.dumps(["error", 10001, EVIL]).encode()

    def answer(peer: Peer) -> None:
        peer.read_request()
        head = f"HTTP/1.1 500 {EVIL[5:20]}\r\nContent-Length: {len(body)}\r\n\r\n"
        peer.send_bytes(head.encode() + body)

    server = serve(answer, reads=False)
    host = server.url.replace("ws:", "http:")
    with Client(rest_host=host, rest_timeout=2.0) as bfx:
        with pytest.raises(ApiError) as caught:
            bfx.rest.request("GET", "ticker/tBTCUSD")
    assert_harmless(caplog, caught.value)
