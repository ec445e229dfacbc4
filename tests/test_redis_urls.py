"""URLs of Redis servers: what they may contain, what is shown of them, and which errors follow."""

from __future__ import annotations

import pickle
import socket
import traceback
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import at_most

from bfxsync._base.redis_urls import (
    RedisRefused,
    RedisUrl,
    is_redis_url,
    open_redis,
    redis_url,
    translated,
)
from bfxsync.errors import NetworkError, RequestTimeout, UsageError

redis = pytest.importorskip("redis")

SECRET = "s3cret/#?@"
QUOTED = "s3cret%2F%23%3F%40"


def parsed(url: object, **options: Any) -> RedisUrl:
    return redis_url(url, name="source", **options)


@pytest.mark.parametrize(
    "url, shown",
    [
        ("redis://cache", "redis://cache:6379/0"),
        ("redis://Cache:6380/3", "redis://cache:6380/3"),
        ("redis://[::1]:6380?db=3", "redis://[::1]:6380/3"),
        (f"redis://bot:{QUOTED}@cache", "redis://***@cache:6379/0"),
        (f"rediss://:{QUOTED}@cache/", "rediss://***@cache:6379/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock?db=0"),
        (f"unix://:{QUOTED}@/run/a?db=2", "unix://***@/run/a?db=2"),
    ],
)
def test_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert is_redis_url(url)
    assert str(parsed(url)) == shown
    assert "s3cret" not in repr(parsed(url)) + repr(parsed(url).url)


@pytest.mark.parametrize(
    "url",
    [
        None,
        b"redis://cache",
        "",
        "cache:6379",
        "http://cache",
        "redis://",
        "redis:///0",
        "redis://cache/x",
        "redis://cache/0/1",
        "redis://cache/0?db=1",
        "redis://cache?db=",
        "redis://cache:70000",
        "redis://cache?decode_responses=True",
        "redis://cache?ssl_ca_certs=/ca.pem",
        "redis://cache#0",
        f"redis://:{SECRET}@cache",
        "redis://:s3cret/more@cache",
        "unix://",
        "unix:///",
        "unix://run/redis.sock",
        "unix:///run/redis.sock?db=first",
    ],
)
def test_invalid_url_is_refused_without_showing_it(url: object) -> None:
    with pytest.raises(UsageError, match="source must look like 'redis://") as found:
        parsed(url)
    text = "".join(traceback.format_exception(None, found.value, found.tb))
    assert "s3cret" not in str(found.value)
    assert "s3cret" not in text.replace(repr(url), "")


def test_user_and_password_are_decoded() -> None:
    url = parsed(f"redis://bot%40x:{QUOTED}@cache/1")
    assert (url.username, url.password) == ("bot@x", SECRET)
    assert parsed(url.url) == url


def test_callers_options_are_those_of_the_query() -> None:
    url = parsed("redis://cache/1?address=office", options=("address",))
    assert url.options == {"address": "office"}
    assert url.url == "redis://cache:6379/1"
    with pytest.raises(UsageError, match="options: address"):
        parsed("redis://cache/1?adress=office", options=("address",))


def test_files_of_tls_are_kept_apart() -> None:
    url = parsed("rediss://cache?ssl_ca_certs=/a%20b/ca.pem")
    assert url.tls == {"ssl_ca_certs": "/a b/ca.pem"}
    assert parsed(url.url) == url


TEXTS = st.text(st.characters(max_codepoint=0x2FF), max_size=12)


@given(TEXTS, TEXTS, st.integers(0, 15))
def test_any_password_survives_its_url(user: str, password: str, db: int) -> None:
    url = RedisUrl("redis", "cache", db=db, username=user or None, password=password)
    assert parsed(url.url) == url


@pytest.mark.parametrize("other", ["/var/lib/budget", "https://cache", None])
def test_other_texts_are_no_redis_urls(other: object) -> None:
    assert not is_redis_url(other)


@pytest.mark.parametrize(
    "url", ["redis://:pw@cache/2", "rediss://cache?ssl_ca_certs=/ca", "unix:///r?db=2"]
)
def test_clients_have_timeouts_and_no_retries(url: str) -> None:
    with open_redis(parsed(url), timeout_s=2.5, connect_timeout_s=0.5) as client:
        options = client.connection_pool.connection_kwargs
        assert options["socket_timeout"] == 2.5
        assert options["retry"]._retries == 0
        assert options["protocol"] == 2
        client.connection_pool.disconnect()


def raised(error: Exception) -> NetworkError:
    with pytest.raises(NetworkError) as found:
        with translated(parsed("redis://:s3cret@cache")):
            raise error
    assert found.value.__cause__ is error
    assert str(found.value).startswith("Redis at redis://***@cache:6379/0: ")
    return found.value


@pytest.mark.parametrize(
    "make, reply",
    [
        (lambda: redis.exceptions.OutOfMemoryError("command not allowed"), "OOM"),
        (lambda: redis.exceptions.NoScriptError("No matching script."), "NOSCRIPT"),
        (lambda: redis.ReadOnlyError("a replica"), "READONLY"),
        (lambda: redis.AuthenticationError("invalid pair"), "WRONGPASS"),
        (lambda: redis.BusyLoadingError("loading"), "LOADING"),
        (lambda: redis.ResponseError("WRONGTYPE Operation"), "WRONGTYPE"),
        (lambda: redis.ResponseError("The ID specified in XADD is"), "ERR"),
    ],
)
def test_error_replies_keep_their_code(
    make: Callable[[], Exception], reply: str
) -> None:
    error = raised(make())
    assert isinstance(error, RedisRefused)
    assert error.reply == reply
    assert pickle.loads(pickle.dumps(error)).reply == reply


def test_timeouts_are_timeouts() -> None:
    assert isinstance(raised(redis.TimeoutError("late")), RequestTimeout)
    assert isinstance(raised(socket.timeout("late")), RequestTimeout)


def test_a_server_that_is_away_is_a_network_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = parsed(f"redis://:s3cret@127.0.0.1:{unused.getsockname()[1]}")
        client = open_redis(url, timeout_s=at_most(5.0))
        with pytest.raises(NetworkError, match="Redis at") as found:
            with translated(url):
                client.ping()
        client.close()
    assert found.value.phase == "connect"
    text = "".join(
        traceback.format_exception(None, found.value, found.value.__traceback__)
    )
    assert "s3cret" not in text.replace(":s3cret@127", "")


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(UsageError, match=r"bfxsync\[redis\]"):
        open_redis(parsed("redis://cache"), timeout_s=1.0)
