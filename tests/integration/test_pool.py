"""R05: 250 channels on ten connections, and that of the account beside them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any, Iterator

import attrs
import pytest
from threads_left import no_thread_left

from bfxsync import Client
from bfxsync.paper import PaperExchange
from bfxsync.wire import audit
from bfxsync.ws.core.subscriber import Waiter
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.io import connection, rate_limiter
from bfxsync.ws.io.rate_limiter import ConnectionBudget, ConnectionRateLimiter
from bfxsync.ws.io.transport import Transport

from .bare_server import DEADLINE_S
from .pool import REQUESTS, channel_counts, drop_connection, identities
from .support import Collector, rows_of
from .user import SOON, Seen, wait_until

BUDGET = ConnectionBudget(4, 1.0)
"""Instead of 15 per minute."""

SPARE_S = 0.1


# On one Python only, as it takes seconds.
pytestmark = pytest.mark.once


class WatchedPace(ConnectionRateLimiter):
    """Counts loopback too, and knows the turns that it has given."""

    def __init__(self) -> None:
        super().__init__(exempt_loopback=False)
        self.turns: list[float] = []

    def reserve(self, url: str, now: float) -> float:
        at = super().reserve(url, now)
        self.turns.append(at)
        return at


class Pool:
    """A client with 250 channels and an account, and all that it was told of them."""

    def __init__(self, client: Client, pace: WatchedPace) -> None:
        self.client, self.pace = client, pace
        self.events = Collector()
        for name in ("open", "authenticated", "disconnected", "restored", "wss-error"):
            client.wss.on(name, lambda *_, name=name: self.events(name))
        self.account = Seen({"channel": "account"})
        client.wss.subscribe_account(self.account, on_event=self.account)
        self.seen = [Seen(request) for request in REQUESTS]
        self.handles = client.wss.subscribe_many(map(self.wanted, self.seen))

    def wanted(self, seen: Seen) -> dict[str, Any]:
        return {**seen.request, "callback": seen, "on_event": seen, "timeout": 60.0}

    def rows(self) -> list[dict[str, Any]]:
        """Return the statistics of the connections of channels."""
        rows = self.client.wss.stats()["connections"]
        return [row for row in rows if not row["is_account"]]

    def loads(self) -> list[int]:
        return [row["channels"] for row in self.rows()]

    def of(self, number: int) -> list[Seen]:
        """Return what the subscriptions of one connection were told."""
        rows = self.client.wss.stats()["subscriptions"]
        names = {row["sub_id"] for row in rows if row["connection"] == number}
        return [s for s, h in zip(self.seen, self.handles) if h.sub_id in names]

    def settle(self) -> None:
        """Wait until all that the exchange has sent was delivered."""
        for link in self.client.wss._core.placement.links:
            waiter = Waiter()
            link.submit(SubscriptionTable.ping, waiter, time.monotonic() + DEADLINE_S)
            assert waiter.resolved.wait(DEADLINE_S) and waiter.error is None
        wait_until(lambda: not self.client.wss.stats()["queued"])


@pytest.fixture(scope="module", autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """After all tests instead of each, as the client serves all of them."""
    with no_thread_left():
        yield


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(paused=True) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def errors() -> Collector:
    return Collector()


@pytest.fixture(scope="module")
def connects() -> list[float]:
    """When connections were opened."""
    return []


@pytest.fixture(scope="module")
def pool(
    exchange: PaperExchange, errors: Collector, connects: list[float]
) -> Iterator[Pool]:
    connect = Transport.connect

    def watched(*arguments: Any, **options: Any) -> Transport:
        connects.append(time.monotonic())
        return connect(*arguments, **options)

    pace = WatchedPace()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate_limiter, "PUBLIC_BUDGET", BUDGET)
        patch.setattr(rate_limiter, "SPARE_S", SPARE_S)
        patch.setattr(Transport, "connect", watched)
        options: dict[str, Any] = {"backoff": SOON, "timeout": DEADLINE_S}
        with exchange.client(pace=pace, on_error=errors, **options) as client:
            yield Pool(client, pace)
        assert errors.items == []


def test_r05_250_channels_fill_ten_connections(
    exchange: PaperExchange, pool: Pool
) -> None:
    assert pool.loads() == [25] * 10
    assert channel_counts(exchange) == [0] + [25] * 10
    assert Counter(identities(exchange)).most_common(1)[0][1] == 1
    assert [handle.status.value for handle in pool.handles] == ["live"] * 250
    assert [seen.shape[0] for seen in pool.seen] == ["S"] * 250


def test_r05_the_account_has_a_connection_of_its_own(
    exchange: PaperExchange, pool: Pool
) -> None:
    rows = pool.client.wss.stats()["connections"]
    (account,) = [row for row in rows if row["is_account"]]
    assert (account["channels"], account["limit"]) == (1, 1)
    # Authenticated there and nowhere else.
    sessions = exchange._thread.call(
        lambda server: [
            (session.account.is_open, len(session.channels))
            for session in server.connections.values()
        ]
    )
    assert sorted(sessions) == [(False, 25)] * 10 + [(True, 0)]
    assert pool.account.story == "S"


def test_r05_opens_of_a_pool_keep_the_pace(pool: Pool, connects: list[float]) -> None:
    opened, turns = sorted(connects)[:11], sorted(pool.pace.turns)[:11]
    assert len(opened) == len(turns) == 11
    assert all(at >= turn for at, turn in zip(opened, turns))
    assert worst(turns, BUDGET.window_s) <= BUDGET.count


def worst(times: list[float], window_s: float) -> int:
    """Return the largest number of times in any window of that length."""
    return max(sum(start <= at < start + window_s for at in times) for start in times)


@pytest.mark.parametrize("number", [1, 2, 11])
def test_r05_a_lost_connection_touches_its_own_channels_only(
    exchange: PaperExchange, pool: Pool, number: int
) -> None:
    """The first is that of the account."""
    exchange.step(1.0)
    pool.settle()
    lost = pool.of(number) if number > 1 else [pool.account]
    assert len(lost) == (25 if number > 1 else 1)
    others = [each for each in (pool.account, *pool.seen) if each not in lost]
    before = {id(each): len(each) for each in (*lost, *others)}
    events = len(pool.events)
    drop_connection(exchange, lost[0].request if number > 1 else None)
    for each in lost:
        each.until(lambda each: each.story[-2:] == "GS")
    pool.settle()
    assert {id(each): len(each) for each in others} == {
        id(each): before[id(each)] for each in others
    }
    for each in lost:
        # The snapshot of a ticker is its first update too.
        is_ticker = each.request["channel"] == "ticker"
        assert each.shape[before[id(each)] :] == ("GS." if is_ticker else "GS")
    expected = ["disconnected", "restored"]
    expected += ["authenticated"] * (number == 1)
    pool.events.wait_for(events + len(expected))
    assert pool.events.items[events:] == expected
    assert channel_counts(exchange) == [0] + [25] * 10
    # All of them go on, with the same channels in the same places.
    exchange.step(2.0)
    pool.settle()
    for seen, handle in zip(pool.seen, pool.handles):
        seen.assert_in_order()
        if handle.channel == "book":
            assert_book(exchange, handle)
    assert pool.loads() == [25] * 10


def assert_book(exchange: PaperExchange, handle: Any) -> None:
    assert handle.book.is_live
    if handle["prec"] != "R0":
        expected = exchange.book(handle.symbol, handle["prec"], handle["len"])
        assert rows_of(handle.book.levels()) == expected


def test_r05_emptied_connections_close_and_open_again(
    exchange: PaperExchange, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "RETIRE_AFTER_S", 0.1)
    monkeypatch.setattr(audit, "IDLE_PING_S", 0.05)
    kept = pool.of(2)
    events = len(pool.events)
    for seen, handle in zip(pool.seen, pool.handles):
        if seen not in kept:
            handle.unsubscribe()
    wait_until(lambda: channel_counts(exchange) == [0, 25])
    wait_until(lambda: pool.loads() == [25])
    names = [thread.name for thread in threading.enumerate()]
    assert sorted(name for name in names if name.startswith("bfxsync-io-")) == [
        "bfxsync-io-1",
        "bfxsync-io-2",
    ]
    assert len(pool.events) == events, "nothing was lost"
    monkeypatch.undo()
    for number, seen in enumerate(pool.seen):
        if seen not in kept:
            pool.seen[number] = Seen(seen.request)
    again = [s for s in pool.seen if s not in kept]
    handles = iter(pool.client.wss.subscribe_many(map(pool.wanted, again)))
    pool.handles = [
        handle if seen in kept else next(handles)
        for seen, handle in zip(pool.seen, pool.handles)
    ]
    assert pool.loads() == [25] * 10
    assert [row["number"] for row in pool.rows()] == [2, *range(12, 21)]


def test_r05_250_channels_learn_a_lower_limit_twice(errors: Collector) -> None:
    """The exchange says nothing of its limit but 10305, at first and after a restart."""
    with (
        PaperExchange(paused=True, max_channels=20) as exchange,
        exchange.client(backoff=SOON, timeout=DEADLINE_S, on_error=errors) as client,
    ):
        pool = Pool(client, WatchedPace())
        assert pool.loads() == [20] * 12 + [10]
        assert [row["limit"] for row in pool.rows()] == [20] * 12 + [25]
        assert channel_counts(exchange) == [0, 10] + [20] * 12
        assert {seen.story for seen in pool.seen} == {"S"}
        set_limit(exchange, 15)
        exchange.drop_connections()
        for seen in pool.seen:
            seen.until_story("SGS")
        pool.settle()
        assert sorted(pool.loads()) == [10] + [15] * 16
        assert channel_counts(exchange) == [0, 10] + [15] * 16
        assert {seen.story for seen in pool.seen} == {"SGS"}
        assert {handle.status.value for handle in pool.handles} == {"live"}
    assert errors.items == []


def set_limit(exchange: PaperExchange, count: int) -> None:
    """Let each new connection have so many channels."""

    def change(server: Any) -> None:
        server._settings = attrs.evolve(server._settings, max_channels=count)

    exchange._thread.call(change)
