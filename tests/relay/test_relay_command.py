"""``bfxsync relay``: its options, its status on stderr, and how it ends."""

from __future__ import annotations

import os
import signal

import pytest
from command_line import run
from relay_process import RelayProcess

from bfxsync.streams.keys import ShardKeys

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.mark.once
@needs_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_publishes_the_channels_of_its_options(server, exchange, shard, number):
    options = "--channel book --channel candles --channel status --prec R0 --len 100"
    more = "--tf 5m --liquidations --max-entries 500 tBTCF0:USTF0"
    arguments = f"{options} {more}".split()
    with RelayProcess(server.url, exchange.url, shard, *arguments) as relay:
        relay.wait_line(f"leading shard {shard}: 4 of 4 channels live")
        keys, client = ShardKeys(shard), server.client()
        assert {name.decode() for name in client.hkeys(keys.identities)} == {
            "book|tBTCF0:USTF0|R0|F0|100",
            "candles|trade:5m:tBTCF0:USTF0",
            "status|deriv:tBTCF0:USTF0",
            "status|liq:global",
        }
        relay.send(number)
        assert relay.wait() == 0
        assert not client.exists(keys.lease)


@pytest.mark.once
def test_it_says_which_channel_was_refused(server, exchange, shard):
    arguments = ["--channel", "ticker", "tNOPE"]
    with RelayProcess(server.url, exchange.url, shard, *arguments) as relay:
        relay.wait_line("ticker|tNOPE: refused 10300")


def test_a_second_relay_stands_by(server, shard):
    server.client().set(ShardKeys(shard).lease, "another", px=600_000)
    ended = run(
        f"relay --redis {server.url} --paper --seconds 2 --shard {shard} BTC/USD"
    )
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        f"bfxsync relay: standby of shard {shard}: another relay leads\n"
    )


def test_it_waits_for_redis():
    ended = run("relay --redis redis://127.0.0.1:1 --paper --seconds 2 BTC/USD")
    assert ended.code == 0
    assert "bfxsync relay: Redis cannot be used; trying again\n" in ended.err


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("BTC/USD", "--redis"),
        ("--redis http://x:paper-word@y BTC/USD", "redis must look like"),
        ("--redis redis://x", "SYMBOL"),
        ("--redis redis://x --paper --ttl 0.1 BTC/USD", "0.5"),
        ("--redis redis://x --paper bt", "bt"),
    ],
)
def test_a_wrong_command_line_is_refused(arguments, message, monkeypatch):
    monkeypatch.delenv("BFX_REDIS_URL", raising=False)
    ended = run("relay " + arguments)
    assert ended.code == 2
    assert message in ended.err
    assert "paper-word" not in ended.err
