"""Redis fails under a relay: each time its consumers get one gap, a snapshot and data again."""

from __future__ import annotations

import logging
import os
import time

import pytest
from patience import at_most
from redis_server import RedisServer
from stream_consumer import PATIENT_S, StreamConsumer

from bfxsync.relay import Relay
from bfxsync.streams.keys import ShardKeys

BOOK = "book|tBTCUSD|P0|F0|25"
TRADES = "trades|tBTCUSD"
KEYS = ShardKeys("main")

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals")


class Relayed:
    """A relay on a server that may fail, and two consumers."""

    def __init__(self, server, exchange, **options):
        self.server = server
        self.relay = Relay(
            ["tBTCUSD"],
            channels=["book", "trades"],
            redis=server.url,
            wss_host=exchange.url,
            **options,
        )

    def __enter__(self):
        self.relay.start()
        self.relay.wait_ready(PATIENT_S)
        self.consumers = [
            StreamConsumer(self.server.client(), "main", name).has("snapshot", "data")
            for name in (BOOK, TRADES)
        ]
        return self

    def __exit__(self, *_):
        self.relay.close()

    def check_one_gap(self):
        for consumer in self.consumers:
            consumer.has("gap", "snapshot", "data")
            consumer.has_more()
        assert [c.events.count("gap") for c in self.consumers] == [1, 1]
        book, trades = self.consumers
        book.follow(lambda c: c.channel.verified_count > 2)
        assert book.channel.mismatch_count == 0
        ids = [trade.id for trade in trades.updates]
        assert len(ids) == len(set(ids))

    def wait_away(self):
        deadline = time.monotonic() + PATIENT_S
        while self.relay.status != "away":
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("appendonly", ["no", "yes"])
def test_a_redis_that_is_restarted_is_one_gap(exchange, appendonly):
    with RedisServer(appendonly=appendonly) as server:
        with Relayed(server, exchange) as relayed:
            last = relayed.consumers[0].at
            server.kill()
            relayed.wait_away()
            server.start()
            relayed.check_one_gap()
            # Also without the file, which had the last epoch.
            assert relayed.consumers[0].at.epoch > last.epoch


@pytest.mark.once
def test_a_store_that_was_emptied_is_one_gap(fresh_server, exchange):
    with Relayed(fresh_server, exchange) as relayed:
        last = relayed.consumers[0].at
        fresh_server.client().flushall()
        relayed.check_one_gap()
        assert relayed.consumers[0].at.epoch > last.epoch


@pytest.mark.once
def test_a_deleted_stream_is_one_gap_of_all(fresh_server, exchange):
    with Relayed(fresh_server, exchange) as relayed:
        fresh_server.client().delete(KEYS.stream(TRADES))
        relayed.check_one_gap()


@needs_posix
def test_a_redis_that_hangs_is_one_gap(fresh_server, exchange):
    with Relayed(fresh_server, exchange, redis_timeout=0.5) as relayed:
        fresh_server.pause()
        relayed.wait_away()
        fresh_server.resume()
        relayed.check_one_gap()


@pytest.mark.once
def test_a_full_store_is_one_gap_when_there_is_room(fresh_server, exchange, caplog):
    caplog.set_level(logging.WARNING, "bfxsync")
    client = fresh_server.client()
    with Relayed(fresh_server, exchange) as relayed:
        client.config_set("maxmemory", "1")
        relayed.wait_away()
        assert "memory" in relayed.relay.stats()["last_error"]
        client.config_set("maxmemory", "0")
        relayed.check_one_gap()
        # One line for the outage, not one for each attempt.
        assert sum("used memory" in line for line in caplog.messages) == 1


@pytest.mark.once
def test_a_former_leader_is_refused_by_redis(fresh_server, exchange):
    client = fresh_server.client()
    with Relayed(fresh_server, exchange) as relayed:
        epoch = int(relayed.relay.stats()["epoch"])
        # As the script of another relay would: the lease, then a fence with a greater id.
        client.set(KEYS.lease, "another", px=500)
        for identity in (BOOK, TRADES):
            client.xadd(KEYS.stream(identity), {"k": "fence"}, id=f"{epoch + 5}-0")
        relayed.check_one_gap()
        assert int(relayed.relay.stats()["epoch"]) > epoch + 5


@pytest.mark.once
def test_a_lost_lease_ends_the_epoch(fresh_server, exchange):
    client = fresh_server.client()
    with Relayed(fresh_server, exchange) as relayed:
        epoch = relayed.relay.stats()["epoch"]
        client.set(KEYS.lease, "another", px=300)
        relayed.check_one_gap()
        assert relayed.relay.stats()["epoch"] > epoch


@pytest.mark.once
def test_an_unrelated_key_in_the_way_is_reported(fresh_server, exchange):
    client = fresh_server.client()
    client.set(KEYS.stream(BOOK), "not a stream")
    with Relay(
        ["tBTCUSD"], channels=["book"], redis=fresh_server.url, wss_host=exchange.url
    ) as relay:
        assert not relay.wait_leader(1.0)
        assert relay.status == "away"
        assert "WRONGTYPE" in relay.stats()["last_error"]
        client.delete(KEYS.stream(BOOK))
        relay.wait_ready(PATIENT_S)


@pytest.mark.once
def test_a_redis_that_evicts_any_key_is_reported(exchange, caplog):
    with RedisServer(maxmemory_policy="allkeys-lru") as server:
        with Relay(["tBTCUSD"], redis=server.url, wss_host=exchange.url) as relay:
            relay.wait_ready(PATIENT_S)
    assert "maxmemory-policy allkeys-lru" in caplog.text


@pytest.mark.once
def test_a_relay_waits_for_a_redis_that_is_not_there(fresh_server, exchange):
    fresh_server.kill()
    with Relay(["tBTCUSD"], redis=fresh_server.url, wss_host=exchange.url) as relay:
        assert not relay.wait_leader(0.5)
        assert relay.status == "away"
        fresh_server.start()
        relay.wait_ready(PATIENT_S)
        assert relay.status == "leading"


@needs_posix
def test_a_relay_closes_in_time_while_redis_hangs(fresh_server, exchange):
    with Relayed(fresh_server, exchange) as relayed:
        fresh_server.pause()
        relayed.wait_away()
        began = time.monotonic()
        relayed.relay.close()
        assert time.monotonic() - began < at_most(2.5)
        assert relayed.relay.status == "closed"


def test_a_password_is_in_no_text(exchange, caplog):
    caplog.set_level(logging.DEBUG, "bfxsync")
    with RedisServer(requirepass="paper-secret-word") as server:
        url = server.url.replace("://", "://:paper-secret-word@")
        with Relay(["tBTCUSD"], redis=url, wss_host=exchange.url) as relay:
            relay.wait_ready(PATIENT_S)
            server.kill()
            while not relay.stats()["store_errors"]:
                relay.wait_closed(0.01)
            texts = [repr(relay), str(relay.stats()), str(vars(relay)), caplog.text]
        assert not any("paper-secret-word" in text for text in texts)


def test_a_wrong_password_is_reported_without_it(fresh_server, exchange, caplog):
    url = fresh_server.url.replace("://", "://user:paper-secret-word@")
    with Relay(["tBTCUSD"], redis=url, wss_host=exchange.url) as relay:
        assert not relay.wait_leader(1.0)
        assert relay.status == "away"
        assert "paper-secret-word" not in str(relay.stats()) + caplog.text
