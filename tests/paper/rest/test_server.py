from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest
import requests
import trustme

from bfxsync.paper import PaperExchange

from .support import Rest


@pytest.fixture
def still() -> Iterator[PaperExchange]:
    """One for each test, with counters of its own."""
    with PaperExchange(rate=0.001) as exchange:
        yield exchange


def test_the_url_is_beside_that_of_the_sockets(still: PaperExchange) -> None:
    assert still.rest_url == f"http://127.0.0.1:{still.port}/v2"
    assert still.url == f"ws://127.0.0.1:{still.port}/ws/2"


def test_it_serves_https(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with PaperExchange(ssl_context=context) as exchange, Rest(exchange) as rest:
        assert exchange.rest_url == f"https://localhost:{exchange.port}/v2"
        rest.session.verify = str(bundle)
        assert rest.get("platform/status") == [1]


def test_requests_are_counted(still: PaperExchange, rest: Rest) -> None:
    rest.get("platform/status")
    rest.error("ticker/tNOPE")
    assert requests.get(f"{still.rest_url}/nope", timeout=5).status_code == 404
    answer = requests.post(f"{still.rest_url}/platform/status", timeout=5)
    assert answer.status_code == 405
    assert (still.rest_requests, still.rest_refusals) == (2, 0)
    still.stop()
    assert still.rest_requests == 2
    still.start()
    assert still.rest_requests == 0


def test_a_connection_is_used_again(still: PaperExchange) -> None:
    with socket.create_connection(("127.0.0.1", still.port), timeout=5) as plain:
        for _ in range(2):
            plain.sendall(
                b"GET /v2/platform/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            answer = b""
            while not answer.endswith(b"[1]"):
                answer += plain.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")


def test_without_limits_nothing_is_refused(rest: Rest, still: PaperExchange) -> None:
    for _ in range(10):
        rest.get("liquidations/hist", limit=1)
    assert (still.rest_requests, still.rest_refusals) == (10, 0)


def test_too_many_requests_are_refused_until_the_minute_is_over() -> None:
    with PaperExchange(rest_limits=True, rest_minute_s=1.0) as exchange:
        with Rest(exchange) as rest:
            for _ in range(3):
                rest.get("liquidations/hist", limit=1)
            begin = time.monotonic()
            for _ in range(2):
                status, answer = rest.ask("liquidations/hist")
                assert (status, answer) == (429, ["error", 11010, "ratelimit: error"])
            assert (exchange.rest_requests, exchange.rest_refusals) == (5, 2)
            # Others are not concerned.
            rest.get("platform/status")
            deadline = time.monotonic() + 10
            while rest.ask("liquidations/hist")[0] == 429:
                assert time.monotonic() < deadline
            assert time.monotonic() - begin > 0.9


def test_endpoints_of_one_group_are_counted_together() -> None:
    with PaperExchange(rest_limits=True) as exchange, Rest(exchange) as rest:
        for n in range(15):
            rest.get("stats1/vol.1d:30m:BFX/" + ("last", "hist")[n % 2])
        for section in ("last", "hist"):
            assert rest.ask(f"stats1/vol.1d:30m:BFX/{section}")[0] == 429


def test_stopping_does_not_wait_for_unread_answers(
    still: PaperExchange,
) -> None:
    with (
        socket.create_connection(("127.0.0.1", still.port)) as deaf,
        Rest(still) as rest,
    ):
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        path = "/v2/candles/trade:1m:tBTCUSD/hist?limit=10000"
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        deaf.sendall(request.encode() * 8)
        while still.rest_requests < 1:
            rest.get("platform/status")
        still.stop()
    # A stop that waits for the answers gives up after ten seconds, with the thread alive.
    assert not [t for t in threading.enumerate() if t.name.startswith("bfxsync-")]
