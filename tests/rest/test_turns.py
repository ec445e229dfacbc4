"""Budgets and refusals, as the transport heeds them."""

from __future__ import annotations

import signal
import threading
from time import monotonic
from typing import Any

import pytest
from patience import at_most

from bfxsync import Client
from bfxsync._base.latch import Latch
from bfxsync.errors import NetworkError, RateLimited, UsageError
from bfxsync.rest.http.rate_limiter import WINDOW_S, RequestRateLimiter, wait_in_naps
from bfxsync.rest.http.retry_policy import MAX_ATTEMPTS
from bfxsync.rest.http.transport import DEFAULT_PER_MINUTE

from .conftest import Connect, Serve
from .server import DEADLINE_S, Exchange

REFUSAL = ["error", 11010, "ratelimit: error"]


class FakeTime:
    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def wait(self, latch: Latch, seconds: float) -> bool:
        self.now += seconds
        return False


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def limits(time: FakeTime) -> RequestRateLimiter:
    return RequestRateLimiter(time.clock, time.wait)


class Refusing:
    """Answer so many requests with a refusal, and then properly."""

    def __init__(self, count: int, body: Any = REFUSAL, **headers: str) -> None:
        self._left = count
        self._body = body
        self._headers = headers

    def __call__(self, request: Exchange) -> None:
        self._left -= 1
        if self._left >= 0:
            request.answer(self._body, 429, **self._headers)
        else:
            request.answer([1])


def test_budget_is_kept(
    serve: Serve, connect: Connect, limits: RequestRateLimiter, time: FakeTime
) -> None:
    transport = connect(serve(Refusing(0)), limits=limits)
    for _ in range(5):
        transport.request("GET", "trades/tBTCUSD/hist", group="trades", per_minute=2)
    assert time.now == 2 * WINDOW_S


def test_budget_by_default(
    serve: Serve, connect: Connect, limits: RequestRateLimiter, time: FakeTime
) -> None:
    transport = connect(serve(Refusing(0)), limits=limits)
    for index in range(DEFAULT_PER_MINUTE):
        transport.request("GET", f"ticker/{index}")
    assert time.now == 0
    transport.request("GET", "candles/0")
    assert time.now == 0
    transport.request("GET", "ticker/0")
    assert time.now == WINDOW_S


def test_every_attempt_counts(
    serve: Serve,
    connect: Connect,
    limits: RequestRateLimiter,
    time: FakeTime,
    no_delays: None,
) -> None:
    transport = connect(serve(lambda request: False), limits=limits, max_wait_s=1000)
    with pytest.raises(NetworkError):
        transport.request("GET", "ticker", per_minute=1)
    assert time.now == (MAX_ATTEMPTS - 1) * WINDOW_S


def test_clients_of_a_process_share_the_budgets(serve: Serve, connect: Connect) -> None:
    server = serve(Refusing(0))
    first, second = (connect(server, limits=None, on_limit="raise") for _ in "12")
    first.request("GET", "ticker", per_minute=1)
    with pytest.raises(RateLimited) as info:
        second.request("GET", "ticker", per_minute=1)
    assert 59 < info.value.retry_after_s <= WINDOW_S
    assert info.value.endpoint == "ticker"
    assert len(server.requests) == 1


def test_wait_beyond_its_ceiling_is_refused_at_once(
    serve: Serve, connect: Connect, limits: RequestRateLimiter, time: FakeTime
) -> None:
    server = serve(Refusing(0))
    transport = connect(server, limits=limits, max_wait_s=WINDOW_S - 1)
    transport.request("GET", "ticker", per_minute=1)
    with pytest.raises(RateLimited) as info:
        transport.request("GET", "ticker", per_minute=1)
    assert info.value.retry_after_s == WINDOW_S
    assert time.now == 0


@pytest.mark.parametrize(
    "body", [REFUSAL, {"error": "ERR_RATE_LIMIT"}, b"<html></html>"], ids=str
)
def test_refusal_closes_the_group_for_all_clients(
    serve: Serve,
    connect: Connect,
    limits: RequestRateLimiter,
    time: FakeTime,
    body: Any,
) -> None:
    server = serve(Refusing(1, body))
    first, second = (connect(server, limits=limits, on_limit="raise") for _ in "12")
    for transport in (first, second):
        with pytest.raises(RateLimited) as info:
            transport.request("GET", "ticker/tBTCUSD")
        assert info.value.retry_after_s == 60
    assert len(server.requests) == 1
    assert second.request("GET", "candles") == [1]
    time.now += 60
    assert second.request("GET", "ticker/tBTCUSD") == [1]


def test_refusal_is_waited_out(
    serve: Serve, connect: Connect, limits: RequestRateLimiter, time: FakeTime
) -> None:
    server = serve(Refusing(1))
    assert connect(server, limits=limits).request("GET", "ticker") == [1]
    assert (time.now, len(server.requests)) == (60, 2)


def test_refusal_says_for_how_long(
    serve: Serve, connect: Connect, limits: RequestRateLimiter, time: FakeTime
) -> None:
    server = serve(Refusing(1, Retry_After="7"))
    assert connect(server, limits=limits).request("GET", "ticker") == [1]
    assert time.now == 7


@pytest.mark.parametrize(
    "options, attempts", [({}, MAX_ATTEMPTS), ({"max_wait_s": 120}, 3)], ids=str
)
def test_refusals_without_end_are_raised(
    serve: Serve,
    connect: Connect,
    limits: RequestRateLimiter,
    time: FakeTime,
    options: Any,
    attempts: int,
) -> None:
    server = serve(Refusing(99))
    with pytest.raises(RateLimited) as info:
        connect(server, limits=limits, **options).request("GET", "ticker")
    assert (info.value.code, info.value.http_status) == (11010, 429)
    assert not info.value.is_own_budget
    assert (time.now, len(server.requests)) == (60 * (attempts - 1), attempts)


@pytest.mark.parametrize("options", [{}, {"max_wait_s": 600}], ids=str)
def test_refusal_for_a_day_is_raised_and_told_to_all(
    serve: Serve,
    connect: Connect,
    limits: RequestRateLimiter,
    time: FakeTime,
    options: Any,
) -> None:
    server = serve(Refusing(1, Retry_After="86400"))
    for _ in range(2):
        with pytest.raises(RateLimited, match=r"by the exchange.*24\.0 h") as info:
            connect(server, limits=limits, **options).request("GET", "ticker")
        assert info.value.retry_after_s == 86_400
    assert (time.now, len(server.requests)) == (0, 1)


def test_refusal_of_one_server_is_none_of_another(
    serve: Serve, connect: Connect, limits: RequestRateLimiter, time: FakeTime
) -> None:
    refusing, other = serve(Refusing(1)), serve(Refusing(0))
    with pytest.raises(RateLimited):
        connect(refusing, limits=limits, on_limit="raise").request("GET", "ticker")
    assert connect(other, limits=limits).request("GET", "ticker") == [1]
    assert time.now == 0


def test_client_takes_a_longest_wait(serve: Serve) -> None:
    server = serve(Refusing(1, Retry_After="30"))
    with Client(rest_host=server.host, max_wait_s=29) as bfx:
        with pytest.raises(RateLimited, match="30.0 s"):
            bfx.rest.request("GET", "ticker")
    with pytest.raises(UsageError, match="max_wait_s"):
        Client(max_wait_s=0)


def test_waiting_for_a_turn_is_not_part_of_the_total_time(
    serve: Serve, connect: Connect, limits: RequestRateLimiter, time: FakeTime
) -> None:
    server = serve(Refusing(0))
    limits.refuse("localhost", "ticker", 100, port=server.port)
    assert connect(server, limits=limits, timeout=1).request("GET", "ticker") == [1]
    assert time.now == 100


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX")
def test_interrupt_ends_the_wait_at_once(serve: Serve, connect: Connect) -> None:
    waits = threading.Event()

    def wait(latch: Latch, seconds: float) -> bool:
        waits.set()
        return wait_in_naps(latch, seconds)

    def interrupt() -> None:
        assert waits.wait(DEADLINE_S)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    limits = RequestRateLimiter(wait=wait)
    server = serve(Refusing(0))
    limits.refuse("localhost", "ticker", 60, port=server.port)
    helper = threading.Thread(target=interrupt, name="test-interrupt")
    helper.start()
    started = monotonic()
    with pytest.raises(KeyboardInterrupt):
        connect(server, limits=limits).request("GET", "ticker")
    assert monotonic() - started < at_most(2)
    helper.join(DEADLINE_S)
    assert server.requests == []
