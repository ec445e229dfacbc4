"""Host and Origin of real requests: what web pages of other hosts ask for is refused."""

from __future__ import annotations

import socket
from http.client import HTTPResponse
from typing import Iterator, NamedTuple

import pytest
import requests
import websocket

from bfxsync import Client
from bfxsync.errors import BfxError, UsageError
from bfxsync.paper import PaperExchange

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
REQUESTS = [
    ("GET", "/ws/2", UPGRADE, 101),
    ("GET", "/v2/platform/status", {}, 200),
    ("POST", "/v2/auth/r/wallets", {}, 500),
    ("POST", "/v2/auth/w/order/submit", {}, 500),
    ("OPTIONS", "/v2/auth/r/wallets", {}, 405),
    ("GET", "/nope", {}, 404),
]


@pytest.fixture
def still() -> Iterator[PaperExchange]:
    with PaperExchange(rate=1e-3, allowed_hosts=["paper"]) as exchange:
        yield exchange


class Answer(NamedTuple):
    status: int
    headers: str
    body: bytes


def ask(exchange: PaperExchange, method: str, path: str, *headers: str) -> Answer:
    """Send a request with exactly these headers."""
    address = ("127.0.0.1", exchange.port)
    with socket.create_connection(address, timeout=30) as plain:
        lines = (f"{method} {path} HTTP/1.1", *headers, "", "")
        plain.sendall("\r\n".join(lines).encode())
        with HTTPResponse(plain, method=method) as response:
            response.begin()
            # After 101 there are frames, and no end.
            body = b"" if response.status == 101 else response.read()
            return Answer(response.status, str(response.headers), body)


@pytest.mark.parametrize(
    ("host", "origin", "is_answered"),
    [
        ("127.0.0.1:{port}", None, True),
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", True),
        ("localhost", "http://localhost/", True),
        ("paper:8080", "http://paper:8080", True),
        ("127.0.0.1:{port}", "https://www.bitfinex.com", True),
        ("elsewhere.example:{port}", None, False),
        ("elsewhere.example:{port}", "http://elsewhere.example:{port}", False),
        ("127.0.0.1:{port}", "https://elsewhere.example", False),
        ("127.0.0.1:{port}", "null", False),
    ],
)
def test_every_kind_of_request_is_looked_at(
    still: PaperExchange, host: str, origin: str | None, is_answered: bool
) -> None:
    for method, path, more, usual in REQUESTS:
        headers = {**more, "Host": host, **({"Origin": origin} if origin else {})}
        text = "\n".join(f"{name}: {value}" for name, value in headers.items())
        lines = text.replace("{port}", str(still.port)).split("\n")
        answer = ask(still, method, path, *lines)
        assert answer.status == (usual if is_answered else 403), (method, path)
        assert is_answered or b"allowed_hosts" in answer.body
        # No page's script may read an answer of ours.
        assert "access-control-allow" not in answer.headers.lower()


def test_two_hosts_are_refused(still: PaperExchange) -> None:
    hosts = ("Host: localhost", "Host: elsewhere.example")
    for headers in (hosts, hosts[::-1]):
        answer = ask(still, "GET", "/v2/platform/status", *headers)
        assert answer.status in (400, 403)


def test_a_refused_handshake_uses_up_no_fault(still: PaperExchange) -> None:
    still.inject("refuse_handshake")
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(still.url, origin="https://elsewhere.example")
    with pytest.raises(websocket.WebSocketBadStatusException, match="503"):
        websocket.create_connection(still.url, origin="http://localhost/")


def test_an_exchange_on_all_addresses_is_known_by_each() -> None:
    with PaperExchange(host="0.0.0.0", rate=1e-3) as exchange:
        for host, wanted in (("192.0.2.1", 200), ("elsewhere.example", 403)):
            answer = ask(exchange, "GET", "/v2/platform/status", f"Host: {host}")
            assert answer.status == wanted
        assert requests.get(f"{exchange.rest_url}/platform/status", timeout=10).ok


def test_a_refused_client_gets_the_reason() -> None:
    """As by a tunnel, through which the exchange has a name that it does not know."""
    with PaperExchange(rate=1e-3) as exchange:
        url = exchange.rest_url.replace("127.0.0.1", "localtest.invalid")
        client = Client(rest_host=url)
        with client, pytest.MonkeyPatch.context() as patch:
            find = socket.getaddrinfo
            patch.setattr(
                socket, "getaddrinfo", lambda host, *rest: find("127.0.0.1", *rest)
            )
            with pytest.raises(BfxError, match="allowed_hosts"):
                client.rest.public.get_platform_status()


def test_allowed_hosts_are_a_sequence_of_names() -> None:
    with pytest.raises(UsageError, match="allowed_hosts must be a sequence"):
        PaperExchange(allowed_hosts="paper")


@pytest.mark.parametrize("name", ["idle_s", "request_timeout_s"])
def test_deadlines_are_positive(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must be a positive number"):
        PaperExchange(**{name: 0})  # type: ignore[arg-type]
