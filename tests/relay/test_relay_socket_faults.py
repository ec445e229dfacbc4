"""The exchange fails under a relay: its consumers get the gap from the stream."""

from __future__ import annotations

import pytest
from stream_consumer import PATIENT_S, StreamConsumer

from bfxsync.paper import PaperExchange
from bfxsync.relay import Relay
from bfxsync.relay.frame_tap import (
    Dropped,
    FrameTap,
    Lost,
    Opened,
    Received,
    Resumed,
    Sent,
)
from bfxsync.streams.entries import GapMark, read_entry
from bfxsync.streams.keys import ShardKeys

BOOK = "book|tBTCUSD|P0|F0|25"
TRADES = "trades|tBTCUSD"


@pytest.fixture
def exchange():
    """An exchange that the test may disturb."""
    with PaperExchange(seed=1, rate=40, heartbeat_s=0.5, checksum_s=0.2) as exchange:
        yield exchange


@pytest.fixture
def relay(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    with Relay(["tBTCUSD"], channels=["book", "trades"], **options) as relay:
        relay.wait_ready(PATIENT_S)
        yield relay


@pytest.fixture
def consumer(server, relay, shard):
    def make(identity):
        return StreamConsumer(server.client(), shard, identity).has("snapshot", "data")

    return make


def reasons(server, shard, identity):
    entries = server.client().xrange(ShardKeys(shard).stream(identity))
    found = [read_entry(fields) for _, fields in entries]
    return [entry.reason for entry in found if isinstance(entry, GapMark)]


def test_a_reset_connection_is_one_gap(server, exchange, relay, consumer, shard):
    read = [consumer(BOOK), consumer(TRADES)]
    epoch = relay.stats()["epoch"]
    exchange.drop_connections(reset=True)
    for one in read:
        one.has("gap", "snapshot", "data")
        assert one.events.count("gap") == 1
    assert relay.stats()["epoch"] == epoch
    assert relay.stats()["gaps"] == 2
    (reason,) = reasons(server, shard, BOOK)
    assert reason.startswith("the connection was lost")
    # Every trade once, also those that the snapshot after the gap repeats.
    trades = read[1].has_more(3).updates
    assert len({trade.id for trade in trades}) == len(trades)


@pytest.mark.once
def test_a_wrong_checksum_is_healed_by_the_relay(server, exchange, consumer, shard):
    other, book = consumer(TRADES), consumer(BOOK)
    # The consumer sees the mismatch, too, just before the gap of the relay.
    book.may_fail = True
    exchange.inject("wrong_checksum")
    book.has("gap", "snapshot", "data")
    assert book.channel.mismatch_count == 1
    assert reasons(server, shard, BOOK) == ["the channel is subscribed again"]
    other.has_more()
    assert "gap" not in other.events


@pytest.mark.once
def test_maintenance_is_a_gap(server, exchange, consumer, shard):
    book = consumer(BOOK)
    exchange.send_info(20060)
    exchange.send_info(20061)
    book.has("gap", "snapshot", "data")
    assert book.events.count("gap") == 1


def test_a_relay_that_is_too_slow_says_so(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    with Relay(
        ["tBTCUSD"], channels=["book"], max_waiting_bytes=500, **options
    ) as relay:
        relay.wait_ready(PATIENT_S)
        book = StreamConsumer(server.client(), shard, BOOK).has("snapshot", "data")
        # As slow as Redis can make it.
        server.client().execute_command("CLIENT", "PAUSE", "600", "WRITE")
        book.has("gap", "snapshot", "data")
        assert relay.stats()["dropped"] > 0
        assert "the relay was too slow" in reasons(server, shard, BOOK)


def test_the_queue_keeps_events_and_marks_a_loss():
    tap = FrameTap(max_waiting_bytes=200)
    tap.opened(1, "ws://localhost")
    tap.received(1, [b"[1]"])
    tap.received(1, [b"[2]" * 99, b"{}", b"[3]"])
    tap.received(1, [b"[4]"])
    tap.received(1, [b'{"event":"info"}'])
    tap.sent(1, "{}")
    tap.lost(1, 1006, "reset")
    assert tap.take(1.0) == [
        Opened(1),
        Received(1, [b"[1]"], 67),
        Dropped(),
        Received(1, [b"{}"], 0),
        Received(1, [b'{"event":"info"}'], 0),
        Sent(1, "{}"),
        Lost(1, "the connection was lost: reset"),
    ]
    assert tap.dropped_count == 3
    assert tap.waiting_bytes == 0
    tap.accept()
    tap.received(1, [b"[5]"])
    assert tap.take(1.0) == [Resumed(), Received(1, [b"[5]"], 67)]
    assert tap.take(0.0) == []
    tap.wake()
    assert tap.take(60.0) == []
