from __future__ import annotations

import gc
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Callable, Iterator

import pytest
import requests
import responses
from patience import at_most

import bfxsync
from bfxsync._base.hosts import PUB_REST_HOST
from bfxsync._base.latch import Latch
from bfxsync.errors import (
    ApiError,
    ClosedError,
    NetworkError,
    NotReady,
    OutcomeUnknown,
    RateLimited,
    RemoteError,
    RequestTimeout,
    UsageError,
)
from bfxsync.rest.http import connections as sessions
from bfxsync.rest.http import retry_policy
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.http.retry_policy import MAX_ATTEMPTS, RequestKind
from bfxsync.rest.http.transport import RestTransport

from .conftest import Connect, Serve
from .server import DEADLINE_S, Exchange

URL = f"{PUB_REST_HOST}/ticker/tBTCUSD"

TICKER = [86000, 12.5, 86026, 11.25, 1060, 0.01237494, 86020, 812.1, 86898, 85156]


@pytest.fixture
def exchange() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def transport() -> Iterator[RestTransport]:
    transport = RestTransport()
    yield transport
    transport.close()


def answers(*texts: Any) -> Callable[[Exchange], object]:
    """Answer each request with the next of these (status, value), the last one for ever."""
    left = list(texts)

    def answer(request: Exchange) -> None:
        status, value = left.pop(0) if len(left) > 1 else left[0]
        request.answer(value, status)

    return answer


def echo(request: Exchange) -> None:
    request.answer(request.target)


# What is sent.


def test_get_is_sent_exactly(
    exchange: responses.RequestsMock, transport: RestTransport
) -> None:
    exchange.get(f"{URL}/hist", json=TICKER)
    params = {"limit": 5, "end": None, "start": 1_700_000_000_000}
    assert transport.request("GET", "ticker/tBTCUSD/hist", params=params) == TICKER
    (call,) = exchange.calls
    assert call.request.url == f"{URL}/hist?limit=5&start=1700000000000"
    assert call.request.body is None
    assert dict(call.request.headers) == {
        "User-Agent": f"bfxsync/{bfxsync.__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Connection": "keep-alive",
    }


def test_post_is_sent_exactly(
    exchange: responses.RequestsMock, transport: RestTransport
) -> None:
    exchange.post(f"{PUB_REST_HOST}/calc/fx", json=[1.5])
    body = {"ccy1": "BTC", "ccy2": "USD", "none": None}
    assert transport.request("POST", "calc/fx", body=body) == [1.5]
    (call,) = exchange.calls
    assert call.request.body == b'{"ccy1":"BTC","ccy2":"USD"}'
    assert call.request.headers["Content-Type"] == "application/json"
    assert call.request.headers["Content-Length"] == "27"


def test_bytes_on_the_wire(serve: Serve, connect: Connect) -> None:
    server = serve(echo)
    transport = connect(server)
    assert transport.request("GET", "x", params={"a": "b:c,d"}) == "/v2/x?a=b:c,d"
    transport.request("POST", "calc/fx", body={"a": "ü"})
    get, post = server.requests
    assert (get.method, get.body) == ("GET", b"")
    assert get.headers == {
        "host": f"localhost:{server.port}",
        "user-agent": f"bfxsync/{bfxsync.__version__}",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "connection": "keep-alive",
    }
    assert (post.method, json.loads(post.body)) == ("POST", {"a": "ü"})


def test_decimals(serve: Serve, connect: Connect) -> None:
    server = serve(lambda request: request.answer(b"[1.10,2]"))
    value = connect(server, numbers=Decimal).request("GET", "x")
    assert value == [Decimal("1.10"), 2]
    assert type(value[0]) is Decimal


def test_path_that_is_none_is_told_before_anything_is_sent(
    exchange: responses.RequestsMock, transport: RestTransport
) -> None:
    with pytest.raises(UsageError):
        transport.request("GET", "/ticker")
    assert len(exchange.calls) == 0


@pytest.mark.parametrize(
    "options",
    [
        {"host": "api-pub.bitfinex.com"},
        {"host": "ftp://localhost"},
        {"host": "https://"},
        {"host": "https://localhost:x"},
        {"host": "https://user@localhost"},
        {"host": "https://localhost/v2?x=1"},
        {"host": None},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": None},
        {"timeout": True},
        {"timeout": (1, 2)},
        {"timeout": (1, 2, 0)},
        {"timeout": "5"},
        {"on_limit": "ignore"},
        {"max_wait_s": 0},
        {"pool_size": 0},
        {"pool_size": True},
        {"pool_size": 1.5},
        {"numbers": int},
        {"proxy": "localhost:3128"},
        {"proxy": "https://localhost:3128"},
        {"ca_bundle": "/no/such/file"},
    ],
    ids=repr,
)
def test_option_that_can_never_work(options: Any) -> None:
    with pytest.raises(UsageError):
        RestTransport(**options)


@pytest.mark.parametrize(
    "options", [{"per_minute": 0}, {"per_minute": 1.5}, {"total": 0}, {"total": "1"}]
)
def test_argument_that_can_never_work(transport: RestTransport, options: Any) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        transport.request("GET", "ticker", **options)


# Errors.


@pytest.mark.parametrize(
    "status, body, kind",
    [
        (500, '["error",10020,"symbol: invalid"]', ApiError),
        (200, '["error",10020,"symbol: invalid"]', ApiError),
        (429, '{"error":"ERR_RATE_LIMIT"}', RateLimited),
        (200, "<html></html>", RemoteError),
        (200, "", RemoteError),
        (404, "<html></html>", ApiError),
    ],
)
def test_error_says_what_it_is_about(
    exchange: responses.RequestsMock, status: int, body: str, kind: type[Exception]
) -> None:
    exchange.get(URL, status=status, body=body)
    transport = RestTransport(on_limit="raise")
    with pytest.raises(kind) as info:
        transport.request("GET", "ticker/tBTCUSD")
    assert type(info.value) is kind
    assert getattr(info.value, "endpoint") == "ticker/tBTCUSD"
    assert getattr(info.value, "http_status") == status
    assert len(exchange.calls) == 1


def test_refused_connection(connect: Connect, serve: Serve, no_delays: None) -> None:
    server = serve(echo)
    transport = connect(server)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        transport.host = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(NetworkError, match="refused") as info:
        transport.request("GET", "ticker/tBTCUSD")
    assert info.value.phase == "connect"
    assert info.value.endpoint == "ticker/tBTCUSD"
    assert info.value.http_status is None
    assert isinstance(info.value.__cause__, requests.ConnectionError)


def test_name_that_is_unknown(monkeypatch: pytest.MonkeyPatch, no_delays: None) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(NetworkError, match="not known") as info:
        RestTransport(host="https://api.example/v2").request("GET", "ticker")
    assert info.value.phase == "connect"


def test_certificate_of_an_unknown_authority(
    serve: Serve, connect: Connect, tls: Any, no_delays: None
) -> None:
    server = serve(echo, tls)
    transport = RestTransport(
        host=server.host, limits=RequestRateLimiter(exempt_loopback=True)
    )
    with pytest.raises(NetworkError, match="certificate") as info:
        transport.request("GET", "ticker")
    assert info.value.phase == "connect"
    assert server.requests == []
    transport.close()


def test_server_that_hangs_up_before_it_answers(
    serve: Serve, connect: Connect, no_delays: None
) -> None:
    server = serve(lambda request: False)
    with pytest.raises(NetworkError) as info:
        connect(server).request("GET", "ticker")
    assert info.value.phase == "receive"
    assert len(server.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n[1,2]\r\n",
        b"HTTP/1.1",
        b"nonsense\r\n\r\n",
    ],
    ids=repr,
)
def test_answer_that_is_cut_off(
    serve: Serve, connect: Connect, no_delays: None, data: bytes
) -> None:
    def cut(request: Exchange) -> object:
        if len(server.requests) == 1:
            request.send(data)
            return False
        return request.answer([1, 2, 3])

    server = serve(cut)
    assert connect(server).request("GET", "ticker") == [1, 2, 3]
    assert len(server.requests) == server.connections == 2


def test_answer_until_the_connection_ends(serve: Serve, connect: Connect) -> None:
    def answer(request: Exchange) -> bool:
        request.send(b"HTTP/1.1 200 OK\r\n\r\n[1,2]")
        return False

    assert connect(serve(answer)).request("GET", "ticker") == [1, 2]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(serve: Serve, connect: Connect, status: int) -> None:
    def answer(request: Exchange) -> None:
        request.answer(b"", status, Location=f"{server.host}/elsewhere")

    server = serve(answer)
    with pytest.raises(RemoteError, match="to 'http://localhost:.*/elsewhere'") as info:
        connect(server).request("GET", "ticker")
    assert info.value.http_status == status
    assert len(server.requests) == 1


def test_answer_that_is_too_large(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_BODY_SIZE", 100_000)
    server = serve(answers((200, "x" * 300_000), (200, "x" * 90_000)))
    transport = connect(server)
    with pytest.raises(RemoteError, match="100000 bytes") as info:
        transport.request("GET", "ticker")
    assert info.value.raw == b'"' + b"x" * 999
    server.wait_for_open(0)
    assert len(transport.request("GET", "ticker")) == 90_000


# Time.


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 2",
    ],
    ids=repr,
)
@pytest.mark.parametrize("security", ["plain", "tls"])
def test_trickling_answer_ends_with_the_total_time(
    serve: Serve, connect: Connect, tls: Any, security: str, beginning: bytes
) -> None:
    def trickle(request: Exchange) -> None:
        request.send(beginning)
        request.trickle(b"0", server.stopping, 0.02)

    server = serve(trickle, tls if security == "tls" else None)
    started = time.monotonic()
    with pytest.raises(RequestTimeout) as info:
        connect(server, timeout=(5, 5, 0.3)).request("GET", "ticker")
    assert 0.3 <= time.monotonic() - started < at_most(2)
    assert info.value.phase == "receive"
    server.wait_for_open(0)


def test_silence_ends_with_the_read_timeout(serve: Serve, connect: Connect) -> None:
    server = serve(lambda request: server.stopping.wait(DEADLINE_S) and False)
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown) as info:
        connect(server, timeout=(5, 0.2, 5)).request("POST", "x", body={})
    assert 0.2 <= time.monotonic() - started < at_most(2)
    assert info.value.phase == "receive"
    assert isinstance(info.value.__cause__, RequestTimeout)


def test_handshake_that_never_comes_ends_with_the_connect_timeout(
    serve: Serve, connect: Connect, tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "MAX_ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"https://127.0.0.1:{silent.getsockname()[1]}"
        transport = RestTransport(host=host, timeout=(0.2, 5, 5))
        started = time.monotonic()
        with pytest.raises(RequestTimeout) as info:
            transport.request("POST", "x", body={})
    assert 0.2 <= time.monotonic() - started < at_most(2)
    assert info.value.phase == "connect"


def test_server_that_takes_nothing_ends_the_sending(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        host = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        transport = RestTransport(host=host, timeout=(0.2, 5, 5))
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown) as info:
            transport.request("POST", "x", body={"x": "y" * 30_000_000})
    assert 0.2 <= time.monotonic() - started < at_most(2)
    assert info.value.phase == "send"


def test_total_time_holds_over_all_attempts(serve: Serve, connect: Connect) -> None:
    server = serve(answers((503, b"")))
    started = time.monotonic()
    with pytest.raises(NotReady):
        connect(server).request("GET", "ticker", total=0.2)
    assert time.monotonic() - started < at_most(2)
    assert 1 <= len(server.requests) <= MAX_ATTEMPTS


def test_one_number_is_the_total_time(serve: Serve, connect: Connect) -> None:
    server = serve(lambda request: server.stopping.wait(DEADLINE_S) and False)
    started = time.monotonic()
    with pytest.raises(RequestTimeout):
        connect(server, timeout=0.3).request("GET", "ticker")
    assert 0.3 <= time.monotonic() - started < at_most(2)
    assert len(server.requests) == 1


# Trying again.

RETRIED = {
    "not ready": (500, ["error", 11000, "not ready"]),
    "concurrency": (500, ["error", 10008, "concurrency"]),
    "maintenance": (500, ["error", 20060, "maintenance"]),
    "503": (503, {"code": 503, "error": "temporarily_unavailable"}),
    "502": (502, b"<html></html>"),
    "504": (504, b""),
    "408": (408, b""),
    "520": (520, b"<html></html>"),
    "522": (522, b"<html></html>"),
    "527": (527, b"<html></html>"),
    "530": (530, b"error code: 1033"),
}


@pytest.mark.parametrize("answer", RETRIED.values(), ids=list(RETRIED))
@pytest.mark.parametrize("call", [("GET", "ticker"), ("POST", "calc/fx")])
def test_read_is_tried_again(
    serve: Serve, connect: Connect, no_delays: None, answer: Any, call: Any
) -> None:
    failures = [answer] * (MAX_ATTEMPTS - 1)
    server = serve(answers(*failures, (200, [1])))
    assert connect(server).request(*call) == [1]
    assert len(server.requests) == MAX_ATTEMPTS


def test_logging_handler_that_raises_changes_no_call(
    serve: Serve,
    connect: Connect,
    no_delays: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Chat(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ConnectionError("the chat cannot be reached")

    logger = logging.getLogger("bfxsync.rest.http.transport")
    monkeypatch.setattr(logger, "handlers", [Chat()])
    logger.setLevel(logging.DEBUG)
    try:
        server = serve(answers((503, b""), (200, [1])))
        assert connect(server).request("GET", "ticker") == [1]
    finally:
        logger.setLevel(logging.NOTSET)
    assert "not logged: DEBUG: trying again after" in capsys.readouterr().err


@pytest.mark.parametrize("answer", RETRIED.values(), ids=list(RETRIED))
def test_attempts_are_bounded(
    serve: Serve, connect: Connect, no_delays: None, answer: Any
) -> None:
    server = serve(answers(answer))
    with pytest.raises(NotReady):
        connect(server).request("GET", "ticker")
    assert len(server.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    "answer",
    [
        (500, ["error", 10000, "unknown"]),
        (500, ["error", 10001, "generic"]),
        (500, ["error", 10020, "symbol: invalid"]),
        (500, ["error", 10114, "nonce: small"]),
        (500, b"<html></html>"),
        (404, b"<html></html>"),
        (200, b"<html></html>"),
    ],
    ids=str,
)
def test_everything_else_is_told_at_once(
    serve: Serve, connect: Connect, answer: Any
) -> None:
    server = serve(answers(answer))
    with pytest.raises((ApiError, RemoteError)):
        connect(server).request("GET", "ticker")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "call, kind",
    [
        (("POST", "order/submit"), None),
        (("POST", "calc/fx"), RequestKind.WRITE),
        (("GET", "ticker"), RequestKind.ORDER),
    ],
)
@pytest.mark.parametrize("how", ["408", "503", "504", "522", "530", "hangs up"])
def test_what_may_change_something_is_sent_once(
    serve: Serve, connect: Connect, call: Any, kind: Any, how: str
) -> None:
    def refuse(request: Exchange) -> object:
        return False if how == "hangs up" else request.answer([], int(how))

    server = serve(refuse)
    with pytest.raises(OutcomeUnknown):
        connect(server).request(*call, kind=kind)
    assert len(server.requests) == 1


def test_delays_count_to_the_total_time(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answers((503, b"")))
    transport = connect(server)
    monkeypatch.setattr(retry_policy, "_delay_s", lambda failures: 1.0)
    with pytest.raises(NotReady):
        transport.request("GET", "ticker", total=2.5)
    assert len(server.requests) == 3


def test_delay_after_a_connection_that_was_new(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[int] = []

    def delay_s(count: int) -> float:
        failures.append(count)
        return 0.0

    monkeypatch.setattr(retry_policy, "_delay_s", delay_s)
    with pytest.raises(NetworkError):
        connect(serve(lambda request: False)).request("GET", "ticker")
    assert failures == [1, 2, 3, 4]


def test_delays_grow_and_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_policy.random, "uniform", lambda low, high: high)
    bounds = [retry_policy._delay_s(failures) for failures in range(1, 6)]
    assert bounds == [0.5, 1.0, 2.0, 4.0, 4.0]
    monkeypatch.undo()
    delays = [retry_policy._delay_s(5) for _ in range(50)]
    assert len(set(delays)) > 40
    assert all(0 <= delay <= 4 for delay in delays)


# Connections.


@pytest.mark.parametrize("security", ["plain", "tls"])
def test_connection_is_kept_alive(
    serve: Serve, connect: Connect, tls: Any, security: str
) -> None:
    server = serve(echo, tls if security == "tls" else None)
    transport = connect(server)
    for index in range(100):
        assert transport.request("GET", f"ticker/{index}") == f"/v2/ticker/{index}"
    assert (server.connections, len(server.requests)) == (1, 100)


def test_connection_serves_on_after_an_answer_that_is_an_error(
    serve: Serve, connect: Connect
) -> None:
    server = serve(answers((500, ["error", 10020, "x"]), (200, b"<html>"), (200, 1)))
    transport = connect(server)
    for _ in range(2):
        with pytest.raises((ApiError, RemoteError)):
            transport.request("GET", "ticker")
    assert transport.request("GET", "ticker") == 1
    assert server.connections == 1


def test_connection_that_the_server_closed_while_it_was_idle(
    serve: Serve, connect: Connect
) -> None:
    def answer(request: Exchange) -> bool:
        request.answer([request.connection])
        return False

    server = serve(answer)
    transport = connect(server)
    for index in range(1, 4):
        assert transport.request("GET", "ticker") == [index]
        server.wait_for_open(0)


def test_connection_that_the_server_closes_just_when_it_is_used(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Exchange) -> object:
        return request.answer([request.connection]) if request.number == 1 else False

    def fail(failures: int) -> float:
        raise AssertionError("there is nothing to wait for")

    monkeypatch.setattr(retry_policy, "_delay_s", fail)
    server = serve(answer)
    transport = connect(server)
    assert transport.request("GET", "ticker") == [1]
    assert transport.request("GET", "ticker") == [2]
    assert [(r.connection, r.number) for r in server.requests] == [
        (1, 1),
        (1, 2),
        (2, 1),
    ]


def test_whole_pool_of_connections_that_are_dead(
    serve: Serve, connect: Connect
) -> None:
    together = threading.Barrier(MAX_ATTEMPTS + 1)

    def answer(request: Exchange) -> object:
        if request.target == "/v2/together":
            together.wait(DEADLINE_S)
        return request.answer([]) if request.number == 1 else False

    server = serve(answer)
    transport = connect(server)
    count = MAX_ATTEMPTS + 1
    with ThreadPoolExecutor(count) as executor:
        list(executor.map(transport.request, ["GET"] * count, ["together"] * count))
    assert transport.request("GET", "ticker") == []
    assert len(server.requests) == count + 2


def test_connection_with_an_error_is_not_used_again(
    serve: Serve, connect: Connect
) -> None:
    def answer(request: Exchange) -> object:
        return request.answer([]) if request.number == 1 else False

    transport = connect(serve(answer))
    transport.request("GET", "ticker")
    (session,) = transport._pool._idle
    with pytest.raises(NetworkError):
        transport.request("POST", "x", body={})
    assert session not in transport._pool._idle


def test_eight_threads(serve: Serve, connect: Connect, tls: Any) -> None:
    server = serve(echo, tls)
    transport = connect(server)

    def work(index: int) -> None:
        for number in range(25):
            path = f"ticker/{index}-{number}"
            assert transport.request("GET", path) == f"/v2/{path}"

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(work, range(8)))
    assert len(server.requests) == 200
    assert server.connections <= 8


def test_pool_keeps_so_many_connections_and_no_more(
    serve: Serve, connect: Connect
) -> None:
    together = threading.Barrier(6)

    def answer(request: Exchange) -> None:
        if request.target == "/v2/together":
            together.wait(DEADLINE_S)
        request.answer([])

    server = serve(answer)
    transport = connect(server, pool_size=2)
    with ThreadPoolExecutor(6) as executor:
        list(executor.map(transport.request, ["GET"] * 6, ["together"] * 6))
    assert server.connections == 6
    server.wait_for_open(2)
    transport.request("GET", "ticker")
    assert server.connections == 6


def test_threads_that_come_and_go_share_connections(
    serve: Serve, connect: Connect
) -> None:
    server = serve(echo)
    transport = connect(server)
    for _ in range(10):
        with ThreadPoolExecutor(1) as executor:
            executor.submit(transport.request, "GET", "ticker").result(DEADLINE_S)
    assert server.connections == 1


# The end.


def test_closed(serve: Serve, connect: Connect) -> None:
    server = serve(echo)
    transport = connect(server)
    transport.request("GET", "ticker")
    transport.close()
    server.wait_for_open(0)
    with pytest.raises(ClosedError) as info:
        transport.request("GET", "ticker")
    assert info.value.endpoint == "ticker"
    transport.close()
    assert len(server.requests) == 1


def test_call_on_the_wire_outlives_close(serve: Serve, connect: Connect) -> None:
    go = threading.Event()

    def answer(request: Exchange) -> None:
        go.wait(DEADLINE_S)
        request.answer([1])

    server = serve(answer)
    transport = connect(server)
    with ThreadPoolExecutor(1) as executor:
        call = executor.submit(transport.request, "GET", "ticker")
        server.wait_for_requests(1)
        transport.close()
        go.set()
        assert call.result(DEADLINE_S) == [1]
    server.wait_for_open(0)


@pytest.mark.parametrize("what", ["its turn", "the next attempt"])
def test_close_ends_waiting_for(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    server = serve(answers((503, b"")))
    waits = threading.Event()

    def wait(latch: Latch, seconds: float) -> bool:
        waits.set()
        return latch.wait(seconds)

    def delay_s(failures: int) -> float:
        waits.set()
        return 20.0

    limits = RequestRateLimiter(wait=wait)
    if what == "its turn":
        limits.refuse("localhost", "ticker", 60, port=server.port)
    monkeypatch.setattr(retry_policy, "_delay_s", delay_s)
    transport = connect(server, limits=limits)
    with ThreadPoolExecutor(1) as executor:
        call = executor.submit(transport.request, "GET", "ticker")
        assert waits.wait(DEADLINE_S)
        started = time.monotonic()
        transport.close()
        with pytest.raises(ClosedError):
            call.result(DEADLINE_S)
    assert time.monotonic() - started < at_most(2)


def test_dropped_client_closes_its_connections(serve: Serve) -> None:
    server = serve(echo)
    transport = RestTransport(host=server.host)
    transport.request("GET", "ticker")
    server.wait_for_open(1)
    del transport
    gc.collect()
    server.wait_for_open(0)
