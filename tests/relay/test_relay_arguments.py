"""The arguments of a relay, and its life from start to close."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from patience import at_most
from stream_consumer import PATIENT_S

import bfxsync
from bfxsync import ClosedError, RequestTimeout, UsageError, VersionMismatch
from bfxsync.paper import PaperExchange
from bfxsync.paper.server.ws_session import WsSession
from bfxsync.relay import Relay
from bfxsync.streams.keys import ShardKeys

URL = "redis://127.0.0.1:1/0"
ROOT = Path(bfxsync.__file__).parent.parent


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        ((), {}, "a relay needs symbols or requests"),
        (("tBTCUSD",), {}, "symbols must be a list of texts"),
        (([7],), {}, "symbols must be a list of texts"),
        ((["tbtc"],), {}, "tbtc"),
        ((["tBTCUSD"],), {"channels": ["news"]}, "channels must be of book, trades"),
        ((["tBTCUSD"],), {"requests": {"channel": "book"}}, "requests must be a list"),
        ((["tBTCUSD"],), {"requests": ["book"]}, "requests must be a list"),
        ((["tBTCUSD"],), {"requests": [{"key": "x"}]}, "must have a channel"),
        ((["tBTCUSD"],), {"shard": "{a}"}, "shard must be"),
        ((["tBTCUSD"],), {"redis": "http://x"}, "redis must look like"),
        ((["tBTCUSD"],), {"lease_ttl": 0.1}, "lease_ttl must be from 0.5"),
        ((["tBTCUSD"],), {"max_entries": 127}, "max_entries must be an integer"),
        ((["tBTCUSD"],), {"redis_timeout": 1.1}, "at most half of lease_ttl, 1 second"),
        ((["tBTCUSD"],), {"redis_timeout": 0}, "redis_timeout must be"),
        ((["tBTCUSD"],), {"wss_host": "x"}, "x"),
        ((["tBTCUSD"],), {"timestamps": 1}, "timestamps must be"),
        ((["tBTCUSD"],), {"on_error": 1}, "on_error must be"),
    ],
)
def test_an_invalid_argument_is_refused(arguments, options, message):
    with pytest.raises(UsageError, match=message):
        Relay(*arguments, **{"redis": URL, **options})


def test_channels_are_named_as_their_streams():
    relay = Relay(
        ["BTC/USD", "tBTCUSD"],
        channels=["trades", "book"],
        requests=[{"channel": "book", "symbol": "fUSD", "len": 100}],
        redis=URL,
    )
    assert relay.identities == [
        "trades|tBTCUSD",
        "book|tBTCUSD|P0|F0|25",
        "book|fUSD|P0|F0|100",
    ]
    assert relay.status == "new"
    assert set(relay.states.values()) == {"wanted"}


def test_a_closed_relay_cannot_be_used():
    relay = Relay(["tBTCUSD"], redis=URL)
    relay.close()
    relay.close()
    assert (relay.status, relay.is_leader) == ("closed", False)
    for call in (relay.start, relay.wait_ready, relay.run):
        with pytest.raises(ClosedError):
            call()


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(UsageError, match=r"bfxsync\[redis\]"):
        Relay(["tBTCUSD"], redis=URL).start()


def test_waiting_ends_with_the_relay_or_its_time(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    server.client().set(ShardKeys(shard).lease, "another", px=600_000)
    with Relay(["tBTCUSD"], **options) as relay:
        assert not relay.wait_leader(0.05)
        assert not relay.wait_closed(0.05)
        with pytest.raises(RequestTimeout, match="standby"):
            relay.wait_ready(0.05)
    assert relay.wait_closed(PATIENT_S)


def test_a_relay_closes_within_two_seconds(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    with Relay(["tBTCUSD"], **options) as relay:
        relay.wait_ready(PATIENT_S)
        began = time.monotonic()
        relay.close()
        assert time.monotonic() - began < at_most(2.0)
        assert relay.wait_closed(PATIENT_S)


def test_a_dropped_relay_ends(server, exchange, shard):
    options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
    relay = Relay(["tBTCUSD"], **options)
    relay.wait_ready(PATIENT_S)
    writer = relay._writer
    del relay
    gc.collect()
    assert writer.ended.wait(PATIENT_S)
    assert not server.client().exists(ShardKeys(shard).lease)


def test_a_fatal_error_ends_a_relay(server, shard, monkeypatch):
    def greet(session, is_operative=True):
        session._event({"event": "info", "version": 3})

    monkeypatch.setattr(WsSession, "open", greet)
    with PaperExchange() as exchange:
        options = {"redis": server.url, "shard": shard, "wss_host": exchange.url}
        relay = Relay(["tBTCUSD"], **options)
        with pytest.raises(VersionMismatch):
            relay.run()
        assert relay.status == "closed"
        with pytest.raises(VersionMismatch):
            relay.wait_closed()
    assert not server.client().exists(ShardKeys(shard).lease)


def run_program(text, server, exchange, shard):
    program = textwrap.dedent(text)
    arguments = [server.url, exchange.url, shard]
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3 * PATIENT_S,
    )


MADE = """
    import os, sys
    from bfxsync.relay import Relay
    redis, host, shard = sys.argv[1:]
    relay = Relay(["tBTCUSD"], redis=redis, shard=shard, wss_host=host)
    relay.wait_ready(20)
"""


@pytest.mark.once
def test_the_end_of_a_program_gives_the_lease_back(server, exchange, shard):
    done = run_program(MADE, server, exchange, shard)
    assert (done.returncode, done.stderr) == (0, "")
    assert not server.client().exists(ShardKeys(shard).lease)


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_child_leaves_the_relay_alone(server, exchange, shard):
    done = run_program(
        MADE
        + """
    pid = os.fork()
    if not pid:
        assert relay.status == "closed" and not relay.is_leader
        relay.close()
        try:
            relay.start()
        except Exception as exc:
            print(type(exc).__name__, flush=True)
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert relay.is_leader
    print(relay.status)
    relay.close()
    """,
        server,
        exchange,
        shard,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["UsageError", "leading"]
