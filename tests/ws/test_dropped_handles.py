"""Handles that nobody holds any more: what was read from ends, what has other readers goes on."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from contextlib import nullcontext
from types import SimpleNamespace

import attrs
import pytest

from bfxsync import Gap, Snapshot, UsageError, WebSocketClient
from bfxsync.ws.core import placement as places
from bfxsync.ws.core.subscriber import Subscriber


def wait_until(condition, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def symbols(client):
    return sorted(row["symbol"] for row in client.stats()["subscriptions"])


def channel_count(exchange):
    """Return how many channels there are, as the exchange sees it."""
    return exchange._thread.call(
        lambda server: sum(len(s.channels) for s in server.connections.values())
    )


READS = {
    "iter": lambda handle: next(iter(handle)),
    "events": lambda handle: next(handle.events()),
    "get": lambda handle: handle.get(10.0),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_was_read_from_ends_with_its_handle(exchange, client, record, read):
    kept = client.subscribe_trades("tBTCUSD", record())
    for _ in range(20):
        read(client.subscribe_trades("tBTCUSD"))
        read(client.subscribe_trades("tETHUSD"))
    gc.collect()
    wait_until(lambda: symbols(client) == ["tBTCUSD"])
    wait_until(lambda: channel_count(exchange) == 1)
    assert kept.is_active


def test_its_mailbox_goes_too(client):
    def read():
        handle = client.subscribe_book("tBTCUSD")
        next(iter(handle))
        return weakref.ref(handle._subscriber), weakref.ref(handle._subscriber.reader)

    left = read()
    gc.collect()
    # By the second answer every thread has let go of it.
    client.ping(), client.ping()
    assert [reference() for reference in left] == [None, None]


def test_what_was_dropped_of_it_stays_in_the_total(client):
    handle = client.subscribe_book("tBTCUSD", mailbox_size=3)
    next(iter(handle))
    subscriber = handle._subscriber
    wait_until(lambda: subscriber.dropped_count > 0)
    del handle
    gc.collect()
    wait_until(lambda: not symbols(client))
    drops = client.stats()["drops"]
    client.ping()
    assert client.stats()["drops"] == drops > 0


def test_an_iterator_keeps_what_it_reads(client):
    items = iter(client.subscribe_trades("tBTCUSD"))
    events = client.subscribe_trades("tETHUSD").events()
    for _ in range(5):
        gc.collect()
        assert next(items) is not None and next(events) is not None
    assert symbols(client) == ["tBTCUSD", "tETHUSD"]


def test_a_handle_never_read_keeps_its_subscription(client, record):
    """Events are its readers, as for the official client's users."""
    got = record()
    client.on("t_trade_execution", lambda subscription, trade: got(trade))
    client.subscribe_trades("tBTCUSD")
    gc.collect()
    got.wait_for(3)
    count = len(got.items)
    got.wait_for(count + 3)
    assert symbols(client) == ["tBTCUSD"]


def test_a_handle_with_a_callback_keeps_its_subscription(client, record):
    got = record()
    client.subscribe_trades("tBTCUSD", got)
    gc.collect()
    got.wait_for(3)
    assert symbols(client) == ["tBTCUSD"]


def test_one_with_an_event_function_loses_its_mailbox_alone(exchange, client, record):
    events = record()
    handle = client.subscribe_trades("tBTCUSD", on_event=events)
    next(iter(handle))
    subscriber = handle._subscriber
    del handle
    gc.collect()
    client.ping()
    assert symbols(client) == ["tBTCUSD"] and len(subscriber.reader) == 0
    exchange.drop_connections()
    kinds = events.wait(
        lambda items: len(items) > 1 and items[-1].__class__ is Snapshot
    )
    assert any(isinstance(item, Gap) for item in kinds)
    assert len(subscriber.reader) == 0


def test_a_handle_in_a_circle_ends_when_that_is_collected(client):
    gc.disable()
    try:
        handle = client.subscribe_trades("tBTCUSD")
        handle.items = iter(handle)
        next(handle.items)
        del handle
        assert symbols(client) == ["tBTCUSD"]
    finally:
        gc.enable()
    gc.collect()
    wait_until(lambda: not symbols(client))


def test_a_finalizer_waits_for_no_lock(client):
    """It may run anywhere, also where the thread holds the lock that it would need."""
    handle = client.subscribe_trades("tBTCUSD")
    next(iter(handle))
    with client._core.placement._lock:
        del handle
        gc.collect()
    wait_until(lambda: not symbols(client))


@pytest.mark.parametrize("call", ["unsubscribe", "close", "subscribe"])
def test_a_finalizer_of_the_program_may_run_while_something_is_placed(
    exchange, monkeypatch, capsys, call
):
    """Python may collect garbage anywhere, also where a thread has the lock of the pool."""
    client = WebSocketClient(exchange.url)
    handle = client.subscribe_ticker("tBTCUSD")
    calls = {
        "unsubscribe": handle.unsubscribe,
        "close": client.close,
        "subscribe": lambda: client.subscribe_trades("tBTCUSD", wait=False),
    }

    class Bot:
        def __del__(self):
            with pytest.raises(UsageError) if call == "subscribe" else nullcontext():
                calls[call]()
            ended.append(call)

    def evolve(*given, **changes):
        # Once, as collecting takes seconds in a long run: it is in a circle without references.
        if bots:
            bots.clear()
            gc.collect()
        return attrs.evolve(*given, **changes)

    ended, bots = [], [Bot()]
    bots[0].itself = bots[0]
    monkeypatch.setattr(places, "attrs", SimpleNamespace(evolve=evolve))
    client.subscribe_trades("tETHUSD", wait=False)
    assert ended == [call]
    left = {"unsubscribe": ["tETHUSD"], "close": ["tBTCUSD", "tETHUSD"]}
    wait_until(lambda: symbols(client) == left.get(call, ["tBTCUSD", "tETHUSD"]))
    client.close()


def test_many_threads_may_drop_handles_they_have_read(client):
    def churn(symbol):
        for _ in range(15):
            next(iter(client.subscribe_trades(symbol)))

    threads = [
        threading.Thread(target=churn, args=(symbol,))
        for symbol in ("tBTCUSD", "tBTCUSD", "tETHUSD", "fUSD")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    gc.collect()
    wait_until(lambda: not symbols(client))
    assert client.ping() >= 0.0


def test_what_ended_already_ends_without_a_word(exchange):
    with WebSocketClient(exchange.url) as client:
        unsubscribed = client.subscribe_trades("tBTCUSD")
        next(iter(unsubscribed))
        unsubscribed.unsubscribe()
        closed = client.subscribe_trades("tETHUSD")
        next(iter(closed))
    del unsubscribed, closed
    gc.collect()
    assert [
        t for t in gc.get_objects() if isinstance(t, Subscriber) and t.is_active
    ] == []
