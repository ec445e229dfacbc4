"""Clients with a shared budget, on the local exchange: REST and connections, refusals, waits."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from patience import at_most

from bfxsync import (
    Client,
    ClosedError,
    RateLimited,
    SharedBudget,
    UsageError,
    WebSocketClient,
)
from bfxsync.paper import PaperExchange
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.http.shared_rate_limiter import SharedRequestLimiter
from bfxsync.shared_limits.window import Limit
from bfxsync.ws.io.rate_limiter import PUBLIC_BUDGET, ConnectionRateLimiter
from bfxsync.ws.io.shared_rate_limiter import SharedConnectionLimiter

DEADLINE_S = at_most(20.0)

CONNECTIONS = Limit(1_000, 61.0)


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange() as exchange:
        yield exchange


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budget"


def strict(path: Path) -> SharedBudget:
    """Return a budget that counts requests to this machine too."""
    return SharedBudget(path, exempt_loopback=False)


def rest_limit(rest: RestClient) -> Tuple[str, Limit]:
    """Make one request, and return the key and the limit of its group."""
    limiter = rest._transport.limiter
    assert isinstance(limiter, SharedRequestLimiter)
    rest.public.get_platform_status()
    (key,) = limiter.budget.keys()
    return key, Limit(limiter._limits[key], 61.0)


def test_two_clients_share_a_budget_of_rest(
    exchange: PaperExchange, path: Path
) -> None:
    other = strict(path)
    budget = strict(path)
    with RestClient(exchange.rest_url, shared_budget=budget, on_limit="raise") as rest:
        key, limit = rest_limit(rest)
        for _ in range(limit.requests - 1):
            assert other.turn(key, limit).ask().wait_s == 0
        with pytest.raises(RateLimited) as found:
            rest.public.get_platform_status()
        assert found.value.is_own_budget and 50.0 < found.value.retry_after_s <= 61.0
        (state,) = rest.limits.values()
        assert state.left == 0 and state.used == limit.requests
        assert state.wait_s > 50.0 and not state.is_refused
        stats = rest.stats()["shared_budget"]
        assert stats["store"] == str(path) and not stats["is_away"]


def refused_by(exchange: PaperExchange) -> None:
    """Use up the exchange's limit of this address, past any count of ours."""
    limits = RequestRateLimiter(exempt_loopback=True)
    with RestClient(exchange.rest_url, limits=limits, on_limit="raise") as rest:
        with pytest.raises(RateLimited):
            for _ in range(1_000):
                rest.public.get_platform_status()


def test_a_refusal_of_one_client_stops_the_other(path: Path) -> None:
    options: Dict[str, Any] = {"on_limit": "raise"}
    with PaperExchange(rest_limits=True) as exchange:
        host = exchange.rest_url
        one = RestClient(host, shared_budget=strict(path), **options)
        two = RestClient(host, shared_budget=strict(path), **options)
        with one, two:
            two.public.get_platform_status()
            refused_by(exchange)
            requests = exchange.rest_requests
            for client in (one, two):
                with pytest.raises(RateLimited) as found:
                    client.public.get_platform_status()
                assert not found.value.is_own_budget
            # Only the first of them asked the exchange.
            assert exchange.rest_requests == requests + 1
            (state,) = two.limits.values()
            assert state.is_refused and state.left == 0


def test_a_refused_connection_stops_the_other_clients(path: Path) -> None:
    budget = strict(path)
    with PaperExchange() as exchange:
        exchange.inject("refuse_handshake", status=429)
        with WebSocketClient(exchange.url, shared_budget=strict(path)) as wss:
            wss.start()
            deadline = time.monotonic() + DEADLINE_S
            while not budget.turn("ws:127.0.0.1", CONNECTIONS).ask(0.0).blocked_s:
                assert time.monotonic() < deadline
                threading.Event().wait(0.05)


def test_loopback_is_exempt_by_default(exchange: PaperExchange, path: Path) -> None:
    with exchange.client(shared_budget=path) as bfx:
        bfx.rest.public.get_platform_status()
        bfx.wss.start()
        assert bfx.wss.shared_budget is not None
        assert bfx.wss.shared_budget.keys() == []
        assert bfx.wss.stats()["connections_left"] is None
        stats = bfx.stats()
        assert stats["wss"]["shared_budget"] == stats["rest"]["shared_budget"]


def test_a_waiting_call_ends_when_its_client_is_closed(
    exchange: PaperExchange, path: Path
) -> None:
    budget = strict(path)
    rest = RestClient(exchange.rest_url, shared_budget=budget)
    key, limit = rest_limit(rest)
    for _ in range(limit.requests - 1):
        assert budget.turn(key, limit).ask().wait_s == 0
    errors: list[BaseException] = []

    def call() -> None:
        try:
            rest.public.get_platform_status()
        except ClosedError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    deadline = time.monotonic() + DEADLINE_S
    while budget.latest(key, 61.0).used <= limit.requests:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    rest.close()
    thread.join(DEADLINE_S)
    assert len(errors) == 1
    # It gave its slot back.
    while budget.turn(key, limit).ask(0.0).used > limit.requests:
        assert time.monotonic() < deadline


def test_connections_of_all_clients_are_counted(
    exchange: PaperExchange, path: Path
) -> None:
    budget, other = strict(path), strict(path)
    with WebSocketClient(exchange.url, shared_budget=budget) as wss:
        wss.subscribe_ticker("tBTCUSD")
        assert wss.stats()["connections_left"] == PUBLIC_BUDGET.count - 1
        limiter = SharedConnectionLimiter(other)
        for left in reversed(range(PUBLIC_BUDGET.count - 1)):
            now = time.monotonic()
            assert limiter.reserve(exchange.url, now) == now
            assert limiter.left(exchange.url, now) == left
        now = time.monotonic()
        at = limiter.reserve(exchange.url, now)
        assert 50.0 < at - now <= 61.5
        assert limiter.review(exchange.url, at, now) == at
        limiter.give_back(exchange.url, at)
        limiter.block(exchange.url, time.monotonic() + 500.0)
        assert limiter.blocked_until(exchange.url) > now + 400.0
        assert limiter.left(exchange.url, now) == 0


def test_a_waiting_connection_is_opened_when_it_is_due(
    exchange: PaperExchange, path: Path
) -> None:
    budget = strict(path)
    budget.block("ws:127.0.0.1", 1.5)
    began = time.monotonic()
    with WebSocketClient(exchange.url, shared_budget=budget, timeout=DEADLINE_S) as wss:
        wss.subscribe_ticker("tBTCUSD")
        assert time.monotonic() - began >= 1.5


def test_a_waiting_connection_can_be_closed(
    exchange: PaperExchange, path: Path
) -> None:
    budget = strict(path)
    budget.block("ws:127.0.0.1", 500.0)
    wss = WebSocketClient(exchange.url, shared_budget=budget)
    wss.start()
    began = time.monotonic()
    wss.close()
    assert time.monotonic() - began < at_most(2.0)


def test_limiters_and_a_shared_budget_exclude_each_other(path: Path) -> None:
    with pytest.raises(UsageError, match="pace or shared_budget"):
        WebSocketClient(pace=ConnectionRateLimiter(), shared_budget=path)
    with pytest.raises(UsageError, match="limits or shared_budget"):
        RestClient(limits=RequestRateLimiter(), shared_budget=path)


@pytest.mark.parametrize("kind", [Client, WebSocketClient, RestClient])
def test_an_invalid_budget_is_refused_when_the_client_is_made(kind: Any) -> None:
    with pytest.raises(UsageError, match="address") as found:
        kind(shared_budget="redis://:s3cret@127.0.0.1/0")
    trace = found.tb
    while trace is not None:
        if "bfxsync" in trace.tb_frame.f_code.co_filename:
            assert "s3cret" not in repr(trace.tb_frame.f_locals)
        trace = trace.tb_next
