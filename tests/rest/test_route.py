"""Proxies, certificates and processes: how a host is reached."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
import textwrap
import traceback
from typing import Any, Callable, Iterator

import pytest
from integration.connect_proxy import ConnectProxy

from bfxsync.errors import NetworkError, UsageError
from bfxsync.rest.limits import Limits
from bfxsync.rest.sessions import Route
from bfxsync.rest.transport import RestTransport

from .conftest import Connect, Serve
from .server import DEADLINE_S, Exchange, Server, Tls

PASSWORD = "s3cret/with:signs@"
QUOTED = "s3cret%2Fwith%3Asigns%40"

URL = "https://api.example/v2"

StartProxy = Callable[..., ConnectProxy]


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
def server(start_proxy: StartProxy, serve: Serve, tls: Tls) -> Server:
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
    told += repr(info.value) + caplog.text + repr(transport) + repr(transport._route)
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
        ("socks5h://host", "socks5h://host:1080"),
        ("socks4://u:p@host:9", "socks4://u:p@host:9"),
    ],
)
def test_address_of_a_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: str, address: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert Route.to(URL, proxy, None).proxies == {"all": address}


def test_socks_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="PySocks"):
        RestTransport(proxy="socks5://localhost")


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({}, {}),
        ({"https_proxy": "http://proxy:3128"}, {"all": "http://proxy:3128"}),
        ({"HTTPS_PROXY": "proxy:3128"}, {"all": "http://proxy:3128"}),
        ({"all_proxy": "http://u:p@proxy"}, {"all": "http://u:p@proxy"}),
        ({"http_proxy": "http://proxy:3128"}, {}),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "example"}, {}),
        ({"https_proxy": "http://proxy:3128", "NO_PROXY": "*"}, {}),
    ],
    ids=str,
)
def test_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: Any
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Route.to(URL, None, None).proxies == expected


def test_explicit_proxy_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://other:3128")
    monkeypatch.setenv("no_proxy", "*")
    route = Route.to(URL, "http://proxy:3128", None)
    assert route.proxies == {"all": "http://proxy:3128"}


@pytest.mark.parametrize(
    "proxy", ["http://me:s3cret/x@host:1", "http://me:s3cret#x@host", "http://"]
)
def test_proxy_of_the_environment_that_is_none(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(UsageError, match="environment") as info:
        RestTransport()
    told = "".join(traceback.format_exception(None, info.value, info.tb))
    assert "s3cret" not in told


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
    transport = RestTransport(host=server.host, limits=Limits(exempt_loopback=True))
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
        from bfxsync.rest.transport import RestTransport

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
