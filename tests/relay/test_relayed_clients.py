"""What fails between the exchange and a client of a relay: one gap, a snapshot, and all data."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import timedelta

import pytest
from patience import at_most
from redis_server import RedisServer
from relay_process import RelayProcess

from bfxsync import Backoff, Client, WebSocketClient
from bfxsync.models import Candle, Trade
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.paper import PaperExchange
from bfxsync.relay import Relay
from bfxsync.streams.keys import ShardKeys

PATIENT_S = at_most(60.0)
QUICK = Backoff(first_s=0.05, cap_s=0.2)
BOOK = "book|tBTCUSD|P0|F0|25"

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals")
pytestmark = pytest.mark.once


@pytest.fixture
def exchange():
    """An exchange that the test may disturb."""
    with PaperExchange(seed=1, rate=60, heartbeat_s=0.5, checksum_s=0.1) as exchange:
        yield exchange


def relay_of(server, exchange, **options):
    options.setdefault("redis_timeout", 0.5)
    return Relay(
        ["tBTCUSD"],
        channels=["book", "trades"],
        redis=server.url,
        wss_host=exchange.url,
        **options,
    )


@pytest.fixture
def relay(fresh_server, exchange):
    with relay_of(fresh_server, exchange) as relay:
        relay.wait_ready(PATIENT_S)
        yield relay


class Follower:
    """A client of a relay, and all that it got."""

    def __init__(self, server, shard="main", **options):
        self.errors = []
        self.client = WebSocketClient(
            source=f"{server.url}?shard={shard}",
            backoff=QUICK,
            timeout=PATIENT_S,
            on_error=self.errors.append,
            **options,
        )
        self.items = {"book": [], "trades": []}

    def __enter__(self):
        self.handles = {
            channel: self.client.subscribe(
                channel, symbol="tBTCUSD", callback=items.append, on_event=items.append
            )
            for channel, items in self.items.items()
        }
        self.channel = self.handles["book"]._subscriber.channel
        self.wait(lambda: self.channel.verified_count > 0)
        return self

    def __exit__(self, *_):
        self.client.close()

    def wait(self, condition):
        return self.client.wait_for(condition, PATIENT_S)

    def gap_counts(self):
        return [handle.gap_count for handle in self.handles.values()]

    def has_gaps(self, count=1):
        """Wait until both have data again after their last gap, verified at the consumer."""
        self.wait(lambda: self.gap_counts() == [count, count])
        self.wait(lambda: all(has_data(items) for items in self.items.values()))
        verified = self.channel.verified_count
        self.wait(lambda: self.channel.verified_count > verified + 1)

    def check(self, exchange, gaps=1):
        """Compare order and content with the exchange, which stands still from now on."""
        exchange.pause()
        expected = exchange.book("tBTCUSD", "P0", 25)
        book = self.handles["book"].book
        snapshot = self.items["trades"][0].rows
        first, since = snapshot[-1].id, snapshot[0].mts
        traded = [number for number in all_trades(exchange, since) if number > first]
        self.wait(lambda: rows_of(book) == expected)
        self.wait(lambda: len(self.trade_ids()) >= len(traded))
        assert self.trade_ids() == traded, "each trade once"
        for items in self.items.values():
            check_order(items)
        assert self.gap_counts() == [gaps, gaps]
        assert self.channel.mismatch_count == 0 and self.errors == []

    def trade_ids(self):
        return [item.id for item in self.items["trades"] if isinstance(item, Trade)]


def has_data(items):
    kinds = [type(item) for item in list(items) if not isinstance(item, Status)]
    return bool(kinds) and kinds[-1] not in (Gap, Snapshot)


def check_order(items):
    """Gap → snapshot → updates."""
    has_snapshot = False
    for item in items:
        assert not isinstance(item, Degraded)
        if isinstance(item, (Gap, Snapshot)):
            assert has_snapshot is isinstance(item, Gap)
            has_snapshot = not has_snapshot
        elif not isinstance(item, Status):
            assert has_snapshot


def rows_of(book):
    bids, asks = ([[x.price, x.count, x.amount] for x in s] for s in book.levels())
    return bids, asks


def all_trades(exchange, since):
    def rows(server):
        tape = server._market_data.markets["tBTCUSD"].tape
        return [row[0] for row in tape.rows(since, None, newest_first=False)]

    return exchange._thread.call(rows)


# --- several consumers ----------------------------------------------------------------------------


def test_clients_share_one_subscription(relay, fresh_server, exchange):
    with Follower(fresh_server) as first, Follower(fresh_server) as second:
        for follower in (first, second):
            follower.wait(lambda f=follower: has_data(f.items["trades"]))
        first.check(exchange, gaps=0)
        second.check(exchange, gaps=0)
        sockets = exchange._thread.call(lambda server: len(server.connections))
        assert sockets == 1, "that of the relay"


def test_a_late_client_starts_without_a_gap(relay, fresh_server, exchange):
    with Follower(fresh_server) as early:
        early.wait(lambda: len(early.items["book"]) > 50)
        with Follower(fresh_server) as late:
            late.check(exchange, gaps=0)
            # The past is one snapshot.
            assert isinstance(late.items["book"][0], Snapshot)
        early.check(exchange, gaps=0)


@needs_posix
def test_a_slow_client_gets_one_gap(fresh_server, exchange):
    """One thread reads and calls: while the callback is blocked, the stream goes on."""
    with relay_of(fresh_server, exchange, max_entries=128) as relay:
        relay.wait_ready(PATIENT_S)
        with Follower(fresh_server, dispatch_threads=0) as follower:
            release, entered = threading.Event(), threading.Event()

            def block(_):
                entered.set()
                assert release.wait(PATIENT_S)

            gate = follower.client.subscribe_book(
                "tBTCUSD", block, wait=False, policy="latest"
            )
            assert entered.wait(PATIENT_S)
            before = relay.stats()["entries"]
            deadline = time.monotonic() + PATIENT_S
            while relay.stats()["entries"] < before + 400:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            gate.unsubscribe()
            release.set()
            follower.wait(lambda: follower.handles["book"].gap_count == 1)
            follower.wait(lambda: has_data(follower.items["book"]))
            verified = follower.channel.verified_count
            follower.wait(lambda: follower.channel.verified_count > verified)
            for items in follower.items.values():
                check_order(items)


# --- the relay ------------------------------------------------------------------------------------


@needs_posix
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], ids=lambda n: n.name
)
def test_a_relay_that_ends_is_one_gap(server, exchange, shard, number):
    with RelayProcess(server.url, exchange.url, shard) as leader:
        with Relay(
            ["tBTCUSD"], redis=server.url, shard=shard, wss_host=exchange.url
        ) as standby:
            with Follower(server, shard) as follower, Follower(server, shard) as other:
                leader.send(number)
                follower.has_gaps()
                other.has_gaps()
                if number == signal.SIGSTOP:
                    leader.send(signal.SIGCONT)
                    leader.wait_line("standby")
                assert standby.is_leader
                follower.check(exchange)
                other.check(exchange)


def test_a_relay_away_is_a_status(server, exchange, shard, monkeypatch):
    monkeypatch.setattr("bfxsync.streams.relay_watch.RELAY_AWAY_S", 0.5)
    monkeypatch.setattr("bfxsync.streams.relay_watch.LEASE_CHECK_S", 0.1)
    with relay_of(server, exchange, shard=shard) as relay:
        relay.wait_ready(PATIENT_S)
        with Follower(server, shard) as follower:
            book = follower.handles["book"]
            assert not book.is_stale
            relay.close()
            follower.wait(lambda: book.status.value == "stale")
            assert book.is_stale and follower.gap_counts() == [0, 0]
            error = follower.client.stats()["connections"][0]["last_error"]
            assert error == f"no relay writes to shard {shard!r}"
            with relay_of(server, exchange, shard=shard):
                follower.has_gaps()
                assert not book.is_stale
                follower.check(exchange)


def test_a_reset_of_the_relays_socket_is_one_gap(relay, fresh_server, exchange):
    with Follower(fresh_server) as follower:
        exchange.drop_connections(reset=True)
        follower.has_gaps()
        follower.check(exchange)
        gap = next(i for i in follower.items["book"] if isinstance(i, Gap))
        assert gap.reason.startswith("the relay has lost data: ")


def test_a_wrong_checksum_of_the_exchange_heals(relay, fresh_server, exchange):
    with Follower(fresh_server) as follower:
        exchange.inject("wrong_checksum", times=1)
        book = follower.handles["book"]
        follower.wait(lambda: book.gap_count > 0 and not book.is_stale)
        verified = follower.channel.verified_count
        follower.wait(lambda: follower.channel.verified_count > verified + 1)
        check_order(follower.items["book"])
        assert follower.handles["trades"].gap_count == 0


# --- Redis ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("appendonly", ["no", "yes"])
def test_a_restart_of_redis_is_one_gap(exchange, appendonly):
    with RedisServer(appendonly=appendonly) as server, relay_of(server, exchange) as r:
        r.wait_ready(PATIENT_S)
        with Follower(server) as follower:
            server.kill()
            follower.wait(lambda: follower.client.status.value == "reconnecting")
            assert follower.handles["book"].is_stale
            server.start()
            follower.has_gaps()
            follower.check(exchange)
            assert follower.client.stats()["reconnects"]["broken"] == 1


def test_an_emptied_store_is_one_gap(relay, fresh_server, exchange):
    with Follower(fresh_server) as follower:
        fresh_server.client().flushall()
        follower.has_gaps()
        follower.check(exchange)


def test_a_deleted_stream_is_one_gap_of_each(relay, fresh_server, exchange):
    with Follower(fresh_server) as follower:
        fresh_server.client().delete(ShardKeys("main").stream(BOOK))
        follower.has_gaps()
        follower.check(exchange)


@needs_posix
def test_a_redis_that_hangs_is_one_gap(relay, fresh_server, exchange):
    with Follower(fresh_server) as follower:
        fresh_server.pause()
        follower.wait(lambda: follower.client.status.value == "reconnecting")
        fresh_server.resume()
        follower.has_gaps()
        follower.check(exchange)


def test_a_full_redis_is_one_gap(relay, fresh_server, exchange):
    redis = fresh_server.client()
    with Follower(fresh_server) as follower:
        redis.config_set("maxmemory", "1")
        deadline = time.monotonic() + PATIENT_S
        while relay.status != "away":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        redis.config_set("maxmemory", "0")
        follower.has_gaps()
        follower.check(exchange)


# --- histories ------------------------------------------------------------------------------------


def test_joined_histories_continue_with_relayed_data(server, exchange, shard):
    key = {"channel": "candles", "key": "trade:1m:tBTCUSD"}
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    with Relay(["tBTCUSD"], channels=["trades"], requests=[key], **options) as relay:
        relay.wait_ready(PATIENT_S)
        source = f"{server.url}?shard={shard}"
        with Client(source=source, rest_host=exchange.rest_url) as bfx:
            with bfx.trades("tBTCUSD", since=timedelta(seconds=30)) as trades:
                found = [trade for trade, _ in zip(trades, range(40))]
            seen, since = [trade.id for trade in found], found[0].mts
            with bfx.candles("tBTCUSD", "1m", since=timedelta(minutes=3)) as candles:
                assert isinstance(next(iter(candles)), Candle)
            exchange.pause()
            traded = all_trades(exchange, since)
            assert seen == traded[traded.index(seen[0]) :][:40]
