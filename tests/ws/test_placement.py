"""Channels on several connections: where they go, move, and what is left behind (R05)."""

from __future__ import annotations

import errno
import os
import random
import socket
import threading
import time
from collections import Counter

import pytest
from patience import at_most

from bfxsync import (
    Backoff,
    Gap,
    NetworkError,
    Snapshot,
    Status,
    SubscriptionStatus,
    WebSocketClient,
)
from bfxsync.paper import PaperExchange
from bfxsync.wire import audit
from bfxsync.ws.core.placement import Placement
from bfxsync.ws.io import connection
from bfxsync.ws.io.rate_limiter import PUBLIC_BUDGET, SPARE_S, ConnectionRateLimiter

REQUESTS = [
    {"channel": "book", "symbol": symbol, "prec": prec}
    for symbol in ("tBTCUSD", "tETHUSD")
    for prec in ("P0", "P1", "P2", "P3", "P4", "R0")
]


@pytest.fixture
def small():
    """An exchange that takes three channels on a connection, and says so only when asked."""
    with PaperExchange(rate=300.0, checksum_s=0.05, max_channels=3) as exchange:
        yield exchange


@pytest.fixture
def errors(record):
    return record()


@pytest.fixture
def client(small, errors):
    with WebSocketClient(
        small.url, backoff=Backoff(first_s=0.02), on_error=errors
    ) as client:
        yield client


def channels(exchange):
    """Return how many channels each connection has, as the exchange sees it."""
    return exchange._thread.call(
        lambda server: sorted(len(s.channels) for s in server.connections.values())
    )


def wait_until(condition, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def loads(client):
    return [row["channels"] for row in client.stats()["connections"]]


def limits(client):
    return [row["limit"] for row in client.stats()["connections"]]


# --- no room ----------------------------------------------------------------------------------


def test_r05_a_channel_without_room_moves_on_without_a_rejection(
    small, client, errors, record
):
    got = record()
    handles = [
        client.subscribe(**request, callback=got, on_event=got)
        for request in REQUESTS[:4]
    ]
    assert {handle.status for handle in handles} == {SubscriptionStatus.LIVE}
    assert (loads(client), limits(client)) == ([3, 1], [3, 25])
    assert channels(small) == [1, 3]
    # What it has learned: the next one does not even ask there.
    client.subscribe(**REQUESTS[4])
    assert loads(client) == [3, 2]
    got.wait_for(50)
    assert errors.items == [] and not any(isinstance(i, Gap) for i in got.items)
    assert handles[3].book.best_bid is not None and handles[3].book.is_live
    client.unsubscribe(handles[0].sub_id)
    client.subscribe(**REQUESTS[5])
    assert loads(client) == [3, 2], "the free place is used"


def test_r05_many_at_once_find_their_places(small, client, errors):
    handles = client.subscribe_many(REQUESTS)
    assert {handle.status for handle in handles} == {SubscriptionStatus.LIVE}
    assert loads(client) == [3] * 4 and channels(small) == [3] * 4
    assert errors.items == []
    for handle in handles:
        handle.unsubscribe()
    wait_until(lambda: channels(small) == [0] * 4)
    assert loads(client) == [0] * 4


def test_r05_places_are_kept_over_a_reconnect(small, client, errors, record):
    events = record()
    requests = [{**request, "on_event": events} for request in REQUESTS[:5]]
    client.subscribe_many(requests)
    small.drop_connections()
    items = events.wait(lambda items: Counter(map(type, items))[Snapshot] == 10)
    assert Counter(map(type, items)) == {Snapshot: 10, Gap: 5}
    assert loads(client) == [3, 2] and limits(client) == [3, 25]
    assert channels(small) == [2, 3] and errors.items == []


def test_r05_a_lower_limit_after_a_restart_moves_channels(record):
    with PaperExchange(rate=300.0) as large:
        port, url = large.port, large.url
        events = {number: record() for number in range(5)}
        errors = record()
        with WebSocketClient(
            url, backoff=Backoff(0.02, 0.1), on_error=errors, timeout=1.0
        ) as client:
            handles = client.subscribe_many(
                {**request, "on_event": events[number]}
                for number, request in enumerate(REQUESTS[:5])
            )
            large.stop()
            with PaperExchange(rate=300.0, port=port, max_channels=3) as small:
                wait_until(lambda: channels(small) == [2, 3])
                client.wait_ready(5.0)
                for got in events.values():
                    # It may have been back for a moment before the first one was gone.
                    items = got.wait(lambda items: isinstance(items[-1], Snapshot))
                    kinds = [type(item) for item in items]
                    assert kinds[0] is Snapshot and len(kinds) >= 3
                    assert kinds[1:] == [Gap, Snapshot] * (len(kinds) // 2)
                assert loads(client) == [3, 2]
                assert {h.status for h in handles} == {SubscriptionStatus.LIVE}
                assert all(handle.book.best_bid is not None for handle in handles)
                # Before the exchange: a client that connects while that stops may wait long.
                client.close()
        assert errors.items == []


def test_r05_wait_false_retries_a_further_connection_without_end(
    small, client, errors, monkeypatch
):
    """Its time begins when it is asked for; nobody may refuse it before."""
    client.subscribe_many(REQUESTS[:3])
    connect, go_on = connection.Transport.connect, threading.Event()

    def late(*arguments, **options):
        go_on.wait(10.0)
        return connect(*arguments, **options)

    monkeypatch.setattr(connection.Transport, "connect", late)
    patient = client.subscribe(**REQUESTS[3], wait=False, timeout=0.1)
    wait_until(lambda: loads(client) == [3, 1])
    time.sleep(0.3)
    assert patient.status is SubscriptionStatus.PENDING
    go_on.set()
    patient.wait_ready(5.0)
    monkeypatch.undo()
    assert errors.items == []


def test_r05_a_call_that_times_out_leaves_nothing(small, client, monkeypatch):
    client.subscribe_many(REQUESTS[:3])
    monkeypatch.setattr(
        ConnectionRateLimiter, "reserve", lambda pace, url, now: now + 60.0
    )
    start = time.monotonic()
    with pytest.raises(NetworkError):
        client.subscribe(**REQUESTS[3], timeout=0.2)
    assert time.monotonic() - start < at_most(2.0)
    wait_until(lambda: loads(client) == [3])
    assert channels(small) == [3]


@pytest.fixture
def no_second_thread(monkeypatch):
    """No thread can be started for a further connection, until this is undone."""
    start = threading.Thread.start

    def refuse(thread):
        if thread.name.startswith("bfxsync-io-"):
            raise RuntimeError("can't start new thread")
        start(thread)

    def begin():
        monkeypatch.setattr(threading.Thread, "start", refuse)

    return begin


@pytest.mark.parametrize("wait", [True, False])
def test_r05_a_failed_further_connection_fails_one_channel_only(
    small, client, errors, record, no_second_thread, monkeypatch, wait
):
    got = record()
    client.subscribe_many({**request, "callback": got} for request in REQUESTS[:3])
    no_second_thread()
    if wait:
        with pytest.raises(NetworkError, match="can't start") as caught:
            client.subscribe(**REQUESTS[3])
        assert caught.value.phase == "connect"
        assert errors.items == []
    else:
        handle = client.subscribe(**REQUESTS[3], wait=False)
        (error,) = errors.wait_for(1)
        assert isinstance(error, NetworkError) and "can't start" in str(error)
        assert handle.status is SubscriptionStatus.REJECTED
        assert handle.exception is error
    assert (loads(client), limits(client)) == ([3], [3])
    # At once now, as nobody is asked any more.
    with pytest.raises(NetworkError, match="can't start"):
        client.subscribe(**REQUESTS[4], wait=wait)
    got.wait_for(len(got.items) + 5)
    assert client.exception is None
    monkeypatch.undo()
    client.subscribe(**REQUESTS[3])
    assert loads(client) == [3, 1]


def test_r05_a_live_channel_without_any_room_is_rejected(record, no_second_thread):
    with PaperExchange(rate=300.0) as large:
        port, url = large.port, large.url
        events, errors = record(), record()
        with WebSocketClient(
            url, backoff=Backoff(0.02, 0.1), on_error=errors
        ) as client:
            handles = client.subscribe_many(
                {**request, "on_event": events} for request in REQUESTS[:4]
            )
            no_second_thread()
            large.stop()
            with PaperExchange(rate=300.0, port=port, max_channels=3) as small:
                (error,) = errors.wait_for(1, 20.0)
                assert isinstance(error, NetworkError) and "can't start" in str(error)
                wait_until(lambda: channels(small) == [3])
                wait_until(lambda: loads(client) == [3])
                (lost,) = [handle for handle in handles if not handle.is_active]
                assert lost.status is SubscriptionStatus.REJECTED
                assert lost.exception is error and client.exception is None
                assert Status(SubscriptionStatus.REJECTED) in events.of(Status)
                client.close()


@pytest.mark.parametrize(
    "module, name", [(socket, "socketpair"), (os, "pipe")], ids=["I/O", "dispatch"]
)
def test_r05_a_first_connection_without_descriptors_is_a_network_error(
    small, client, monkeypatch, module, name
):
    def none_left(*arguments, **options):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(module, name, none_left)
    for call in (client.start, lambda: client.subscribe(**REQUESTS[0])):
        with pytest.raises(NetworkError, match="Too many open files"):
            call()
    monkeypatch.undo()
    client.subscribe(**REQUESTS[0])
    assert [row["number"] for row in client.stats()["connections"]] == [1]


# --- while one moves --------------------------------------------------------------------------


def at_the_move(monkeypatch, act):
    """Let something happen when a channel is refused, before its move."""
    displace = Placement.displace

    def wrapped(placement, *arguments):
        monkeypatch.setattr(Placement, "displace", displace)
        act()
        displace(placement, *arguments)

    monkeypatch.setattr(Placement, "displace", wrapped)


def test_r05_a_second_handle_that_comes_at_the_move_moves_too(
    small, client, errors, record, monkeypatch
):
    got, late = record(), []
    client.subscribe_many(REQUESTS[:3])

    def second():
        late.append(client.subscribe(**REQUESTS[3], callback=got, wait=False))
        late.append(client.subscribe(**REQUESTS[3], wait=False))
        late.append(iter(late[1]))

    at_the_move(monkeypatch, second)
    first = client.subscribe(**REQUESTS[3])
    late[0].wait_ready(5.0)
    got.wait_for(5)
    assert next(late[2]) is not None
    assert loads(client) == [3, 1] and channels(small) == [1, 3]
    late[0].unsubscribe()
    late[1].unsubscribe()
    first.get(5.0)
    first.unsubscribe()
    wait_until(lambda: channels(small) == [0, 3])
    assert loads(client) == [3, 0] and errors.items == []


def test_r05_reading_from_the_move_on_repeats_no_update(
    small, client, errors, monkeypatch
):
    client.subscribe_many(REQUESTS[:3])
    moving, readers, given = [], [], threading.Event()

    def read():
        assert given.wait(30.0)
        readers.append(moving[0].events())

    # On its thread: the request to read comes after the last look at what users ask.
    at_the_move(monkeypatch, read)
    # Its generator runs from the first `next` on; the mailbox is there at once.
    moving.append(client.subscribe(**REQUESTS[3], wait=False))
    given.set()
    moving[0].wait_ready(5.0)
    items = [next(readers[0]) for _ in range(50)]
    assert isinstance(items[0], Snapshot)
    assert len({id(item) for item in items}) == 50
    assert loads(client) == [3, 1] and errors.items == []


@pytest.mark.parametrize("again", [False, True], ids=["gone", "asked for again"])
def test_r05_a_channel_detached_at_the_move_is_subscribed_nowhere(
    small, client, errors, monkeypatch, again
):
    client.subscribe_many(REQUESTS[:3])
    moving, more, given = [], [], threading.Event()

    def give_up():
        assert given.wait(30.0)
        moving[0].unsubscribe()
        if again:
            more.append(client.subscribe(**REQUESTS[3], wait=False))

    at_the_move(monkeypatch, give_up)
    moving.append(client.subscribe(**REQUESTS[3], wait=False))
    given.set()
    if again:
        wait_until(lambda: more)
        more[0].wait_ready(5.0)
        assert more[0].book.best_bid is not None
        assert sorted(loads(client)) == [1, 3] and channels(small) == [1, 3]
        more[0].unsubscribe()
        wait_until(lambda: channels(small) == [0, 3])
    else:
        wait_until(lambda: Placement.displace.__name__ == "displace")
        client.ping()
        assert channels(small) == [3]
    assert moving[0].status is SubscriptionStatus.CLOSED
    assert sum(loads(client)) == 3 and errors.items == []


def test_r05_handles_that_come_and_go_from_several_threads_leave_nothing(small, errors):
    failed = []

    def churn(seed):
        rng = random.Random(seed)
        try:
            for _ in range(50):
                wanted = rng.sample(REQUESTS, 3)
                handles = client.subscribe_many(wanted, wait=rng.random() < 0.3)
                if rng.random() < 0.5:
                    iter(handles[0])
                for handle in handles:
                    handle.unsubscribe()
        except Exception as exc:
            failed.append(exc)

    with WebSocketClient(
        small.url, on_error=errors, channels_per_connection=4
    ) as client:
        threads = [threading.Thread(target=churn, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60.0)
        assert failed == []
        last = client.subscribe_many(REQUESTS[:7])
        assert {handle.status for handle in last} == {SubscriptionStatus.LIVE}
        for handle in last:
            handle.unsubscribe()
        wait_until(lambda: sum(channels(small)) == 0)
        assert sum(loads(client)) == 0 and client._core.placement._directory.homes == {}
    assert errors.items == []


# --- connections that nobody needs ------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch):
    """Empty connections end soon."""
    monkeypatch.setattr(connection, "RETIRE_AFTER_S", 0.1)
    monkeypatch.setattr(audit, "IDLE_PING_S", 0.05)


def test_r05_an_empty_connection_is_closed_and_stays_counted(
    small, client, soon, record
):
    lost = record()
    client.on("disconnected", lost)
    client.subscribe_many(REQUESTS[:3])
    moved = client.subscribe(**REQUESTS[3], callback=lambda update: None)
    wait_until(lambda: moved.update_count > 20)
    moved.unsubscribe()
    before = client.stats()
    wait_until(lambda: len(client.stats()["connections"]) == 1)
    wait_until(lambda: small.connections == 1)
    after = client.stats()
    for name in ("frames", "updates"):
        past = after[name] - after["connections"][0][name]
        assert past >= before["connections"][1][name] > 0
    assert client.frame_count >= after["frames"]
    assert lost.items == [], "nothing was lost"
    client.subscribe(**REQUESTS[3])
    numbers = [row["number"] for row in client.stats()["connections"]]
    assert numbers == [1, 3], "a new one when it is needed"


def test_r05_a_further_connection_that_waits_for_nothing_is_given_up(
    small, client, record
):
    lost = record()
    client.on("disconnected", lost)
    client.subscribe_many(REQUESTS[:3])
    moved = client.subscribe(**REQUESTS[3])
    small.stop()
    lost.wait_for(2)
    assert len(client.stats()["connections"]) == 2
    moved.unsubscribe()
    wait_until(lambda: len(client.stats()["connections"]) == 1)
    wait_until(lambda: "bfxsync-io-2" not in [t.name for t in threading.enumerate()])


def test_r05_an_unneeded_connection_gives_its_turn_back(small):
    pace = ConnectionRateLimiter(exempt_loopback=False)
    with WebSocketClient(small.url, pace=pace, channels_per_connection=3) as client:
        client.subscribe_many(REQUESTS[:3])
        before = time.monotonic()
        for _ in range(PUBLIC_BUDGET.count - 1):
            pace.reserve(small.url, before)
        # Its turn would be in a minute.
        client.subscribe(**REQUESTS[3], wait=False).unsubscribe()
        client.subscribe(**REQUESTS[3], wait=False).unsubscribe()
        wait_until(lambda: len(client.stats()["connections"]) == 1)
        turns = [pace.reserve(small.url, before) for _ in range(PUBLIC_BUDGET.count)]
        assert max(turns) <= time.monotonic() + PUBLIC_BUDGET.window_s + SPARE_S
        assert small.connections_opened == 1


def test_r05_the_first_connection_stays_though_it_is_empty(small, client, soon):
    client.subscribe(**REQUESTS[0]).unsubscribe()
    frames = client.frame_count
    # Each is the answer to a ping that keeps it open.
    wait_until(lambda: client.frame_count > frames + 6)
    assert len(client.stats()["connections"]) == 1 == small.connections


def test_r05_totals_never_go_back_while_connections_come_and_go(small, client, soon):
    client.subscribe_many(REQUESTS[:3])
    done, seen = threading.Event(), []

    def look():
        while not done.is_set():
            stats = client.stats()
            seen.append((stats["frames"], stats["updates"], stats["drops"]))

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(3):
        client.subscribe(**REQUESTS[3]).unsubscribe()
        wait_until(lambda: len(client._core.placement.links) == 1)
    done.set()
    thread.join(10.0)
    for earlier, later in zip(seen, seen[1:]):
        assert all(a <= b for a, b in zip(earlier, later))
    assert small.connections_opened == 4
