"""No call ever gets the answer of another one, whatever a server sends or an interrupt leaves."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Optional

import pytest
from interrupts import interrupted

from bfxsync.errors import NetworkError, OutcomeUnknown, RemoteError, RequestTimeout
from bfxsync.rest.http.call_deadline import MAX_HEAD_SIZE
from bfxsync.rest.http.retry_policy import MAX_ATTEMPTS

from .conftest import Connect, Serve
from .server import DEADLINE_S, Exchange, Server, Tls

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\nConnection: close\r\nContent-Length: 7\r\n\r\n"
HEADER = b"HTTP/1.1 103 Early Hints\r\nX: %s\r\n\r\n" % (b"y" * 60_000)
SURPLUS = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n["wrong"]'


def whole(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", body])


def sized(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    length = b"Content-Length: %d" % len(body)
    return whole(body, length, *lines, status=status)


def first(data: bytes, is_kept: bool = True) -> Callable[[Exchange], object]:
    """Answer the very first request with these bytes, and others with what they ask for."""
    seen: list[Exchange] = []

    def answer(request: Exchange) -> object:
        seen.append(request)
        if len(seen) > 1:
            return request.answer([request.target])
        request.send(data)
        return is_kept

    return answer


@pytest.mark.parametrize(
    "interim",
    [HINTS, PROCESSING, CONTINUE, HINTS * 3, CONTINUE + HINTS + PROCESSING + CONTINUE],
    ids=["103", "102", "100", "103 three times", "all"],
)
@pytest.mark.parametrize("when", ["together", "apart"])
def test_interim_answers_are_read_past(
    serve: Serve, connect: Connect, interim: bytes, when: str
) -> None:
    def answer(request: Exchange) -> None:
        if when == "apart":
            request.send(interim[:20])
            request.send(interim[20:])
            request.answer([request.target])
        else:
            body = b'["%s"]' % request.target.encode()
            request.send(interim + sized(body))

    server = serve(answer)
    transport = connect(server)
    for name in "abc":
        assert transport.request("GET", name) == [f"/v2/{name}"]
    assert server.connections == 1, "the real answer has a certain end"


def test_interim_answer_alone_is_no_answer(
    serve: Serve, connect: Connect, no_delays: None
) -> None:
    server = serve(lambda request: request.send(HINTS) or False)
    with pytest.raises(NetworkError) as info:
        connect(server).request("GET", "x")
    assert info.value.phase == "receive"
    assert len(server.requests) == MAX_ATTEMPTS
    with pytest.raises(OutcomeUnknown):
        connect(server).request("POST", "x", body={})
    assert len(server.requests) == MAX_ATTEMPTS + 1


def test_silence_after_an_interim_answer_ends_in_time(
    serve: Serve, connect: Connect
) -> None:
    server = serve(
        lambda request: request.send(HINTS) or server.stopping.wait(DEADLINE_S)
    )
    with pytest.raises(RequestTimeout):
        connect(server, timeout=0.2).request("GET", "x")


@pytest.mark.parametrize(
    "piece", [HINTS, CONTINUE, HEADER], ids=["103", "100", "header"]
)
def test_head_without_end_is_unreadable(
    serve: Serve, connect: Connect, piece: bytes
) -> None:
    server = serve(first(piece * (2 * MAX_HEAD_SIZE // len(piece))))
    transport = connect(server)
    with pytest.raises(RemoteError, match=str(MAX_HEAD_SIZE)):
        transport.request("GET", "x")
    assert transport.request("GET", "b") == ["/v2/b"]
    assert server.connections == 2


def test_proxys_head_without_end_means_that_nothing_has_left(
    serve: Serve, connect: Connect, tls: Tls, no_delays: None
) -> None:
    line = b"X: " + b"y" * 60_000
    proxy = serve(lambda request: request.send(whole(b"", *[line] * 5)))
    exchange = serve(lambda request: request.answer([]), tls)
    transport = connect(exchange, proxy=f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(NetworkError, match=str(MAX_HEAD_SIZE)) as info:
        transport.request("POST", "x", body={})
    assert info.value.phase == "connect"
    assert not isinstance(info.value, OutcomeUnknown)
    assert len(proxy.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize("data", [SURPLUS, b""], ids=["answer behind it", "alone"])
def test_switching_protocols_is_unreadable(
    serve: Serve, connect: Connect, data: bytes
) -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    server = serve(first(head + data))
    transport = connect(server)
    with pytest.raises(RemoteError, match="101"):
        transport.request("GET", "x")
    assert transport.request("GET", "b") == ["/v2/b"]
    assert server.connections == 2


# What the head leaves open, or what more comes than it says.
DOUBTFUL = {
    "another answer": sized(b"[1]") + SURPLUS,
    "line breaks": sized(b"[1]") + b"\r\n",
    "longer body": sized(b"[1]") + b"[2]",
    "more than a buffer": sized(b"[1]") + SURPLUS + b" " * 12_000,
    "more than a record": sized(b"[1]") + b" " * 40_000,
    "large body and more": sized(b"[1" + b" " * 100_000 + b"]") + SURPLUS,
    "chunks and more": whole(b"3\r\n[1]\r\n0\r\n\r\n", b"Transfer-Encoding: chunked")
    + SURPLUS,
    "trailers and more": whole(
        b"3\r\n[1]\r\n0\r\nX: y\r\n\r\n", b"Transfer-Encoding: chunked"
    )
    + SURPLUS,
    "length and chunks": whole(
        b"3\r\n[1]\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked",
        b"Content-Length: 13",
    ),
    "two lengths": sized(b"[1]", b"Content-Length: 3"),
    "length with another coding": sized(b"[1]", b"Transfer-Encoding: identity"),
    "old version": sized(b"[1]").replace(b"1.1", b"1.0"),
    "asked to close": sized(b"[1]", b"Connection: close"),
}


@pytest.mark.parametrize("data", DOUBTFUL.values(), ids=list(DOUBTFUL))
def test_doubtful_answer_is_the_last_on_its_connection(
    serve: Serve, connect: Connect, data: bytes
) -> None:
    doubtful_is_last(serve(first(data)), connect)


@pytest.mark.parametrize("name", ["another answer", "more than a buffer"])
def test_rest_of_a_record_of_tls_is_nobodys_answer(
    serve: Serve, connect: Connect, tls: Tls, name: str
) -> None:
    doubtful_is_last(serve(first(DOUBTFUL[name]), tls), connect)


def doubtful_is_last(server: Server, connect: Connect) -> None:
    transport = connect(server)
    assert transport.request("GET", "x") == [1]
    for name in "ab":
        assert transport.request("GET", name) == [f"/v2/{name}"]
    assert server.connections == 2


@pytest.mark.parametrize(
    "status", [b"204 No Content", b"205 Reset Content", b"304 Not Modified"]
)
@pytest.mark.parametrize("body", [b"", b"[1]"], ids=["without body", "with body"])
def test_answer_that_has_no_body_is_the_last_on_its_connection(
    serve: Serve, connect: Connect, status: bytes, body: bytes
) -> None:
    server = serve(first(sized(body, status=status)))
    transport = connect(server)
    try:
        transport.request("GET", "x")
    except RemoteError:
        pass
    assert transport.request("GET", "a") == ["/v2/a"]
    assert server.connections == 2


@pytest.mark.parametrize("surplus", [SURPLUS, b"\r\n", HINTS], ids=repr)
@pytest.mark.parametrize("call", ["GET", "POST"])
@pytest.mark.parametrize("security", [None, "tls"])
def test_connection_that_spoke_while_it_was_idle_is_not_used_again(
    serve: Serve,
    connect: Connect,
    tls: Tls,
    security: Optional[str],
    surplus: bytes,
    call: str,
) -> None:
    server = serve(lambda request: request.answer([request.target]), security and tls)
    transport = connect(server)
    assert transport.request("GET", "x") == ["/v2/x"]
    (idle,) = transport._pool._idle
    server.requests[0].send(surplus)
    assert not idle.is_silent
    for name in "ab":
        assert transport.request(call, name) == [f"/v2/{name}"]
    assert server.connections == 2


def test_pool_is_looked_through_for_a_silent_connection(
    serve: Serve, connect: Connect
) -> None:
    together = threading.Barrier(3)

    def answer(request: Exchange) -> None:
        if request.number == 1:
            together.wait(DEADLINE_S)
        request.answer([request.target])

    server = serve(answer)
    transport = connect(server)
    with ThreadPoolExecutor(3) as executor:
        list(executor.map(transport.request, ["GET"] * 3, "abc"))
    # The two that would be taken first: each has the port of its server's side.
    idle = [s._socket.getsockname()[1] for s in transport._pool._idle]
    for request in server.requests:
        if request._sock.getpeername()[1] in idle[1:]:
            request.send(SURPLUS)
    assert transport.request("GET", "x") == ["/v2/x"]
    assert server.connections == 3
    assert len(transport._pool._idle) == 1


def test_late_answer_of_a_call_that_timed_out_is_nobodys(
    serve: Serve, connect: Connect, no_delays: None
) -> None:
    go = threading.Event()

    def answer(request: Exchange) -> None:
        if request.target == "/v2/slow":
            go.wait(DEADLINE_S)
        request.answer([request.target])

    transport = connect(serve(answer))
    assert transport.request("GET", "a") == ["/v2/a"]
    with pytest.raises(RequestTimeout):
        transport.request("GET", "slow", total=0.1)
    go.set()
    assert transport.request("GET", "b") == ["/v2/b"]


@pytest.mark.parametrize("body", [b"[[1,2],[3", b"", b'{"a":'], ids=repr)
def test_cut_body_without_a_length_is_asked_for_again(
    serve: Serve, connect: Connect, no_delays: None, body: bytes
) -> None:
    server = serve(first(whole(body), is_kept=False))
    assert connect(server).request("GET", "x") == ["/v2/x"]
    assert len(server.requests) == 2


def test_cut_body_without_a_length_leaves_a_write_open(
    serve: Serve, connect: Connect
) -> None:
    server = serve(first(whole(b"[1,"), is_kept=False))
    with pytest.raises(OutcomeUnknown) as info:
        connect(server).request("POST", "x", body={})
    assert isinstance(info.value.__cause__, NetworkError)
    assert info.value.__cause__.phase == "receive"
    assert len(server.requests) == 1


def test_page_without_a_length_is_not_asked_for_again(
    serve: Serve, connect: Connect
) -> None:
    server = serve(first(whole(b"<html></html>"), is_kept=False))
    with pytest.raises(RemoteError):
        connect(server).request("GET", "x")
    assert len(server.requests) == 1


# Ctrl-C may come before a socket, or what would close it, is in anybody's hands.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "times",
    [pytest.param(300, id="short"), pytest.param(10_000, marks=pytest.mark.long)],
)
def test_interrupted_call_leaves_no_answer_to_others(
    serve: Serve, connect: Connect, times: int
) -> None:
    def answer(request: Exchange) -> None:
        body = b'["%s"]' % request.target.encode()
        data = HINTS + sized(body)
        # Nearly always the interrupt comes between two of these.
        request.send(data[:70])
        request.send(data[70:-4])
        request.send(data[-4:])

    transport = connect(serve(answer), timeout=DEADLINE_S)
    count = 0

    def call() -> None:
        nonlocal count
        count += 1
        assert transport.request("GET", f"x/{count}") == [f"/v2/x/{count}"]

    interrupted(call, times, longest_s=0.004)
    with ThreadPoolExecutor(4) as executor:
        got = list(executor.map(transport.request, ["GET"] * 40, map(str, range(40))))
    assert got == [[f"/v2/{index}"] for index in range(40)]
