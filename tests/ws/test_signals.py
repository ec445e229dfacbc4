"""Signals, and the end of programs and clients (R10)."""

from __future__ import annotations

import gc
import signal
import socket
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
    WebSocketClient,
)
from bfxsync.ws import client as client_module

_PATIENT = pytest.mark.timeout(1_100)


def own_threads():
    names = ("bfxsync-io", "bfxsync-dispatch")
    return [t for t in threading.enumerate() if t.name.startswith(names)]


def await_end(threads, timeout=5.0):
    for thread in threads:
        thread.join(timeout)
    assert own_threads() == []


# --- signals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [0, 2])
def test_r10_ctrl_c_ends_run_with_any_dispatch_threads(exchange, threads):
    code, output, seconds = run(
        """
        client = WebSocketClient(URL, dispatch_threads=THREADS)
        client.subscribe_trades("tBTCUSD", lambda trade: None)
        client.subscribe_book("tBTCUSD", lambda update: None)
        threading.Timer(0.1, say, ["ready"]).start()
        try:
            client.run()
        except KeyboardInterrupt:
            say([t.name for t in threading.enumerate() if "bfxsync" in t.name])
            raise
        """,
        send=signal.SIGINT,
        URL=exchange.url,
        THREADS=threads,
    )
    assert output.startswith("[]\n") and output.rstrip().endswith("KeyboardInterrupt")
    assert code != 0 and seconds < at_most(2.0)


def test_r10_ctrl_c_while_a_peer_never_answers_ends_run():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code, output, seconds = run(
            """
            client = WebSocketClient(URL, timeout=60.0)
            handle = client.subscribe_ticker("tBTCUSD", print, wait=False)
            threading.Timer(0.2, say, ["ready"]).start()
            try:
                client.run()
            except KeyboardInterrupt:
                say("interrupted", handle.status.value, client.status.value)
            """,
            send=signal.SIGINT,
            URL=f"ws://127.0.0.1:{listener.getsockname()[1]}/",
        )
    # Two seconds, and what a busy machine needs to end Python; not the timeout.
    assert code == 0 and seconds < 20.0
    assert output.endswith("interrupted closed closed\n")


def test_r10_ctrl_c_in_a_call_that_waits_leaves_nothing_behind(exchange):
    code, output, seconds = run(
        """
        client = WebSocketClient(URL)
        kept = client.subscribe_ticker("tBTCUSD")
        threading.Timer(0.1, say, ["ready"]).start()
        try:
            client.subscribe_status("deriv:tNOPEF0:USTF0", timeout=60.0)
        except KeyboardInterrupt:
            say(len(client.stats()["subscriptions"]), kept.is_active)
        client.close()
        """,
        send=signal.SIGINT,
        URL=exchange.url,
    )
    assert (code, output) == (0, "1 True\n") and seconds < at_most(2.0)


def test_r10_sigterm_ends_a_program_at_once(exchange):
    code, output, seconds = run(
        """
        client = WebSocketClient(URL)
        client.subscribe_trades("tBTCUSD", lambda trade: None)
        threading.Timer(0.1, say, ["ready"]).start()
        client.run()
        """,
        send=signal.SIGTERM,
        URL=exchange.url,
    )
    assert (code, output) == (-signal.SIGTERM, "") and seconds < at_most(2.0)


@pytest.mark.parametrize(
    "handler, code, threads",
    [("lambda *_: client.close()", 0, 0), ("lambda *_: sys.exit(5)", 5, 1)],
    ids=["close", "exit"],
)
def test_r10_a_handler_of_sigterm_may_end_run(exchange, handler, code, threads):
    result = run(
        f"""
        client = WebSocketClient(URL, dispatch_threads=THREADS)
        signal.signal(signal.SIGTERM, {handler})
        client.subscribe_trades("tBTCUSD", lambda trade: None)
        threading.Timer(0.1, say, ["ready"]).start()
        try:
            client.run()
        finally:
            say([t.name for t in threading.enumerate() if "bfxsync" in t.name])
        """,
        send=signal.SIGTERM,
        URL=exchange.url,
        THREADS=threads,
    )
    assert result[:2] == (code, "[]\n") and result.seconds < at_most(2.0)


@pytest.mark.parametrize(
    "read",
    ["list(handle)", "list(handle.events())", "[handle.get() for _ in range(10**6)]"],
    ids=["loop", "events", "get"],
)
def test_r10_sys_exit_in_a_callback_ends_a_reading_main_thread(exchange, read):
    code, output, seconds = run(
        f"""
        with WebSocketClient(URL) as client:
            handle = client.subscribe_trades("tETHUSD")
            client.subscribe_trades("tBTCUSD", lambda trade: sys.exit(3))
            {read}
        """,
        URL=exchange.url,
    )
    assert (code, output) == (3, "")


@pytest.mark.parametrize(
    "rounds", [25, pytest.param(1_000, marks=[pytest.mark.long, _PATIENT])]
)
def test_r10_a_signal_during_any_call_lets_its_handler_close(exchange, rounds):
    """The handler runs between any two steps of the main thread, which may hold a lock then."""
    code, output, seconds = run(
        """
        import random

        stopped = []

        def close(*_):
            clients[-1].close()
            stopped.append(time.monotonic())

        signal.signal(signal.SIGALRM, close)
        clients = []
        for number in range(ROUNDS):
            clients[:] = [WebSocketClient(URL)]
            client = clients[-1]
            client.start()
            signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.02 * random.random())
            begin = time.monotonic()
            try:
                while True:
                    for prec in ("P0", "P1", "P2"):
                        with client.subscribe_book("tBTCUSD", prec=prec) as handle:
                            handle.book.levels(1), client.stats()
            except ClosedError:
                pass
            assert stopped[-1] - begin < 2.5
        say(len(stopped))
        """,
        URL=exchange.url,
        ROUNDS=rounds,
        timeout=10.0 + rounds,
    )
    assert (code, output) == (0, f"{rounds}\n")


@pytest.mark.parametrize("threads", [0, 2])
def test_r10_a_program_that_forgets_close_ends_while_callbacks_run(exchange, threads):
    code, output, seconds = run(
        """
        client = WebSocketClient(URL, dispatch_threads=THREADS)
        seen = threading.Event()

        def on_trade(trade):
            print(trade)
            seen.set()

        client.subscribe_trades("tBTCUSD", on_trade)
        client.subscribe_book("tBTCUSD", lambda update: None)
        assert seen.wait(10.0)
        """,
        URL=exchange.url,
        THREADS=threads,
    )
    assert code == 0 and "Fatal" not in output and "Error" not in output


def test_r10_a_program_without_close_ends_while_connecting():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code, output, seconds = run(
            """
            client = WebSocketClient(URL, timeout=60.0)
            client.subscribe_ticker("tBTCUSD", print, wait=False)
            """,
            URL=f"ws://127.0.0.1:{listener.getsockname()[1]}/",
        )
    assert (code, output) == (0, "") and seconds < 5.0


@pytest.mark.parametrize(
    "call, says",
    [
        ("client.close()", ""),
        ("handle.unsubscribe()", ""),
        ("client.run()", ""),
        ("client.subscribe_trades('tBTCUSD')", "ClosedError"),
        ("handle.get()", "ClosedError"),
        ("WebSocketClient(URL).subscribe_trades('tBTCUSD')", "NetworkError"),
    ],
)
def test_r10_a_finalizer_at_the_end_of_python_may_call_anything(exchange, call, says):
    """No other thread runs then, so nothing may wait for one."""
    code, output, _ = run(
        """
        faulthandler.dump_traceback_later(20.0, exit=True)
        client = WebSocketClient(URL)
        handle = client.subscribe_ticker("tBTCUSD")

        class Bot:
            def __del__(self, say=say, run=exec, names=dict(globals())):
                try:
                    run(CALL, names)
                    say("done")
                except BfxError as exc:
                    say(type(exc).__name__)

        # A circle goes last of all.
        bot = Bot()
        bot.itself = bot
        """,
        URL=exchange.url,
        CALL=call,
    )
    assert (code, output) == (0, f"{says or 'done'}\n")


def test_r10_a_handler_may_close_what_it_has_interrupted_in_logging(exchange):
    """Callbacks then wait for the lock of `logging`, which the main thread keeps meanwhile."""
    code, output, _ = run(
        """
        import logging
        from bfxsync.ws import client as client_module
        client_module.CLOSE_TIMEOUT_S = 0.4
        faulthandler.dump_traceback_later(20.0, exit=True)
        waits = threading.Event()

        def callback(trade):
            waits.set()
            logging.info("a trade")

        class Slow(logging.StreamHandler):
            def emit(self, record):
                if record.getMessage() == "main":
                    waits.clear()
                    assert waits.wait(10.0)
                    signal.raise_signal(signal.SIGTERM)
                super().emit(record)

        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[Slow()])
        signal.signal(signal.SIGTERM, lambda *_: client.close())
        client = WebSocketClient(URL)
        client.subscribe_trades("tBTCUSD", callback)
        logging.info("main")
        say(client.status.value)
        """,
        URL=exchange.url,
    )
    assert code == 0 and output.startswith("closed\n"), output
    assert "a callback of trades tBTCUSD is still running" in output


# --- close, whatever is going on --------------------------------------------------------------


def test_r10_close_returns_in_time_while_a_name_is_looked_up(monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def slow(*arguments, **options):
        begun.set()
        go_on.wait(20.0)
        return look_up(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(client_module, "CLOSE_TIMEOUT_S", 0.5)
    client = WebSocketClient("ws://localhost:1/")
    handle = client.subscribe_ticker("tBTCUSD", wait=False)
    assert begun.wait(5.0)
    threads = own_threads()
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < at_most(1.0)
    with pytest.raises(ClosedError):
        handle.wait_ready()
    go_on.set()
    await_end(threads)
    assert client.status is ConnectionStatus.CLOSED


def test_r10_close_returns_at_once_while_a_name_is_not_found():
    client = WebSocketClient("ws://no-such-host.invalid/", backoff=Backoff(1e6, 1e6))
    client.start()
    deadline = time.monotonic() + 15.0
    while not client.stats()["reconnects"] and time.monotonic() < deadline:
        time.sleep(0.005)
    assert client.stats()["reconnects"] == {"unreachable": 1}
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < at_most(1.0)
    assert own_threads() == []


def test_r10_close_returns_at_once_after_a_loss(exchange, record):
    lost = record()
    client = WebSocketClient(exchange.url, backoff=Backoff(1e6, 1e6))
    client.on("disconnected", lost)
    client.subscribe_ticker("tBTCUSD")
    exchange.drop_connections()
    lost.wait_for(1)
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < at_most(1.0)
    assert own_threads() == []


def test_r10_many_threads_may_close_at_once(exchange):
    for threads in (0, 1, 4):
        client = WebSocketClient(exchange.url, dispatch_threads=threads)
        client.subscribe_trades("tBTCUSD", lambda trade: client.close())
        closers = [threading.Thread(target=client.close) for _ in range(8)]
        start = time.monotonic()
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join(5.0)
        client.close()
        assert time.monotonic() - start < at_most(2.5)
        await_end(own_threads())


# --- clients that nobody holds any more -------------------------------------------------------


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_r10_a_callback_with_a_weak_reference_lets_its_client_go(
    exchange, record, threads
):
    got = record()

    def make():
        client = WebSocketClient(exchange.url, dispatch_threads=threads)
        weak = weakref.ref(client)

        def on_trade(trade):
            holder = weak()
            got(holder is not None and holder.status)

        handle = client.subscribe_trades("tBTCUSD", on_trade)
        client.on("t_trade_execution", lambda subscription, trade: weak())
        got.wait_for(3)
        return weak, weakref.ref(handle)

    with pytest.warns(ResourceWarning, match="without close"):
        weak, handle = make()
        deadline = time.monotonic() + 5.0
        while weak() is not None and time.monotonic() < deadline:
            # A callback may hold it just now.
            gc.collect()
            time.sleep(0.001)
    assert weak() is None and handle() is None
    await_end(own_threads())


def test_r10_the_last_handle_or_iterator_keeps_its_client(exchange):
    client = WebSocketClient(exchange.url)
    book = client.subscribe_book("tBTCUSD").book
    trades = client.subscribe_trades("tBTCUSD")
    items, weak = iter(trades), weakref.ref(client)
    del client, trades
    gc.collect()
    assert next(items) is not None and book.best_bid is not None
    del book
    gc.collect()
    assert next(items) is not None
    with pytest.warns(ResourceWarning, match="without close"):
        del items
        gc.collect()
    assert weak() is None
    await_end(own_threads())


def test_r10_a_client_dropped_while_connecting_ends(exchange):
    exchange.stop()
    waiting = WebSocketClient(exchange.url, backoff=Backoff(1e6, 1e6))
    with pytest.raises(NetworkError):
        waiting.wait_ready(0.05)
    threads = own_threads()
    with pytest.warns(ResourceWarning, match="without close"):
        del waiting
        gc.collect()
    await_end(threads)
    unused = WebSocketClient(exchange.url)
    unused.on("open", print)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del unused
        gc.collect()


def test_r10_names_that_are_bound_again_end_what_they_held(exchange):
    """As the cells of a notebook do, with callbacks that refer to what is bound again."""
    namespace = {"WebSocketClient": WebSocketClient, "url": exchange.url}
    cells = [
        "client = WebSocketClient(url)",
        "latest = {}\n"
        "def on_ticker(ticker):\n"
        "    latest[ticker.bid] = trades.status\n"
        "trades = client.subscribe_trades('tBTCUSD')\n"
        "ticker = client.subscribe_ticker('tBTCUSD', on_ticker)",
        "book = client.subscribe_book('tBTCUSD').book",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(4):
            for cell in cells:
                exec(cell, namespace)
            gc.collect()
        deadline = time.monotonic() + 5.0
        while len(own_threads()) > 2 and time.monotonic() < deadline:
            own_threads()[0].join(0.05)
            gc.collect()
    assert len(own_threads()) == 2
    namespace["client"].close()
