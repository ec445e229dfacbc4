"""Reading from a handle: by several, after a break, and at its end."""

from __future__ import annotations

import itertools
import logging
import operator
import threading
import time
from functools import partial

import numpy
import pandas
import pytest
from interrupts import interrupted_before_each_bytecode

from bfxsync import (
    BookUpdate,
    ClosedError,
    Gap,
    RequestTimeout,
    Snapshot,
    Ticker,
    Trade,
    UsageError,
)


def start(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    return threads


def join(threads):
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()


def test_r09_each_update_goes_to_one_of_several_threads_that_iterate(client, record):
    """In order for each of them; together they have every one."""
    mirror = client.subscribe_book("tBTCUSD")
    everything = iter(mirror)
    handle = client.subscribe_book("tBTCUSD")
    iterators = [iter(handle) for _ in range(3)]
    got = [record() for _ in iterators]

    def read(items, take):
        for item in items:
            take(item)

    threads = start(*(partial(read, *pair) for pair in zip(iterators, got)))
    got[0].wait(lambda _: sum(len(take.items) for take in got) > 200, 20.0)
    handle.unsubscribe()
    join(threads)
    client.ping()
    mirror.unsubscribe()
    # Held, so that no two of them ever have the same id.
    kept = list(everything)
    places = {id(item): place for place, item in enumerate(kept)}
    each = [[places[id(item)] for item in take.items] for take in got]
    assert all(order == sorted(order) for order in each)
    together = sorted(place for order in each for place in order)
    assert together == list(range(together[0], together[-1] + 1))


def test_a_loop_that_was_left_goes_on_where_it_was(client):
    handle = client.subscribe_trades("tBTCUSD")
    mirror = iter(client.subscribe_trades("tBTCUSD"))
    ids = []
    for _ in range(4):
        for trade in handle:
            ids.append(trade.id)
            if len(ids) % 5 == 0:
                break
    expected = [trade.id for trade in itertools.islice(mirror, 25)]
    first = expected.index(ids[0])
    assert ids == expected[first : first + 20]


@pytest.mark.parametrize("method", ["__iter__", "events"])
def test_interrupts_of_an_iteration_lose_and_double_nothing(client, method):
    """Before each bytecode."""
    everything = iter(client.subscribe_book("tBTCUSD"))
    handle = client.subscribe_book("tBTCUSD")
    read = getattr(handle, method)
    found = list(itertools.islice(read(), 2))
    client.wait_for(lambda: handle.queued_count > 200, 20.0)
    names = interrupted_before_each_bytecode(
        lambda: found.extend(itertools.islice(read(), 2))
    )
    found = [item for item in found if isinstance(item, BookUpdate)]
    first = next(item for item in everything if item is found[0])
    expected = [first, *itertools.islice(everything, len(found) - 1)]
    assert all(map(operator.is_, found, expected))
    assert names >= {method, "_claim_item", "claim"}


def test_iterations_events_and_get_take_from_one_mailbox(client):
    handle = client.subscribe_book("tBTCUSD")
    data, events = iter(handle), handle.events()
    assert isinstance(next(events), Snapshot)
    taken = [take() for take in (data.__next__, events.__next__, handle.get) * 20]
    assert {type(item) for item in taken} == {BookUpdate}
    assert len({id(item) for item in taken}) == 60


@pytest.mark.parametrize("end", ["unsubscribe", "close"])
def test_r10_all_who_wait_are_woken_at_the_end(exchange, client, record, end):
    exchange.inject("silent_channel", channel="status")
    handle = client.subscribe_status("liq:global")
    ended = record()

    def iterate():
        ended(list(handle))

    def wait():
        try:
            while True:
                handle.get(60.0)
        except ClosedError:
            ended("closed")

    threads = start(iterate, iterate, wait, wait)
    (handle if end == "unsubscribe" else client).close()
    join(threads)
    assert ended.items.count("closed") == 2 and len(ended.items) == 4
    assert list(handle) == list(handle.events()) == []
    with pytest.raises(ClosedError):
        handle.get(0.01)


def test_what_was_queued_is_read_before_the_end(client):
    handle = client.subscribe_trades("tBTCUSD")
    items = iter(handle)
    assert isinstance(next(items), Trade)
    while handle.queued_count < 5:
        client.ping()
    handle.unsubscribe()
    queued = handle.queued_count
    assert queued >= 5 and len(list(items)) == queued


# --- small things -----------------------------------------------------------------------------


def test_the_first_get_takes_what_is_there_without_waiting(client):
    for _ in range(20):
        handle = client.subscribe_ticker("tBTCUSD")
        assert isinstance(handle.get(0), Ticker)


def test_get_without_waiting_raises_before_the_first_data(exchange, client):
    exchange.inject("silent_channel", channel="ticker")
    handle = client.subscribe_ticker("tETHUSD", wait=False)
    with pytest.raises(RequestTimeout, match="within 0 s"):
        handle.get(0)


def test_fields_of_a_handle_are_found_without_reading_data(client):
    handle = client.subscribe_book("tBTCUSD", prec="P1")
    assert "symbol" in handle and "tBTCUSD" not in handle and 5 not in handle
    fields = dict(handle)
    assert fields["channel"] == "book" and fields["prec"] == "P1"
    assert fields["sub_id"] == handle.sub_id == handle["sub_id"]
    assert handle._subscriber.reader is None


def test_a_handle_with_an_event_function_alone_can_be_iterated(client, record):
    events = record()
    handle = client.subscribe_trades("tBTCUSD", on_event=events)
    assert isinstance(next(iter(handle)), Trade)
    assert isinstance(handle.get(10.0), Trade)
    assert isinstance(events.wait_for(1)[0], Snapshot)


def test_a_handle_with_a_callback_says_why_it_is_not_read(client):
    handle = client.subscribe_trades("tBTCUSD", lambda trade: None)
    for read in (handle.__iter__, handle.events, handle.get):
        with pytest.raises(UsageError, match="with a callback"):
            read()


def test_gaps_are_logged_for_a_loop_and_told_to_an_event_function(
    client, exchange, record, caplog
):
    caplog.set_level(logging.INFO, "bfxsync")
    caplog.set_level("INFO", "bfxsync")
    events = record()
    logged = iter(client.subscribe_trades("tBTCUSD"))
    told = iter(client.subscribe_trades("tETHUSD", on_event=events))
    next(logged), next(told)
    exchange.drop_connections()
    events.wait(lambda items: any(isinstance(item, Gap) for item in items))
    deadline = time.monotonic() + 10.0
    while "trades tBTCUSD: gap" not in caplog.text:
        assert time.monotonic() < deadline
        next(logged), next(told)
    assert "trades tETHUSD: gap" not in caplog.text


@pytest.mark.parametrize("kind", [iter, lambda handle: handle.events()])
def test_several_threads_may_share_one_iterator(client, record, kind):
    handle = client.subscribe_book("tBTCUSD")
    items, got = kind(handle), record()

    def read():
        for item in items:
            got(item)

    threads = start(read, read, read)
    got.wait_for(100, 20.0)
    handle.unsubscribe()
    join(threads)
    assert len({id(item) for item in got.items}) == len(got.items)
    with pytest.raises(StopIteration):
        next(items)


@pytest.mark.parametrize(
    "bad", [pandas.NA, pandas.Series([1.5, 2.5]), numpy.bool_(True), "5"], ids=repr
)
def test_get_refuses_what_is_no_number_of_seconds(client, bad):
    handle = client.subscribe_ticker("tBTCUSD")
    with pytest.raises(UsageError, match="^timeout must be"):
        handle.get(bad)
    assert handle.get(numpy.float32(20)) is not None


def test_subscribing_does_not_guess_whether_to_wait(client):
    with pytest.raises(UsageError, match="^wait must be True or False"):
        client.subscribe_ticker("tBTCUSD", wait=pandas.NA)
    handle = client.subscribe_ticker("tBTCUSD", wait=numpy.bool_(True))
    assert handle.is_active


@pytest.mark.parametrize(
    "requests", [None, 5, "ticker", {"channel": "ticker"}, numpy.array(5)]
)
def test_subscribe_many_takes_a_list_of_mappings(client, requests):
    with pytest.raises(UsageError, match="requests must be a list of mappings"):
        client.subscribe_many(requests)
