"""Clients of a relay on a real redis-server; the shard is written by hand."""

import logging
import os
import threading
import time
from decimal import Decimal

import pytest
from integration.fault_proxy import FaultProxy
from patience import at_most
from redis_server import RedisServer
from redis_writer import RedisWriter, ticker_frame, ticker_row, trade_frame

from bfxsync import Backoff, Client, WebSocketClient
from bfxsync._base.enums import ConnectionStatus, SubscriptionStatus
from bfxsync.errors import (
    ClosedError,
    NetworkError,
    SubscriptionRejected,
    UsageError,
)
from bfxsync.models import Ticker
from bfxsync.models.stream import Gap, Snapshot, Status

TICKER = "ticker|tBTCUSD"
TRADES = "trades|tBTCUSD"
BOOK = "book|tBTCUSD|P0|F0|25"


@pytest.fixture(scope="module")
def server():
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(server):
    client = server.client()
    client.flushall()
    return client


@pytest.fixture
def writer(redis):
    writer = RedisWriter(redis, TICKER, TRADES, BOOK)
    writer.lead()
    writer.snap(TICKER, ticker_row(100))
    writer.snap(TRADES, b"[[1,1574694475039,0.5,100.25]]")
    writer.snap(BOOK, b"[[100,1,1.0],[101,1,-1.0]]")
    return writer


@pytest.fixture
def client(server):
    with client_of(server) as client:
        yield client


def client_of(server, **options):
    options.setdefault("source", server.url)
    options.setdefault("backoff", Backoff(first_s=0.05))
    options.setdefault("timeout", at_most(10.0))
    return WebSocketClient(**options)


def wait_for(client, condition):
    return client.wait_for(condition, at_most(10.0))


def kinds(items):
    return [type(item).__name__ for item in items]


def ends_with(items, bid):
    """Return whether the last item is a ticker with this bid."""
    last = items[-1] if items else None
    return isinstance(last, Ticker) and last.bid == bid


def last_bid(handle):
    return handle._subscriber.channel._last.bid


def test_callbacks_and_iteration_get_entries(client, writer):
    got, events = [], []
    client.subscribe_ticker("tBTCUSD", got.append, on_event=events.append)
    trades = client.subscribe_trades("tBTCUSD")
    items = trades.events()
    assert [trade.id for trade in next(items).rows] == [1]
    writer.frames(TICKER, ticker_frame(101), ticker_frame(102))
    writer.frames(TRADES, trade_frame(2))
    assert trades.get(at_most(5.0)).id == 2
    wait_for(client, lambda: len(got) == 3)
    assert [ticker.bid for ticker in got] == [100, 101, 102]
    assert kinds(events) == ["Snapshot"]


def test_a_book_is_read_and_verified(client, writer):
    handle = client.subscribe_book("tBTCUSD")
    book = handle.book
    assert (book.best_bid.price, book.best_ask.price) == (100, 101)
    checksum = handle._subscriber.channel.book.checksum()
    writer.frames(BOOK, b'[5,"cs",%d,1]' % checksum)
    wait_for(client, lambda: book.verified_at is not None)
    writer.frames(BOOK, b"[5,[100,2,2.0],1]")
    wait_for(client, lambda: book.best_bid.count == 2)


def test_numbers_keep_their_digits(server, redis, writer):
    writer.snap(TICKER, ticker_row(100).replace(b"[100,", b"[100.10,", 1))
    writer.frames(
        TICKER, ticker_frame(1).replace(b"[1,", b"[0.1000000000000000055511,")
    )
    with client_of(server, numbers=Decimal) as client:
        handle = client.subscribe_ticker("tBTCUSD")
        assert last_bid(handle) == Decimal("0.1000000000000000055511")


def test_several_subscriptions_wait_together(client, writer):
    requests = [
        {"channel": "ticker", "symbol": "tBTCUSD"},
        {"channel": "book", "symbol": "tBTCUSD"},
    ]
    ticker, book = client.subscribe_many(requests)
    rows = []
    client.subscribe_raw("trades", rows.append, symbol="tBTCUSD")
    client.wait_ready()
    assert client.stats()["connections"][0]["channels"] == 3
    writer.frames(TRADES, trade_frame(2))
    wait_for(client, lambda: rows == [[2, 1_574_694_475_039, 0.5, 100.25]])


def test_events_have_the_official_names(client, writer):
    opened, tickers, subscribed = [], [], []
    client.on("open", lambda: opened.append(1))
    client.on("t_ticker_update", lambda subscription, ticker: tickers.append(ticker))
    client.on("subscribed", subscribed.append)
    client.subscribe_ticker("tBTCUSD")
    writer.frames(TICKER, ticker_frame(101))
    wait_for(client, lambda: len(tickers) == 2)
    assert opened == [1] and subscribed[0]["symbol"] == "tBTCUSD"


def test_a_channel_that_is_not_relayed_is_refused(client, writer):
    with pytest.raises(SubscriptionRejected, match=r"ticker\|tETHUSD is not relayed"):
        client.subscribe_ticker("tETHUSD")
    assert client.stats()["subscriptions"] == []


def test_a_refusal_of_the_exchange_keeps_its_code(client, redis, writer):
    redis.hset(writer.keys.identities, TICKER, "refused 10300")
    with pytest.raises(SubscriptionRejected) as caught:
        client.subscribe_ticker("tBTCUSD")
    assert caught.value.code == 10300


def test_without_a_relay_the_error_says_so(server, redis):
    with client_of(server, timeout=0.3) as client:
        with pytest.raises(NetworkError, match="no relay writes to shard 'main'"):
            client.subscribe_ticker("tBTCUSD")


def test_without_redis_the_error_says_so():
    with WebSocketClient(source="redis://:sesame@127.0.0.1:1", timeout=0.3) as client:
        with pytest.raises(NetworkError, match="not connected") as caught:
            client.subscribe_ticker("tBTCUSD")
    assert "Redis at redis://***@127.0.0.1:1/0" in str(caught.value)
    assert "sesame" not in f"{caught.value!r} {client!r} {client.stats()}"


def test_shards_are_apart(server, redis, writer):
    other = RedisWriter(redis, TICKER, shard="eu")
    other.lead()
    other.snap(TICKER, ticker_row(150))
    with WebSocketClient(source=f"{server.url}?shard=eu") as client:
        assert last_bid(client.subscribe_ticker("tBTCUSD")) == 150
        assert "(shard eu)" in repr(client)


def test_a_ping_measures_redis(client, writer):
    client.subscribe_ticker("tBTCUSD")
    assert client.ping() < at_most(5.0)
    assert client.stats()["connections"][0]["ping_s"] < at_most(5.0)


def test_another_leader_is_one_gap(client, writer):
    items = []
    client.subscribe_ticker("tBTCUSD", items.append, on_event=items.append)
    writer.lead()
    writer.snap(TICKER, ticker_row(101))
    writer.frames(TICKER, ticker_frame(102))
    wait_for(client, lambda: ends_with(items, 102))
    found = kinds(items)
    assert found[:4] == ["Snapshot", "Ticker", "Gap", "Snapshot"]
    assert found.count("Gap") == 1


def test_resubscribe_is_a_gap_and_a_snapshot(client, writer):
    items = []
    handle = client.subscribe_ticker("tBTCUSD", items.append, on_event=items.append)
    client.resubscribe(handle.sub_id)
    wait_for(client, lambda: len(items) == 5)
    assert kinds(items) == ["Snapshot", "Ticker", "Gap", "Snapshot", "Ticker"]


def test_a_wrong_checksum_heals_the_book(server, writer):
    errors, items = [], []
    with client_of(server, on_error=errors.append) as client:
        book = client.subscribe_book("tBTCUSD", on_event=items.append)
        writer.frames(BOOK, b'[5,"cs",12345,1]')
        writer.snap(BOOK, b"[[100,3,1.0],[101,1,-1.0]]")
        wait_for(client, lambda: not book.is_stale and book.heal_count >= 1)
        wait_for(client, lambda: kinds(items) == ["Snapshot", "Gap", "Snapshot"])
        assert book.book.best_bid.count == 3
        # The first lookup may come before the new snapshot, and find the same.
        wait_for(client, lambda: set(kinds(errors)) == {"ChecksumMismatch"})


def test_a_dropped_connection_is_no_gap(client, redis, writer):
    items, lost, back = [], [], []
    client.on("disconnected", lambda code, reason: lost.append(code))
    client.on("restored", back.append)
    client.subscribe_ticker("tBTCUSD", items.append, on_event=items.append)
    redis.client_kill_filter(_type="normal", skipme=True)
    writer.frames(TICKER, ticker_frame(101))
    wait_for(client, lambda: ends_with(items, 101))
    assert Gap not in map(type, items)
    statuses = [item.status for item in items if isinstance(item, Status)]
    assert statuses == [SubscriptionStatus.STALE, SubscriptionStatus.LIVE]
    assert lost == [1006]
    wait_for(client, lambda: len(back) == 1)


@pytest.mark.parametrize("count", [10, 300, 1_500])
def test_a_lost_answer_is_read_again(server, writer, count):
    """The next entries are those after the last applied one, whatever Redis has sent."""
    items = []
    with FaultProxy(server.port) as proxy:
        with client_of(server, source=proxy.url(server.url)) as client:
            client.subscribe_ticker("tBTCUSD", items.append, on_event=items.append)
            proxy.cut_after(count)
            # One answer of more than two kilobytes, unless the client is faster.
            with writer.redis.pipeline() as pipe:
                writer.redis, redis = pipe, writer.redis
                for bid in range(200, 230):
                    writer.frames(TICKER, ticker_frame(bid))
                pipe.execute()
                writer.redis = redis
            assert wait_for(client, lambda: ends_with(items, 229))
            proxy.wait_for("cut")
            assert client.stats()["gaps"] == 0
    bids = [item.bid for item in items if isinstance(item, Ticker)]
    assert bids == [100, *range(200, 230)]


def test_a_slow_consumer_beyond_the_horizon_gets_one_gap(client, writer):
    entered, release, items = threading.Event(), threading.Event(), []

    def block(ticker):
        items.append(ticker)
        if ticker.bid == 101:
            entered.set()
            release.wait(at_most(10.0))

    # The thread that reads is the one that is blocked.
    inline = client_of_inline(client)
    with inline:
        handle = inline.subscribe_ticker(
            "tBTCUSD", block, on_event=items.append, wait=False
        )
        handle.wait_ready()
        writer.frames(TICKER, ticker_frame(101))
        assert entered.wait(at_most(10.0))
        for bid in range(102, 202):
            writer.frames(TICKER, ticker_frame(bid))
        writer.snap(TICKER, ticker_row(201))
        writer.frames(TICKER, ticker_frame(202))
        writer.trim(TICKER, 5)
        release.set()
        wait_for(inline, lambda: ends_with(items, 202))
        assert kinds(items)[:3] == ["Snapshot", "Ticker", "Ticker"]
        assert kinds(items)[3:5] == ["Gap", "Snapshot"]
        assert kinds(items).count("Gap") == 1


def client_of_inline(client):
    source = client._settings.source
    return WebSocketClient(source=source.url.url, dispatch_threads=0)


def test_a_client_closes_while_redis_hangs():
    with RedisServer() as server:
        writer = RedisWriter(server.client(), TICKER)
        writer.lead()
        writer.snap(TICKER, ticker_row(100))
        client = client_of(server)
        client.subscribe_ticker("tBTCUSD")
        server.pause()
        try:
            start = time.monotonic()
            client.close()
            assert time.monotonic() - start < at_most(2.5)
        finally:
            server.resume()
    assert client.status is ConnectionStatus.CLOSED


def test_redis_killed_and_back_is_one_gap():
    with RedisServer() as server:
        writer = RedisWriter(server.client(), TICKER)
        writer.lead()
        writer.snap(TICKER, ticker_row(100))
        with client_of(server) as client:
            items = []
            client.subscribe_ticker("tBTCUSD", items.append, on_event=items.append)
            server.kill()
            wait_for(client, lambda: client.status is ConnectionStatus.RECONNECTING)
            server.start()
            writer.redis = server.client()
            writer.lead()
            writer.snap(TICKER, ticker_row(101))
            wait_for(client, lambda: ends_with(items, 101))
            assert kinds(items).count("Gap") == 1
            assert isinstance(items[-2], Snapshot) and items[-1].bid == 101
            assert client.stats()["reconnects"]["broken"] == 1


def test_a_forked_child_gets_its_own_connection(client, writer):
    handle = client.subscribe_ticker("tBTCUSD")
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            with pytest.raises(ClosedError):
                handle.get(0.0)
            client.start()
            mine = client.subscribe_ticker("tBTCUSD")
            os.write(write, b"%d" % last_bid(mine))
            client.close()
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        assert pipe.read() == b"100"
    os.waitpid(pid, 0)
    writer.frames(TICKER, ticker_frame(101))
    wait_for(client, lambda: last_bid(handle) == 101)
    assert client.stats()["reconnects"] == {}


def test_the_account_and_rest_keep_their_own_hosts(server, writer):
    with Client(source=server.url, wss_host="ws://127.0.0.1:1") as client:
        assert last_bid(client.wss.subscribe_ticker("tBTCUSD")) == 100
        assert "source" not in repr(client)
        with pytest.raises(UsageError, match="key"):
            client.wss.subscribe_account()


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"source": "http://127.0.0.1"}, "source must look like"),
        ({"flags": 0}, "flags are those of the relay"),
        ({"record": "never.jsonl"}, "relayed data cannot be recorded"),
    ],
    ids=["url", "flags", "record"],
)
def test_options_that_make_no_sense_are_refused(options, expected):
    with pytest.raises(UsageError, match=expected):
        WebSocketClient(**{"source": "redis://127.0.0.1:1", **options})


def test_an_outage_is_one_warning(server, redis, writer, caplog):
    caplog.set_level(logging.INFO, "bfxsync")
    with RedisServer() as mine:
        with client_of(mine, timeout=0.3) as client:
            client.start()
            wait_for(client, lambda: client.status is ConnectionStatus.OPEN)
            mine.kill()
            attempts = "unreachable"
            wait_for(client, lambda: client.stats()["reconnects"].get(attempts, 0) > 1)
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1 and "disconnected" in warnings[0].getMessage()
