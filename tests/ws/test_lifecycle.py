"""Start, run and close, from everywhere (R10)."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
import warnings
import weakref

import pytest
from patience import at_most
from scripts import run

from bfxsync import (
    Backoff,
    ClosedError,
    ConnectionStatus,
    NetworkError,
    UsageError,
    WebSocketClient,
)


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def own_threads():
    return [
        t
        for t in threading.enumerate()
        if t.name.startswith(("bfxsync-io", "bfxsync-dispatch"))
    ]


def test_r10_a_hundred_cycles_leave_no_thread_and_no_descriptor(exchange):
    WebSocketClient(exchange.url).close()
    before = descriptors()
    for number in range(100):
        client = WebSocketClient(exchange.url)
        client.start()
        if number % 3 == 0:
            client.subscribe_ticker("tBTCUSD", lambda ticker: None)
        elif number % 3 == 1:
            client.wait_ready()
        client.close()
        assert own_threads() == []
    # The exchange's side of the last ones may take a moment.
    deadline = time.monotonic() + 5.0
    while exchange.connections and time.monotonic() < deadline:
        exchange.finished.wait(0.01)
    assert descriptors() <= before


def test_r10_a_call_that_times_out_leaves_no_garbage(exchange):
    exchange.stop()  # nobody answers
    client = WebSocketClient(exchange.url)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(NetworkError) as caught:
            client.subscribe_ticker("tBTCUSD", timeout=0.05)
        is_gone = weakref.ref(caught.value)
        del caught
        assert is_gone() is None
    finally:
        gc.enable()
        client.close()


def test_r10_close_is_idempotent_and_works_before_the_start(exchange):
    client = WebSocketClient(exchange.url)
    client.close()
    client.close()
    assert client.status is ConnectionStatus.CLOSED
    for use in (
        client.start,
        client.ping,
        client.wait_ready,
        lambda: client.subscribe_ticker("tBTCUSD"),
    ):
        with pytest.raises(ClosedError):
            use()
    client.run()


def test_r10_close_from_a_callback_ends_run(exchange):
    client = WebSocketClient(exchange.url)
    client.subscribe_ticker("tBTCUSD", lambda ticker: client.close(), wait=False)
    client.run()
    assert client.exception is None


def test_r10_close_from_another_thread_ends_run(exchange):
    client = WebSocketClient(exchange.url)
    client.on("open", lambda: threading.Thread(target=client.close).start())
    client.run()


def test_r10_close_returns_in_time_while_a_callback_blocks(exchange):
    go_on = threading.Event()
    client = WebSocketClient(exchange.url)
    client.subscribe_ticker("tBTCUSD", lambda ticker: go_on.wait(20.0))
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < at_most(2.5)
    go_on.set()


def test_r10_close_returns_in_time_while_it_connects():
    # It takes the connection and never says a word.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        client = WebSocketClient(url, timeout=3.0)
        client.start()
        silent, _ = listener.accept()
        start = time.monotonic()
        client.close()
        assert time.monotonic() - start < at_most(2.5)
        # The thread ends once the timeout of the attempt has passed.
        for thread in own_threads():
            thread.join(3.0)
        assert own_threads() == []
        silent.close()


def test_r10_close_returns_in_time_while_it_waits_to_connect_again(exchange):
    exchange.stop()
    client = WebSocketClient(exchange.url, backoff=Backoff(first_s=60.0))
    client.start()
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < at_most(1.0)


def test_r10_waiting_calls_end_with_closed_error(exchange):
    exchange.stop()
    client = WebSocketClient(exchange.url)
    errors = []

    def wait(call):
        try:
            call()
        except Exception as exc:
            errors.append(exc)

    threads = [
        threading.Thread(
            target=wait, args=(lambda: client.subscribe_ticker("tBTCUSD"),)
        ),
        threading.Thread(target=wait, args=(client.wait_ready,)),
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5.0
    while not client._core.placement.subscribers() and time.monotonic() < deadline:
        threads[0].join(0.001)
    client.close()
    for thread in threads:
        thread.join(5.0)
    assert len(errors) == 2
    assert any(isinstance(error, ClosedError) for error in errors)
    assert all(isinstance(error, (ClosedError, NetworkError)) for error in errors)


def test_r10_an_abandoned_client_ends_its_threads_with_a_warning(exchange):
    client = WebSocketClient(exchange.url)
    client.subscribe_trades("tBTCUSD", lambda trade: None)
    gone = weakref.ref(client)
    with pytest.warns(ResourceWarning, match="without close"):
        del client
        gc.collect()
    assert gone() is None
    for thread in own_threads():
        thread.join(5.0)
    assert own_threads() == []


def test_r10_a_subscription_keeps_its_client(exchange):
    book = WebSocketClient(exchange.url).subscribe_book("tBTCUSD").book
    gc.collect()
    assert book.best_bid is not None and own_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del book
        gc.collect()


def test_r10_running_a_notebook_cell_again_leaves_one_client(exchange):
    namespace = {"WebSocketClient": WebSocketClient, "url": exchange.url}
    cell = "client = WebSocketClient(url)\ntrades = client.subscribe_trades('tBTCUSD')"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(5):
            exec(cell, namespace)
            gc.collect()
    deadline = time.monotonic() + 5.0
    while len(own_threads()) > 2 and time.monotonic() < deadline:
        own_threads()[0].join(0.05)
    assert len(own_threads()) == 2
    namespace["client"].close()


def test_r10_ctrl_c_in_run_ends_within_two_seconds(exchange):
    code, output, seconds = run(
        """
        import threading
        client = WebSocketClient(URL)
        client.subscribe_ticker("tBTCUSD", lambda ticker: None)
        threading.Timer(0.2, print, ["ready"], {"flush": True}).start()
        try:
            client.run()
        except KeyboardInterrupt:
            names = [thread.name for thread in threading.enumerate()]
            print("threads", [name for name in names if "bfxsync" in name])
            raise
        """,
        send=signal.SIGINT,
        URL=exchange.url,
    )
    assert seconds < at_most(2.0)
    assert "threads []" in output
    assert "KeyboardInterrupt" in output and code != 0


def test_r10_a_signal_handler_may_close(exchange):
    code, output, seconds = run(
        """
        import signal, threading
        client = WebSocketClient(URL)
        signal.signal(signal.SIGINT, lambda *_: client.close())
        client.subscribe_ticker("tBTCUSD", lambda ticker: None)
        threading.Timer(0.2, print, ["ready"], {"flush": True}).start()
        client.run()
        print("ended")
        """,
        send=signal.SIGINT,
        URL=exchange.url,
    )
    assert (code, output) == (0, "ended\n")
    assert seconds < at_most(2.0)


def test_r10_a_program_that_forgets_close_ends_all_the_same(exchange):
    code, output, seconds = run(
        """
        client = WebSocketClient(URL)
        client.subscribe_trades("tBTCUSD", print)
        """,
        URL=exchange.url,
    )
    assert code == 0 and "Fatal" not in output


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_run_in_a_callback_is_a_usage_error(exchange, record, threads):
    others, errors = record(), record()
    with WebSocketClient(
        exchange.url, dispatch_threads=threads, on_error=errors
    ) as client:
        handle = client.subscribe_book("tBTCUSD", callback=lambda _: client.run())
        client.subscribe_trades("tBTCUSD", callback=others)
        others.wait_for(5)
        assert [type(error) for error in errors.wait_for(1)] == [UsageError]
        assert handle.is_active and client.status is ConnectionStatus.OPEN


def test_run_may_be_called_by_several_threads_and_again(exchange):
    client = WebSocketClient(exchange.url)
    threads = [threading.Thread(target=client.run) for _ in range(4)]
    for thread in threads:
        thread.start()
    client.wait_ready()
    client.close()
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()
    client.run()
    assert exchange.connections_opened == 1


def test_wait_closed_opens_nothing_and_ends_with_the_client(exchange):
    client = WebSocketClient(exchange.url)
    assert client.wait_closed(0) is False
    got = []
    thread = threading.Thread(target=lambda: got.append(client.wait_closed()))
    thread.start()
    client.close()
    thread.join(10.0)
    assert got == [True] and client.wait_closed(0)
    assert exchange.connections_opened == 0


def test_wait_closed_raises_what_ended_the_client(exchange):
    client = WebSocketClient(exchange.url)
    client.subscribe_ticker("tBTCUSD", lambda ticker: sys.exit(7), wait=False)
    with pytest.raises(SystemExit):
        client.wait_closed(10.0)
    client.close()


def test_a_callback_cannot_wait_for_the_end(exchange, client):
    errors = []

    def wait(ticker):
        with pytest.raises(UsageError, match=r"wait_closed\(\) cannot") as caught:
            client.wait_closed()
        errors.append(caught.value)
        client.close()

    client.subscribe_ticker("tBTCUSD", wait, wait=False)
    assert client.wait_closed(10.0) and errors


def test_run_raises_what_ended_the_client():
    with pytest.raises(UsageError):
        WebSocketClient("https://127.0.0.1/")


def test_r10_a_callback_that_closes_repeatedly_delays_nothing(exchange):
    client = WebSocketClient(exchange.url)
    calls = []

    def slow(update):
        while not calls and client.stats()["queued"] < 20:
            # Else what is queued has an end of its own.
            threading.Event().wait(0.01)
        calls.append(time.monotonic())
        client.close()
        threading.Event().wait(0.3)

    client.subscribe_book("tBTCUSD", slow, wait=False)
    client.run()
    assert calls[-1] - calls[0] < 2.5


def test_sys_exit_in_a_callback_ends_run_with_it(exchange):
    client = WebSocketClient(exchange.url)
    client.subscribe_ticker("tBTCUSD", lambda ticker: sys.exit(7), wait=False)
    with pytest.raises(SystemExit) as caught:
        client.run()
    assert caught.value.code == 7


def test_r10_iterating_over_events_keeps_the_client(exchange):
    def events():
        return WebSocketClient(exchange.url).subscribe_trades("tBTCUSD").events()

    items = events()
    gc.collect()
    assert len([next(items) for _ in range(5)]) == 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del items
        gc.collect()


def test_a_ping_that_nobody_waits_for_ends_in_its_callback(client, record):
    got = record()
    client.subscribe_ticker("tBTCUSD", lambda ticker: client.send_ping(got))
    seconds, *_ = got.wait_for(1)
    assert type(seconds) is float and 0.0 < seconds < 10.0


def test_a_ping_without_connection_is_reported(record):
    errors = record()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with WebSocketClient(f"ws://127.0.0.1:{port}", on_error=errors) as client:
        client.send_ping(print)
        error = errors.wait(lambda items: any(e.phase == "send" for e in items))[-1]
        assert isinstance(error, NetworkError)
        with pytest.raises(UsageError, match="callback must be"):
            client.send_ping(5)
