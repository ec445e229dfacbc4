"""Callbacks on no thread of their own, on one, and on several (R08)."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest
from patience import at_most

from bfxsync import (
    Backoff,
    ConnectionStatus,
    Gap,
    NetworkError,
    SubscriptionRejected,
    SubscriptionStatus,
    Trade,
    UsageError,
    WebSocketClient,
)
from bfxsync.ws import client as client_module
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher

SYMBOLS = ["tBTCUSD", "tETHUSD", "tLTCBTC", "fUSD"]


class Watched:
    """A callback that notes what it gets, on which threads, and whether it ran twice at once."""

    def __init__(self) -> None:
        self.items = []
        self.threads = set()
        self.has_overlapped = False
        self._is_running = False

    def __call__(self, item):
        self.has_overlapped = self.has_overlapped or self._is_running
        self._is_running = True
        self.threads.add(threading.current_thread().name)
        self.items.append(item)
        # Lets the others run, in the middle of it.
        time.sleep(0)
        self._is_running = False


def wait_until(condition, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# --- the threads themselves -------------------------------------------------------------------


def test_r08_items_of_a_mailbox_are_handled_one_by_one():
    dispatcher = Dispatcher("bfxsync-dispatch", thread_count=8)
    dispatcher.start()
    handlers = [Watched() for _ in range(5)]
    callback_queues = [
        CallbackQueue("test", {int: handler}, dispatcher, size=100_000)
        for handler in handlers
    ]
    for first in range(0, 4_000, 4):
        for callback_queue in callback_queues:
            callback_queue.mailbox.put(list(range(first, first + 4)), list)
    deadline = time.monotonic() + 20.0
    dispatcher.stop(deadline)
    assert dispatcher.join(deadline)
    for handler in handlers:
        assert handler.items == list(range(4_000))
        assert not handler.has_overlapped
    used = set().union(*(handler.threads for handler in handlers))
    assert used <= {f"bfxsync-dispatch-{n}" for n in range(1, 9)} and len(used) > 1


def test_r10_all_threads_end_and_what_was_queued_is_handled():
    dispatcher = Dispatcher("bfxsync-dispatch", thread_count=4)
    dispatcher.start()
    done = []
    callback_queues = [
        CallbackQueue("test", {int: done.append}, dispatcher, size=1_000)
        for _ in range(10)
    ]
    for callback_queue in callback_queues:
        callback_queue.mailbox.put(list(range(500)), list)
    deadline = time.monotonic() + 5.0
    dispatcher.stop(deadline)
    assert dispatcher.join(deadline)
    assert len(done) == 5_000 and dispatcher.dropped_count == 0


def test_r10_an_on_error_that_ends_the_program_ends_no_thread(record):
    """`sys.exit()` there means what it means in a callback."""
    ends, done = record(), record()

    def fail(_):
        raise ValueError("first")

    dispatcher = Dispatcher("bfxsync-dispatch", lambda error: sys.exit(3), ends)
    dispatcher.start()
    callback_queue = CallbackQueue("bad", {int: fail, str: done}, dispatcher, size=10)
    callback_queue.mailbox.put([1, "end"], list)
    done.wait_for(1)
    assert [end.code for end in ends.items] == [3]
    dispatcher.stop(time.monotonic() + 5.0)
    assert dispatcher.join(time.monotonic() + 5.0)


class Strange(BaseException):
    """Nothing that anybody expects."""


def test_r08_whatever_on_error_raises_the_thread_lives_on(caplog, record):
    done = record()

    def fail(_):
        raise ValueError("first")

    def on_error(_):
        raise Strange

    dispatcher = Dispatcher("bfxsync-dispatch", on_error)
    dispatcher.start()
    callback_queue = CallbackQueue("bad", {int: fail, str: done}, dispatcher, size=10)
    callback_queue.mailbox.put([1, "end"], list)
    done.wait_for(1)
    assert [entry.message for entry in caplog.records][1:] == ["on_error raised"]
    dispatcher.stop(time.monotonic() + 5.0)
    assert dispatcher.join(time.monotonic() + 5.0)


def test_r10_sys_exit_in_on_error_ends_run_with_it(exchange):
    client = WebSocketClient(exchange.url, on_error=lambda error: sys.exit(6))
    client.subscribe_ticker("tNOSUCH:USD", wait=False)
    with pytest.raises(SystemExit) as caught:
        client.run()
    assert caught.value.code == 6


# --- several ----------------------------------------------------------------------------------


def test_r08_a_callback_that_blocks_leaves_the_others_running(exchange, record):
    blocked, go_on, others = threading.Event(), threading.Event(), record()

    def block(item):
        blocked.set()
        go_on.wait(30.0)

    with WebSocketClient(exchange.url, dispatch_threads=2) as client:
        client.subscribe_trades("tBTCUSD", block)
        client.subscribe_trades("tETHUSD", others)
        client.subscribe_book("tBTCUSD", others)
        client.on("t_ticker_update", lambda subscription, ticker: others(ticker))
        client.subscribe_ticker("tLTCBTC")
        assert blocked.wait(10.0)
        count = len(others.items)
        others.wait_for(count + 100, 20.0)
        assert not go_on.is_set()
        go_on.set()


SERVER = """
import sys
from bfxsync.paper import PaperExchange

with PaperExchange(rate=100.0) as exchange:
    print(exchange.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def distant():
    """The address of an exchange in a process of its own, so that it delays nobody here."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield server.stdout.readline().strip()
    server.communicate(timeout=10.0)


def note_lags(client):
    """Subscribe to a book, and return where the delay of its callbacks is noted."""
    lags, handles = [], []

    def on_update(update):
        if handles:
            lags.append(handles[0].lag_s)

    handles.append(client.subscribe_book("tETHUSD", on_update))
    return lags


@pytest.mark.long
@pytest.mark.timeout(200)
def test_r08_a_callback_that_sleeps_a_minute_costs_the_others_nothing(distant):
    begun = threading.Event()

    def sleep(_):
        if not begun.is_set():
            begun.set()
            time.sleep(60.0)

    with WebSocketClient(distant, dispatch_threads=2) as client:
        client.subscribe_trades("tBTCUSD", sleep)
        assert begun.wait(10.0)
        lags = note_lags(client)
        time.sleep(58.0)
    for thread in threading.enumerate():
        if thread.name.startswith("bfxsync-dispatch"):
            thread.join(10.0)
    assert len(lags) > 1_000
    # How little it is on a quiet machine is measured: benchmarks/run.py --rows threads.
    assert sorted(lags)[int(len(lags) * 0.99)] < at_most(0.2)


def test_r08_updates_of_a_subscription_come_one_by_one(exchange):
    watched = [Watched() for _ in range(8)]
    with WebSocketClient(exchange.url, dispatch_threads=8) as client:
        mirrors, handles = [], []
        for number, got in enumerate(watched):
            channel = ("trades", "book")[number % 2]
            arguments = {"channel": channel, "symbol": SYMBOLS[number // 2]}
            handles.append(client.subscribe(**arguments, callback=got))
            # The same objects in the order in which they came, put there by the I/O thread.
            mirrors.append(iter(client.subscribe(**arguments)))
        came = [[next(mirror) for _ in range(50)] for mirror in mirrors]
        for got, items in zip(watched, came):
            wait_until(lambda: any(item is items[-1] for item in list(got.items)))
    for got, items in zip(watched, came):
        assert not got.has_overlapped
        positions = {id(item): index for index, item in enumerate(got.items)}
        places = [positions[id(item)] for item in items if id(item) in positions]
        assert places == list(range(places[0], places[0] + len(places)))
        assert len(places) > 25
    used = set().union(*(got.threads for got in watched))
    assert len(used) > 1


def test_r08_a_raising_callback_changes_nothing_for_others(exchange, record, caplog):
    for threads in (0, 1, 3):
        errors, others = record(), record()

        def fail(trade):
            raise ValueError("mine")

        with (
            caplog.at_level(logging.ERROR),
            WebSocketClient(
                exchange.url, dispatch_threads=threads, on_error=errors
            ) as client,
        ):
            bad = client.subscribe_trades("tBTCUSD", fail)
            client.on("t_trade_execution", lambda subscription, trade: 1 / 0)
            client.subscribe_trades("tBTCUSD", others)
            others.wait_for(10)
            wait_until(lambda: bad.error_count >= 5)
        kinds = sorted(type(error).__name__ for error in errors.items)
        assert kinds == ["ValueError", "ZeroDivisionError"]
        raised = [entry for entry in caplog.records if entry.exc_info]
        assert len(raised) == 2 and {entry.exc_info[0] for entry in raised} == {
            ValueError,
            ZeroDivisionError,
        }
        caplog.clear()


@pytest.mark.parametrize("event", ["t_trade_execution", "t_trades_snapshot", "open"])
def test_r08_whatever_a_handler_raises_the_next_one_is_called(exchange, record, event):
    """Also what is no `Exception`, such as the `CancelledError` of an event loop in there."""
    errors, got = record(), record()
    with WebSocketClient(exchange.url, on_error=errors) as client:

        @client.on(event)
        def fail(*arguments):
            raise Strange

        client.on(event, lambda *arguments: got(event))
        client.subscribe_trades("tBTCUSD")
        got.wait_for(1)
        errors.wait_for(1)
    assert {type(error) for error in errors.items} == {Strange}


def test_r10_sys_exit_in_an_event_handler_ends_run_with_it(exchange):
    client = WebSocketClient(exchange.url)
    client.on("t_ticker_update", lambda *arguments: sys.exit(7))
    client.subscribe_ticker("tBTCUSD", wait=False)
    with pytest.raises(SystemExit) as caught:
        client.run()
    assert caught.value.code == 7


def test_r10_each_callback_that_still_runs_at_the_end_is_named():
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def hold(item):
        begun.release()
        go_on.wait(20.0)

    dispatcher = Dispatcher("bfxsync-dispatch", thread_count=3)
    dispatcher.start()
    for name in ("trades tBTCUSD", "trades tETHUSD"):
        CallbackQueue(name, {int: hold}, dispatcher, size=10).mailbox.put([1], list)
        assert begun.acquire(timeout=10.0)
    deadline = time.monotonic() + 0.1
    dispatcher.stop(deadline)
    has_ended, running = dispatcher.join(deadline), sorted(dispatcher.running())
    go_on.set()
    assert not has_ended and dispatcher.join(time.monotonic() + 5.0)
    assert running == ["trades tBTCUSD", "trades tETHUSD"]


# --- one --------------------------------------------------------------------------------------


def test_r08_one_thread_calls_one_function_at_a_time_over_all_connections(exchange):
    got = Watched()
    with WebSocketClient(exchange.url, channels_per_connection=1) as client:
        client.on("t_trade_execution", lambda subscription, trade: got(trade))
        client.on("open", lambda: got("open"))
        client.on("subscribed", got)
        for symbol in SYMBOLS:
            client.subscribe_trades(symbol, got, on_event=got, wait=False)
        client.wait_ready()
        assert len(client.stats()["connections"]) == 4
        exchange.drop_connections()
        wait_until(lambda: sum(isinstance(item, Gap) for item in list(got.items)) == 4)
        wait_until(lambda: len(got.items) > 150)
    assert not got.has_overlapped and got.threads == {"bfxsync-dispatch"}


# --- none -------------------------------------------------------------------------------------


def test_r08_without_threads_callbacks_run_on_the_thread_of_the_connection(
    exchange, record
):
    names = record()

    def name(*_):
        names(threading.current_thread().name)

    with WebSocketClient(exchange.url, dispatch_threads=0) as client:
        client.on("open", name)
        client.on("t_book_update", name)
        client.subscribe_trades("tBTCUSD", name, on_event=name)
        client.subscribe_book("tBTCUSD")
        names.wait_for(50)
        assert not any("dispatch" in t.name for t in threading.enumerate())
    assert set(names.items) == {"bfxsync-io-1"}


def test_r08_without_threads_several_connections_still_keep_each_ones_order(exchange):
    watched = [Watched() for _ in SYMBOLS]
    with WebSocketClient(
        exchange.url, dispatch_threads=0, channels_per_connection=1
    ) as client:
        handles = [
            client.subscribe_trades(symbol, got)
            for symbol, got in zip(SYMBOLS, watched)
        ]
        wait_until(lambda: all(len(got.items) > 20 for got in watched), 20.0)
        assert all(handle.dropped_count == 0 for handle in handles)
    for got in watched:
        ids = [trade.id for trade in got.items]
        assert ids == sorted(set(ids)) and not got.has_overlapped
        assert all(name.startswith("bfxsync-io-") for name in got.threads)


def test_r08_without_threads_what_would_wait_is_a_usage_error(exchange, record):
    done = record()
    with WebSocketClient(exchange.url, dispatch_threads=0) as client:
        other = client.subscribe_trades("tETHUSD")
        items, events = iter(other), other.events()
        book = client.subscribe_book("tBTCUSD").book

        def on_trade(trade):
            if done.items:
                return
            waiting = [
                lambda: client.subscribe_ticker("tBTCUSD"),
                lambda: client.subscribe_many(
                    [{"channel": "ticker", "symbol": "fUSD"}]
                ),
                client.wait_ready,
                client.ping,
                client.run,
                other.get,
                lambda: other.get(0.1),
                other.wait_ready,
                lambda: iter(other),
                lambda: next(other.events()),
                lambda: next(items),
                lambda: next(events),
            ]
            refusals = 0
            for call in waiting:
                try:
                    call()
                except UsageError as exc:
                    refusals += "wait=False" in str(exc)
            assert book.best_bid is not None and book.levels(5)[0]
            assert client.status is ConnectionStatus.OPEN and client.stats()["frames"]
            client.start()
            client.on("t_ticker_update", lambda subscription, ticker: done(ticker))
            ticker = client.subscribe_ticker("tBTCUSD", wait=False)
            unwanted = client.subscribe_ticker("tETHUSD", wait=False)
            unwanted.unsubscribe()
            done((refusals, len(waiting), ticker, unwanted))

        client.subscribe_trades("tBTCUSD", on_trade)
        refusals, calls, ticker, unwanted = done.wait_for(1)[0]
        assert refusals == calls
        done.wait_for(2)
        ticker.wait_ready(5.0)
        assert unwanted.status is SubscriptionStatus.CLOSED
        # Those that are not on that thread wait as ever.
        assert isinstance(next(iter(other)), Trade) and client.ping(5.0) > 0
        assert [t["symbol"] for t in client.stats()["subscriptions"]].count("fUSD") == 0


def test_r08_without_threads_a_refusal_and_events_still_come(exchange, record):
    errors, told = record(), record()
    with WebSocketClient(exchange.url, dispatch_threads=0, on_error=errors) as client:
        client.subscribe_ticker("tNOSUCH:USD", wait=False)
        assert isinstance(errors.wait_for(1)[0], SubscriptionRejected)
        client.on("disconnected", lambda code, reason: told(code))
        exchange.drop_connections(1001)
        assert told.wait_for(1) == [1001]


def test_r08_without_threads_a_loss_is_published_before_the_pause(exchange, record):
    told = record()
    with WebSocketClient(
        exchange.url, dispatch_threads=0, backoff=Backoff(1e6, 1e6)
    ) as client:
        client.on("disconnected", lambda code, reason: told(code))
        client.subscribe_trades("tBTCUSD", on_event=told)
        exchange.drop_connections()
        items = told.wait_for(3)
        assert isinstance(items[1], Gap) and items[2] == 1006


@pytest.mark.parametrize("way", ["callback", "event", "another thread"])
def test_r10_without_threads_close_ends_everything(exchange, way):
    client = WebSocketClient(exchange.url, dispatch_threads=0)
    start = time.monotonic()
    if way == "callback":
        client.subscribe_ticker("tBTCUSD", lambda ticker: client.close(), wait=False)
    elif way == "event":
        client.on("open", client.close)
    else:
        client.on("open", lambda: threading.Thread(target=client.close).start())
    client.run()
    assert time.monotonic() - start < at_most(2.0) and client.exception is None


def test_r10_without_threads_close_does_not_wait_for_a_callback_that_blocks(
    exchange, caplog, monkeypatch
):
    monkeypatch.setattr(client_module, "CLOSE_TIMEOUT_S", 0.5)
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def block(item):
        calls.append(item)
        begun.set()
        go_on.wait(20.0)

    client = WebSocketClient(exchange.url, dispatch_threads=0)
    client.subscribe_book("tBTCUSD", block, wait=False)
    assert begun.wait(10.0)
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < at_most(10.0)
    assert "a callback is still running; its thread ends with it" in caplog.text
    # Until the deadline, which close() has set after it was called.
    time.sleep(0.5)
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("bfxsync-io"):
            thread.join(5.0)
    # The time for what was queued has passed.
    assert len(calls) == 1


def test_sys_exit_in_a_callback_ends_run_on_any_thread(exchange):
    for threads in (0, 2):
        client = WebSocketClient(exchange.url, dispatch_threads=threads)
        client.subscribe_ticker("tBTCUSD", lambda ticker: sys.exit(7), wait=False)
        with pytest.raises(SystemExit) as caught:
            client.run()
        assert caught.value.code == 7


@pytest.mark.parametrize("count", [-1, 65, 1.0, "2", None, True])
def test_an_impossible_number_of_threads_is_a_usage_error(count):
    with pytest.raises(UsageError, match="dispatch_threads"):
        WebSocketClient("ws://localhost:1/", dispatch_threads=count)


@pytest.mark.parametrize("failing", ["bfxsync-dispatch-2", "bfxsync-io-1"])
def test_a_thread_that_failed_to_start_is_retried(
    exchange, record, monkeypatch, failing
):
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == failing:
            raise RuntimeError("can't start new thread")
        start(thread)

    got = record()
    with WebSocketClient(exchange.url, dispatch_threads=2) as client:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(NetworkError, match="can't start"):
            client.subscribe_trades("tBTCUSD", got)
        monkeypatch.undo()
        client.subscribe_trades("tBTCUSD", got)
        got.wait_for(3)
        names = [t.name for t in threading.enumerate() if t.name.startswith("bfxsync-")]
        assert sum("dispatch" in name for name in names) == 2
        assert sum("-io-" in name for name in names) == 1
        assert len(client.stats()["subscriptions"]) == 1
