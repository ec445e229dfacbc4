from __future__ import annotations

import ssl
import threading
from typing import Any, Callable, Iterator, Optional

import pytest
import trustme

from bfxsync.rest.http import retry_policy
from bfxsync.rest.http import transport as transport_module
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.http.transport import RestTransport

from .server import Handler, Server, Tls

Serve = Callable[..., Server]
Connect = Callable[..., RestTransport]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    ours = ("bfxsync-", "test-")
    assert [t for t in threading.enumerate() if t.name.startswith(ours)] == []


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what requests would heed."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def unused_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test start with budgets of its own: the process's are shared by all clients."""
    monkeypatch.setattr(transport_module, "SHARED", RequestRateLimiter())


@pytest.fixture
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(retry_policy, "_FIRST_DELAY_S", 0.0)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "exchange.invalid").configure_cert(context)
    bundle = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return Tls(context, str(bundle))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that are stopped after the test."""
    servers: list[Server] = []

    def start(handler: Handler, tls: Optional[Tls] = None) -> Server:
        servers.append(Server(handler, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def connect(serve: Serve, tls: Tls) -> Iterator[Connect]:
    """Make transports that are closed after the test, before the servers stop."""
    transports: list[RestTransport] = []

    def make(server: Server, **options: Any) -> RestTransport:
        if server.host.startswith("https"):
            options.setdefault("ca_bundle", tls.ca_bundle)
        options.setdefault("limits", RequestRateLimiter(exempt_loopback=True))
        transports.append(RestTransport(host=server.host, **options))
        return transports[-1]

    yield make
    for transport in transports:
        transport.close()
