"""From an address to an open connection, and all that can go wrong on the way."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import traceback
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest
import trustme

from bfxsync import (
    BfxError,
    Client,
    ConnectionStatus,
    NetworkError,
    UsageError,
    WebSocketClient,
)
from bfxsync._base.proxies import proxy_for
from bfxsync._base.tls_contexts import tls_context
from bfxsync.checks.files import check_ca_bundle
from bfxsync.ws.io.transport import Transport

from .bare_server import DEADLINE_S, BareServer, Peer, Tls, frame
from .conftest import Connect, Serve
from .connect_proxy import ConnectProxy, SocksProxy
from .support import subscribed
from .user import wait_until

Clients = Callable[..., WebSocketClient]

PASSWORD = "fake-passw@rd/of:a%proxy"
QUOTED = "fake-passw%40rd%2Fof%3Aa%25proxy"


def refusal(url: str, *, timeout_s: float = DEADLINE_S, **options: Any) -> NetworkError:
    """Return why a connection cannot be made."""
    with pytest.raises(NetworkError) as caught:
        Transport.connect(url, timeout_s=timeout_s, **options).close()
    assert caught.value.phase == "connect"
    return caught.value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


# --- the handshake ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400, 403, 404, 408, 429, 500, 502, 503, 504])
def test_refused_handshake_has_its_status(
    serve: Serve, security: Optional[Tls], status: int
) -> None:
    server = serve(lambda peer: peer.refuse(status), tls=security)
    assert refusal(server.url, ca_bundle=server.ca_bundle).code == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_has_its_status_and_is_not_followed(
    serve: Serve, security: Optional[Tls], status: int
) -> None:
    elsewhere = serve(tls=security)
    location = f"Location: {elsewhere.url}"
    server = serve(lambda peer: peer.refuse(status, location), tls=security)
    error = refusal(server.url, ca_bundle=server.ca_bundle)
    with pytest.raises(EOFError):
        server.next_peer().receive()  # nothing was sent after the request
    assert (server.accepted, elsewhere.accepted) == (1, 0)
    assert error.code == status


def test_redirect_without_a_target_has_its_status(serve: Serve) -> None:
    server = serve(lambda peer: peer.refuse(302))
    assert refusal(server.url).code == 302


def redirect_and_greet(peer: Peer) -> None:
    peer.read_request()
    peer.send_bytes(
        b"HTTP/1.1 302 Found\r\nLocation: ws://localhost:1/\r\n\r\n"
        + frame('{"event":"info","version":2,"platform":{"status":1}}')
    )


def test_client_says_nothing_to_a_server_that_redirects(
    serve: Serve, connect: Connect, security: Optional[Tls]
) -> None:
    server = serve(redirect_and_greet, tls=security)
    client = connect(server)
    client.start()
    with pytest.raises(EOFError):
        server.next_peer().receive()
    client.close()


def answer_without_key(peer: Peer) -> None:
    peer.read_request()
    peer.send_bytes(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Accept: d3Jvbmc=\r\n\r\n"
    )


def answer_nonsense(peer: Peer) -> None:
    peer.read_request()
    peer.send_bytes(b"\x00\xff nonsense\r\n\r\n")


def hang_up(peer: Peer) -> None:
    peer.read_request()
    peer.end()


def hang_up_rudely(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


@pytest.mark.parametrize(
    "handshake",
    [answer_without_key, answer_nonsense, hang_up, hang_up_rudely],
    ids=["wrong-key", "nonsense", "fin", "rst"],
)
def test_broken_handshake_is_a_network_error(
    serve: Serve, security: Optional[Tls], handshake: Any
) -> None:
    server = serve(handshake, tls=security, reads=False)
    refusal(server.url, ca_bundle=server.ca_bundle)


def test_server_that_never_answers_is_given_up(
    serve: Serve, security: Optional[Tls]
) -> None:
    server = serve(Peer.read_request, tls=security)
    error = refusal(server.url, timeout_s=0.2, ca_bundle=server.ca_bundle)
    assert "timed out" in str(error)


def test_server_that_does_not_speak_tls_is_given_up(serve: Serve, tls: Tls) -> None:
    server = serve(lambda peer: None, reads=False)
    url = server.url.replace("ws:", "wss:")
    refusal(url, timeout_s=0.2, ca_bundle=tls.ca_bundle)


def test_nobody_listens() -> None:
    error = refusal(f"ws://localhost:{free_port()}/ws/2")
    assert isinstance(error.__cause__, ConnectionRefusedError)


def test_name_that_cannot_be_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*arguments: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert "not known" in str(refusal("ws://exchange.invalid/ws/2"))


def test_untrusted_certificate(serve: Serve, tls: Tls) -> None:
    server = serve(tls=tls)
    error = refusal(server.url)
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)


def test_certificate_of_another_name(serve: Serve, tls: Tls) -> None:
    server = serve(tls=tls)
    url = server.url.replace("localhost", "127.0.0.1")
    error = refusal(url, ca_bundle=tls.ca_bundle)
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)


# --- the same, as a client tells it -----------------------------------------------------------


@pytest.mark.parametrize("status", [302, 403, 429, 503])
def test_client_says_why_it_is_not_connected(
    serve: Serve, connect: Connect, security: Optional[Tls], status: int
) -> None:
    server = serve(lambda peer: peer.refuse(status), tls=security)
    client = connect(server)
    client.start()
    wait_until(lambda: client.stats()["connections"][0]["last_error"])
    with pytest.raises(NetworkError) as caught:
        client.subscribe_ticker("tBTCUSD", timeout=0.05)
    assert caught.value.phase == "connect"
    cause = caught.value.__cause__
    assert isinstance(cause, NetworkError)
    assert cause.code == status
    with pytest.raises(NetworkError) as caught:
        client.wait_ready(0.05)
    assert caught.value.__cause__ is not None


def test_client_connects_when_the_exchange_is_back(
    serve: Serve, connect: Connect
) -> None:
    refusals = iter([503, 502])

    def handshake(peer: Peer) -> None:
        status = next(refusals, None)
        peer.accept() if status is None else peer.refuse(status)

    server = serve(handshake)
    client = connect(server, flags=0)
    client.subscribe_many([{"channel": "ticker", "symbol": "tBTCUSD"}], wait=False)
    for _ in range(2):
        server.next_peer()
    peer = server.next_peer()
    peer.send_json({"event": "info", "version": 2})
    assert peer.receive_json()["event"] == "subscribe"
    wait_until(lambda: client.status is ConnectionStatus.OPEN)


# --- proxies ----------------------------------------------------------------------------------


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    proxy = ConnectProxy()
    yield proxy
    proxy.stop()


@pytest.fixture
def guarded_proxy() -> Iterator[ConnectProxy]:
    proxy = ConnectProxy("me", PASSWORD)
    yield proxy
    proxy.stop()


@pytest.fixture
def socks() -> Iterator[SocksProxy]:
    proxy = SocksProxy()
    yield proxy
    proxy.stop()


@pytest.fixture
def clients(proxy: ConnectProxy, socks: SocksProxy, serve: Serve) -> Iterator[Clients]:
    """Make clients of any address that are closed before the proxies and servers stop."""
    made: list[WebSocketClient] = []

    def make(url: str, **options: Any) -> WebSocketClient:
        made.append(WebSocketClient(url, flags=0, timeout=DEADLINE_S, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


def use(client: WebSocketClient, server: BareServer) -> None:
    """Let the client get its first ticker."""
    client.start()
    peer = server.next_peer()
    peer.send_json({"event": "info", "version": 2})
    subscription = subscribed(client, peer, 17, channel="ticker", symbol="tBTCUSD")
    assert subscription.update_count == 1


def test_client_goes_through_a_proxy(
    serve: Serve, connect: Connect, security: Optional[Tls], proxy: ConnectProxy
) -> None:
    server = serve(tls=security)
    client = connect(server, flags=0, proxy=f"http://localhost:{proxy.port}")
    use(client, server)
    (request,) = proxy.requests
    assert request.startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n")
    assert "authorization" not in request.lower()
    client.close()


def test_proxy_is_used_whatever_the_environment_says(
    serve: Serve,
    connect: Connect,
    proxy: ConnectProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    server = serve()
    client = connect(server, flags=0, proxy=f"http://localhost:{proxy.port}")
    use(client, server)
    client.close()
    assert len(proxy.requests) == 1


def elsewhere(server: BareServer) -> str:
    """Return the address of a server under a name that only a proxy can look up."""
    return server.url.replace("localhost", "exchange.invalid")


def test_without_a_proxy_the_environment_decides(
    serve: Serve,
    clients: Clients,
    security: Optional[Tls],
    proxy: ConnectProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "HTTP_PROXY" if security is None else "https_proxy"
    monkeypatch.setenv(name, f"localhost:{proxy.port}")
    server = serve(tls=security)
    use(clients(elsewhere(server), ca_bundle=server.ca_bundle), server)
    assert len(proxy.requests) == 1


def test_this_machine_is_not_looked_for_through_the_environments_proxy(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.invalid:3128")
    server = serve()
    use(connect(server, flags=0), server)


def test_environment_is_read_when_the_client_is_made(
    serve: Serve,
    clients: Clients,
    proxy: ConnectProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("all_proxy", f"http://localhost:{proxy.port}")
    server = serve()
    client = clients(elsewhere(server))
    monkeypatch.setenv("all_proxy", "http://proxy.invalid:3128")
    use(client, server)


def test_https_proxy_of_the_environment_is_no_way_to_a_websocket(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "https://proxy.invalid")
    client = clients("wss://exchange.invalid/ws/2")
    with pytest.raises(NetworkError) as caught:
        client.wait_ready(0.5)
    assert "not supported for WebSockets" in str(caught.value.__cause__)


def all_texts(client: WebSocketClient, error: Optional[BfxError]) -> str:
    """Return whatever might be printed somewhere."""
    texts = [repr(client), repr(vars(client)), repr(vars(client._core))]
    texts += map(repr, client._core.placement.links)
    if error is not None:
        texts += traceback.format_exception(type(error), error, error.__traceback__)
        texts += [repr(error), repr(error.__cause__)]
    return "\n".join(texts)


def shown(error: BaseException) -> str:
    """Return an error as a report with the variables of all frames shows it."""
    texts = [repr(error), repr(vars(error))]
    seen: Optional[BaseException] = error
    while seen is not None:
        for place, _ in traceback.walk_tb(seen.__traceback__):
            # Ours, and those of other packages; the tests have the password themselves.
            if Path(place.f_code.co_filename).parent != Path(__file__).parent:
                # Not the objects themselves: what they hold is in other variables.
                texts += [
                    repr(value)
                    for name, value in place.f_locals.items()
                    if name not in ("self", "cls")
                ]
        texts += [str(seen), repr(seen.args)]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(texts)


def assert_secret(text: str) -> None:
    for form in (PASSWORD, QUOTED, "fake-passw", "bWU6"):  # the last in base64
        assert form not in text


def test_password_reaches_the_proxy_and_nothing_else(
    serve: Serve,
    connect: Connect,
    security: Optional[Tls],
    guarded_proxy: ConnectProxy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(tls=security)
    address = f"http://me:{QUOTED}@localhost:{guarded_proxy.port}"
    client = connect(server, flags=0, proxy=address)
    use(client, server)
    texts = all_texts(client, None)
    client.close()
    assert "Proxy-Authorization: Basic" in guarded_proxy.requests[0]
    assert_secret(texts + caplog.text)


def test_password_of_a_refusing_proxy_is_never_shown(
    serve: Serve,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    guarded_proxy: ConnectProxy,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve()
    wrong = f"http://me:{QUOTED}x@localhost:{guarded_proxy.port}"
    client = connect(server, proxy=wrong)
    with pytest.raises(NetworkError) as caught:
        client.subscribe_ticker("tBTCUSD", timeout=0.2)
    cause = caught.value.__cause__
    assert isinstance(cause, NetworkError) and "407" in str(cause)
    client.close()
    assert_secret(all_texts(client, caught.value) + all_texts(client, cause))
    assert_secret(shown(caught.value))
    assert_secret(caplog.text)
    assert server.accepted == 0


def test_proxy_that_does_not_exist_is_a_network_error(serve: Serve) -> None:
    proxy = f"http://me:{QUOTED}@localhost:{free_port()}"
    error = refusal(serve().url, proxy=proxy_for("", proxy))
    assert_secret(shown(error))


# What a SOCKS server says first, and then: nothing, a refusal, or something else.
SOCKS_ANSWERS = {
    "refusal": b"\x05\x00" + b"\x05\x05\x00\x01" + bytes(6),
    "nonsense": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "password-wanted": b"\x05\xff",
}


@pytest.mark.parametrize("name", list(SOCKS_ANSWERS))
def test_socks_proxy_that_refuses(serve: Serve, name: str) -> None:
    answer = SOCKS_ANSWERS[name]
    server = serve(lambda peer: peer.send_bytes(answer), reads=False)
    proxy = f"socks5://localhost:{server.port}"
    error = refusal("ws://localhost:1/", proxy=proxy_for("", proxy))
    assert f"the proxy {proxy} failed" in str(error)
    assert error.__cause__ is not None


def test_socks_proxy_that_is_silent_is_given_up(serve: Serve) -> None:
    server = serve(lambda peer: None, reads=False)
    proxy = proxy_for("", f"socks5://localhost:{server.port}")
    assert "timed out" in str(refusal("ws://localhost:1/", timeout_s=0.2, proxy=proxy))


# Each goes on for longer than any deadline of these tests.
DRIPS = {
    "http": b"HTTP/1.1 200 OK\r\nX: ",
    "socks5": b"\x05\x00\x05\x00\x00\x03\xff",
    "socks4": b"",
}


@pytest.mark.parametrize("kind", list(DRIPS))
def test_proxy_that_answers_in_drips_is_given_up(serve: Serve, kind: str) -> None:
    is_over = threading.Event()

    def drip(peer: Peer) -> None:
        try:
            for byte in DRIPS[kind] + b"a" * 10_000:
                peer.send_bytes(bytes((byte,)))
                if is_over.wait(0.02):
                    return
        except OSError:
            pass  # it has hung up

    server = serve(drip, reads=False)
    proxy = proxy_for("", f"{kind}://localhost:{server.port}")
    error = refusal("ws://localhost:1/", timeout_s=0.2, proxy=proxy)
    is_over.set()
    assert kind == "socks4" or "timed out" in str(error)


@pytest.mark.parametrize(
    "answer, told",
    [
        (b"HTTP/1.1 403 No \x1b[31mway\r\n\r\n", r"status 403: No \x1b[31mway"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101"),
        (b"HTTP/1.0 502\r\n\r\n", "status 502"),
        (b"\x05\x00 what?\r\n\r\n", "does not speak HTTP"),
        (b"x" * 100_000, "more than 65536 bytes"),
    ],
    ids=["forbidden", "switching", "gateway", "nonsense", "endless"],
)
def test_http_proxy_that_refuses(serve: Serve, answer: bytes, told: str) -> None:
    server = serve(lambda peer: peer.send_bytes(answer), reads=False)
    proxy = proxy_for("", f"http://localhost:{server.port}")
    assert told in str(refusal("ws://localhost:1/", proxy=proxy))


def test_http_proxy_that_hangs_up(serve: Serve) -> None:
    server = serve(lambda peer: hang_up(peer), reads=False)
    proxy = proxy_for("", f"http://localhost:{server.port}")
    assert "closed the connection" in str(refusal("ws://localhost:1/", proxy=proxy))


SOCKS = {
    "socks4a": "4 name exchange.invalid",
    "socks5h": "5 name exchange.invalid",
    "socks": "5 name exchange.invalid",
    "socks4": "4 ip 127.0.0.1",
    "socks5": "5 ip 127.0.0.1",
}


@pytest.mark.parametrize("kind", list(SOCKS))
def test_client_goes_through_a_socks_proxy(
    serve: Serve, clients: Clients, socks: SocksProxy, tls: Tls, kind: str
) -> None:
    server = serve(tls=tls if kind == "socks5h" else None)
    # The others look up names by themselves.
    url = (
        elsewhere(server) if "name" in SOCKS[kind] else f"ws://127.0.0.1:{server.port}"
    )
    proxy = f"{kind}://localhost:{socks.port}"
    if kind == "socks":
        # As desktops write it, in the environment too.
        proxy = proxy.upper()
    use(clients(url, proxy=proxy, ca_bundle=server.ca_bundle), server)
    assert socks.requests == [f"{SOCKS[kind]}:{server.port}"]


def test_socks_proxy_of_the_environment(
    serve: Serve,
    clients: Clients,
    socks: SocksProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5h://localhost:{socks.port}")
    server = serve()
    use(clients(elsewhere(server)), server)
    assert socks.requests == [f"5 name exchange.invalid:{server.port}"]


def test_socks_proxy_with_a_password(serve: Serve, clients: Clients) -> None:
    proxy = SocksProxy("me", PASSWORD)
    server = serve()
    try:
        address = f"socks5h://me:{QUOTED}@localhost:{proxy.port}"
        client = clients(elsewhere(server), proxy=address)
        use(client, server)
        assert_secret(all_texts(client, None))
        client.close()
        wrong = proxy_for("", address.replace("me:", "you:"))
        error = refusal(elsewhere(server), proxy=wrong)
        assert "authentication failed" in str(error)
        assert_secret(shown(error))
    finally:
        proxy.stop()


# --- impossible arguments ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "",
        "api.example",
        "https://localhost/ws/2",
        "ws:",
        "ws://",
        "wss:///ws/2",
        "ws://:8080/",
        "ws://localhost:notaport/",
        "ws://localhost:99999/",
        "ws://[::1/",
        b"ws://localhost/",
        5,
    ],
    ids=repr,
)
def test_host_that_is_none_is_a_usage_error(host: Any) -> None:
    with pytest.raises(UsageError, match="host"):
        WebSocketClient(host)
    if host is not None:  # which is the default of a client
        with pytest.raises(UsageError, match="host"):
            Client(wss_host=host)


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "localhost:3128",
        "ftp://localhost:3128",
        "http://",
        "http://:3128",
        "http://localhost:notaport",
        "http://localhost:99999",
        f"http://me:{PASSWORD}@localhost:3128",
        f"htp://me:{QUOTED}@localhost:3128",
        f"http://me:{QUOTED}@localhost:notaport",
        f"http://me:{QUOTED}@:3128",
        b"http://localhost:3128",
        3128,
        {"https": "http://localhost:3128"},
    ],
    ids=repr,
)
def test_proxy_that_is_none_is_a_usage_error(proxy: Any) -> None:
    with pytest.raises(UsageError, match="proxy") as caught:
        WebSocketClient("ws://localhost:1/", proxy=proxy)
    assert_secret("".join(traceback.format_exception(None, caught.value, None)))
    assert_secret(shown(caught.value))


def test_authorities_that_are_none_are_a_usage_error(tmp_path: Path) -> None:
    for path in (str(tmp_path / "missing.pem"), str(tmp_path), tmp_path, "", 5, b""):
        with pytest.raises(UsageError, match="ca_bundle"):
            WebSocketClient("wss://localhost:1/", ca_bundle=path)  # type: ignore


def test_file_without_certificates_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "no.pem"
    path.write_text("nothing of the kind")
    with pytest.raises(UsageError, match="ca_bundle"):
        WebSocketClient("wss://localhost:1/", ca_bundle=str(path))


def test_authorities_are_read_again_when_their_file_has_changed(
    serve: Serve, tls: Tls, tmp_path: Path
) -> None:
    server = serve(tls=tls)
    bundle = tmp_path / "authority.pem"

    def connect() -> None:
        Transport.connect(
            server.url, timeout_s=DEADLINE_S, ca_bundle=str(bundle)
        ).close()
        server.next_peer()

    right = Path(tls.ca_bundle).read_bytes()
    bundle.write_bytes(right)
    connect()
    # As a system does it, and as many do.
    for replace in (True, False):
        other = tmp_path / "new.pem"
        other.write_bytes(trustme.CA().cert_pem.bytes())
        if replace:
            other.replace(bundle)
        else:
            bundle.write_bytes(other.read_bytes() + b"\n")
        assert "certificate" in str(refusal(server.url, ca_bundle=str(bundle)))
        bundle.write_bytes(right)
        connect()


def test_authorities_are_read_once_for_many_connections(tls: Tls) -> None:
    # Also by the check of the argument.
    context = tls_context(tls.ca_bundle)
    assert check_ca_bundle(tls.ca_bundle) == tls.ca_bundle
    assert tls_context(tls.ca_bundle) is context


def test_authorities_may_be_a_path(serve: Serve, connect: Connect, tls: Tls) -> None:
    server = serve(tls=tls)
    client = connect(server, flags=0, ca_bundle=Path(tls.ca_bundle))
    use(client, server)
    client.close()
