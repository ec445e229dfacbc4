"""What a quiet connection costs (R16)."""

from __future__ import annotations

import threading
import time

import pytest
from patience import at_most

from bfxsync import Backoff, WebSocketClient
from bfxsync.paper import PaperExchange
from bfxsync.wire import audit
from bfxsync.ws.io.poller import Poller


@pytest.fixture
def wakeups(monkeypatch):
    """A number for each time that an I/O thread came back from waiting: of what was ready."""
    wakeups = []

    poll = Poller.poll

    def count(poller, timeout_s):
        ready = poll(poller, timeout_s)
        wakeups.append(len(ready))
        return ready

    monkeypatch.setattr(Poller, "poll", count)
    return wakeups


def quiet(**options):
    """An exchange whose market does not move."""
    return PaperExchange(captures=["btcusd-20181112"], autoplay=False, **options)


def wait_for_frames(client, count):
    """Return how many frames have come, once there are so many."""
    deadline = time.monotonic() + at_most(5)
    while client.frame_count < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return client.frame_count


def test_r16_a_quiet_connection_wakes_up_for_its_heartbeats_and_nothing_else(wakeups):
    with quiet(heartbeat_s=0.05) as exchange, WebSocketClient(exchange.url) as client:
        handle = client.subscribe_book("tBTCUSD")
        frames, woken = client.frame_count, len(wakeups)
        came = wait_for_frames(client, frames + 10) - frames
        # One may be under way between the two.
        assert abs(len(wakeups) - woken - came) <= 1
        assert set(wakeups[woken:]) == {1}, "none for a time that has come"
        assert handle.age < 1.0


def test_r16_a_connection_without_channels_wakes_up_for_its_pings(wakeups, monkeypatch):
    monkeypatch.setattr(audit, "IDLE_PING_S", 0.1)
    with quiet() as exchange, WebSocketClient(exchange.url) as client:
        client.wait_ready()
        frames, woken = client.frame_count, len(wakeups)
        came = wait_for_frames(client, frames + 3) - frames
        # For each the time to send it, and its answer.
        assert abs(len(wakeups) - woken - 2 * came) <= 2


def test_r16_a_silent_peer_is_pinged_once(wakeups):
    with (
        quiet(heartbeat_s=60.0) as exchange,
        WebSocketClient(exchange.url, ping_after=0.15, stale_after=30.0) as client,
    ):
        client.subscribe_book("tBTCUSD")
        frames, woken = client.frame_count, len(wakeups)
        time.sleep(0.6)
        came = client.frame_count - frames
        # Its answer says nothing about the book, and a second one would not either.
        assert came == 1
        assert len(wakeups) - woken <= 4


def test_r16_waiting_to_connect_again_wakes_up_for_nothing(wakeups, record):
    lost = record()
    with (
        quiet() as exchange,
        WebSocketClient(exchange.url, backoff=Backoff(1e6, 1e6)) as client,
    ):
        client.on("disconnected", lost)
        client.subscribe_book("tBTCUSD")
        exchange.drop_connections()
        lost.wait_for(1)
        time.sleep(0.1)
        woken = len(wakeups)
        time.sleep(0.3)
        assert len(wakeups) == woken


def test_r16_a_quiet_connection_costs_less_than_half_a_percent():
    """Processor time is measured, which nothing else on the machine makes longer."""
    with quiet(heartbeat_s=0.02) as exchange, WebSocketClient(exchange.url) as client:
        for prec in ("P0", "P1", "P2", "P3", "R0"):
            client.subscribe_book("tBTCUSD", prec=prec)
        frames, spent = client.frame_count, cpu_s()
        came = wait_for_frames(client, frames + 200) - frames
        each_s = (cpu_s() - spent) / came
    # A full connection: 25 channels, each with a heartbeat in 15 seconds.
    assert each_s * 25 / 15 < 0.005


def cpu_s():
    """Return the processor time of the threads of clients."""
    return sum(
        time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.name.startswith("bfxsync-")
        and not thread.name.startswith("bfxsync-paper")
    )
