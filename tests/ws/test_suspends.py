"""A machine that was suspended: the wall clock has gone on, and the peer may be gone (R02)."""

from __future__ import annotations

import json
import time

import pytest
from patience import at_most

from bfxsync import Backoff, Gap, Snapshot, WebSocketClient
from bfxsync.paper.server.ws_session import WsSession
from bfxsync.wire import audit
from bfxsync.ws.io import connection


class WallClock:
    """Stands in for the module `time` of the I/O thread."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.sleep = time.sleep

    def time(self):
        return time.time() + self.ahead_s


@pytest.fixture
def wall(monkeypatch):
    wall = WallClock()
    monkeypatch.setattr(connection, "time", wall)
    return wall


@pytest.fixture
def pings(monkeypatch, record):
    """The pings that came to the exchange; it can be made deaf."""
    pings = record()
    pings.is_deaf = False
    receive = WsSession.receive

    def note(session, text):
        if json.loads(text)["event"] == "ping":
            pings(time.monotonic())
            if pings.is_deaf:
                return
        receive(session, text)

    monkeypatch.setattr(WsSession, "receive", note)
    return pings


def test_r02_a_jump_of_the_wall_clock_causes_a_ping(
    exchange, client, wall, pings, record
):
    events = record()
    handle = client.subscribe_trades("tBTCUSD", on_event=events)
    assert client.stats()["clock_jumps"] == 0 and pings.items == []
    wall.ahead_s = 8 * 3600.0
    pings.wait_for(1)
    # Again, for another one.
    wall.ahead_s *= 2
    pings.wait_for(2)
    client.ping()
    stats = client.stats()
    assert stats["clock_jumps"] == 2 == stats["connections"][0]["clock_jumps"]
    assert stats["reconnects"] == {} and len(events.items) == 1
    # Of what has come since.
    count, deadline = handle.update_count, time.monotonic() + 5.0
    while handle.update_count == count and time.monotonic() < deadline:
        time.sleep(0.002)
    assert handle.age < 5.0


def test_r02_without_a_pong_the_connection_is_reopened(
    exchange, wall, pings, record, monkeypatch
):
    monkeypatch.setattr(audit, "PROBE_S", 0.2)
    events = record()
    with WebSocketClient(exchange.url, backoff=Backoff(0.01)) as client:
        handle = client.subscribe_trades("tBTCUSD", on_event=events)
        # Nothing comes any more, as after a suspend that a NAT did not survive.
        exchange.inject("silent_channel")
        pings.is_deaf = True
        client._core.placement.links[0].worker.wake()
        start = time.monotonic()
        wall.ahead_s = 3600.0
        client._core.placement.links[0].worker.wake()
        pings.wait_for(1)
        assert handle.age > 3000.0 and handle.is_stale
        items = events.wait_for(3)
        assert 0.2 <= time.monotonic() - start < at_most(2.0)
        assert [type(item) for item in items] == [Snapshot, Gap, Snapshot]
        assert client.stats()["reconnects"] == {"stale": 1}
        assert not handle.is_stale


def test_r02_small_or_backward_clock_changes_mean_nothing(
    exchange, client, wall, pings
):
    client.subscribe_trades("tBTCUSD")
    for ahead_s in (-3600.0, -3597.0, -7200.0, -7196.0):
        wall.ahead_s = ahead_s
        client.ping()
    stats = client.stats()
    assert stats["clock_jumps"] == 0 and stats["reconnects"] == {}
    assert len(pings.items) == 4, "those that were asked for"


def test_r02_a_jump_while_there_is_no_connection_is_only_counted(
    exchange, wall, pings, record
):
    lost = record()
    with WebSocketClient(exchange.url, backoff=Backoff(1e6, 1e6)) as client:
        client.on("disconnected", lost)
        client.subscribe_ticker("tBTCUSD")
        exchange.drop_connections()
        lost.wait_for(1)
        wall.ahead_s = 3600.0
        # Wakes it.
        client.on("open", print)
        deadline = time.monotonic() + 5.0
        while not client.stats()["clock_jumps"] and time.monotonic() < deadline:
            time.sleep(0.002)
        assert client.stats()["clock_jumps"] == 1
        assert client.stats()["reconnects"] == {"broken": 1} and pings.items == []
