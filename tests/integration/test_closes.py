"""R04: whatever ends a connection, another one is made, and every subscription lives again."""

from __future__ import annotations

import logging
import re
import socket
import ssl
from pathlib import Path
from typing import Any, Iterator

import pytest
import trustme

from bfxsync import Backoff, Gap, NetworkError
from bfxsync.paper import PaperExchange
from bfxsync.ws.io.rate_limiter import ConnectionRateLimiter

from .bare_server import Tls
from .fault_proxy import FaultProxy
from .user import BOOK, TICKER, TRADES, User, wait_until

REQUESTS = (TICKER, TRADES, BOOK)

SENDABLE = [
    *range(1000, 1004),
    *range(1007, 1015),
    3000,
    3123,
    3999,
    4000,
    4321,
    4999,
]
UNSENDABLE = [1004, 1006, 1015, 2999]
"""Codes that no close frame may have, so that it breaks the protocol."""


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(
        rate=100.0, heartbeat_s=1.0, allowed_hosts=["exchange.invalid"]
    ) as exchange:
        yield exchange


@pytest.fixture
def proxy(exchange: PaperExchange) -> Iterator[FaultProxy]:
    with FaultProxy(exchange.port) as proxy:
        yield proxy


def assert_healed(user: User, code: int, reason: str) -> None:
    """Check that one connection was lost, for this reason, and that data comes again."""
    user.until_stories("SGS")
    user.seen[-1].until_updated()
    for seen in user.seen:
        assert [event for event in seen.events if isinstance(event, Gap)] == [
            Gap(reason)
        ]
        seen.assert_in_order()
    assert user.closes.items == [(code, reason)]
    assert len(user.opens) == 1
    assert user.errors.items == []
    assert [subscription.gap_count for subscription in user.subscriptions] == [1] * 3
    assert not any(subscription.is_stale for subscription in user.subscriptions)
    user.client.close()
    assert user.closes.items == [(code, reason), (1000, "")]


# --- with a close frame -----------------------------------------------------------------------


@pytest.mark.parametrize("code", SENDABLE)
def test_r04_every_close_code_is_retried(exchange: PaperExchange, code: int) -> None:
    with User(exchange.url, *REQUESTS) as user:
        assert exchange.drop_connections(code, "because") == 1
        assert_healed(user, code, "because")
        assert user.reconnects == {"closed": 1}
    assert exchange.fault_counts[f"close_{code}"] == 1


@pytest.mark.parametrize("code", UNSENDABLE)
def test_r04_a_close_code_that_is_none_is_retried(
    exchange: PaperExchange, code: int
) -> None:
    with User(exchange.url, *REQUESTS) as user:
        assert exchange.drop_connections(code, "because") == 1
        reason = (
            "the peer violated the protocol: close frame with the impossible code "
            f"{code}"
        )
        assert_healed(user, 1002, reason)
        assert user.reconnects == {"broken": 1}
    assert exchange.fault_counts[f"close_{code}"] == 1


def test_r04_a_close_frame_without_a_code_is_retried(exchange: PaperExchange) -> None:
    with User(exchange.url, *REQUESTS) as user:
        assert exchange.drop_connections(1005) == 1
        assert_healed(user, 1005, "closed by the exchange")
        assert user.reconnects == {"closed": 1}
    assert exchange.fault_counts["close_1005"] == 1


# --- without one ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["fin", "reset", "half_close"])
@pytest.mark.parametrize("security", ["plain", "tls"])
def test_r04_an_end_without_close_frame_is_retried(
    tls: Tls, fault: str, security: str
) -> None:
    context = tls.context if security == "tls" else None
    with (
        PaperExchange(rate=100.0, ssl_context=context) as exchange,
        FaultProxy(exchange.port) as proxy,
        User(proxy.url(exchange.url), *REQUESTS, ca_bundle=tls.ca_bundle) as user,
    ):
        getattr(proxy, fault)()
        user.until_stories("SGS")
        (lost,) = user.closes.items
        assert lost[0] == 1006
        pattern = "the connection ended without a close frame"
        if fault == "reset":
            # Python's TLS takes a reset for an end.
            pattern += "|the connection broke: .*reset.*"
        assert re.fullmatch(pattern, lost[1])
        assert_healed(user, *lost)
        assert user.reconnects == {"broken": 1}
        assert proxy.counts[fault] == 1


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_r04_an_exchange_that_drops_everybody_is_retried(
    exchange: PaperExchange, reset: bool
) -> None:
    with User(exchange.url, *REQUESTS) as user:
        assert exchange.drop_connections(reset=reset) == 1
        user.closes.wait_for(1)
        assert_healed(user, *user.closes.items[0])
    assert exchange.fault_counts["drop"] == 1


def test_r04_losses_in_a_row_are_each_reported_and_retried(
    exchange: PaperExchange,
) -> None:
    codes = [1001, 1006, 1012, 1011, 4000]
    with User(exchange.url, *REQUESTS) as user:
        for count, code in enumerate(codes, start=1):
            dropped = exchange.drop_connections(None if code == 1006 else code)
            assert dropped == 1
            user.until_stories("S" + "GS" * count)
        assert [close[0] for close in user.closes.items] == codes
        assert user.reconnects == {"closed": 4, "broken": 1}
        assert exchange.connections_opened == 6
        user.seen[-1].until_updated()
        user.assert_in_order()


# --- no new connection ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["absent", "fin", "reset"])
def test_r04_refused_connections_are_retried(
    exchange: PaperExchange, proxy: FaultProxy, how: str
) -> None:
    with User(proxy.url(exchange.url), *REQUESTS) as user:
        proxy.refuse(how)
        proxy.reset()
        wait_until(lambda: user.reconnects.get("unreachable", 0) >= 3)
        assert all(subscription.is_stale for subscription in user.subscriptions)
        proxy.accept()
        assert_healed(user, *user.closes.items[0])
        if how == "absent":
            assert proxy.counts["absent"] == 1
        else:
            assert proxy.counts["refuse"] >= 3
        assert proxy.counts["reset"] == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_r04_refused_handshakes_are_retried(
    exchange: PaperExchange, status: int
) -> None:
    backoff = Backoff(first_s=0.02, refused_s=0.1)
    with User(exchange.url, *REQUESTS, backoff=backoff) as user:
        exchange.inject("refuse_handshake", status=status, times=2)
        exchange.drop_connections(1012, "restart")
        assert_healed(user, 1012, "restart")
        assert user.reconnects == {"closed": 1, "refused": 2}
    assert exchange.fault_counts["refuse_handshake"] == 2


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_r04_a_refused_first_handshake_is_retried(
    exchange: PaperExchange, status: int
) -> None:
    exchange.inject("refuse_handshake", status=status, times=2)
    backoff = Backoff(first_s=0.02, refused_s=0.1)
    with User(exchange.url, *REQUESTS, backoff=backoff) as user:
        user.until_stories("S")
        assert user.reconnects == {"refused": 2}
        assert (user.closes.items, user.errors.items) == ([], [])
    assert exchange.fault_counts["refuse_handshake"] == 2


def test_r04_after_too_many_requests_there_is_a_minute_of_peace(
    exchange: PaperExchange, caplog: pytest.LogCaptureFixture
) -> None:
    assert Backoff().delay_s(429, jitter=0.0) == 60.0
    assert Backoff().delay_s(503, jitter=1.0) == 1.0
    caplog.set_level(logging.INFO, "bfxsync.ws.io.connection")
    exchange.inject("refuse_handshake", status=429)
    with User(exchange.url, TICKER, wait=False, backoff=Backoff()) as user:
        wait_until(lambda: "connecting again" in caplog.text)
        assert user.reconnects == {"refused": 1}
        (delay,) = re.findall(r"connecting again in (\S+) s", caplog.text)
        assert 60.0 <= float(delay) <= 61.0
    assert exchange.connections_opened == 0
    assert exchange.fault_counts["refuse_handshake"] == 1


def test_r04_a_name_that_cannot_be_resolved_is_retried(
    exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups: list[str] = []
    is_known = False
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        lookups.append(host)
        return real("127.0.0.1" if is_known else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    url = f"ws://exchange.invalid:{exchange.port}/ws/2"
    with User(
        url,
        *REQUESTS,
        wait=False,
        backoff=Backoff(first_s=0.05),
        pace=ConnectionRateLimiter(),
    ) as user:
        # However long the resolver takes to say no.
        wait_until(lambda: user.reconnects.get("unreachable", 0) >= 2, 60.0)
        with pytest.raises(NetworkError) as caught:
            user.client.wait_ready(0.05)
        assert isinstance(caught.value.__cause__, NetworkError)
        cause = caught.value.__cause__.__cause__
        assert isinstance(cause, socket.gaierror)
        is_known = True
        user.until_stories("S", 60.0)
        # Once more, out of the middle.
        is_known = False
        exchange.drop_connections(1001, "bye")
        count = user.reconnects["unreachable"]
        wait_until(lambda: user.reconnects["unreachable"] > count, 60.0)
        is_known = True
        assert_healed(user, 1001, "bye")
        assert len(lookups) >= 5 and set(lookups) == {"exchange.invalid"}


def test_r04_a_certificate_that_cannot_be_trusted_is_retried(tmp_path: Path) -> None:
    trusted, other = trustme.CA(), trustme.CA()
    bundle = tmp_path / "authority.pem"
    trusted.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    good, bad = (authority.issue_cert("localhost") for authority in (trusted, other))
    good.configure_cert(context)
    with (
        PaperExchange(rate=100.0, ssl_context=context) as exchange,
        User(exchange.url, *REQUESTS, ca_bundle=str(bundle)) as user,
    ):
        bad.configure_cert(context)
        exchange.drop_connections(1012, "a new certificate")
        wait_until(lambda: user.reconnects.get("unreachable", 0) >= 2)
        (connection,) = user.client.stats()["connections"]
        assert "certificate verify failed" in connection["last_error"]
        with pytest.raises(NetworkError) as caught:
            user.client.subscribe_ticker("tETHUSD", timeout=0.05)
        assert isinstance(caught.value.__cause__, NetworkError)
        cause = caught.value.__cause__.__cause__
        assert isinstance(cause, ssl.SSLCertVerificationError)
        good.configure_cert(context)
        assert_healed(user, 1012, "a new certificate")
