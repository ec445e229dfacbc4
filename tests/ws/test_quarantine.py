"""A subscription whose callbacks fail too often ends, and the others go on."""

from __future__ import annotations

import pytest

from bfxsync import (
    Backoff,
    ClosedError,
    Policy,
    Snapshot,
    Status,
    SubscriptionStatus,
    WebSocketClient,
)
from bfxsync.wire.channels import channel_for
from bfxsync.ws.core.subscriber import Subscriber


@pytest.fixture(params=[0, 1, 3], ids="threads={}".format)
def client(exchange, request):
    with WebSocketClient(
        exchange.url, backoff=Backoff(first_s=0.05), dispatch_threads=request.param
    ) as client:
        yield client


def failing(record):
    def fail(item):
        record(item)
        raise ValueError("no good")

    return fail


def test_after_so_many_exceptions_only_this_one_ends(client, record):
    calls, failures, others, same = record(), record(), record(), record()
    client.on("subscription_failed", failures)
    bad = client.subscribe_book(
        "tBTCUSD", callback=failing(calls), max_errors=3, sub_id="bad"
    )
    client.subscribe_book("tBTCUSD", callback=same)
    client.subscribe_trades("tBTCUSD", others)
    ((subscription, error),) = failures.wait_for(1)
    assert subscription["sub_id"] == "bad" and len(calls.items) == 3
    assert bad.status is SubscriptionStatus.FAILED and not bad.is_active
    assert bad.error_count == 3 and isinstance(bad.last_error, ValueError)
    assert bad.exception is error and isinstance(error, ClosedError)
    assert error.__cause__ is bad.last_error and "ValueError: no good" in str(error)
    others.wait_for(len(others.items) + 3)
    same.wait_for(len(same.items) + 20)
    assert len(calls.items) == 3 and len(failures.items) == 1
    assert bad.status is SubscriptionStatus.FAILED
    rows = client.stats()["subscriptions"]
    assert "bad" not in [row["sub_id"] for row in rows] and len(rows) == 2
    bad.unsubscribe()
    assert bad.status is SubscriptionStatus.FAILED


def test_its_name_is_free_and_its_channel_unsubscribed(client, record):
    failures, levels = record(), record()
    client.on("subscription_failed", failures)
    client.subscribe_book(
        "tBTCUSD", callback=failing(record()), max_errors=1, sub_id="a"
    )
    failures.wait_for(1)
    client.ping()
    assert not client._core.placement.links[0].table
    again = client.subscribe_book("tBTCUSD", callback=levels, sub_id="a")
    levels.wait_for(5)
    assert again.status is SubscriptionStatus.LIVE


def test_on_event_hears_of_it_last(client, record):
    failures, events = record(), record()
    client.on("subscription_failed", failures)
    client.subscribe_book(
        "tBTCUSD", callback=failing(record()), on_event=events, max_errors=2
    )
    failures.wait_for(1)
    client.subscribe_trades("tBTCUSD", record()).unsubscribe()
    seen = events.wait(lambda items: isinstance(items[-1], Status))
    assert isinstance(seen[0], Snapshot)
    assert seen[-1] == Status(SubscriptionStatus.FAILED)


def test_exceptions_of_on_event_count_too(client, record):
    failures, events = record(), record()
    client.on("subscription_failed", failures)
    handle = client.subscribe_trades("tBTCUSD", on_event=failing(events), max_errors=1)
    failures.wait_for(1)
    first, last = events.wait_for(2)
    assert isinstance(first, Snapshot)
    assert last == Status(SubscriptionStatus.FAILED)
    assert handle.error_count == 2
    with pytest.raises(ClosedError, match="raised max_errors exceptions"):
        for _ in handle:
            pass


def test_without_a_limit_it_is_called_for_ever(client, record):
    calls, failures = record(), record()
    client.on("subscription_failed", failures)
    handle = client.subscribe_book("tBTCUSD", callback=failing(calls))
    calls.wait_for(100)
    assert handle.status is SubscriptionStatus.LIVE and not failures.items


def test_a_failure_before_the_first_data_wakes_the_waiting():
    channel = channel_for("ticker", symbol="tBTCUSD")
    subscriber = Subscriber(channel, {}, None, size=10, policy=Policy.RESYNC)
    subscriber.failure = ClosedError("it has failed")
    subscriber.withdraw(ClosedError("unsubscribed"))
    assert subscriber.resolved.is_set and subscriber.error is subscriber.failure
    assert subscriber.status is SubscriptionStatus.FAILED
