"""How often connections are opened (R05)."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import at_most

from bfxsync import (
    Backoff,
    ClosedError,
    ConnectionStatus,
    NetworkError,
    UsageError,
    WebSocketClient,
)
from bfxsync._base import forks
from bfxsync._base.hosts import PUB_WSS_HOST, WSS_HOST
from bfxsync.ws.io import rate_limiter as pace_module
from bfxsync.ws.io.rate_limiter import (
    PUBLIC_BUDGET,
    SPARE_S,
    ConnectionBudget,
    ConnectionRateLimiter,
)

LOOPBACK = ["ws://127.0.0.1:8000/ws/2", "wss://localhost/ws/2", "ws://[::1]:1/"]


def test_connections_left_of_the_budget():
    pace, url = ConnectionRateLimiter(), WSS_HOST
    assert [pace.left(host, 0.0) for host in LOOPBACK] == [None] * 3
    assert (pace.left(url, 0.0), pace.left(PUB_WSS_HOST, 0.0)) == (5, 15)
    for used in range(5):
        assert pace.left(url, 0.0) == 5 - used
        assert pace.reserve(url, 0.0) == 0.0
    assert pace.left(url, 0.0) == 0 == pace.left(url, 15.9)
    assert pace.left(url, 16.0) == 5
    pace.block(url, 100.0)
    assert (pace.left(url, 99.0), pace.left(url, 100.0)) == (0, 5)
    assert pace.left(PUB_WSS_HOST, 0.0) == 15


class Waiter:
    """What an I/O thread does: takes a turn, waits for it, and takes another if it must."""

    def __init__(self, pace, url, now):
        self.pace, self.url = pace, url
        self.at = pace.reserve(url, now)
        self.opened_at = now if self.at <= now else None

    def give_up(self):
        """Its client is closed before its turn has come."""
        self.pace.give_back(self.url, self.at)

    def wake(self, now):
        """Look at the time; return whether it opens now."""
        if self.pace.blocked_until(self.url) > self.at:
            self.pace.give_back(self.url, self.at)
            self.at = self.pace.reserve(self.url, now)
        if now >= self.at:
            self.opened_at = now
        return self.opened_at is not None


def worst(times, window_s):
    """Return the largest number of times in any window of that length."""
    return max(
        (sum(1 for t in times if start <= t < start + window_s) for start in times),
        default=0,
    )


# --- the sums ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, count, window_s", [(PUB_WSS_HOST, 15, 60.0), (WSS_HOST, 5, 15.0)]
)
def test_r05_the_budget_is_that_of_the_host(url, count, window_s):
    pace = ConnectionRateLimiter()
    assert [pace.reserve(url, 100.0) for _ in range(count)] == [100.0] * count
    later = 100.0 + window_s + SPARE_S
    assert [pace.reserve(url, 130.0) for _ in range(count)] == [
        max(130.0, later)
    ] * count
    # Another host has a budget of its own.
    assert pace.reserve("wss://example.org/", 130.0) == 130.0


def test_r05_names_of_a_host_are_counted_together():
    pace = ConnectionRateLimiter()
    urls = ["wss://HOST.org/a", "wss://host.org:8443/b", "ws://host.org"]
    turns = [pace.reserve(urls[n % 3], 0.0) for n in range(16)]
    assert turns == [0.0] * 15 + [PUBLIC_BUDGET.window_s + SPARE_S]


def test_r05_turns_that_are_given_back_delay_no_client():
    pace = ConnectionRateLimiter()
    for _ in range(15):
        pace.reserve(PUB_WSS_HOST, 0.0)
    # As when a cell of a notebook is run again and again.
    for _ in range(100):
        at = pace.reserve(PUB_WSS_HOST, 1.0)
        assert at == 61.0
        pace.give_back(PUB_WSS_HOST, at)
    # What was opened counts all the same.
    assert [pace.reserve(PUB_WSS_HOST, 2.0) for _ in range(16)] == [61.0] * 15 + [122.0]


def test_r05_a_turn_that_is_given_back_is_the_next_ones():
    pace = ConnectionRateLimiter()
    turns = [pace.reserve(WSS_HOST, 0.0) for _ in range(15)]
    assert turns == [0.0] * 5 + [16.0] * 5 + [32.0] * 5
    for at in turns[5:]:
        pace.give_back(WSS_HOST, at)
    assert [pace.reserve(WSS_HOST, 1.0) for _ in range(6)] == [16.0] * 5 + [32.0]


@pytest.mark.parametrize("url", LOOPBACK)
def test_a_turn_that_was_never_taken_can_be_given_back(url):
    pace = ConnectionRateLimiter()
    pace.give_back(url, 5.0)
    pace.give_back(PUB_WSS_HOST, 5.0)
    assert pace.reserve(PUB_WSS_HOST, 0.0) == 0.0


@pytest.mark.parametrize("url", LOOPBACK)
def test_r05_this_machine_is_not_counted_unless_that_is_asked_for(url):
    pace = ConnectionRateLimiter()
    assert {pace.reserve(url, 5.0) for _ in range(100)} == {5.0}
    pace.block(url, 1_000.0)
    assert pace.reserve(url, 5.0) == 5.0 and pace.blocked_until(url) < 0.0
    pace = ConnectionRateLimiter(exempt_loopback=False)
    assert max(pace.reserve(url, 5.0) for _ in range(16)) == 66.0


def test_r05_a_block_holds_for_all_and_never_becomes_shorter():
    pace = ConnectionRateLimiter()
    pace.block(PUB_WSS_HOST, 70.0)
    pace.block(PUB_WSS_HOST, 60.0)
    assert pace.blocked_until(PUB_WSS_HOST) == 70.0
    assert pace.reserve(PUB_WSS_HOST, 10.0) == 70.0
    assert pace.reserve(PUB_WSS_HOST, 80.0) == 80.0
    assert pace.reserve(WSS_HOST, 10.0) == 10.0


def test_r05_clients_do_not_all_connect_when_a_block_ends():
    pace, openings = ConnectionRateLimiter(), []
    waiters = [Waiter(pace, PUB_WSS_HOST, 0.0) for _ in range(60)]
    waiting = [waiter for waiter in waiters if waiter.opened_at is None]
    openings += [0.0] * (60 - len(waiting))
    pace.block(PUB_WSS_HOST, 200.0)
    while waiting:
        now = min(waiter.at for waiter in waiting)
        for waiter in [w for w in waiting if w.at <= now]:
            if waiter.wake(now):
                openings.append(now)
                waiting.remove(waiter)
    assert len(openings) == 60 and not any(0.0 < t < 200.0 for t in openings)
    assert worst(openings, PUBLIC_BUDGET.window_s) == PUBLIC_BUDGET.count


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(1, 8)),
        st.tuples(st.just("pass"), st.floats(0.0, 40.0)),
        st.tuples(st.just("block"), st.floats(0.0, 90.0)),
        st.tuples(st.just("wake"), st.just(0)),
        st.tuples(st.just("give up"), st.integers(0, 20)),
    ),
    max_size=40,
)


@given(STEPS, st.sampled_from([PUB_WSS_HOST, WSS_HOST]))
def test_r05_no_window_ever_has_more_than_the_budget(steps, url):
    budget = pace_module.BUDGETS.get("api.bitfinex.com")
    if url == PUB_WSS_HOST:
        budget = PUBLIC_BUDGET
    pace, now, openings, waiting = ConnectionRateLimiter(), 1_000.0, [], []
    blocks = []

    def wake_due(until):
        # In the order in which their turns come; a new turn may come before `until` too.
        while True:
            due = [waiter for waiter in waiting if waiter.at <= until]
            if not due:
                return
            waiter = min(due, key=lambda waiter: waiter.at)
            at = max(now, waiter.at)
            if waiter.wake(at):
                waiting.remove(waiter)
                openings.append(at)

    for action, value in steps:
        if action == "open":
            for _ in range(value):
                waiter = Waiter(pace, url, now)
                if waiter.opened_at is None:
                    waiting.append(waiter)
                else:
                    openings.append(now)
        elif action == "pass":
            wake_due(now + value)
            now += value
        elif action == "block":
            pace.block(url, now + value)
            blocks.append((now, now + value))
        elif action == "give up":
            if waiting:
                waiting.pop(value % len(waiting)).give_up()
        else:
            # As a command does that somebody gives.
            for waiter in list(waiting):
                if waiter.wake(now):
                    waiting.remove(waiter)
                    openings.append(now)
    wake_due(float("inf"))
    assert worst(openings, budget.window_s) <= budget.count
    for start, end in blocks:
        assert not any(start < at < end for at in openings)


def test_r05_threads_share_one_budget():
    pace, turns, together = ConnectionRateLimiter(), [], threading.Barrier(8)

    def reserve():
        together.wait(10.0)
        turns.extend([pace.reserve(PUB_WSS_HOST, 0.0) for _ in range(50)])

    threads = [threading.Thread(target=reserve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10.0)
    window_s = PUBLIC_BUDGET.window_s + SPARE_S
    assert sorted(turns) == [window_s * (n // 15) for n in range(400)]


def test_r10_a_child_process_has_a_lock_of_its_own():
    pace = ConnectionRateLimiter()
    pace.reserve(WSS_HOST, 0.0)
    held = pace._lock
    held.acquire()
    forks._reset_all()  # what a fork has the child do
    assert pace._lock is not held
    turns = [pace.reserve(WSS_HOST, 0.0) for _ in range(5)]
    assert turns == [0.0] * 4 + [15.0 + SPARE_S]


def test_a_pace_that_is_none_is_a_usage_error():
    with pytest.raises(UsageError, match="pace"):
        WebSocketClient("ws://localhost:1/", pace=5)


# --- clients ----------------------------------------------------------------------------------


class WatchedPace(ConnectionRateLimiter):
    """One that knows its turns: an opening is told later than it was made, if it is busy here."""

    def __init__(self):
        super().__init__(exempt_loopback=False)
        self.turns = []

    def reserve(self, url, now):
        at = super().reserve(url, now)
        self.turns.append(at)
        return at

    def give_back(self, url, at):
        self.turns.remove(at)
        super().give_back(url, at)


@pytest.fixture
def quick(monkeypatch):
    """A budget for tests, which holds for this machine too."""
    monkeypatch.setattr(pace_module, "PUBLIC_BUDGET", ConnectionBudget(3, 0.3))
    monkeypatch.setattr(pace_module, "SPARE_S", 0.05)
    return WatchedPace()


def opened_in_turn(times, turns):
    """Tell whether each was opened in its turn, or later."""
    return len(times) == len(turns) and all(
        at >= turn for at, turn in zip(sorted(times), sorted(turns))
    )


def test_r05_clients_of_a_process_share_the_budget(exchange, quick, record):
    opened = record()
    clients = [WebSocketClient(exchange.url, pace=quick) for _ in range(8)]
    try:
        for client in clients:
            client.on("open", lambda: opened(time.monotonic()))
            client.start()
        times, turns = opened.wait_for(8, 20.0), sorted(quick.turns)
    finally:
        for client in clients:
            client.close()
    assert exchange.connections_opened == 8
    assert opened_in_turn(times, turns) and worst(turns, 0.3) <= 3


def test_r05_blocked_clients_count_from_the_end_of_the_block(exchange, quick, record):
    opened = record()
    clients = [WebSocketClient(exchange.url, pace=quick) for _ in range(9)]
    for client in clients:
        client.on("open", lambda: opened(time.monotonic()))
    try:
        for client in clients[:6]:
            client.start()
        opened.wait_for(3)
        end = time.monotonic() + 0.6
        quick.block(exchange.url, end)
        opened.wait_for(6, 20.0)
        for client in clients[6:]:
            client.start()
        times, turns = opened.wait_for(9, 20.0), sorted(quick.turns)
    finally:
        for client in clients:
            client.close()
    assert opened_in_turn(times, turns) and worst(turns, 0.3) <= 3
    # But for what a busy machine had opened before the block came.
    assert not any(end - 0.3 < turn < end for turn in turns)


def test_r05_further_connections_and_reconnects_are_counted_too(exchange, quick):
    with WebSocketClient(
        exchange.url, pace=quick, channels_per_connection=1, backoff=Backoff(0.001)
    ) as client:
        start = time.monotonic()
        client.subscribe_many(
            {"channel": "ticker", "symbol": symbol}
            for symbol in ("tBTCUSD", "tETHUSD", "tLTCBTC")
        )
        exchange.drop_connections()
        handle = client.subscribe_ticker("fUSD")
        assert time.monotonic() - start > 0.3
        assert handle.is_active


def spent(url):
    """Return a pace that lets nobody open for a minute."""
    pace = ConnectionRateLimiter(exempt_loopback=False)
    for _ in range(PUBLIC_BUDGET.count):
        pace.reserve(url, time.monotonic())
    return pace


def test_r10_commands_and_close_work_while_waiting_for_a_turn(exchange, record):
    got = record()
    client = WebSocketClient(exchange.url, pace=spent(exchange.url))
    patient = client.subscribe_ticker("tBTCUSD", got, on_event=got, wait=False)
    start = time.monotonic()
    with pytest.raises(NetworkError) as caught:
        client.subscribe_ticker("tETHUSD", timeout=0.05)
    assert caught.value.phase == "connect"
    with pytest.raises(NetworkError) as caught:
        client.ping(1.0)
    assert caught.value.phase == "send"
    with pytest.raises(NetworkError):
        client.wait_ready(0.05)
    reader = client.subscribe_trades("tBTCUSD", wait=False)
    items = iter(reader)
    reader.unsubscribe()
    assert list(items) == []
    assert time.monotonic() - start < at_most(1.0)
    assert client.status is ConnectionStatus.NEW and exchange.connections_opened == 0
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < at_most(1.0)
    with pytest.raises(ClosedError):
        patient.wait_ready()
    assert got.items == []


def test_r05_a_client_closed_before_its_turn_returns_it(exchange):
    pace = spent(exchange.url)
    before = time.monotonic()
    for _ in range(40):
        with WebSocketClient(exchange.url, pace=pace) as client:
            client.start()
    # As if none of them had been.
    at = pace.reserve(exchange.url, time.monotonic())
    assert at <= before + PUBLIC_BUDGET.window_s + SPARE_S
    assert exchange.connections_opened == 0


def test_r05_a_call_that_waits_for_its_turn_says_so(exchange, caplog):
    with WebSocketClient(exchange.url, pace=spent(exchange.url)) as client:
        with pytest.raises(NetworkError) as caught:
            client.subscribe_ticker("tBTCUSD", timeout=0.05)
        assert "has reached the exchange's limit of connections" in str(
            caught.value.__cause__
        )
        with pytest.raises(NetworkError) as caught:
            client.wait_ready(0.05)
        assert "has reached the exchange's limit of connections" in str(
            caught.value.__cause__
        )
        (connection,) = client.stats()["connections"]
        assert "limit of connections" in connection["last_error"]
    told = [record for record in caplog.records if record.levelname == "WARNING"]
    # Once, however often it has looked at the clock.
    assert ["the next attempt is in" in record.getMessage() for record in told].count(
        True
    ) == 1


def refused(client):
    """Start a client, and wait until its first handshake has been refused."""
    client.start()
    deadline = time.monotonic() + 10.0
    while not client.stats()["reconnects"]:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    assert client.stats()["reconnects"] == {"refused": 1}


def test_r05_a_refusal_with_429_holds_back_the_other_clients(exchange, quick):
    exchange.inject("refuse_handshake", status=429)
    with WebSocketClient(exchange.url, pace=quick) as first:
        refused(first)
        # The block follows the count.
        deadline = time.monotonic() + 10.0
        while quick.blocked_until(exchange.url) < time.monotonic():
            assert time.monotonic() < deadline
            time.sleep(0.002)
        with WebSocketClient(exchange.url, pace=quick) as second:
            with pytest.raises(NetworkError) as caught:
                second.wait_ready(0.1)
            assert "refused" in str(caught.value.__cause__)
            assert second.status is ConnectionStatus.NEW
            assert exchange.connections_opened == 0
            assert second.stats()["reconnects"] == {}


def test_r05_other_refusals_hold_back_no_other_client(exchange, quick):
    exchange.inject("refuse_handshake", status=503)
    backoff = Backoff(first_s=3600.0, cap_s=3600.0)
    with WebSocketClient(exchange.url, pace=quick, backoff=backoff) as first:
        refused(first)
        with WebSocketClient(exchange.url, pace=quick) as second:
            second.wait_ready(10.0)


def test_r05_after_a_refusal_with_429_all_clients_go_on(exchange, quick):
    exchange.inject("refuse_handshake", status=429)
    backoff = Backoff(first_s=0.001, refused_s=0.1)
    with WebSocketClient(exchange.url, pace=quick, backoff=backoff) as first:
        refused(first)
        with WebSocketClient(exchange.url, pace=quick) as second:
            second.wait_ready(10.0)
            first.wait_ready(10.0)
    assert exchange.fault_counts["refuse_handshake"] == 1


def test_r05_a_refusal_moves_a_turn_that_was_reserved_before(exchange):
    class Watched(ConnectionRateLimiter):
        def give_back(self, url, at):
            super().give_back(url, at)
            given_back.set()

    given_back = threading.Event()
    limiter = Watched(exempt_loopback=False)
    limiter.block(exchange.url, time.monotonic() + 0.2)
    with WebSocketClient(exchange.url, pace=limiter) as client:
        client.start()
        # As after the refusal of another connection.
        limiter.block(exchange.url, time.monotonic() + 60.0)
        assert given_back.wait(10.0)
        with pytest.raises(NetworkError):
            client.wait_ready(0.05)
        assert client.status is ConnectionStatus.NEW
        assert exchange.connections_opened == 0
