"""What a client tells liveness and readiness probes, compared with what has happened."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest
from patience import at_most
from scripts import run

from bfxsync import (
    Backoff,
    Client,
    InfoCode,
    SubscriptionRejected,
    SubscriptionStatus,
    UsageError,
    WebSocketClient,
)
from bfxsync.paper import PaperExchange
from bfxsync.ws.dispatch.dispatcher import Dispatcher
from bfxsync.ws.io.link import Link

NOTHING = {
    "is_alive": True,
    "is_ready": False,
    "reasons": ["not connected: nothing was subscribed or started"],
    "status": "new",
    "connections": 0,
    "open_connections": 0,
    "subscriptions": 0,
    "live_subscriptions": 0,
    "is_forked": False,
    "is_authenticated": None,
}


DEADLINE_S = at_most(20.0)


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def state(client, **options):
    health = client.health(**options)
    return health["is_alive"], health["is_ready"], health["reasons"]


def test_a_client_is_ready_while_everything_is_live(exchange):
    with WebSocketClient(exchange.url) as client:
        assert client.health() == NOTHING
        client.subscribe_ticker("tBTCUSD")
        client.subscribe_liquidations()
        health = client.health()
        assert json.loads(json.dumps(health)) == health
        assert health == {
            **NOTHING,
            "is_ready": True,
            "reasons": [],
            "status": "open",
            **dict.fromkeys(("connections", "open_connections"), 1),
            **dict.fromkeys(("subscriptions", "live_subscriptions"), 2),
        }
    assert client.health()["status"] == "closed"
    assert state(client) == (False, False, ["the client is closed"])


def test_a_lost_connection_makes_it_not_ready_but_alive(exchange):
    backoff = Backoff(first_s=60.0)
    with WebSocketClient(exchange.url, backoff=backoff) as client:
        for n in range(5):
            client.subscribe_candles("tBTCUSD", ("1m", "5m", "15m", "1h", "1D")[n])
        exchange.inject("refuse_handshake", times=None, status=503)
        exchange.drop_connections()
        wait_until(lambda: len(client.health()["reasons"]) == 2)
        is_alive, is_ready, (lost, gap) = state(client)
        assert (is_alive, is_ready) == (True, False)
        assert lost.startswith("connection 1 is reconnecting: NetworkError: ")
        assert gap == (
            "gap: candles trade:1m:tBTCUSD, candles trade:5m:tBTCUSD, candles trade:15m:tBTCUSD "
            "and 2 more"
        )
        assert client.health()["live_subscriptions"] == 0


def test_a_refused_subscription_is_wanted_no_longer(exchange, client):
    client.subscribe_ticker("tBTCUSD")
    with pytest.raises(SubscriptionRejected):
        client.subscribe_ticker("tNOPEXX")
    later = client.subscribe_ticker("tNOPEYY", wait=False)
    wait_until(lambda: later.status is SubscriptionStatus.REJECTED)
    wait_until(lambda: client.health()["is_ready"])


def test_a_pending_subscription_is_named(exchange, client):
    client.subscribe_ticker("tBTCUSD")
    exchange.inject("no_answer", channel="ticker", symbol="tETHUSD")
    client.subscribe_ticker("tETHUSD", wait=False)
    assert state(client) == (True, False, ["pending: ticker tETHUSD"])


def test_a_subscription_is_stale_while_its_thread_is_blocked(exchange):
    go = threading.Event()
    options = {"dispatch_threads": 0, "stale_after": 0.5, "ping_after": 0.4}
    with WebSocketClient(exchange.url, **options) as client:
        client.subscribe_ticker("tBTCUSD")
        client.subscribe_ticker(
            "tETHUSD", lambda ticker: go.wait(DEADLINE_S), wait=False
        )
        wait_until(lambda: "stale: ticker tBTCUSD" in str(client.health()["reasons"]))
        go.set()
        wait_until(lambda: client.health()["is_ready"])


def test_a_maintenance_makes_it_not_ready(exchange, client):
    client.subscribe_ticker("tBTCUSD")
    exchange.send_info(InfoCode.MAINTENANCE_START)
    wait_until(lambda: client.health()["status"] == "maintenance")
    wait_until(lambda: client.health()["live_subscriptions"] == 0)
    is_alive, is_ready, reasons = state(client)
    assert is_alive and not is_ready
    assert reasons[0].startswith("connection 1 is maintenance")
    exchange.send_info(InfoCode.MAINTENANCE_END)
    wait_until(lambda: client.health()["is_ready"])


def test_an_account_counts_from_its_first_use(exchange):
    with exchange.client(backoff=Backoff(first_s=60.0)) as bfx:
        bfx.wss.subscribe_ticker("tBTCUSD")
        assert bfx.health()["is_authenticated"] is None and bfx.health()["is_ready"]
        bfx.wss.wait_authenticated()
        wait_until(lambda: bfx.health()["is_ready"])
        assert bfx.health()["is_authenticated"] is True
        exchange.inject("refuse_handshake", times=None, status=503)
        exchange.drop_connections()
        wait_until(lambda: bfx.health()["is_authenticated"] is False)
        assert any(text.startswith("connection 2 ") for text in bfx.health()["reasons"])


def test_a_refused_key_ends_it(exchange):
    with Client(
        "paper-other", "paper-x", wss_host=exchange.url, rest_host=exchange.rest_url
    ) as bfx:
        bfx.wss.authenticate()
        wait_until(lambda: not bfx.health()["is_alive"])
        (reason,) = bfx.health()["reasons"]
        assert reason.startswith("ended by AuthError: ") and "paper-x" not in reason
        assert bfx.health()["status"] == "failed"


def test_a_callback_that_exits_ends_it(exchange):
    client = WebSocketClient(exchange.url)
    client.subscribe_ticker("tBTCUSD", lambda ticker: os.sys.exit(3))
    wait_until(lambda: not client.health()["is_alive"])
    assert state(client)[2] == ["a callback raised SystemExit: 3"]
    client.close()


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_a_blocked_callback_counts_if_asked_for(exchange, threads):
    entered, go, own = threading.Event(), threading.Event(), []

    def block(ticker):
        # It does not count as blocked to itself: the probe may be called there.
        own.append(client.health(stuck_after=1e-9)["is_alive"])
        entered.set()
        go.wait(DEADLINE_S)

    with WebSocketClient(exchange.url, dispatch_threads=threads) as client:
        client.subscribe_ticker("tBTCUSD", block, wait=False)
        assert entered.wait(DEADLINE_S)
        wait_until(lambda: not client.health(stuck_after=0.001)["is_alive"])
        assert state(client, stuck_after=0.001) == (
            False,
            False,
            ["callbacks of ticker tBTCUSD have been running for 0.001 s"],
        )
        assert client.health()["is_alive"]
        assert client.health(stuck_after=3600)["is_alive"]
        go.set()
    assert set(own) == {True}


@pytest.mark.parametrize("wrong", [0, -1, "1", True, float("nan"), 1e9])
def test_a_wrong_time_is_refused(client, wrong):
    with pytest.raises(UsageError, match="stuck_after must be"):
        client.health(stuck_after=wrong)


def test_a_thread_that_ended_by_a_bug_is_noticed(exchange, monkeypatch):
    """Usually such a thread ends the client; here even that fails."""
    client = WebSocketClient(exchange.url)
    client.subscribe_ticker("tBTCUSD")
    (link,) = client._core.placement.links
    with monkeypatch.context() as patch:
        patch.setattr(Link, "finish", lambda link: None)
        link.submit(lambda table: 1 / 0)
        wait_until(lambda: not client.health()["is_alive"])
    assert state(client)[2] == ["the thread of connection 1 has ended"]
    link.finish()
    client.close()


def test_a_dispatch_thread_that_ended_by_a_bug_is_noticed(exchange, monkeypatch):
    with WebSocketClient(exchange.url) as client:
        monkeypatch.setattr(client._core.dispatcher, "_on_failure", lambda exc: None)
        monkeypatch.setattr(Dispatcher, "_serve", lambda dispatcher, queue: 1 / 0)
        client.subscribe_ticker("tBTCUSD", lambda ticker: None)
        wait_until(lambda: not client.health()["is_alive"])
        assert state(client)[2] == ["a dispatch thread has ended"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_r10_a_forked_child_says_so(exchange: PaperExchange):
    code, output, _ = run(
        """
        client, fresh = WebSocketClient(URL), WebSocketClient(URL)
        client.subscribe_ticker("tBTCUSD", lambda ticker: None)

        def check():
            health = client.health(stuck_after=0.001)
            assert not health["is_alive"] and not health["is_ready"]
            (reason,) = health["reasons"]
            assert f"the parent process {os.getppid()}" in reason and "start()" in reason
            # One that had not connected works in the child.
            assert fresh.health()["status"] == "new" and fresh.health()["is_alive"]
            client.start()
            client.subscribe_ticker("tBTCUSD")
            assert client.health()["is_ready"], client.health()
            client.close()

        say(in_child(check))
        say(client.health()["is_ready"])
        client.close()
        """,
        URL=exchange.url,
    )
    assert (code, output) == (0, "True\nTrue\n")


def test_it_never_waits_for_a_lock_of_the_client(exchange, client):
    """Asked while another thread changes the placement of channels."""
    client.subscribe_ticker("tBTCUSD")
    with client._core.placement._lock:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(client.health()))
        thread.start()
        thread.join(DEADLINE_S)
        assert [each["is_ready"] for each in answers] == [True]
