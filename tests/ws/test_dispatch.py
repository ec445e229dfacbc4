from __future__ import annotations

import logging
import threading
import time

import pytest

from bfxsync.models import Trade
from bfxsync.ws.dispatch.dispatcher import BATCH, CallbackQueue, Dispatcher


def trade(identity=1):
    return Trade(identity, 0, 1.0, 1.0)


def stop(dispatcher, timeout=5.0):
    deadline = time.monotonic() + timeout
    dispatcher.stop(deadline)
    return dispatcher.join(deadline)


@pytest.fixture
def errors():
    return []


@pytest.fixture
def dispatcher(errors):
    dispatcher = Dispatcher("bfxsync-dispatch", errors.append)
    dispatcher.start()
    yield dispatcher
    stop(dispatcher)


def test_each_item_goes_to_the_handler_of_its_class(dispatcher, record):
    got = record()
    routes = {Trade: lambda item: got(item, threading.current_thread().name)}
    callback_queue = CallbackQueue("test", routes, dispatcher, size=10)
    callback_queue.mailbox.put(["text", trade(1), 5, trade(2)], list)
    assert got.wait_for(2) == [
        (trade(1), "bfxsync-dispatch"),
        (trade(2), "bfxsync-dispatch"),
    ]


def test_a_long_queue_lets_others_have_their_turn(dispatcher, record):
    order, begin = record(), threading.Event()
    long = CallbackQueue(
        "a", {int: lambda _: order("long")}, dispatcher, size=10 * BATCH
    )
    gate = CallbackQueue("g", {int: lambda _: begin.wait(5.0)}, dispatcher, size=10)
    short = CallbackQueue("b", {int: lambda _: order("short")}, dispatcher, size=10)
    gate.mailbox.put([0], list)
    long.mailbox.put(list(range(2 * BATCH)), list)
    short.mailbox.put([0], list)
    begin.set()
    assert order.wait_for(2 * BATCH + 1).index("short") == BATCH


def test_r08_a_raising_callback_is_reported_once_with_its_traceback_then_counted(
    dispatcher, errors, record, caplog
):
    done = record()

    def fail(item):
        raise ValueError(f"item {item}")

    bad = CallbackQueue("bad one", {int: fail, str: done}, dispatcher, size=1000)
    good = CallbackQueue("good one", {int: done}, dispatcher, size=1000)
    with caplog.at_level(logging.ERROR):
        for number in range(100):
            bad.mailbox.put([number], list)
            good.mailbox.put([number], list)
        bad.mailbox.put(["end"], list)
        items = done.wait(lambda items: "end" in items and len(items) == 101)
    assert [item for item in items if item != "end"] == list(range(100))
    assert bad.errors.count == 100 == dispatcher.error_count
    assert [str(error) for error in errors] == ["item 0"]
    (entry,) = caplog.records
    assert "bad one" in entry.message and entry.exc_info[0] is ValueError


def test_r08_another_kind_of_exception_is_reported_too(dispatcher, errors, record):
    done = record()
    kinds = [ValueError, KeyError, ValueError]

    def fail(index):
        done(index)
        raise kinds[index]("x")

    callback_queue = CallbackQueue("bad", {int: fail}, dispatcher, size=10)
    callback_queue.mailbox.put([0, 1, 2], list)
    done.wait_for(3)
    stop(dispatcher)
    assert [type(error) for error in errors] == [ValueError, KeyError]


def test_an_on_error_that_raises_is_only_logged(caplog, record):
    done = record()

    def on_error(error):
        raise RuntimeError("in on_error")

    def fail(_):
        raise ValueError("first")

    dispatcher = Dispatcher("bfxsync-dispatch", on_error)
    dispatcher.start()
    callback_queue = CallbackQueue("bad", {int: fail, str: done}, dispatcher, size=10)
    callback_queue.mailbox.put([1, "end"], list)
    done.wait_for(1)
    stop(dispatcher)
    assert [entry.message for entry in caplog.records] == [
        "a callback of bad raised",
        "on_error raised",
    ]


def test_r10_items_queued_before_the_end_are_delivered(dispatcher, record):
    done = record()
    callback_queue = CallbackQueue("slow", {int: done}, dispatcher, size=1000)
    callback_queue.mailbox.put(list(range(3 * BATCH))[:1000], list)
    assert stop(dispatcher)
    assert len(done.items) == 3 * BATCH
    assert dispatcher.dropped_count == 0


def test_r10_what_does_not_run_in_time_is_dropped_and_counted(record):
    started, go_on = threading.Event(), threading.Event()

    def hold(_):
        started.set()
        go_on.wait(5.0)

    dispatcher = Dispatcher("bfxsync-dispatch")
    dispatcher.start()
    callback_queue = CallbackQueue("holding", {int: hold}, dispatcher, size=100)
    callback_queue.mailbox.put(list(range(10)), list)
    assert started.wait(5.0)
    assert stop(dispatcher, timeout=0.05) is False
    go_on.set()
    dispatcher.join(time.monotonic() + 5.0)
    assert dispatcher.dropped_count == 9


def test_r10_a_callback_that_still_runs_is_named():
    started, go_on = threading.Event(), threading.Event()

    def hold(_):
        started.set()
        go_on.wait(5.0)

    dispatcher = Dispatcher("bfxsync-dispatch")
    dispatcher.start()
    CallbackQueue("trades tBTCUSD", {int: hold}, dispatcher, size=9).mailbox.put(
        [1], list
    )
    assert started.wait(5.0)
    assert stop(dispatcher, timeout=0.01) is False
    assert dispatcher.running() == ["trades tBTCUSD"]
    go_on.set()
    assert dispatcher.join(time.monotonic() + 5.0)
    assert dispatcher.running() == []


def test_the_dispatch_thread_does_not_wait_for_itself(record):
    done = record()
    dispatcher = Dispatcher("bfxsync-dispatch")
    dispatcher.start()
    callback_queue = CallbackQueue(
        "me", {int: lambda _: done(stop(dispatcher))}, dispatcher, size=9
    )
    callback_queue.mailbox.put([1], list)
    assert done.wait_for(1) == [True]
    assert dispatcher.join(time.monotonic() + 5.0)


def test_a_dispatcher_that_never_started_needs_no_end():
    assert stop(Dispatcher("bfxsync-dispatch"))
