"""The program's own code raises wherever it is called; no thread of ours ends of it."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from contextlib import suppress

import pytest

from bfxsync import Backoff, BfxError, Gap, WebSocketClient, replay
from bfxsync._base.logs import GuardedLogger
from bfxsync.ws.core.shared_subscription import SharedSubscription
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher

QUICK = Backoff(first_s=0.02, cap_s=0.05)


class Unhashable(type):
    def __hash__(cls):
        raise TypeError("unhashable class")


def fail(*_):
    raise RuntimeError("looked at")


ODD = {
    "unhashable class": Unhashable("Odd", (Exception,), {}),
    **{
        name: type("Odd", (Exception,), {name: fail})
        for name in ("__bool__", "__str__", "__repr__", "__hash__", "__eq__")
    },
    "class": type("Odd", (Exception,), {"__class__": property(fail)}),
    "no Exception": type("Odd", (BaseException,), {}),
}


@pytest.fixture
def angry_log(monkeypatch):
    """All that the library logs meets a handler that lets its own errors out."""
    records = []

    class Chat(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())
            raise ConnectionError("the chat cannot be reached")

    chat, logger = Chat(), logging.getLogger("bfxsync")
    monkeypatch.setattr(GuardedLogger, "has_complained", False)
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    logger.addHandler(chat)
    logger.manager._clear_cache()
    yield records
    logger.removeHandler(chat)
    logger.manager._clear_cache()


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_a_logging_handler_that_raises_holds_nothing_up(
    exchange, angry_log, record, capsys, threads
):
    got, events, errors = record(), record(), record()
    with WebSocketClient(
        exchange.url, backoff=QUICK, dispatch_threads=threads, on_error=errors
    ) as client:
        client.subscribe_trades("tBTCUSD", lambda trade: 1 / 0)
        client.subscribe_book("tBTCUSD", got, on_event=events)
        got.wait_for(3)
        exchange.drop_connections()
        events.wait(lambda items: any(isinstance(item, Gap) for item in items))
        got.wait_for(len(got.items) + 3)
        errors.wait_for(1)
        assert client.exception is None
    assert any(text.startswith("a callback of trades") for text in angry_log)
    assert any("disconnected" in text for text in angry_log)
    shown = capsys.readouterr().err
    assert shown.count("ConnectionError: the chat cannot be reached") == 1
    assert "not logged: ERROR: a callback of trades tBTCUSD raised" in shown


def test_a_logging_handler_that_raises_ends_no_recording(
    exchange, angry_log, record, tmp_path
):
    path, got, again = tmp_path / "run.gz", record(), record()
    with WebSocketClient(exchange.url, record=path) as client:
        client.subscribe_trades("tBTCUSD", got)
        got.wait_for(3)
    with replay(path) as recording:
        recording.subscribe_trades("tBTCUSD", again)
        recording.subscribe_trades("tBTCUSD", lambda trade: 1 / 0)
        recording.run()
    assert again.items == got.items


@pytest.mark.parametrize("name", ODD)
def test_r08_exceptions_that_answer_nothing_end_no_thread(record, name, capsys):
    odd, done, errors = ODD[name], record(), record()

    def raise_it(item):
        raise odd

    dispatcher = Dispatcher("bfxsync-dispatch", errors)
    dispatcher.start()
    callback_queue = CallbackQueue(
        "odd", {int: raise_it, str: done}, dispatcher, size=100
    )
    callback_queue.mailbox.put([*range(30), "end"], list)
    done.wait_for(1)
    deadline = time.monotonic() + 5.0
    dispatcher.stop(deadline)
    assert dispatcher.join(deadline)
    assert callback_queue.errors.count == 30 == dispatcher.error_count
    assert len(errors.items) == 1 and type(errors.items[0]) is odd
    assert callback_queue.errors.last is dispatcher.last_error


def test_r08_an_on_error_that_raises_is_reported_once(record, caplog):
    done = record()

    def on_error(error):
        raise ODD["__bool__"]

    def raise_new(item):
        # A class of another name each time, so each is one more for on_error.
        raise type(f"Error{item}", (Exception,), {})

    dispatcher = Dispatcher("bfxsync-dispatch", on_error)
    dispatcher.start()
    callback_queue = CallbackQueue(
        "bad", {int: raise_new, str: done}, dispatcher, size=100
    )
    callback_queue.mailbox.put([*range(5), "end"], list)
    done.wait_for(1)
    dispatcher.stop(time.monotonic() + 5.0)
    assert dispatcher.join(time.monotonic() + 5.0)
    assert dispatcher.error_count == 10
    texts = [entry.getMessage() for entry in caplog.records]
    assert sum(text.startswith("on_error raised\nTraceback") for text in texts) == 1


def test_r08_one_object_that_is_raised_again_and_again_fills_no_memory(record):
    done, same = record(), ValueError("made once")

    def raise_it(item):
        raise same

    dispatcher = Dispatcher("bfxsync-dispatch")
    dispatcher.start()
    callback_queue = CallbackQueue(
        "bad", {int: raise_it, str: done}, dispatcher, size=1_000
    )
    callback_queue.mailbox.put([*range(500), "end"], list)
    done.wait_for(1)
    dispatcher.stop(time.monotonic() + 5.0)
    assert dispatcher.join(time.monotonic() + 5.0)
    assert callback_queue.errors.count == 500 and callback_queue.errors.last is same
    frames = [frame.f_code for frame, _ in traceback.walk_tb(same.__traceback__)]
    assert frames == [raise_it.__code__]


def test_r08_each_line_that_raises_is_reported(exchange, record, caplog):
    errors, count = record(), [0]

    def callback(update):
        count[0] += 1
        if count[0] % 2:
            raise ValueError("one place")
        raise ValueError("another place")

    with WebSocketClient(exchange.url, on_error=errors) as client:
        handle = client.subscribe_book("tBTCUSD", callback)
        other = client.subscribe_trades("tBTCUSD", lambda trade: None)
        deadline = time.monotonic() + 10.0
        while handle.error_count < 6 and time.monotonic() < deadline:
            time.sleep(0.002)
        handle.unsubscribe()
        client.ping()
        # Nothing more is queued for it then.
        client.close()
        assert {str(error) for error in errors.items} == {
            "one place",
            "another place",
        }
        assert len(errors.items) == 2
        assert handle.error_count == count[0] == client.stats()["error_count"]
        assert str(handle.last_error) in ("one place", "another place")
        assert handle.last_error.__traceback__.tb_frame.f_code is callback.__code__
        assert client.stats()["last_error"].startswith("ValueError: ")
        assert (other.error_count, other.last_error) == (0, None)
    assert "one place" in caplog.text and "another place" in caplog.text


# --- the last line of defence -----------------------------------------------------------------


class BrokenBackoff(Backoff):
    """A delay of the program's own making."""

    def delay_s(self, *_, **__):
        raise ZeroDivisionError("in delay_s")


def waits_of(client, handle):
    """Start one thread in each call that waits, and return what they will have raised."""
    raised = {}

    def call(name, function):
        try:
            function()
        except BaseException as exc:
            raised[name] = exc

    calls = {
        "run": client.run,
        "get": lambda: [handle.get() for _ in iter(int, 1)],
        "iteration": lambda: [None for _ in handle],
        "events": lambda: [None for _ in handle.events()],
        "wait_ready": lambda: handle.wait_ready(60.0),
    }
    threads = [
        threading.Thread(target=call, args=item, name=f"waits-{item[0]}")
        for item in calls.items()
    ]
    for thread in threads:
        thread.start()
    return threads, raised


def assert_all_ended(client, threads, raised, cause, names):
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive(), thread.name
    assert set(raised) == names
    for name, exc in raised.items():
        assert isinstance(exc, BfxError), (name, exc)
        assert exc is client.exception and isinstance(exc.__cause__, cause)
    with pytest.raises(BfxError, match="this is a bug in bfxsync|delay_s"):
        client.wait_ready()
    client.close()


EVERYBODY = {"run", "get", "iteration", "events"}


def test_an_io_thread_that_must_end_wakes_everybody(exchange, caplog):
    client = WebSocketClient(exchange.url, backoff=BrokenBackoff())
    handle = client.subscribe_ticker("tBTCUSD")
    threads, raised = waits_of(client, handle)
    exchange.drop_connections()
    assert_all_ended(client, threads, raised, ZeroDivisionError, EVERYBODY)
    assert "ZeroDivisionError: in delay_s" in caplog.text


def test_it_wakes_calls_that_wait_for_a_first_connection():
    client = WebSocketClient("ws://127.0.0.1:1/ws/2", backoff=BrokenBackoff())
    handle = client.subscribe_ticker("tBTCUSD", wait=False)
    threads, raised = waits_of(client, handle)
    everybody = EVERYBODY | {"wait_ready"}
    assert_all_ended(client, threads, raised, ZeroDivisionError, everybody)


@pytest.mark.parametrize("what", ["stream", "session", "event", "transport"])
def test_it_wakes_everybody_even_if_its_end_fails_too(
    exchange, monkeypatch, caplog, what
):
    """After a mistake anything may be broken, and each part of the end is tried."""
    client = WebSocketClient(exchange.url)
    client.subscribe_ticker("tBTCUSD")
    handle = client.subscribe_trades("tBTCUSD")
    link = client._core.placement.links[0]
    threads, raised = waits_of(client, handle)
    target, name = {
        "stream": (next(iter(link.table._shared.values())), "end"),
        "session": (link.session, "lose"),
        "event": (client._core.publisher, "failed"),
        "transport": (link.worker._transport, "close"),
    }[what]
    whole = getattr(target, name)
    monkeypatch.setattr(target, name, lambda *given: [whole(*given), fail()])
    monkeypatch.setattr(SharedSubscription, "deliver", lambda *_: 1 / 0)
    assert_all_ended(client, threads, raised, ZeroDivisionError, EVERYBODY)
    monkeypatch.undo()


@pytest.mark.parametrize("raises", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_dispatch_thread_that_must_end_wakes_everybody(exchange, monkeypatch, raises):
    client = WebSocketClient(exchange.url)
    handle = client.subscribe_ticker("tBTCUSD")
    threads, raised = waits_of(client, handle)

    def call(*_):
        raise raises("in the library")

    monkeypatch.setattr(Dispatcher, "_call", call)
    # An event that comes first ends the client as well, and then this raises.
    with suppress(BfxError):
        client.subscribe_trades("tBTCUSD", lambda trade: None, wait=False)
    assert_all_ended(client, threads, raised, raises, EVERYBODY)


def test_a_player_that_must_end_wakes_everybody(
    exchange, monkeypatch, record, tmp_path
):
    path, got = tmp_path / "run.gz", record()
    with WebSocketClient(exchange.url, record=path) as client:
        client.subscribe_trades("tBTCUSD", got)
        got.wait_for(1)
    recording = replay(path)
    handle = recording.subscribe_trades("tBTCUSD")
    monkeypatch.setattr(SharedSubscription, "deliver", lambda *_: 1 / 0)
    threads, raised = waits_of(recording, handle)
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive(), thread.name
    assert set(raised) >= EVERYBODY
    assert isinstance(recording.exception.__cause__, ZeroDivisionError)
    assert all(raised[name] is recording.exception for name in EVERYBODY)
    recording.close()
