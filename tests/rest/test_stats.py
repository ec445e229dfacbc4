"""What a client counts of its REST calls, compared with what the server has seen."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from typing import Any

import pytest

from bfxsync import Client, OrderBlocked
from bfxsync.auth.nonce import Nonce
from bfxsync.auth.signer import Signer
from bfxsync.errors import BfxError, NonceTooSmall, NotReady, OutcomeUnknown
from bfxsync.guards.guard import OrderGuard
from bfxsync.guards.limits import OrderLimits
from bfxsync.paper import PaperExchange
from bfxsync.rest.client import RestClient
from bfxsync.rest.http import signing
from bfxsync.rest.http.rate_limiter import RateLimit, RequestRateLimiter

from .conftest import Connect, Serve
from .server import Exchange
from .signed import KEY, NONCE_TOO_SMALL, SECRET, answered

READ, WRITE = "auth/r/wallets", "auth/w/transfer"


@pytest.fixture(autouse=True)
def no_warning_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_warned", {})


def client_of(host: str, **options: Any) -> RestClient:
    return RestClient(host, signer=Signer(KEY, SECRET), **options)


def size_of(request: Exchange) -> int:
    """Return the bytes of a request as they came."""
    head = [f"{request.method} {request.target} HTTP/1.1", ""]
    fields = sum(len(f"{k}: {v}\r\n") for k, v in request.headers.items())
    return len("\r\n".join(head)) + fields + 2 + len(request.body)


def test_stats_are_plain_data_before_any_call(serve: Serve) -> None:
    with client_of(serve(answered((200, []))).host) as rest:
        assert json.loads(json.dumps(rest.stats(), allow_nan=False)) == {
            "requests": 0,
            "retries": 0,
            "requests_per_s": 0.0,
            "received_bytes": 0,
            "sent_bytes": 0,
            "errors": {},
            "last_error": None,
            "clock_skew_s": None,
            "limits": {},
            "shared_budget": None,
        }


def test_bytes_are_those_on_the_wire(serve: Serve) -> None:
    answers = []

    def answer(request: Exchange) -> bool:
        body = b"[" + b" " * 10_000 + b"]"
        answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: 10002\r\n\r\n" + body)
        request.send(answers[-1])
        return True

    server = serve(answer)
    with client_of(server.host) as rest:
        rest.request("GET", "tickers")
        rest.request("POST", READ, body={"a": "b" * 1_000})
        stats = rest.stats()
    assert stats["requests"] == 2 == len(server.requests)
    assert stats["received_bytes"] == sum(map(len, answers))
    assert stats["sent_bytes"] == sum(map(size_of, server.requests))
    assert stats["requests_per_s"] > 0.0 and stats["retries"] == 0


def test_errors_are_counted_by_class_and_retries_apart(
    serve: Serve, no_delays: None
) -> None:
    handler = answered(
        (500, ["error", 20060, "maintenance"]), (200, []), (500, ["error", 11000, "x"])
    )
    server = serve(handler)
    with client_of(server.host) as rest:
        assert rest.request("GET", "tickers") == []
        assert rest.stats()["errors"] == {} and rest.stats()["retries"] == 1
        for method, path in (("GET", "tickers"), ("POST", READ)):
            with pytest.raises(NotReady):
                rest.request(method, path)
        stats = rest.stats()
    assert stats["errors"] == {"NotReady": 2}
    assert stats["requests"] == len(server.requests) == 10
    assert stats["retries"] == 7
    # The latest, which was a signed one.
    assert stats["last_error"].startswith("NotReady: POST auth/r/wallets: x")


def test_write_without_answer_counts_as_unknown(serve: Serve) -> None:
    with client_of(serve(lambda request: False).host) as rest:
        with pytest.raises(OutcomeUnknown):
            rest.request("POST", WRITE)
        stats = rest.stats()
    assert stats["errors"] == {"OutcomeUnknown": 1} and stats["sent_bytes"] > 0


def test_clock_skew_is_the_difference_to_the_answers(serve: Serve) -> None:
    def answer(request: Exchange) -> bool:
        return request.answer([], Date=formatdate(time.time() - 3_600, usegmt=True))

    with client_of(serve(answer).host) as rest:
        rest.request("GET", "tickers")
        assert rest.stats()["clock_skew_s"] == pytest.approx(3_600, abs=60)


def test_limits_say_what_is_left_of_each_group(serve: Serve) -> None:
    clock = [0.0]
    limits = RequestRateLimiter(lambda: clock[0])
    server = serve(answered((200, [])))
    with client_of(server.host, limits=limits, on_limit="raise") as rest:
        assert rest.limits == {}
        rest.request("GET", "tickers")
        for _ in range(2):
            rest.request("POST", READ)
        assert rest.limits == {
            "tickers": RateLimit(90, 1, 89, 0.0, False),
            "auth": RateLimit(90, 2, 88, 0.0, False),
        }
        assert rest.stats()["limits"]["auth"] == {
            "per_minute": 90,
            "used": 2,
            "left": 88,
            "wait_s": 0.0,
            "is_refused": False,
        }
        # Another port is another exchange.
        with client_of("http://localhost:1/v2", limits=limits) as other:
            assert other.limits == {}
        clock[0] = 61.0
        assert rest.limits == {}


def test_a_public_group_of_the_signed_host_hides_no_other(serve: Serve) -> None:
    handler = answered((200, [100, 1, 100, 1, 0, 0, 100, 0, 0, 0]))
    ticker, other = serve(handler), serve(handler)
    guard = OrderGuard(OrderLimits.of(max_order_value={"USD": 1}))
    for auth_host in (other, ticker):
        with client_of(
            ticker.host,
            auth_host=auth_host.host,
            guard=guard,
            limits=RequestRateLimiter(),
        ) as rest:
            for _ in range(2):
                rest.request("GET", "ticker/tBTCUSD")
            with pytest.raises(OrderBlocked):
                rest.auth.submit_order("MARKET", "tBTCUSD", "1")
            used = {group: limit.used for group, limit in rest.limits.items()}
        if auth_host is ticker:
            assert used == {"ticker": 3}
        else:
            assert used == {"ticker": 2, f"localhost:{auth_host.port}/ticker": 1}


def test_used_up_and_refused_limits_name_the_wait(serve: Serve) -> None:
    clock = [0.0]
    limits = RequestRateLimiter(lambda: clock[0])
    handler = answered(*[(200, [])] * 90, (429, ["error", 11010, "slow down"]))
    with client_of(serve(handler).host, limits=limits, on_limit="raise") as rest:
        for _ in range(90):
            rest.request("GET", "tickers")
        clock[0] = 21.0
        assert rest.limits["tickers"] == RateLimit(90, 90, 0, 40.0, False)
        with pytest.raises(BfxError):
            rest.request("GET", "book/tBTCUSD/P0")
        refused = rest.limits["book"]
        assert (refused.used, refused.left, refused.is_refused) == (1, 0, True)
        assert refused.wait_s == pytest.approx(60.0)
        clock[0] = 82.5
        # Over, and nothing of the last minute is left.
        assert rest.limits == {}
        limits.refuse("localhost", "conf", 5.0, port=rest._transport._port)
        assert rest.limits == {"conf": RateLimit(None, 0, 0, 5.0, True)}


def test_totals_of_many_threads_lose_nothing(serve: Serve) -> None:
    server = serve(answered((200, [])))
    limits = RequestRateLimiter(exempt_loopback=True)
    with client_of(server.host, limits=limits) as rest:

        def call() -> None:
            for _ in range(25):
                rest.request("GET", "tickers")

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60.0)
        stats = rest.stats()
    assert stats["requests"] == 100
    assert stats["sent_bytes"] == sum(map(size_of, server.requests))


def test_client_joins_the_stats_of_both_transports(serve: Serve) -> None:
    server = serve(answered((200, [])))
    with Client(rest_host=server.host) as bfx:
        assert bfx.stats()["rest"] is None
        bfx.rest.request("GET", "tickers")
        stats = bfx.stats()
        assert stats == json.loads(json.dumps(stats, allow_nan=False))
        assert stats["rest"]["requests"] == 1
        assert stats["wss"]["status"] == "new"


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_refused_nonce_is_explained_once_per_key(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    with client_of(serve(answered((500, NONCE_TOO_SMALL))).host) as rest:
        for _ in range(3):
            with pytest.raises(NonceTooSmall):
                rest.request("POST", READ)
    (text,) = warnings_in(caplog)
    assert "nonce_file=" in text and "10114" in text and "another process" in text
    assert KEY not in text and SECRET not in text


class SharedNonce(Nonce):
    is_shared = True


def test_overtaken_nonce_of_a_file_is_no_warning(
    connect: Connect, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Processes with one file overtake each other; only a second refusal shows a stranger."""
    signer = Signer(KEY, SECRET, SharedNonce())
    server = serve(answered((500, NONCE_TOO_SMALL), (200, []), (500, NONCE_TOO_SMALL)))
    transport = connect(server, signer=signer)
    assert transport.request("POST", READ) == []
    assert warnings_in(caplog) == []
    for _ in range(2):
        with pytest.raises(NonceTooSmall):
            transport.request("POST", READ)
    (text,) = warnings_in(caplog)
    assert "the same nonce_file=" in text


OTHER_PROCESS = """
import sys
from bfxsync import Nonce, Signer
from bfxsync.rest.client import RestClient

host, nonce = sys.argv[1:]
signer = Signer("paper-key", "paper-secret", Nonce(last=int(nonce)))
with RestClient(host, signer=signer) as rest:
    rest.auth.get_wallets()
"""


def test_another_process_with_the_key_is_noticed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with PaperExchange() as exchange:
        with Client("paper-key", "paper-secret", rest_host=exchange.rest_url) as bfx:
            bfx.rest.auth.get_wallets()
            assert warnings_in(caplog) == []
            # Its clock is ten seconds ahead.
            last = str(int((time.time() + 10) * 1_000_000))
            arguments = ["-W", "error", "-c", OTHER_PROCESS, exchange.rest_url, last]
            subprocess.run([sys.executable, *arguments], check=True, timeout=60)
            with pytest.raises(NonceTooSmall):
                bfx.rest.auth.get_wallets()
    (text,) = warnings_in(caplog)
    assert "nonce_file=" in text
