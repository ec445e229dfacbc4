"""What a relay and its consumers may do in Redis, and which Redis they accept."""

from __future__ import annotations

import socket
import threading

import pytest
from redis_server import RedisServer
from stream_consumer import PATIENT_S, StreamConsumer

from bfxsync import UsageError
from bfxsync.relay import Relay
from bfxsync.streams.keys import ShardKeys

BOOK = "book|tBTCUSD|P0|F0|25"
KEYS = ShardKeys("main")


@pytest.fixture
def guarded():
    """A server with the users that docs/explanation/relay.rst shows."""
    with RedisServer() as server:
        admin = server.client()
        relay = (
            "on >paper-one ~bfx:* +@read +@write +@scripting +@connection +info +time"
        )
        consumer = "on >paper-two %R~bfx:* +@read +@connection"
        for name, rules in ("relay", relay), ("consumer", consumer):
            admin.execute_command("ACL", "SETUSER", name, *rules.split())
        admin.execute_command("ACL", "SETUSER", "default", "resetpass", "off")
        yield server


def test_the_users_of_the_documentation_suffice(guarded, exchange):
    url = guarded.url.replace("://", "://relay:paper-one@")
    with Relay(
        ["tBTCUSD"], channels=["book"], redis=url, wss_host=exchange.url
    ) as relay:
        relay.wait_ready(PATIENT_S)
        client = guarded.client(username="consumer", password="paper-two")
        read = StreamConsumer(client, "main", BOOK)
        assert read.has_more(3).events == ["snapshot", "data"]
        with pytest.raises(Exception, match="permission"):
            client.xadd(KEYS.stream(BOOK), {"f": "[1]"})


@pytest.mark.parametrize("place", ["epoch", "stream"])
def test_an_epoch_rises_even_if_the_clock_is_behind(fresh_server, exchange, place):
    client = fresh_server.client()
    later = 10**13 * 5
    if place == "epoch":
        client.set(KEYS.epoch, later)
    else:
        client.xadd(KEYS.stream(BOOK), {"k": "fence"}, id=f"{later}-7")
        client.xtrim(KEYS.stream(BOOK), maxlen=0)
    with Relay(
        ["tBTCUSD"], channels=["book"], redis=fresh_server.url, wss_host=exchange.url
    ) as relay:
        relay.wait_ready(PATIENT_S)
        assert relay.stats()["epoch"] == str(later + 1)
        read = StreamConsumer(client, "main", BOOK).has_more()
        assert read.at.epoch == later + 1


@pytest.fixture
def old_redis():
    """The URL of a server that claims to be Redis 6.0."""
    info = b"# Server\r\nredis_version:6.0.16\r\n"
    answers = {b"INFO": b"$%d\r\n%b\r\n" % (len(info), info)}

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as file:
                for line in file:
                    # An array of bulk strings.
                    words = [
                        file.readline() and file.readline().strip()
                        for _ in range(int(line[1:]))
                    ]
                    peer.sendall(answers.get(words[0].upper(), b"+OK\r\n"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENT_S)


def test_a_redis_that_is_too_old_is_refused(old_redis, exchange):
    with Relay(["tBTCUSD"], redis=old_redis, wss_host=exchange.url) as relay:
        with pytest.raises(
            UsageError, match=r"must be version 6.2 or later, not 6\.0\.16"
        ):
            relay.wait_leader(PATIENT_S)
