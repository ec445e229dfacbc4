"""What a client says of itself, compared with what has happened."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from bfxsync import Backoff, Snapshot, SubscriptionStatus, WebSocketClient
from bfxsync.paper import PaperExchange

TOTALS = {
    "status",
    "frames",
    "frames_per_s",
    "received_bytes",
    "received_bytes_per_s",
    "sent_bytes",
    "updates",
    "gaps",
    "heals",
    "drops",
    "queued",
    "lag_s",
    "reconnects",
    "clock_jumps",
    "connections_left",
    "shared_budget",
    "errors",
    "error_count",
    "last_error",
    "connections",
    "subscriptions",
}
OF_A_CONNECTION = TOTALS - {
    "heals",
    "drops",
    "connections_left",
    "shared_budget",
    "errors",
    "error_count",
    "connections",
    "subscriptions",
} | {
    "number",
    "is_account",
    "channels",
    "limit",
    "ping_s",
    "last_error",
}
OF_A_SUBSCRIPTION = {
    "channel",
    "sub_id",
    "connection",
    "status",
    "is_stale",
    "age_s",
    "updates",
    "gaps",
    "heals",
    "drops",
    "queued",
    "lag_s",
    "error_count",
    "last_error",
}


def wait_until(condition, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def is_plain(value):
    """Tell whether a value is nothing but what JSON has."""
    if isinstance(value, dict):
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or type(value) in (str, int, float, bool)


@pytest.fixture
def client(exchange):
    with WebSocketClient(exchange.url, backoff=Backoff(first_s=0.02)) as client:
        yield client


def check_rows(stats, state, connections, subscriptions):
    assert stats["status"] == state and is_plain(stats)
    assert json.loads(json.dumps(stats, allow_nan=False)) == stats
    assert set(stats) == TOTALS
    assert [row["status"] for row in stats["connections"]] == [state] * connections
    assert all(set(row) == OF_A_CONNECTION for row in stats["connections"])
    assert len(stats["subscriptions"]) == subscriptions
    assert all(OF_A_SUBSCRIPTION <= set(row) for row in stats["subscriptions"])


def test_stats_are_plain_data_in_every_state(exchange):
    with WebSocketClient(exchange.url, channels_per_connection=2) as client:
        check_rows(client.stats(), "new", 0, 0)
        client.subscribe_book("tBTCUSD", lambda update: None)
        client.subscribe_ticker("tBTCUSD")
        client.subscribe_candles("tBTCUSD", "1m")
        client.subscribe_status("liq:global")
        client.subscribe_status("deriv:tNOPEF0:USTF0", wait=False)
        wait_until(lambda: client.stats()["connections"][2]["status"] == "open")
        check_rows(client.stats(), "open", 3, 5)
    check_rows(client.stats(), "closed", 3, 5)


def test_frames_and_updates_are_those_that_came(exchange, client, record):
    """Every message that the exchange has sent, and every update that a callback got."""
    book, trades = record(), record()
    with_callback = client.subscribe_book("tBTCUSD", book)
    client.subscribe_trades("tETHUSD", trades)
    book.wait_for(20)
    trades.wait_for(5)
    client.unsubscribe(with_callback.sub_id)
    client.unsubscribe(client.stats()["subscriptions"][0]["sub_id"])
    # The answer to a ping comes after all that was sent before.
    client.ping()
    stats = client.stats()
    assert stats["frames"] == exchange.frames_sent == client.frame_count
    assert stats["subscriptions"] == []
    # What came between the request to end a channel and its end was given to nobody.
    assert stats["updates"] >= len(book.items) + len(trades.items) >= 25
    assert stats["connections"][0]["updates"] == stats["updates"]
    assert 0 < stats["connections"][0]["ping_s"] < 5.0


def test_bytes_and_rates_belong_to_what_came(exchange, client, record):
    book = record()
    client.subscribe_book("tBTCUSD", book)
    book.wait_for(20)
    stats = client.stats()
    (row,) = stats["connections"]
    # A frame of the exchange has at least its head and an empty list.
    assert stats["received_bytes"] == row["received_bytes"] > 4 * stats["frames"]
    assert stats["sent_bytes"] == row["sent_bytes"] > len('{"event":"subscribe"}')
    assert row["frames"] >= row["frames_per_s"] > 0.0
    assert row["received_bytes"] >= row["received_bytes_per_s"] > row["frames_per_s"]
    assert stats["connections_left"] is None  # loopback
    exchange.drop_connections()
    wait_until(lambda: client.stats()["gaps"] == 1)
    assert client.stats()["received_bytes"] >= stats["received_bytes"]


def test_reported_errors_are_counted_by_class(exchange):
    errors = []
    with WebSocketClient(exchange.url, on_error=errors.append) as client:
        client.subscribe_book("tBTCUSD")
        exchange.inject("wrong_checksum", symbol="tBTCUSD")
        wait_until(lambda: errors)
        stats = client.stats()
    assert stats["errors"] == {"ChecksumMismatch": 1} and stats["error_count"] == 0


def test_updates_of_a_subscription_are_those_that_its_callback_got(client, record):
    got, events = record(), record()
    handle = client.subscribe_trades("tBTCUSD", got, on_event=events)
    got.wait_for(10)
    client.close()
    (row,) = client.stats()["subscriptions"]
    assert row["updates"] == handle.update_count == len(got.items)
    assert row["queued"] == 0 == row["drops"] and row["status"] == "closed"
    assert len(events.items) == 1


@pytest.mark.parametrize(
    "lose, cause",
    [
        (lambda exchange: exchange.drop_connections(), "broken"),
        (lambda exchange: exchange.drop_connections(1001), "closed"),
        (lambda exchange: exchange.drop_connections(reset=True), "broken"),
        (lambda exchange: exchange.send_info(20051), "restart"),
        (lambda exchange: exchange.inject("sequence_hole"), "sequence"),
    ],
    ids=["drop", "close", "reset", "20051", "hole"],
)
def test_losses_are_counted_by_their_cause_and_gaps_by_channel(
    exchange, client, record, lose, cause
):
    events = record()
    one = client.subscribe_book("tBTCUSD", on_event=events)
    client.subscribe_trades("tBTCUSD", on_event=events)
    for times in (1, 2):
        lose(exchange)
        events.wait(lambda items: len(items) == 2 + 4 * times)
        stats = client.stats()
        assert stats["reconnects"] == {cause: times} and stats["gaps"] == 2 * times
        assert [row["gaps"] for row in stats["subscriptions"]] == [times] * 2
        assert stats["connections"][0]["reconnects"] == {cause: times}
        assert one.gap_count == times and stats["heals"] == 0
    wait_until(lambda: one.status is SubscriptionStatus.LIVE)


def test_attempts_that_fail_are_counted_too(exchange, record):
    exchange.inject("refuse_handshake", times=2, status=503)
    with WebSocketClient(exchange.url, backoff=Backoff(0.01, 0.02)) as client:
        client.subscribe_ticker("tBTCUSD", timeout=5.0)
        stats = client.stats()
        assert stats["reconnects"] == {"refused": 2} and stats["gaps"] == 0
        assert stats["connections"][0]["last_error"] is None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
    with WebSocketClient(url, backoff=Backoff(0.01, 0.02)) as client:
        client.start()
        wait_until(lambda: client.stats()["reconnects"].get("unreachable", 0) > 1)
        (row,) = client.stats()["connections"]
        assert "refused" in row["last_error"] and row["status"] != "open"


def test_heals_are_counted_once_for_all_handles_and_stay(exchange, client, record):
    events = record()
    handles = [client.subscribe_book("tBTCUSD", on_event=events) for _ in range(2)]
    other = client.subscribe_book("tETHUSD")
    exchange.inject("wrong_checksum", symbol="tBTCUSD")
    events.wait(lambda items: sum(isinstance(i, Snapshot) for i in items) == 4)
    stats = client.stats()
    assert stats["heals"] == 1 and stats["reconnects"] == {} and stats["gaps"] == 1
    heals = {row["symbol"]: row["heals"] for row in stats["subscriptions"]}
    assert heals == {"tBTCUSD": 1, "tETHUSD": 0}
    assert [handle.heal_count for handle in [*handles, other]] == [1, 1, 0]
    for handle in handles:
        handle.unsubscribe()
    stats = client.stats()
    assert (stats["heals"], stats["gaps"]) == (1, 1)
    assert len(stats["subscriptions"]) == 1


def test_the_lag_grows_while_a_consumer_has_stopped(client, record):
    begun, go_on, got = threading.Event(), threading.Event(), record()

    def hold(update):
        begun.set()
        assert go_on.wait(30.0)
        got(update)

    handle = client.subscribe_book("tBTCUSD", hold)
    assert begun.wait(5.0)
    wait_until(lambda: handle.queued_count > 5)
    lags, queued = [], []
    for _ in range(5):
        stats = client.stats()
        (row,) = stats["subscriptions"]
        assert stats["queued"] == row["queued"] or stats["queued"] <= row["queued"] + 50
        assert stats["lag_s"] >= row["lag_s"] >= (lags[-1] if lags else 0.0)
        lags.append(row["lag_s"])
        queued.append(row["queued"])
        time.sleep(0.05)
    assert lags[-1] - lags[0] > 0.1 and queued == sorted(queued)
    go_on.set()
    got.wait_for(queued[-1])
    wait_until(lambda: handle.queued_count == 0)
    assert handle.dropped_count == 0 == client.stats()["drops"]


def test_staleness_and_age(exchange, client):
    handle = client.subscribe_book("tBTCUSD")
    (row,) = client.stats()["subscriptions"]
    assert row["is_stale"] is False and 0.0 <= row["age_s"] < 5.0
    pending = client.subscribe_status("deriv:tNOPEF0:USTF0", wait=False)
    row = client.stats()["subscriptions"][1]
    assert (row["is_stale"], row["age_s"], row["status"]) == (True, None, "pending")
    assert handle.age is not None and pending.age is None
    exchange.inject("silent_channel", channel="book")
    before = handle.age
    time.sleep(0.05)
    assert handle.age > before


def test_stats_may_be_read_while_everything_changes(exchange):
    """From several threads, while connections and subscriptions come and go."""
    failed, done, seen = [], threading.Event(), []

    def look():
        try:
            # A thread that never waits would keep the others from changing anything.
            while not done.wait(0.0002):
                seen.append(client.stats()["frames"])
        except Exception as exc:
            failed.append(exc)

    with (
        PaperExchange(rate=1_000.0, max_channels=2) as small,
        WebSocketClient(small.url, backoff=Backoff(0.001, 0.01)) as client,
    ):
        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(12):
            client.on("t_book_update", lambda subscription, update: None)
            for symbol in ("tBTCUSD", "tETHUSD", "tLTCBTC", "fUSD"):
                client.subscribe_book(symbol, wait=False)
                client.subscribe_trades(symbol, wait=False).unsubscribe()
            small.drop_connections(1000 + number)
        done.set()
        for thread in threads:
            thread.join(10.0)
        client.close()
    assert failed == [] and len(seen) > 100
