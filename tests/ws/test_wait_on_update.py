"""Waiting for an update of any subscription, and for a condition."""

from __future__ import annotations

import threading

import pytest

from bfxsync import ClosedError, RequestTimeout, UsageError, WebSocketClient
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


# --- wait_for -----------------------------------------------------------------------------------


def test_wait_for_returns_what_the_condition_returns(client):
    book = client.subscribe_book("tBTCUSD").book
    asks = []

    def has_moved():
        asks.append(book.microprice)
        return book.best_bid if asks[-1] != asks[0] else None

    assert client.wait_for(has_moved, PATIENCE_S).amount > 0
    assert len(asks) > 1 and asks[-1] != asks[0]
    # At once, without an update.
    assert client.wait_for(lambda: "yes", 0) == "yes"


def test_wait_for_ends_in_time(still):
    with WebSocketClient(still.url) as client:
        looks = []
        for timeout in (0, 0.01):
            with pytest.raises(RequestTimeout, match=f"not hold after {timeout} s"):
                client.wait_for(lambda: looks.append(None), timeout)
        assert len(looks) >= 3


def test_wait_for_looks_again_without_an_update(still, monkeypatch):
    monkeypatch.setattr("bfxsync.ws.waiting.LOOK_S", 0.001)
    with WebSocketClient(still.url) as client:
        looks = iter([None, 0, "", "at last"])
        assert client.wait_for(lambda: next(looks)) == "at last"


def test_wait_for_sees_what_became_of_an_order(exchange):
    with exchange.client() as bfx:
        reply = bfx.wss.inputs.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.01")
        assert bfx.wss.wait_for(lambda: reply.is_closed, PATIENCE_S)
        assert (reply.executed, reply.remaining) == (0.01, 0.0)


def test_error_of_the_condition_ends_the_wait(client):
    with pytest.raises(ZeroDivisionError):
        client.wait_for(lambda: 1 / 0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((None,), "condition must be"),
        ((lambda price: True,), "condition is called with 0"),
        ((never, -1), "timeout must be"),
        ((never, "5"), "timeout must be"),
    ],
    ids=["none", "argument", "negative", "text"],
)
def test_wait_for_refuses_what_it_cannot_wait_for(client, arguments, message):
    with pytest.raises(UsageError, match=message):
        client.wait_for(*arguments)


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_no_callback_waits_for_a_condition(exchange, record, threads):
    refused = record()
    with WebSocketClient(exchange.url, dispatch_threads=threads) as client:

        def wait(level):
            try:
                client.wait_for(lambda: True, 1.0)
            except UsageError as exc:
                refused(exc)

        client.subscribe_book("tBTCUSD", callback=wait)
        refused.wait_for(1)


def test_end_of_the_client_ends_the_wait_for_a_condition(still):
    errors, begun = [], threading.Event()

    def wait(client):
        with pytest.raises(ClosedError) as it:
            client.wait_for(begun.set)
        errors.append(it.value)

    with WebSocketClient(still.url) as client:
        client.subscribe_book("tBTCUSD")
        thread = threading.Thread(target=wait, args=(client,))
        thread.start()
        assert begun.wait(PATIENCE_S)
    thread.join(PATIENCE_S)
    assert len(errors) == 1


def test_last_update_of_a_replay_may_fulfil_a_condition(exchange, tmp_path):
    path = tmp_path / "run.jsonl"
    with WebSocketClient(exchange.url, record=path) as client:
        book = client.subscribe_book("tBTCUSD")
        client.wait_for(lambda: book.update_count >= 10, PATIENCE_S)
        client.close()
        count = book.update_count
    with replay(path) as recording:
        book = recording.subscribe_book("tBTCUSD")
        assert recording.wait_for(lambda: book.update_count >= count, PATIENCE_S)
        with pytest.raises(ClosedError):
            recording.wait_for(lambda: book.update_count > count, PATIENCE_S)
