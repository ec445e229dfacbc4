"""Proxies, certificates and processes: how a host is reached."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import textwrap
import traceback
from typing import Callable, Iterator

import pytest
from integration.connect_proxy import ConnectProxy, SocksProxy

from bfxsync.errors import NetworkError, RequestTimeout
from bfxsync.rest.http.connections import ProxyConfig
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.http.transport import RestTransport

from .conftest import Connect, Serve
from .server import DEADLINE_S, Exchange, Server, Tls

PASSWORD = "s3cret/with:signs@"
QUOTED = "s3cret%2Fwith%3Asigns%40"

URL = "https://api.example/v2"

StartProxy = Callable[..., ConnectProxy]
StartSocks = Callable[..., SocksProxy]


def echo(request: Exchange) -> None:
    request.answer(request.target)


@pytest.fixture
def start_proxy() -> Iterator[StartProxy]:
    proxies: list[ConnectProxy] = []

    def start(*arguments: str) -> ConnectProxy:
        proxies.append(ConnectProxy(*arguments))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def start_socks() -> Iterator[StartSocks]:
    proxies: list[SocksProxy] = []

    def start(*arguments: str) -> SocksProxy:
        proxies.append(SocksProxy(*arguments))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def server(
    start_proxy: StartProxy, start_socks: StartSocks, serve: Serve, tls: Tls
) -> Server:
    # Stopped before the proxies are, which wait for their connections.
    return serve(echo, tls)


def test_proxy(start_proxy: StartProxy, server: Server, connect: Connect) -> None:
    proxy = start_proxy()
    transport = connect(server, proxy=f"http://localhost:{proxy.port}")
    for _ in range(3):
        assert transport.request("GET", "ticker") == "/v2/ticker"
    assert len(proxy.requests) == server.connections == 1
    assert proxy.requests[0].startswith(f"CONNECT localhost:{server.port} ")
    transport.close()


def test_proxy_with_a_password(
    start_proxy: StartProxy, server: Server, connect: Connect
) -> None:
    proxy = start_proxy("me", PASSWORD)
    url = f"http://me:{QUOTED}@localhost:{proxy.port}"
    transport = connect(server, proxy=url)
    assert transport.request("GET", "ticker") == "/v2/ticker"
    assert "proxy-authorization" not in server.requests[0].headers
    transport.close()


def test_password_of_a_proxy_is_told_to_nobody(
    start_proxy: StartProxy,
    server: Server,
    connect: Connect,
    no_delays: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    proxy = start_proxy("me", "another")
    url = f"http://me:{QUOTED}@localhost:{proxy.port}"
    transport = connect(server, proxy=url)
    with pytest.raises(NetworkError, match="407") as info:
        transport.request("GET", "ticker")
    assert info.value.phase == "connect"
    told = "".join(traceback.format_exception(None, info.value, info.tb))
    told += (
        repr(info.value) + caplog.text + repr(transport) + repr(transport._proxy_config)
    )
    for secret in (PASSWORD, QUOTED, "s3cret"):
        assert secret not in told
    assert server.requests == []


@pytest.mark.parametrize(
    "proxy, address",
    [
        ("http://localhost", "http://localhost:3128"),
        ("http://localhost:80/", "http://localhost:80"),
        ("http://u:p@[::1]:8080", "http://u:p@[::1]:8080"),
        ("http://u@host", "http://u:@host:3128"),
        (f"http://me:{QUOTED}@host:1", f"http://me:{QUOTED}@host:1"),
    ],
)
def test_address_of_a_proxy(proxy: str, address: str) -> None:
    assert ProxyConfig.to(URL, proxy, None).proxies == {"all": address}


@pytest.mark.parametrize("kind", ["socks4a", "socks5h"])
@pytest.mark.parametrize("security", ["plain", "tls"])
def test_socks_proxy(
    start_socks: StartSocks, serve: Serve, tls: Tls, kind: str, security: str
) -> None:
    server = serve(echo, tls if security == "tls" else None)
    proxy = start_socks("me", PASSWORD)
    # A name that only the proxy can look up.
    host = server.host.replace("localhost", "exchange.invalid")
    transport = RestTransport(
        host=host.replace("127.0.0.1", "exchange.invalid"),
        proxy=f"{kind}://me:{QUOTED}@localhost:{proxy.port}",
        ca_bundle=tls.ca_bundle,
    )
    for _ in range(3):
        assert transport.request("GET", "ticker") == "/v2/ticker"
    assert proxy.requests == [f"{kind[5]} name exchange.invalid:{server.port}"]
    assert server.connections == 1
    transport.close()


@pytest.mark.parametrize("kind", ["socks4", "socks5"])
def test_socks_proxy_that_looks_up_no_names(
    start_socks: StartSocks, serve: Serve, connect: Connect, kind: str
) -> None:
    server = serve(echo)
    proxy = start_socks()
    transport = connect(server, proxy=f"{kind}://localhost:{proxy.port}")
    assert transport.request("GET", "ticker") == "/v2/ticker"
    assert proxy.requests == [f"{kind[5]} ip 127.0.0.1:{server.port}"]
    transport.close()


@pytest.mark.parametrize("user", ["me", "you"])
def test_socks_proxy_that_refuses_is_a_failed_connection(
    start_socks: StartSocks,
    server: Server,
    connect: Connect,
    no_delays: None,
    user: str,
) -> None:
    proxy = start_socks("me", "another")
    address = f"socks5h://{user}:{QUOTED}@localhost:{proxy.port}"
    transport = connect(server, proxy=address)
    with pytest.raises(NetworkError, match="authentication failed") as info:
        transport.request("GET", "ticker")
    assert info.value.phase == "connect"
    told = "".join(traceback.format_exception(None, info.value, info.tb))
    for secret in (PASSWORD, QUOTED, "s3cret"):
        assert secret not in told
    assert server.requests == []


def test_socks_proxy_that_is_silent_is_given_up(
    serve: Serve, connect: Connect, no_delays: None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"socks5h://localhost:{silent.getsockname()[1]}"
        transport = connect(serve(echo), proxy=address, timeout=0.2)
        with pytest.raises(RequestTimeout) as info:
            transport.request("GET", "ticker")
        assert info.value.phase == "connect"


@pytest.mark.parametrize("variable", ["https_proxy", "ALL_PROXY"])
def test_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    start_proxy: StartProxy,
    serve: Serve,
    tls: Tls,
    variable: str,
) -> None:
    server, proxy = serve(echo, tls), start_proxy()
    monkeypatch.setenv(variable, f"localhost:{proxy.port}")
    host = f"https://exchange.invalid:{server.port}/v2"
    transport = RestTransport(host=host, ca_bundle=tls.ca_bundle)
    assert transport.request("GET", "ticker") == "/v2/ticker"
    assert len(proxy.requests) == 1
    transport.close()


def test_this_machine_is_not_looked_for_through_the_environments_proxy(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, connect: Connect
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.invalid:3128")
    transport = connect(serve(echo))
    assert transport.request("GET", "ticker") == "/v2/ticker"


def test_environment_is_read_once(
    monkeypatch: pytest.MonkeyPatch, server: Server, connect: Connect
) -> None:
    transport = connect(server)
    monkeypatch.setenv("https_proxy", "http://localhost:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    assert transport.request("GET", "ticker") == "/v2/ticker"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, server: Server, tls: Tls, variable: str
) -> None:
    monkeypatch.setenv(variable, tls.ca_bundle)
    transport = RestTransport(
        host=server.host, limits=RequestRateLimiter(exempt_loopback=True)
    )
    assert transport.request("GET", "ticker") == "/v2/ticker"
    transport.close()


def test_explicit_certificates_win(
    monkeypatch: pytest.MonkeyPatch, server: Server, connect: Connect
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    assert connect(server).request("GET", "ticker") == "/v2/ticker"


def test_certificates_that_are_gone(
    monkeypatch: pytest.MonkeyPatch, server: Server, no_delays: None
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    with pytest.raises(NetworkError, match="/no/such/file") as info:
        RestTransport(host=server.host).request("GET", "ticker")
    assert info.value.phase == "connect"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("security", ["plain", "tls"])
def test_child_process_makes_connections_of_its_own(
    serve: Serve, tls: Tls, security: str
) -> None:
    server = serve(
        lambda request: request.answer(request.connection),
        tls if security == "tls" else None,
    )
    # In a process of its own, as this one has threads.
    script = """
        import os, sys
        from bfxsync.rest.http.transport import RestTransport

        host, ca_bundle = sys.argv[1:]
        transport = RestTransport(host=host, ca_bundle=ca_bundle)
        served = [transport.request("GET", "ticker")]
        child = os.fork()
        if child == 0:
            ours = {transport.request("GET", "ticker") for _ in range(3)}
            transport.close()
            os._exit(ours.pop() if len(ours) == 1 else 99)
        served.append(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        served.append(transport.request("GET", "ticker"))
        print(served)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), server.host, tls.ca_bundle],
        stdout=subprocess.PIPE,
        timeout=DEADLINE_S,
        check=True,
    )
    assert done.stdout == b"[1, 2, 1]\n"
