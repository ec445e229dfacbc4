"""Reading from a handle: by several, after a break, and at its end."""

from __future__ import annotations

import itertools
import threading
from functools import partial

import pytest

from bfxsync import BookUpdate, ClosedError, Snapshot, Trade


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
