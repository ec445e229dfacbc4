"""From an address to an open connection, and all that can go wrong on the way."""

from __future__ import annotations

import logging
import socket
import ssl
import time
import traceback
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from bfxsync import (
    BfxError,
    Client,
    ConnectionStatus,
    NetworkError,
    UsageError,
    WebSocketClient,
)
from bfxsync.ws.transport import Transport

from .bare_server import DEADLINE_S, BareServer, Peer, Tls, frame
from .conftest import Connect, Serve
from .connect_proxy import ConnectProxy
from .support import subscribed

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
    with pytest.raises(NetworkError) as caught:
        client.subscribe_ticker("tBTCUSD", timeout=0.2)
    assert caught.value.phase == "connect"
    cause = caught.value.__cause__
    assert isinstance(cause, NetworkError)
    assert cause.code == status
    with pytest.raises(NetworkError) as caught:
        client.wait_ready(0.2)
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
    assert client.status is ConnectionStatus.OPEN


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


def test_without_a_proxy_the_environment_decides(
    serve: Serve,
    connect: Connect,
    security: Optional[Tls],
    proxy: ConnectProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "http_proxy" if security is None else "https_proxy"
    monkeypatch.setenv(name, f"http://localhost:{proxy.port}")
    server = serve(tls=security)
    client = connect(server, flags=0)
    use(client, server)
    client.close()
    assert len(proxy.requests) == 1


def all_texts(client: WebSocketClient, error: Optional[BfxError]) -> str:
    """Return whatever might be printed somewhere."""
    texts = [repr(client), repr(vars(client)), repr(vars(client._pool))]
    texts += map(repr, client._pool.connections)
    if error is not None:
        texts += traceback.format_exception(type(error), error, error.__traceback__)
        texts += [repr(error), repr(error.__cause__)]
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


def test_password_of_a_refusing_proxy_is_told_to_nobody(
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
    assert_secret(caplog.text)
    assert server.accepted == 0


def test_proxy_that_does_not_exist_is_a_network_error(serve: Serve) -> None:
    proxy = f"http://me:{QUOTED}@localhost:{free_port()}"
    error = refusal(serve().url, proxy=proxy)
    assert_secret(str(error) + repr(error.__cause__))


# What a SOCKS server says first, and then: nothing, a refusal, or something else.
SOCKS_ANSWERS = {
    "refusal": b"\x05\x00" + b"\x05\x05\x00\x01" + bytes(6),
    "nonsense": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "password-wanted": b"\x05\xff",
}


@pytest.mark.parametrize("name", list(SOCKS_ANSWERS))
def test_socks_proxy_that_refuses(serve: Serve, name: str) -> None:
    pytest.importorskip("python_socks")
    answer = SOCKS_ANSWERS[name]
    proxy = serve(lambda peer: peer.send_bytes(answer), reads=False)
    error = refusal("ws://localhost:1/", proxy=f"socks5://localhost:{proxy.port}")
    assert error.__cause__ is not None


def test_socks_proxy_that_is_silent_is_given_up(serve: Serve) -> None:
    pytest.importorskip("python_socks")
    proxy = serve(lambda peer: None, reads=False)
    address = f"socks5://localhost:{proxy.port}"
    begin = time.monotonic()
    refusal("ws://localhost:1/", timeout_s=0.2, proxy=address)
    assert time.monotonic() - begin < DEADLINE_S


def test_socks_without_its_package_is_a_network_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("websocket._http.HAVE_PYTHON_SOCKS", False)
    refusal("ws://localhost:1/", proxy="socks5://localhost:1080")


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
        None,
        5,
    ],
    ids=repr,
)
def test_host_that_is_none_is_a_usage_error(host: Any) -> None:
    with pytest.raises(UsageError, match="host"):
        WebSocketClient(host)
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


def test_authorities_that_are_none_are_a_usage_error(tmp_path: Path) -> None:
    for path in (str(tmp_path / "missing.pem"), str(tmp_path), tmp_path, "", 5, b""):
        with pytest.raises(UsageError, match="ca_bundle"):
            WebSocketClient("wss://localhost:1/", ca_bundle=path)  # type: ignore


def test_file_without_certificates_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "no.pem"
    path.write_text("nothing of the kind")
    with pytest.raises(UsageError, match="ca_bundle"):
        WebSocketClient("wss://localhost:1/", ca_bundle=str(path))


def test_authorities_may_be_a_path(serve: Serve, connect: Connect, tls: Tls) -> None:
    server = serve(tls=tls)
    client = connect(server, flags=0, ca_bundle=Path(tls.ca_bundle))
    use(client, server)
    client.close()
