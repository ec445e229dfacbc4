"""The URL of relayed data, and the replies of Redis."""

import pytest

from bfxsync.errors import RemoteError, UsageError
from bfxsync.streams.keys import ShardKeys
from bfxsync.streams.replies import (
    lookup_commands,
    lookup_replies,
    read_command,
    read_reply,
)
from bfxsync.streams.source import relay_source
from bfxsync.streams.stream_state import StreamInfo

KEYS = ShardKeys("eu")


def test_a_plain_url_is_the_main_shard():
    source = relay_source("redis://redis.example:6380/1")
    assert (source.keys.shard, source.pause_s) == ("main", 0.002)
    assert str(source) == "redis://redis.example:6380/1 (shard main)"


def test_a_source_is_returned_as_it_is():
    source = relay_source("redis://redis.example")
    assert relay_source(source) is source


def test_the_query_has_shard_and_pause():
    source = relay_source("redis://redis.example?shard=eu&pause_ms=0")
    assert (source.keys, source.pause_s) == (KEYS, 0.0)


def test_a_password_is_in_no_text():
    source = relay_source("redis://joe:sesame@redis.example")
    assert "sesame" not in f"{source} {source!r}"


@pytest.mark.parametrize(
    "url, expected",
    [
        ("http://redis.example", "source must look like"),
        ("redis://redis.example?pause_ms=-1", "pause_ms of the source must be"),
        ("redis://redis.example?pause_ms=1001", "from 0 to 1000, not '1001'"),
        ("redis://redis.example?pause_ms=99999", "pause_ms of the source must be"),
        ("redis://redis.example?shard=a+b", "shard must"),
        ("redis://redis.example?sharp=eu", "options: shard, pause_ms"),
        (7, "source must look like"),
    ],
)
def test_an_invalid_url_is_refused(url, expected):
    with pytest.raises(UsageError, match=expected):
        relay_source(url)


def test_a_read_waits_only_if_asked_to():
    cursors = {b"a": b"1-1", b"b": b"0-0"}
    command = read_command(cursors, 100)
    assert command[:2] == ("XREAD", "COUNT") and command[3:5] == ("BLOCK", 100)
    assert command[5:] == ("STREAMS", b"a", b"b", b"1-1", b"0-0")
    assert "BLOCK" not in read_command(cursors, None)


def test_a_read_returns_entries_by_stream():
    reply = [[b"a", [[b"1-1", [b"k", b"gap", b"r", b"why"]], [b"1-2", [b"f", b"[]"]]]]]
    first, second = (b"1-1", {b"k": b"gap", b"r": b"why"}), (b"1-2", {b"f": b"[]"})
    assert read_reply(reply) == [(b"a", [first, second])]
    assert read_reply(None) == []


def test_a_lookup_asks_for_the_stream_before_its_snapshot():
    commands = lookup_commands(KEYS, ["ticker|tBTCUSD"])
    assert commands == [
        ("EXISTS", "bfx:{eu}:lease"),
        ("HGETALL", "bfx:{eu}:ids"),
        ("XINFO", "STREAM", "bfx:{eu}:s:ticker|tBTCUSD"),
        ("HGETALL", "bfx:{eu}:snap:ticker|tBTCUSD"),
    ]
    assert lookup_commands(KEYS, []) == commands[:1]


def test_replies_to_a_lookup_are_read():
    stream = [b"length", 1, b"last-generated-id", b"5-1"]
    replies = [1, [b"a", b"live"], stream, [b"id", b"5-1"], None, []]
    has_relay, relayed, infos = lookup_replies(["a", "b"], replies)
    assert has_relay and relayed == {b"a": b"live"}
    assert infos == {
        "a": StreamInfo(b"5-1", {b"id": b"5-1"}),
        "b": StreamInfo(None, {}),
    }
    assert lookup_replies([], [0]) == (False, {}, {})


def test_a_stream_without_last_id_is_an_error():
    with pytest.raises(RemoteError, match="without its last id"):
        lookup_replies(["a"], [1, [], [b"length", 1], []])
