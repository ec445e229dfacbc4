"""What each metric reads of statistics."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync import Client, ConnectionStatus, SubscriptionStatus
from bfxsync.metrics.table import METRICS, Reading

TABLE = {metric.name: metric for metric in METRICS}


def connection(number: int, **fields: Any) -> dict[str, Any]:
    row = {"status": "open", "channels": 3, "is_account": False, "ping_s": None}
    return {**row, "number": number, **fields}


def subscription(channel: str, status: str = "live", stale: bool = False) -> Any:
    return {"channel": channel, "status": status, "is_stale": stale, "symbol": "tX"}


def reading(rest: Any = None, **wss: Any) -> Reading:
    with Client() as bfx:
        health, stats = bfx.health(), bfx.wss.stats()
    return Reading(health, {**stats, **wss}, rest)


def values(name: str, of: Reading) -> dict[Any, float]:
    return dict(TABLE[name].read(of))


def test_names_are_those_of_prometheus() -> None:
    assert len(TABLE) == len(METRICS)
    for metric in METRICS:
        assert metric.full_name.startswith(f"bfxsync_{metric.name}")
        assert metric.unit in ("", "bytes", "seconds")
        assert metric.meaning.endswith(".")
        # Never a symbol: there are thousands.
        assert set(metric.labels) <= {
            "cause",
            "channel",
            "error",
            "host",
            "status",
            "transport",
        }


def test_a_copy_in_a_fork_has_no_counters() -> None:
    fresh = reading()
    copy = fresh._replace(health={**fresh.health, "is_alive": False, "is_forked": True})
    shown = {metric.name: dict(metric.samples(copy)) for metric in METRICS}
    assert {name: value for name, value in shown.items() if value} == {
        "alive": {(): 0.0},
        "ready": {(): 0.0},
    }
    for metric in METRICS:
        assert dict(metric.samples(fresh)) == dict(metric.read(fresh))


def test_every_metric_reads_a_client_that_did_nothing() -> None:
    fresh = reading()
    read = {metric.name: dict(metric.read(fresh)) for metric in METRICS}
    assert read["alive"] == {(): 1.0} and read["ready"] == {(): 0.0}
    assert read["authenticated"] == {}
    assert read["frames"] == {(): 0.0} and read["received"] == {("wss",): 0}
    assert read["rest_requests"] == read["rest_errors"] == read["clock_skew"] == {}
    assert read["rest_wait"] == read["rest_refused_groups"] == {(): 0.0}


def test_connections_are_counted_by_status() -> None:
    rows = [connection(1), connection(2), connection(3, status="reconnecting")]
    counts = values("connections", reading(connections=rows))
    assert len(counts) == len(ConnectionStatus)
    assert {key: n for (key,), n in counts.items() if n} == {
        "open": 2,
        "reconnecting": 1,
    }
    assert values("channels", reading(connections=rows)) == {(): 9.0}


def test_the_longest_ping_of_each_host_is_read() -> None:
    rows = [
        connection(1, ping_s=0.1),
        connection(2, ping_s=0.3),
        connection(3),
        connection(4, ping_s=0.2, is_account=True),
    ]
    assert values("ping", reading(connections=rows)) == {
        ("public",): 0.3,
        ("account",): 0.2,
    }


def test_subscriptions_are_counted_by_channel_never_by_symbol() -> None:
    rows = [
        subscription("book"),
        subscription("book", "gap", stale=True),
        subscription("a new one", stale=True),
    ]
    of = reading(subscriptions=rows)
    counts = values("subscriptions", of)
    assert len(counts) == 2 * len(SubscriptionStatus)
    assert {key: n for key, n in counts.items() if n} == {
        ("book", "live"): 1,
        ("book", "gap"): 1,
        ("other", "live"): 1,
    }
    assert values("stale_subscriptions", of) == {("book",): 1, ("other",): 1}


def test_a_budget_without_limit_has_no_value() -> None:
    assert values("connections_left", reading(connections_left=None)) == {}
    assert values("connections_left", reading(connections_left=4)) == {(): 4.0}


def test_counts_of_rest_stand_beside_those_of_the_socket() -> None:
    rest = {
        "requests": 5,
        "retries": 1,
        "received_bytes": 100,
        "sent_bytes": 50,
        "errors": {"RateLimited": 2},
        "clock_skew_s": -0.25,
        "limits": {
            "ticker": {"wait_s": 1.5, "is_refused": True},
            "book": {"wait_s": 0.0, "is_refused": False},
        },
    }
    of = reading(rest, received_bytes=7, reconnects={"stale": 3}, errors={"A": 1})
    assert values("received", of) == {("wss",): 7, ("rest",): 100}
    assert values("rest_requests", of) == {(): 5.0}
    assert values("rest_errors", of) == {("RateLimited",): 2}
    assert values("rest_wait", of) == {(): 1.5}
    assert values("rest_refused_groups", of) == {(): 1.0}
    assert values("clock_skew", of) == {(): -0.25}
    assert values("reconnects", of) == {("stale",): 3}
    assert values("errors", of) == {("A",): 1}


@pytest.mark.parametrize("status", [*SubscriptionStatus])
def test_each_status_of_a_subscription_has_a_series(status: SubscriptionStatus) -> None:
    of = reading(subscriptions=[subscription("candles", status.value)])
    assert values("subscriptions", of)["candles", status.value] == 1
