"""Two relays of one shard: the leader dies, hangs or leaves, and the other one takes over."""

from __future__ import annotations

import os
import signal
import time

import pytest
from patience import at_most
from relay_process import RelayProcess
from stream_consumer import PATIENT_S, StreamConsumer

from bfxsync.relay import Relay, shard_writer
from bfxsync.streams.keys import ShardKeys

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals"),
    pytest.mark.once,
]

IDENTITIES = ["book|tBTCUSD|P0|F0|25", "trades|tBTCUSD", "ticker|tBTCUSD"]
PROMISED_S = 5.0
"""From the end of a leader until data comes again."""


@pytest.fixture
def standby(server, exchange, shard):
    with Relay(
        ["tBTCUSD"], redis=server.url, shard=shard, wss_host=exchange.url
    ) as standby:
        yield standby


@pytest.fixture
def leader(server, exchange, shard):
    """A process that leads, before the standby is made."""
    with RelayProcess(server.url, exchange.url, shard) as leader:
        yield leader


@pytest.fixture
def consumers(server, shard):
    """Consumers that follow the first leader."""

    def make():
        made = [StreamConsumer(server.client(), shard, name) for name in IDENTITIES]
        return [consumer.has("snapshot", "data") for consumer in made]

    return make


def check_one_gap(consumers, since_s):
    for consumer in consumers:
        consumer.has("gap", "snapshot", "data")
    assert [consumer.events.count("gap") for consumer in consumers] == [1, 1, 1]
    book, trades, _ = consumers
    assert max(consumer.data_s for consumer in (book, trades)) - since_s < at_most(
        PROMISED_S
    )
    book.follow(lambda c: c.channel.verified_count > 2)
    assert book.channel.mismatch_count == 0
    ids = [trade.id for trade in trades.updates]
    assert len(ids) == len(set(ids))


def test_a_killed_leader_is_replaced_with_one_gap(leader, standby, consumers):
    followers = consumers()
    assert standby.status == "standby"
    since_s = time.monotonic()
    leader.send(signal.SIGKILL)
    check_one_gap(followers, since_s)
    assert standby.is_leader


def test_a_hanging_leader_is_fenced_off(leader, standby, consumers, server, shard):
    followers = consumers()
    since_s = time.monotonic()
    leader.send(signal.SIGSTOP)
    check_one_gap(followers, since_s)
    epoch = server.client().get(ShardKeys(shard).epoch)
    leader.send(signal.SIGCONT)
    leader.wait_line("standby")
    for follower in followers:
        follower.has_more()
    # What it wrote on waking was refused.
    assert [follower.events.count("gap") for follower in followers] == [1, 1, 1]
    assert server.client().get(ShardKeys(shard).epoch) == epoch


def test_a_stopped_leader_leaves_at_once(leader, standby, consumers):
    followers = consumers()
    since_s = time.monotonic()
    leader.send(signal.SIGTERM)
    assert leader.wait() == 0
    check_one_gap(followers, since_s)


def test_a_closed_relay_gives_the_lease_back(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    # The lease would last longer than the test may wait.
    first = Relay(["tBTCUSD"], lease_ttl=60, **options)
    with first, Relay(["tBTCUSD"], lease_ttl=60, **options) as second:
        assert first.wait_leader(PATIENT_S) or second.wait_leader(PATIENT_S)
        leader, other = (first, second) if first.is_leader else (second, first)
        leader.close()
        assert other.wait_leader(PATIENT_S)
        assert leader.status == "closed"
    assert not server.client().exists(ShardKeys(shard).lease)


def test_only_the_leader_is_connected_to_the_exchange(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    with Relay(["tBTCUSD"], **options) as first:
        first.wait_ready(PATIENT_S)
        opened = exchange.connections_opened
        with Relay(["tBTCUSD"], **options) as second:
            assert not second.wait_leader(1.0)
            assert exchange.connections_opened == opened


def test_a_leader_with_other_channels_ends_the_old_ones(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    keys, client = ShardKeys(shard), server.client()
    with Relay(["tBTCUSD"], channels=["trades", "ticker"], **options) as first:
        first.wait_ready(PATIENT_S)
    with Relay(["tBTCUSD"], channels=["trades"], **options) as second:
        second.wait_ready(PATIENT_S)
        assert list(client.hgetall(keys.identities)) == [b"trades|tBTCUSD"]
        (_, fields) = client.xrevrange(keys.stream("ticker|tBTCUSD"), count=1)[0]
        assert fields == {b"k": b"fence"}


def test_a_leader_without_the_exchange_gives_way(server, exchange, shard, monkeypatch):
    monkeypatch.setattr(shard_writer, "GIVE_WAY_S", 0.5)
    options = {"redis": server.url, "shard": shard}
    with Relay(["tBTCUSD"], wss_host="ws://127.0.0.1:1", **options) as first:
        assert first.wait_leader(PATIENT_S)
        with Relay(["tBTCUSD"], wss_host=exchange.url, **options) as second:
            second.wait_ready(PATIENT_S)
            assert first.status == "standby"


def test_a_leader_that_is_refused_everything_stays(
    server, exchange, shard, monkeypatch
):
    monkeypatch.setattr(shard_writer, "GIVE_WAY_S", 0.5)
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    with Relay(["tNOPE"], channels=["ticker"], **options) as relay:
        relay.wait_ready(PATIENT_S)
        epoch = relay.stats()["epoch"]
        assert not relay.wait_closed(1.5)
        assert relay.stats()["epoch"] == epoch
