"""The redis-server of the tests, and a client of it as the library opens one."""

from __future__ import annotations

import pytest
from patience import at_most
from redis_server import RedisServer

from bfxsync._base.redis_urls import RedisRefused, open_redis, redis_url, translated
from bfxsync.errors import NetworkError, RequestTimeout

redis = pytest.importorskip("redis")


def test_it_starts_is_killed_and_starts_again() -> None:
    with RedisServer() as server:
        url = redis_url(server.url, name="url")
        client = open_redis(url, timeout_s=at_most(10.0))
        with client:
            assert client.set("a", "1")
            server.kill()
            with pytest.raises(NetworkError):
                with translated(url):
                    client.get("a")
            server.start()
            with translated(url):
                assert client.get("a") is None
            client.connection_pool.disconnect()


def test_a_server_that_hangs_is_a_timeout() -> None:
    with RedisServer() as server:
        url = redis_url(server.url, name="url")
        client = open_redis(url, timeout_s=0.3)
        server.pause()
        with client, pytest.raises(RequestTimeout):
            with translated(url):
                client.ping()
        server.resume()
        assert server.client().ping()


def test_a_refused_command_has_its_code() -> None:
    with RedisServer(requirepass="s3cret") as server:
        assert server.client().rpush("list", "1")
        name = server.url.replace("127.0.0.1", ":s3cret@127.0.0.1")
        good, bad = redis_url(name, name="url"), redis_url(server.url, name="url")
        for url, reply in ((good, "WRONGTYPE"), (bad, "WRONGPASS")):
            with open_redis(url, timeout_s=at_most(10.0)) as client:
                with pytest.raises(RedisRefused) as found, translated(url):
                    client.get("list")
            assert found.value.reply == reply
