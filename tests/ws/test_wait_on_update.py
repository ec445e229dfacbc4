"""Waiting for an update of any subscription."""

from __future__ import annotations

import threading

import pytest

from bfxsync import ClosedError, UsageError, WebSocketClient
from bfxsync.paper import PaperExchange
from bfxsync.ws.dispatch.update_signal import UpdateSignal
from bfxsync.ws.replay import replay

PATIENCE_S = 10.0


@pytest.fixture
def still():
    """An exchange whose markets stand still."""
    with PaperExchange(rate=0.001, checksum_s=60.0, heartbeat_s=5.0) as exchange:
        yield exchange


def never():
    return False


def test_any_subscription_ends_the_wait(client):
    client.subscribe_ticker("tBTCUSD")
    book = client.subscribe_book("tBTCUSD")
    before = book.update_count
    while book.update_count < before + 20:
        assert client.wait_on_update(PATIENCE_S)


def test_it_returns_after_the_callback_has_handled_the_update(client):
    """A board reads what callbacks store; it must not stay one update behind."""
    handled = []
    has_begun, is_free = threading.Event(), threading.Event()

    def store(trade):
        has_begun.set()
        is_free.wait(PATIENCE_S)
        handled.append(trade)

    handle = client.subscribe_trades("tBTCUSD", store)
    assert has_begun.wait(PATIENCE_S)
    handle.unsubscribe()
    while client.wait_on_update(0):
        pass
    is_free.set()
    while not handled:
        assert client.wait_on_update(PATIENCE_S)


def test_without_updates_it_returns_false(still):
    with WebSocketClient(still.url) as client:
        client.subscribe_book("tBTCUSD")
        client.ping()
        assert not client.wait_on_update(0)
        assert not client.wait_on_update(0.01)


def test_connection_events_are_no_updates(still):
    """The dispatch thread may handle `open` long after the first data."""
    has_begun, is_free, is_done = (threading.Event() for _ in range(3))

    def on_open():
        has_begun.set()
        is_free.wait(PATIENCE_S)

    with WebSocketClient(still.url) as client:
        client.on("open", on_open)
        client.on("restored", lambda gap_s: is_done.set())
        client.subscribe_book("tBTCUSD")
        client.ping()
        assert has_begun.wait(PATIENCE_S)
        assert not client.wait_on_update(0)
        # Handled after `open`, in a batch of its own.
        client._core.publisher.opened(1.0)
        is_free.set()
        assert is_done.wait(PATIENCE_S)
        assert not client.wait_on_update(0)


def test_a_rejection_counts_as_an_update(still):
    with WebSocketClient(still.url) as client:
        client.wait_on_update(0)
        handle = client.subscribe_ticker("tNOPE:USD", wait=False)
        while handle.is_active:
            assert client.wait_on_update(PATIENCE_S)


def test_what_comes_between_two_calls_is_not_missed():
    signal = UpdateSignal()
    assert not signal.is_awaited and not signal.wait(0.0, never) and signal.is_awaited
    signal.notify()
    signal.notify()
    assert signal.wait(None, never)
    assert not signal.wait(0.0, never)


def test_a_thread_may_begin_before_it_waits():
    """As a replay does: all that it plays counts for the call that starts it."""
    signal = UpdateSignal()
    signal.watch()
    signal.notify()
    assert signal.wait(0.0, never) and not signal.wait(0.0, never)


@pytest.mark.parametrize("timeout_s", [None, PATIENCE_S])
def test_the_end_of_an_earlier_announcement_ends_no_wait(timeout_s):
    """Its thread wakes one after another, and finds those who wait again already."""
    signal, looks = UpdateSignal(), []
    signal.wait(0.0, never)

    def look():
        """Be called when the thread is about to wait."""
        looks.append(None)
        if len(looks) < 3:
            signal._waiters.wake_all()
        else:
            signal.notify()
        return False

    assert signal.wait(timeout_s, look)


def test_each_thread_gets_the_same_updates():
    signal, seen, are_ready = UpdateSignal(), [], threading.Barrier(4)

    def wait():
        signal.wait(0.0, never)
        are_ready.wait(PATIENCE_S)
        seen.append(signal.wait(PATIENCE_S, never))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    are_ready.wait(PATIENCE_S)
    signal.notify()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert seen == [True] * 3


def test_no_update_is_lost_between_threads():
    """Whatever was stored before the last announcement is seen by a reader in the end."""
    signal, stored, seen = UpdateSignal(), [], []

    def read():
        signal.wait(0.0, never)
        begun.set()
        while len(stored) < 20_000:
            assert signal.wait(PATIENCE_S, never)
        seen.append(len(stored))

    def write():
        for _ in range(10_000):
            stored.append(None)
            signal.notify()

    begun = threading.Event()
    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(PATIENCE_S)
    writers = [threading.Thread(target=write) for _ in range(2)]
    for thread in writers:
        thread.start()
    for thread in (*writers, reader):
        thread.join(3 * PATIENCE_S)
    assert seen == [20_000]


def test_closing_ends_the_wait(still):
    errors, begun = [], threading.Event()

    def wait(client):
        client.wait_on_update(0)
        begun.set()
        try:
            while client.wait_on_update():
                pass
        except ClosedError as exc:
            errors.append(exc)

    with WebSocketClient(still.url) as client:
        client.subscribe_book("tBTCUSD")
        thread = threading.Thread(target=wait, args=(client,))
        thread.start()
        assert begun.wait(PATIENCE_S)
    thread.join(PATIENCE_S)
    assert len(errors) == 1
    with pytest.raises(ClosedError):
        client.wait_on_update(0)


def test_it_cannot_wait_on_the_io_thread(exchange, record):
    refused = record()
    with WebSocketClient(exchange.url, dispatch_threads=0) as client:

        def wait(level):
            try:
                client.wait_on_update(1.0)
            except UsageError as exc:
                refused(exc)

        client.subscribe_book("tBTCUSD", callback=wait)
        refused.wait_for(1)


def test_it_starts_a_replay(exchange, tmp_path):
    path = tmp_path / "run.jsonl"
    with WebSocketClient(exchange.url, record=path) as client:
        book = client.subscribe_book("tBTCUSD")
        while book.update_count < 10:
            assert client.wait_on_update(PATIENCE_S)
    with replay(path) as recording:
        with pytest.raises(UsageError, match="timeout must be"):
            recording.wait_on_update(-1)
        book = recording.subscribe_book("tBTCUSD")
        with pytest.raises(ClosedError):
            while recording.wait_on_update(PATIENCE_S):
                pass
        assert book.update_count >= 10
