"""What happens to connections and waits that no test of the transport brings about."""

from __future__ import annotations

import queue
import socket
import threading
import time
from io import BytesIO
from typing import Iterator, List

import pytest
import requests
import urllib3
from patience import at_most

from bfxsync._base import forks
from bfxsync.errors import BfxError, ClosedError, NetworkError
from bfxsync.rest.http import call_deadline as calls
from bfxsync.rest.http.call_deadline import CallDeadline, CallsInFlight
from bfxsync.rest.http.connections import (
    HttpConnection,
    HttpConnectionPool,
    ProxyConfig,
    _read_body,
)
from bfxsync.rest.http.request import Request

from .conftest import Connect, Serve
from .server import Exchange, Tls


@pytest.fixture
def pool() -> Iterator[HttpConnectionPool]:
    pool = HttpConnectionPool(3)
    yield pool
    pool.close()


def test_last_session_is_taken_first(pool: HttpConnectionPool) -> None:
    first, second = HttpConnection(), HttpConnection()
    pool.release(first)
    pool.release(second)
    assert pool.acquire() is second
    assert pool.acquire() is first
    assert pool.acquire() not in (first, second)


def test_full_pool_drops_what_was_idle_for_longest(pool: HttpConnectionPool) -> None:
    given = [HttpConnection() for _ in range(5)]
    for session in given:
        pool.release(session)
    assert [pool.acquire() for _ in range(3)] == given[:1:-1]
    assert pool.acquire() not in given


def test_fresh_session_is_none_of_the_pool(pool: HttpConnectionPool) -> None:
    session = HttpConnection()
    pool.release(session)
    assert pool.acquire(is_fresh=True) is not session
    assert pool.acquire() is session


def test_session_that_comes_back_after_the_close_is_not_kept(
    pool: HttpConnectionPool,
) -> None:
    session = pool.acquire()
    pool.close()
    pool.release(session)
    assert pool.acquire() is not session


def test_call_without_time_reads_nothing() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x")
        call = CallDeadline(1, 1, deadline=time.monotonic())
        with ours.makefile("rb", buffering=0) as raw:
            with pytest.raises(socket.timeout):
                call.read_into(bytearray(1), raw, ours)
        assert call.is_out_of_time
        assert all(0 < timeout < 0.01 for timeout in call.timeouts)


@pytest.mark.parametrize("read_s, left_s", [(3, 60), (60, 3)])
def test_read_is_bounded_by_silence_and_by_what_is_left(
    read_s: float, left_s: float
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x")
        call = CallDeadline(1, read_s, deadline=time.monotonic() + left_s)
        with ours.makefile("rb", buffering=0) as raw:
            assert call.read_into(bytearray(1), raw, ours) == 1
        assert 2 < (ours.gettimeout() or 0) <= 3
        assert not call.is_out_of_time


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_close_can_abort_a_request_in_flight(
    serve: Serve, connect: Connect, tls: Tls, is_tls: bool
) -> None:
    server = serve(lambda request: server.stopping.wait(), tls if is_tls else None)
    transport = connect(server)
    errors: List[BfxError] = []

    def work() -> None:
        with pytest.raises(ClosedError) as info:
            transport.request("GET", "tickers")
        errors.append(info.value)

    thread = threading.Thread(target=work, name="test-call")
    thread.start()
    server.wait_for_requests(1)
    transport.close()
    # It may complete, unless it is aborted.
    assert thread.is_alive()
    transport.close(abort=True)
    thread.join(at_most(2))
    assert errors and len(server.requests) == 1


def test_aborted_call_reads_nothing_even_if_its_socket_comes_later() -> None:
    calls_in_flight = CallsInFlight()
    early, late = (CallDeadline(1, 1, time.monotonic() + 60) for _ in "12")
    calls_in_flight.add(early)
    calls_in_flight.abort()
    calls_in_flight.add(late)
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb", buffering=0) as raw:
        theirs.sendall(b"x")
        for call in (early, late):
            with pytest.raises(socket.timeout):
                call.read_into(bytearray(1), raw, ours)


def test_call_within_a_call(serve: Serve) -> None:
    """A signal handler may make one while its thread is in another."""
    server = serve(lambda request: request.answer([]))
    request, route = Request("GET", server.host, None), ProxyConfig(None, True)
    outer, inner = (CallDeadline(60, 60, time.monotonic() + 60) for _ in "12")
    session = HttpConnection()
    with outer.on_this_thread():
        session.exchange(request, route, inner)
        assert (inner.phase, outer.phase) == ("receive", "connect")
        assert calls._current() is outer
    session.close()


def test_body_that_is_shorter_than_it_says() -> None:
    """As an older urllib3 gives it, which does not look."""
    response = requests.Response()
    response.headers["Content-Length"] = "5"
    response.raw = urllib3.HTTPResponse(
        BytesIO(b"[1]"), preload_content=False, enforce_content_length=False
    )
    with pytest.raises(NetworkError) as info:
        _read_body(response)
    assert info.value.phase == "receive"


@pytest.mark.parametrize("is_closed", [False, True])
def test_child_process_starts_anew(
    serve: Serve, connect: Connect, is_closed: bool
) -> None:
    def answer(request: Exchange) -> None:
        request.answer(request.connection)

    transport = connect(serve(answer))
    assert transport.request("GET", "ticker") == 1
    if is_closed:
        transport.close()
    # What a fork has the child do.
    forks._reset_all()
    if is_closed:
        with pytest.raises(ClosedError):
            transport.request("GET", "ticker")
    else:
        assert transport.request("GET", "ticker") == 2


def test_pool_is_used_by_many_threads_at_once(pool: HttpConnectionPool) -> None:
    together = threading.Barrier(4)
    taken: list[HttpConnection] = []

    def work() -> None:
        together.wait(10)
        for _ in range(200):
            session = pool.acquire()
            assert session not in taken
            taken.append(session)
            taken.remove(session)
            pool.release(session)

    threads = [threading.Thread(target=work, name="test-pool") for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert taken == []


def test_place_of_a_connection_is_taken_and_given_back_without_waiting() -> None:
    places = calls._LockFreeQueue(1)
    with pytest.raises(queue.Empty):
        places.get(timeout=60)
    places.put("connection")
    assert places.qsize() == 1
    with pytest.raises(queue.Full):
        places.put("another", timeout=60)
    assert places.get() == "connection"
