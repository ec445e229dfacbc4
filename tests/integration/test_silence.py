"""R02: a peer that says nothing is noticed in time, and data resumes when it is back."""

from __future__ import annotations

import time
from typing import Any, Optional

import pytest
from patience import at_most

from bfxsync import Gap, SubscriptionStatus
from bfxsync.paper import PaperExchange

from .bare_server import Tls
from .fault_proxy import BOTH, DOWN, FaultProxy
from .user import BOOK, TICKER, TRADES, User, wait_until

CANDLES = {"channel": "candles", "key": "trade:1m:tBTCUSD"}
REQUESTS = (TICKER, TRADES, BOOK, CANDLES)

PING_AFTER_S, STALE_AFTER_S = 0.15, 1.0
"""Short, but longer than a busy machine makes a thread wait."""

SILENT = "the exchange was silent for too long"

SHORT: dict[str, Any] = {"ping_after": PING_AFTER_S, "stale_after": STALE_AFTER_S}

# What a busy machine may add to a deadline.
SLACK_S = 5.0

# R02: data is there again after an outage that was not longer.
RESUMED_S = 10.0


def lively(**options: Any) -> PaperExchange:
    """Return an exchange where something happens all the time."""
    return PaperExchange(rate=100.0, heartbeat_s=0.05, ticker_s=0.05, **options)


def all_stale(user: User) -> bool:
    return all(subscription.is_stale for subscription in user.subscriptions)


def none_stale(user: User) -> bool:
    return not any(subscription.is_stale for subscription in user.subscriptions)


def test_r02_data_resumes_after_a_silent_exchange(
    security: Optional[Tls],
) -> None:
    context = security.context if security is not None else None
    bundle = security.ca_bundle if security is not None else None
    with (
        lively(ssl_context=context) as exchange,
        FaultProxy(exchange.port) as proxy,
        User(
            proxy.url(exchange.url), *REQUESTS, timeout=1.0, ca_bundle=bundle, **SHORT
        ) as user,
    ):
        assert none_stale(user)
        begin = time.monotonic()
        proxy.stop()
        wait_until(lambda: all_stale(user))
        assert time.monotonic() - begin < at_most(STALE_AFTER_S + SLACK_S)
        user.until_stories("SG")
        # New connections are as silent, for as long as it takes.
        proxy.wait_for("accept", 2)
        assert all_stale(user)
        begin = time.monotonic()
        proxy.resume()
        user.until_stories("SGS")
        user.seen[2].until_updated()
        assert time.monotonic() - begin < at_most(RESUMED_S)
        assert none_stale(user)
        for seen in user.seen:
            assert seen.events[1] == Gap(SILENT)
            seen.assert_in_order()
        assert user.closes.items == [(1006, SILENT)]
        assert user.errors.items == []
        assert user.reconnects["stale"] == 1
        assert proxy.counts["stop"] >= 1


@pytest.mark.parametrize("directions", [BOTH, (DOWN,)], ids=["both", "theirs"])
def test_r02_a_connection_that_died_in_silence_is_reopened(
    directions: tuple[str, ...],
) -> None:
    with (
        lively() as exchange,
        FaultProxy(exchange.port) as proxy,
        User(proxy.url(exchange.url), *REQUESTS, **SHORT) as user,
    ):
        begin = time.monotonic()
        proxy.stop(directions, new=False)
        user.until_stories("SGS")
        assert time.monotonic() - begin < at_most(STALE_AFTER_S + SLACK_S)
        assert none_stale(user)
        user.assert_in_order()
        assert user.closes.items == [(1006, SILENT)]
        assert user.reconnects == {"stale": 1}
        assert proxy.counts["stop"] >= 1
        assert proxy.counts["accept"] == 2


def test_r02_a_short_silence_costs_nothing() -> None:
    with (
        lively() as exchange,
        FaultProxy(exchange.port) as proxy,
        User(
            proxy.url(exchange.url), *REQUESTS, ping_after=0.1, stale_after=30.0
        ) as user,
    ):
        proxy.stop()
        wait_until(lambda: min(s.age for s in user.subscriptions) > 0.3)
        counts = [len(seen) for seen in user.seen]
        assert none_stale(user)
        proxy.resume()
        for seen, count in zip(user.seen, counts):
            seen.until(lambda seen: len(seen) > count)
        assert user.stories == ["S"] * 4
        assert user.closes.items == []
        assert user.reconnects == {}
        assert proxy.counts["stop"] >= 1
        assert proxy.counts["accept"] == 1


def test_r02_an_outage_of_a_few_back_offs_ends_with_the_outage() -> None:
    with (
        lively() as exchange,
        FaultProxy(exchange.port) as proxy,
        User(proxy.url(exchange.url), *REQUESTS, timeout=0.2, **SHORT) as user,
    ):
        proxy.stop()
        proxy.wait_for("accept", 4)
        begin = time.monotonic()
        proxy.resume()
        user.until_stories("SGS")
        assert time.monotonic() - begin < at_most(RESUMED_S)
        assert user.closes.items[0] == (1006, SILENT)
        user.assert_in_order()


@pytest.mark.parametrize("index", range(4), ids=[r["channel"] for r in REQUESTS])
def test_r02_one_silent_channel_alone_is_resubscribed(index: int) -> None:
    with lively() as exchange, User(exchange.url, *REQUESTS, **SHORT) as user:
        others = [seen for n, seen in enumerate(user.seen) if n != index]
        silent = user.seen[index]
        begin = time.monotonic()
        exchange.inject("silent_channel", **key_of(silent.request))
        silent.until_story("SG")
        assert time.monotonic() - begin < at_most(STALE_AFTER_S + SLACK_S)
        silent.until_story("SGS")
        silent.until(lambda seen: seen.shape.endswith("."))
        assert silent.story == "SGS"
        assert silent.events[1] == Gap("the channel was silent while others were not")
        assert [seen.story for seen in others] == ["S"] * 3
        user.assert_in_order()
        assert user.subscriptions[index].status is SubscriptionStatus.LIVE
        assert [s.heal_count for s in user.subscriptions] == [
            int(n == index) for n in range(4)
        ]
        assert (user.closes.items, user.errors.items) == ([], [])
        assert exchange.fault_counts["silent_channel"] == 1
        assert exchange.connections_opened == 1


def key_of(request: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in request.items() if k in ("channel", "symbol", "key")}
