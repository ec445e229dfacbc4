from __future__ import annotations

import ssl
from typing import Any, Callable, Iterator, Optional

import pytest
import trustme
from threads_left import no_thread_left

from bfxsync import WebSocketClient

from .bare_server import DEADLINE_S, BareServer, Tls

Serve = Callable[..., BareServer]
Connect = Callable[..., WebSocketClient]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """An exchange may serve all tests of a file; what a test starts ends with it."""
    with no_thread_left("test-"):
        yield


@pytest.fixture(autouse=True)
def no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "exchange.invalid").configure_cert(context)
    bundle = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return Tls(context, str(bundle))


@pytest.fixture(params=["plain", "tls"])
def security(request: pytest.FixtureRequest) -> Optional[Tls]:
    """None, and then TLS."""
    if request.param == "plain":
        return None
    tls: Tls = request.getfixturevalue("tls")
    return tls


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that are stopped after the test."""
    servers: list[BareServer] = []

    def start(*arguments: Any, **options: Any) -> BareServer:
        servers.append(BareServer(*arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def connect(serve: Serve) -> Iterator[Connect]:
    """Make clients of a server that are closed after the test, before the servers stop."""
    clients: list[WebSocketClient] = []

    def make(server: BareServer, **options: Any) -> WebSocketClient:
        options.setdefault("ca_bundle", server.ca_bundle)
        options.setdefault("timeout", DEADLINE_S)
        clients.append(WebSocketClient(server.url, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
