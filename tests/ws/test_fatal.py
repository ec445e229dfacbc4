"""What ends a client for good (R04)."""

from __future__ import annotations

import threading
import time

import pytest
from patience import at_most

from bfxsync import (
    ConnectionStatus,
    SubscriptionStatus,
    WebSocketClient,
)
from bfxsync.errors import VersionMismatch
from bfxsync.paper.server.ws_session import WsSession
from bfxsync.ws.core.shared_subscription import SharedSubscription


@pytest.fixture
def other_version(monkeypatch):
    """The exchange speaks another version from now on."""

    def switch():
        monkeypatch.setattr(
            WsSession,
            "open",
            lambda session, is_operative=True: session._event(
                {"event": "info", "version": 3}
            ),
        )

    return switch


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_r04_another_version_ends_the_client_and_run_raises_it(
    exchange, other_version, record, threads
):
    other_version()
    told = record()
    client = WebSocketClient(exchange.url, dispatch_threads=threads)
    client.on("fatal", told)
    handle = client.subscribe_ticker("tBTCUSD", wait=False)
    start = time.monotonic()
    with pytest.raises(VersionMismatch) as caught:
        client.run()
    assert time.monotonic() - start < at_most(2.0)
    assert told.items == [caught.value] == [client.exception]
    assert "version 3" in str(caught.value)
    assert client.status is ConnectionStatus.FAILED
    for use in (
        client.start,
        client.run,
        client.ping,
        client.wait_ready,
        handle.wait_ready,
        lambda: client.subscribe_ticker("tETHUSD"),
    ):
        with pytest.raises(VersionMismatch):
            use()
    client.close()
    assert client.status is ConnectionStatus.FAILED
    assert client.stats()["status"] == "failed"
    assert exchange.connections_opened == 1, "no other connection would do better"


def test_r04_a_version_that_changes_ends_everything_that_was_live(
    exchange, other_version, record
):
    told, order = record(), record()
    client = WebSocketClient(exchange.url, channels_per_connection=1)
    client.on("fatal", lambda error: (told(error), order("fatal")))
    client.on("disconnected", lambda code, reason: order("disconnected"))
    waiting = client.subscribe_trades("tBTCUSD")
    other = client.subscribe_trades("tETHUSD")
    items = iter(waiting)
    next(items)
    ended = []

    def iterate():
        try:
            for _ in other:
                pass
        except VersionMismatch as exc:
            ended.append(exc)

    thread = threading.Thread(target=iterate)
    thread.start()
    other_version()
    exchange.drop_connections()
    (error,) = told.wait_for(1)
    with pytest.raises(VersionMismatch):
        while True:
            next(items)
    thread.join(5.0)
    assert ended == [error] and client.exception is error
    assert waiting.status is other.status is SubscriptionStatus.CLOSED
    client.close()
    assert told.items == [error], "once, however many connections there were"
    assert [row["status"] for row in client.stats()["connections"]] == ["failed"] * 2


def test_r04_a_fatal_error_of_one_connection_ends_readers_of_another(
    exchange, other_version, record
):
    """Also when they begin to read only then."""
    told = record()
    client = WebSocketClient(exchange.url, channels_per_connection=1)
    client.on("fatal", told)
    symbols = ("tBTCUSD", "tETHUSD", "tLTCBTC", "fUSD")
    handles = [client.subscribe_trades(symbol) for symbol in symbols]
    other_version()
    exchange.drop_connections()
    told.wait_for(1)
    client.close()
    for handle in handles:
        for read in (iter(handle).__next__, handle.get, handle.events().__next__):
            with pytest.raises(VersionMismatch):
                read()


def test_r04_a_handler_of_fatal_may_close(exchange, other_version):
    other_version()
    client = WebSocketClient(exchange.url)
    client.on("fatal", lambda error: client.close())
    with pytest.raises(VersionMismatch):
        client.run()


def test_a_mistake_of_ours_ends_the_client_instead_of_hanging_it(
    exchange, monkeypatch, record, caplog
):
    told = record()
    client = WebSocketClient(exchange.url)
    client.on("fatal", told)
    handle = client.subscribe_trades("tBTCUSD")
    items = iter(handle)
    monkeypatch.setattr(SharedSubscription, "deliver", lambda *_: 1 / 0)
    (error,) = told.wait_for(1)
    monkeypatch.undo()
    assert isinstance(error.__cause__, ZeroDivisionError)
    with pytest.raises(type(error), match="thread of a connection failed"):
        while True:
            next(items)
    with pytest.raises(type(error), match="thread of a connection failed"):
        client.run()
    assert "this is a bug in bfxsync" in caplog.text
    client.close()
