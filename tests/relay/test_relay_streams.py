"""What a relay writes, for every kind of channel, on a real Redis."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
from redis_server import RedisServer
from stream_consumer import PATIENT_S, StreamConsumer

from bfxsync import Client
from bfxsync._base.redis_urls import redis_url
from bfxsync.paper import PaperExchange
from bfxsync.relay import Relay
from bfxsync.relay.frame_tap import MAX_ITEMS, Received
from bfxsync.relay.shard_writer import MIN_ENTRIES, ShardWriter
from bfxsync.relay.stream_store import StreamStore
from bfxsync.streams.entries import EntryId, read_entry
from bfxsync.streams.keys import ShardKeys, channel_of
from bfxsync.streams.relayed_channels import SnapshotRows

BOOK = "book|tBTCUSD|P0|F0|25"
TICKER = "ticker|tBTCUSD"
TRADES = "trades|tBTCUSD"
REQUESTS = [
    *({"channel": "book", "symbol": "tBTCUSD", "prec": p} for p in ("P1", "P4", "R0")),
    {"channel": "book", "symbol": "fUSD"},
    {"channel": "book", "symbol": "fUSD", "prec": "R0"},
    {"channel": "candles", "key": "trade:1m:tBTCUSD"},
    {"channel": "ticker", "symbol": "fUSD"},
    {"channel": "trades", "symbol": "fUSD"},
    {"channel": "status", "key": "deriv:tBTCF0:USTF0"},
    {"channel": "status", "key": "liq:global"},
]


@pytest.fixture(scope="module")
def relay(server, exchange):
    options = {"redis": server.url, "shard": "all", "wss_host": exchange.url}
    with Relay(["tBTCUSD"], requests=REQUESTS, **options) as relay:
        relay.wait_ready(PATIENT_S)
        yield relay


@pytest.fixture
def consumer(server, relay):
    def make(identity, number=float):
        return StreamConsumer(server.client(), relay.shard, identity, number)

    return make


def test_every_kind_of_channel_starts_from_a_snapshot(relay, consumer):
    assert len(relay.identities) == 13
    for identity in relay.identities:
        assert consumer(identity).events[0] == "snapshot", identity


@pytest.mark.parametrize("prec", ["P0", "P1", "P4", "R0"])
def test_books_are_verified_at_the_consumer(consumer, prec):
    identity = f"book|tBTCUSD|{prec}|F0|25"
    read = consumer(identity).follow(lambda c: c.channel.verified_count >= 3)
    assert read.channel.mismatch_count == 0
    assert "gap" not in read.events


def test_numbers_are_exact_from_the_raw_text(server, relay, consumer):
    consumer(BOOK, Decimal).has_more()
    rows = server.client().hget(ShardKeys("all").snapshot(BOOK), "rows")
    texts = json.loads(rows, parse_float=str, parse_int=str)
    # A snapshot must not have passed through a double: then "1.50" would be "1.5".
    read = consumer(BOOK, Decimal)
    levels = read.snapshots[0].rows
    assert all(isinstance(level.price, Decimal) for level in levels)
    assert len(levels) == len(texts)


def test_every_trade_comes_once_and_in_order(consumer):
    early = consumer(TRADES).has_more(5)
    late = consumer(TRADES).has_more(5)
    for read in (early, late):
        ids = [trade.id for trade in read.updates]
        assert ids == sorted(set(ids))
    known = {trade.id for trade in early.updates}
    # What the late one did not see, its snapshot has.
    assert known <= {t.id for t in (*late.snapshots[0].rows, *late.updates)}


def test_ids_are_contiguous_and_begin_with_a_fence(server, relay, consumer):
    consumer(BOOK).has_more(5)
    entries = server.client().xrange(ShardKeys("all").stream(BOOK))
    ids = [EntryId.read(entry_id) for entry_id, _ in entries]
    assert [entry_id.n for entry_id in ids] == list(range(len(ids)))
    assert {entry_id.epoch for entry_id in ids} == {int(relay.stats()["epoch"])}
    kinds = [type(read_entry(fields)).__name__ for _, fields in entries]
    assert kinds[:3] == ["Fence", "SnapshotMark", "Frames"]


def test_the_states_of_the_channels_are_public(server, exchange, shard):
    requests = [{"channel": "ticker", "symbol": "tNOPE"}]
    with Relay(
        ["tBTCUSD"],
        requests=requests,
        redis=server.url,
        shard=shard,
        wss_host=exchange.url,
    ) as relay:
        relay.wait_ready(PATIENT_S)
        assert relay.states["ticker|tNOPE"] == "refused 10300"
        assert relay.stats()["channels"] == {"wanted": 0, "live": 3, "refused": 1}
        reader = StreamConsumer(server.client(), shard, TRADES)
        reader.has_more()
        stored = server.client().hgetall(ShardKeys(shard).identities)
        assert stored == {k.encode(): v.encode() for k, v in relay.states.items()}


@pytest.fixture
def busy_exchange():
    with PaperExchange(seed=1, rate=500, checksum_s=0.2) as exchange:
        yield exchange


def test_snapshots_are_renewed_before_the_trim_horizon(
    fresh_server, busy_exchange, shard
):
    options = {"redis": fresh_server.url, "shard": shard, "wss_host": busy_exchange.url}
    keys, client = ShardKeys(shard), fresh_server.client()
    # So that streams are trimmed soon.
    client.config_set("stream-node-max-entries", 10)
    with Relay(["tBTCUSD"], channels=["book"], max_entries=128, **options) as relay:
        relay.wait_ready(PATIENT_S)
        StreamConsumer(client, shard, BOOK).follow(lambda c: c.at.n > 200)
        assert relay.stats()["snapshots"] > 2
        entries = client.xrange(keys.stream(BOOK))
        oldest = EntryId.read(entries[0][0])
        assert oldest.n > 0
        # At most one node of the stream more than asked for.
        assert 128 <= len(entries) <= 138
        stored = client.hget(keys.snapshot(BOOK), "id")
        assert EntryId.read(stored) > oldest
        late = StreamConsumer(client, shard, BOOK)
        assert late.follow(lambda c: c.channel.verified_count).events == [
            "snapshot",
            "data",
        ]


def test_the_shortest_stream_keeps_its_snapshot(shard):
    """The largest number of entries before the next one is renewed, in exactly trimmed streams."""
    keys = ShardKeys(shard)
    ack = b'{"event":"subscribed","channel":"ticker","symbol":"tBTCUSD","chanId":5}'
    block = Received(1, [b"[5,[1,2],1]"], 0)
    with RedisServer(stream_node_max_entries="1") as server:
        url = redis_url(server.url, name="redis")
        limits = {"max_entries": MIN_ENTRIES, "timeout_s": PATIENT_S}
        store = StreamStore(url, keys, [TICKER], ttl_s=60.0, **limits)
        writer = ShardWriter(
            [TICKER],
            store,
            make_feed=lambda tap: pytest.fail("connected"),
            max_waiting_bytes=1_000,
            renewal=MIN_ENTRIES // 2,
            ttl_s=60.0,
        )
        assert store.take(writer.states)
        writer._write(writer._process([Received(1, [ack, *block.messages], 0)]))
        for _ in range(MIN_ENTRIES // 2 - 1):
            writer._write(writer._process([block]))
        outputs = writer._process([block] * MAX_ITEMS)
        writer._renew_snapshots(outputs)
        *frames, (_, snapshot) = outputs
        assert isinstance(snapshot, SnapshotRows) and len(frames) == MAX_ITEMS
        store.write(frames, {}, renew=False)
        client = server.client()
        ((oldest, _),) = client.xrange(keys.stream(TICKER), count=1)
        stored = client.hget(keys.snapshot(TICKER), "id")
        assert EntryId.read(oldest) == EntryId.read(stored)
        store.disconnect()


def test_timestamps_reach_the_consumer(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    with Relay(["tBTCUSD"], channels=["book"], timestamps=True, **options) as relay:
        relay.wait_ready(PATIENT_S)
        read = StreamConsumer(server.client(), shard, BOOK).has_more()
        assert read.updates[-1].server_mts


def both(book):
    return [*book.bids(), *book.asks()]


def test_the_relayed_book_is_that_of_a_client(exchange, consumer):
    with Client(wss_host=exchange.url) as bfx:
        book = bfx.wss.subscribe_book("tBTCUSD").book
        read = consumer(BOOK)
        exchange.pause()
        try:
            read.follow(lambda c: both(c.channel.book) == both(book))
        finally:
            exchange.resume()


def test_a_snapshot_is_what_the_exchange_would_send(fresh_server, shard):
    client, keys = fresh_server.client(), ShardKeys(shard)
    with PaperExchange(seed=1, rate=200) as exchange:
        options = {"redis": fresh_server.url, "shard": shard, "wss_host": exchange.url}
        with Relay(["tBTCUSD"], requests=REQUESTS, **options) as relay:
            relay.wait_ready(PATIENT_S)
            StreamConsumer(client, shard, TRADES).has_more(5)
            exchange.pause()
            with Client(wss_host=exchange.url) as bfx:
                sent = {name: _raw_snapshot(bfx, name) for name in relay.identities}
            # The next epoch begins with the current state of every channel.
            epochs = relay.stats()["epochs"]
            client.delete(keys.lease)
            deadline = time.monotonic() + PATIENT_S
            while relay.stats()["epochs"] == epochs:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            stored = {name: [] for name in sent}
            while stored != sent:
                assert time.monotonic() < deadline, (stored, sent)
                for name, rows in sent.items():
                    stored[name] = _stored(client, keys.snapshot(name), name, len(rows))


def _raw_snapshot(bfx, identity):
    """Return the rows that a new subscriber gets; liquidations have none."""
    if identity == "status|liq:global":
        return []
    channel = channel_of(identity)
    with bfx.wss.subscribe_raw(channel.name, **channel.arguments) as rows:
        return [list(row) for row in next(rows.events()).rows]


def _stored(client, key, identity, count):
    rows = json.loads(client.hget(key, "rows") or "[]")
    if rows and not isinstance(rows[0], list):
        rows = [rows]
    # More trades are kept than the exchange sends.
    return rows[:count] if identity.startswith("trades") else rows
