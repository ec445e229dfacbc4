"""What a fork leaves: the child's copy says so, and the parent goes on (R10)."""

from __future__ import annotations

import os
import ssl

import pytest
import trustme
from scripts import run

from bfxsync.paper import PaperExchange

pytestmark = pytest.mark.skipif(
    not (hasattr(os, "fork") and os.path.isdir("/proc/self/fd")),
    reason="needs fork, and a list of descriptors",
)


@pytest.fixture
def endpoint(request, tmp_path):
    """An exchange, and what a client needs to reach it; with TLS if that is asked for."""
    context, bundle = None, None
    if getattr(request, "param", "plain") == "tls":
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        bundle = str(tmp_path / "authority.pem")
        authority.cert_pem.write_to_path(bundle)
    with PaperExchange(
        rate=300.0, checksum_s=0.05, ticker_s=0.02, ssl_context=context
    ) as exchange:
        yield exchange, {"URL": exchange.url, "CA": bundle}


@pytest.mark.parametrize("endpoint", ["plain", "tls"], indirect=True)
def test_r10_the_child_says_so_and_the_parent_is_not_disturbed(endpoint):
    exchange, names = endpoint
    code, output, _ = run(
        """
        before = descriptors()
        client = WebSocketClient(URL, ca_bundle=CA)
        book = client.subscribe_book("tBTCUSD").book
        trades = client.subscribe_trades("tBTCUSD")
        events = client.subscribe_trades("tETHUSD").events()
        ticker = client.subscribe_ticker("tBTCUSD", lambda ticker: None)
        items = iter(trades)
        next(items), next(events)
        old = client.subscribe_candles("tBTCUSD", "1m")
        old.unsubscribe()

        def check():
            assert descriptors() == before, (descriptors(), before)
            for call in (
                lambda: client.subscribe_ticker("tBTCUSD"),
                lambda: client.subscribe("trades", symbol="tLTCBTC", wait=False),
                lambda: client.subscribe_many([{"channel": "ticker", "symbol": "fUSD"}]),
                client.ping,
                client.wait_ready,
                trades.get,
                lambda: trades.get(0.1),
                lambda: iter(trades),
                lambda: next(trades.events()),
                lambda: next(items),
                lambda: next(events),
                trades.wait_ready,
                ticker.wait_ready,
                old.get,
                lambda: book.best_bid,
                lambda: book.bids(1),
                lambda: book.levels(1),
                lambda: book.snapshot(),
                lambda: book.checksum(),
                lambda: len(book),
            ):
                assert refused(call)
            for handle in (trades, ticker, old):
                assert handle.status is SubscriptionStatus.CLOSED and not handle.is_active
                handle.unsubscribe()
                handle.close()
                repr(handle)
            assert book.is_stale and not book.is_live and repr(book)
            assert client.status is ConnectionStatus.CLOSED and repr(client)
            assert client.stats()["status"] == "closed"
            assert client.on("t_ticker_update", print) is print
            with client:
                client.close()
            client.close()
            assert refused(client.ping)
            assert threading.active_count() == 1

        for _ in range(3):
            say(in_child(check))
            # The parent's own go on, over the same connection.
            next(items)
            trades.get(5.0)
            client.ping(5.0)
        stats = client.stats()
        say(stats["gaps"], stats["reconnects"], book.best_bid is not None)
        client.close()
        """,
        **names,
    )
    assert (code, output) == (0, "True\n" * 3 + "0 {} True\n")
    assert exchange.connections_opened == 1


def test_r10_start_in_the_child_keeps_the_event_handlers(endpoint):
    exchange, names = endpoint
    code, output, _ = run(
        """
        client = WebSocketClient(URL, ca_bundle=CA)
        calls = []
        client.on("t_ticker_update", lambda subscription, ticker: calls.append(os.getpid()))
        mine = client.subscribe("ticker", "mine", symbol="tBTCUSD")
        trades = client.subscribe_trades("tBTCUSD")

        def anew():
            del calls[:]
            client.start()
            client.start()
            # Old handles stay what they are; names are free.
            assert refused(mine.get)
            again = client.subscribe("ticker", "mine", symbol="tBTCUSD")
            again.get(5.0), again.get(5.0)
            client.ping(5.0)
            assert client.stats()["connections"][0]["number"] == 1
            # A fork of the fork.
            def grandchild():
                assert refused(again.get) and refused(mine.get) and refused(client.ping)
                client.start()
                client.subscribe_ticker("tBTCUSD").get(5.0)
                client.close()
            assert in_child(grandchild)
            again.get(5.0)
            client.close()
            assert set(calls) == {os.getpid()}
            assert threading.active_count() == 1
            try:
                client.start()
            except ClosedError as exc:
                assert "is closed" in str(exc)
            else:
                raise AssertionError("it was closed")

        def running():
            client.on("open", lambda: threading.Timer(0.05, client.close).start())
            client.run()
            assert client.exception is None

        def together():
            # As the threads of a server may: there is one connection.
            threads = [threading.Thread(target=client.start) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            client.wait_ready(5.0)
            io = [t for t in threading.enumerate() if t.name.startswith("bfxsync-io")]
            assert len(io) == 1, io
            client.close()

        for check in (anew, running, together):
            say(in_child(check))
            trades.get(5.0)
        client.close()
        """,
        **names,
    )
    assert (code, output) == (0, "True\n" * 3)
    assert exchange.connections_opened == 5


def test_r10_an_unstarted_or_closed_client_is_unchanged_in_the_child(exchange):
    code, output, _ = run(
        """
        closed, fresh = WebSocketClient(URL), WebSocketClient(URL)
        unused = WebSocketClient(URL)
        opened = []
        fresh.on("open", lambda: opened.append(os.getpid()))
        handle = closed.subscribe_ticker("tBTCUSD")
        closed.close()
        unused.close()

        def check():
            # As in a server that forks its workers after it has loaded the program.
            with fresh:
                fresh.subscribe_ticker("tBTCUSD", lambda ticker: None)
                assert fresh.subscribe_book("tBTCUSD").book.best_bid is not None
            assert opened == [os.getpid()]
            for client in (closed, unused):
                for call in (client.start, client.ping, lambda: client.subscribe_ticker("fUSD")):
                    try:
                        call()
                    except ClosedError as exc:
                        assert str(exc) == "the client is closed"
                    else:
                        raise AssertionError(call)
                client.run()
                client.close()
            assert handle.exception is None
            handle.unsubscribe()

        for _ in range(2):
            say(in_child(check))
        """,
        URL=exchange.url,
    )
    assert (code, output) == (0, "True\n" * 2)


def test_r10_a_client_made_before_the_fork_says_that_it_records_nothing(
    exchange, tmp_path
):
    """As under a pre-forking server: the file belongs to the parent."""
    code, output, _ = run(
        """
        import logging

        logging.getLogger("bfxsync").addHandler(logging.NullHandler())
        errors = []
        client = WebSocketClient(URL, record=PATH, on_error=errors.append)
        size = os.path.getsize(PATH)

        def check():
            client.subscribe_ticker("tBTCUSD")
            client.subscribe_ticker("tETHUSD")
            client.close()
            (error,) = errors
            assert "nothing is recorded in this process" in str(error), error
            assert os.path.getsize(PATH) == size

        say(in_child(check))
        client.subscribe_ticker("tBTCUSD")
        client.close()
        say(errors, os.path.getsize(PATH) > size)
        """,
        URL=exchange.url,
        PATH=str(tmp_path / "run.jsonl"),
    )
    assert (code, output) == (0, "True\n[] True\n")


def test_r10_rest_works_in_the_child_while_the_web_socket_says_so(exchange):
    code, output, _ = run(
        """
        bfx = Client(wss_host=URL, rest_host=REST)
        ticker = bfx.wss.subscribe_ticker("tBTCUSD")
        bfx.rest.public.get_t_ticker("tBTCUSD")

        def check():
            assert bfx.rest.public.get_t_ticker("tBTCUSD").last_price > 0
            assert refused(ticker.get)
            bfx.wss.start()
            assert bfx.wss.subscribe_ticker("tBTCUSD").get(5.0).last_price > 0
            bfx.close()

        say(in_child(check))
        assert bfx.rest.public.get_t_ticker("tBTCUSD").last_price > 0
        ticker.get(5.0)
        bfx.close()
        """,
        URL=exchange.url,
        REST=exchange.rest_url,
    )
    assert (code, output) == (0, "True\n")


def test_r10_a_child_ends_as_any_process_does(exchange):
    """By `sys.exit` with all that Python does at its end, and as multiprocessing's do."""
    code, output, _ = run(
        """
        import multiprocessing

        client = WebSocketClient(URL)
        trades = client.subscribe_trades("tBTCUSD")
        pid = os.fork()
        if pid == 0:
            must_end()
            sys.exit(0)
        say(ended_well(pid))
        process = multiprocessing.get_context("fork").Process(
            target=lambda: sys.exit(0 if refused(trades.get) else 1)
        )
        process.start()
        process.join(10.0)
        say(process.exitcode)
        trades.get(5.0)
        client.close()
        """,
        URL=exchange.url,
    )
    assert (code, output) == (0, "True\n0\n")


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_r10_a_callback_may_fork(exchange, threads):
    code, output, _ = run(
        """
        client = WebSocketClient(URL, dispatch_threads=THREADS)
        parent = os.getpid()
        ready, done = threading.Event(), threading.Event()
        pids = []

        def check():
            assert refused(client.ping) and refused(lambda: book.best_bid)
            assert refused(client.wait_ready) and refused(mirror.wait_ready)
            client.close()
            client.start()
            client.subscribe_ticker("tBTCUSD", wait=False)

        def on_trade(trade):
            if os.getpid() != parent:
                say("a callback of the parent in the child")
                os._exit(1)
            if done.is_set() or not ready.is_set():
                return
            say(in_child(check))
            pid = os.fork()
            if pid == 0:
                # It returns: the only thread of this process, which ends with it.
                must_end()
                return
            pids.append(pid)
            done.set()

        book = client.subscribe_book("tBTCUSD").book
        mirror = client.subscribe_trades("tBTCUSD", on_trade)
        # The callback uses both names, and may come before they are there.
        ready.set()
        assert done.wait(20.0)
        say(ended_well(pids[0]))
        count = mirror.update_count
        deadline = time.monotonic() + 5.0
        while mirror.update_count < count + 10 and time.monotonic() < deadline:
            time.sleep(0.005)
        say(mirror.update_count >= count + 10, client.stats()["reconnects"])
        client.close()
        """,
        URL=exchange.url,
        THREADS=threads,
    )
    assert (code, output) == (0, "True\nTrue\nTrue {}\n")


def test_r10_a_signal_handler_that_forks_lets_run_return_in_the_child(exchange):
    code, output, _ = run(
        """
        client = WebSocketClient(URL)
        parent = os.getpid()
        pids = []

        def fork(*_):
            pids.append(os.fork())
            if not pids[0]:
                must_end()

        signal.signal(signal.SIGUSR1, fork)
        client.subscribe_ticker("tBTCUSD", lambda ticker: None)
        threading.Timer(0.05, os.kill, (parent, signal.SIGUSR1)).start()
        threading.Timer(0.5, client.close).start()
        client.run()
        if os.getpid() != parent:
            assert refused(client.ping)
            os._exit(0)
        say(ended_well(pids[0]))
        """,
        URL=exchange.url,
    )
    assert (code, output) == (0, "True\n")


def test_r10_a_fork_at_any_moment_hangs_no_thread(exchange):
    """While other threads of the parent hold all kinds of locks."""
    code, output, _ = run(
        """
        client = WebSocketClient(URL, dispatch_threads=2)
        kept = client.subscribe_book("tBTCUSD")
        handles = [kept]
        stopping = threading.Event()

        def churn(symbol):
            while not stopping.is_set():
                handle = client.subscribe_book(symbol, prec="P1")
                handles.append(handle)
                handle.get(5.0)
                handle.book.levels(5)
                handle.unsubscribe()
                with client.subscribe_ticker(symbol, lambda ticker: None) as ticker:
                    handles.append(ticker)
                del handles[1:-20]

        def gone(code, reason):
            pass

        def read():
            while not stopping.is_set():
                kept.book.bids()
                client.stats()
                client.on("disconnected", gone)
                # Or thousands would have to be called at the end of each child's connection.
                client.off("disconnected", gone)

        def iterate():
            for _ in kept:
                if stopping.is_set():
                    return

        names = ("tETHUSD", "tLTCBTC", "fUSD")
        threads = [threading.Thread(target=churn, args=(name,)) for name in names]
        threads += [threading.Thread(target=read), threading.Thread(target=iterate)]
        for thread in threads:
            thread.start()
        numbers = iter(range(1000))

        def check():
            number = next(numbers)
            for handle in list(handles):
                if isinstance(handle, BookSubscription):
                    assert refused(lambda: handle.book.best_bid)
                assert refused(lambda: next(iter(handle)))
                handle.unsubscribe()
            assert refused(client.ping) and refused(kept.wait_ready)
            client.stats()
            client.on("disconnected", lambda code, reason: None)
            client.close()
            if number % 10 == 0:
                client.start()
                assert client.subscribe_book("tBTCUSD").book.best_bid is not None
                client.close()

        well = 0
        for _ in range(50):
            well += in_child(check)
            next(numbers)
            time.sleep(0.002)
        stopping.set()
        for thread in threads:
            thread.join(10.0)
        say(well, client.stats()["reconnects"], threading.active_count() > 3)
        client.close()
        """,
        URL=exchange.url,
    )
    assert (code, output) == (0, "50 {} True\n")
