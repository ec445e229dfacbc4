"""`Client.paper`: a client with a local exchange of its own."""

from __future__ import annotations

import gc
import os
import signal
import threading
from decimal import Decimal
from typing import Any

import pytest

from bfxsync import Client, ClosedError, UsageError
from bfxsync.paper import PaperAccount, PaperExchange


def test_a_paper_client_trades_on_its_own_exchange() -> None:
    with Client.paper(numbers=Decimal) as bfx:
        assert bfx.exchange is not None
        bfx.rest.auth.submit_order("EXCHANGE MARKET", "BTC/USD", "0.1")
        bought = [trade["amount"] for trade in bfx.exchange.account.trades]
        assert sum(bought) == pytest.approx(0.1)
        assert bfx.wss.subscribe_ticker("BTC/USD").get(timeout=5).bid > Decimal(0)
        assert bfx.exchange.connections == 1


def test_the_exchange_ends_with_the_client() -> None:
    bfx = Client.paper()
    exchange = bfx.exchange
    assert exchange is not None and exchange.account.orders == []
    bfx.close()
    with pytest.raises(UsageError, match="not running"):
        exchange.account.orders
    with pytest.raises(ClosedError):
        bfx.rest
    bfx.close()


def test_a_client_of_another_exchange_leaves_it_running() -> None:
    with PaperExchange(rate=1e-3) as exchange:
        with exchange.client() as bfx:
            assert bfx.exchange is None
        assert exchange.account.orders == []


def test_an_exchange_with_own_settings_is_started_and_stopped() -> None:
    mine = PaperExchange(accounts=[PaperAccount(balances={"exchange": {"USD": 5}})])
    with Client.paper(mine) as bfx:
        (wallet,) = bfx.rest.auth.get_wallets()
        assert (bfx.exchange, wallet.balance) == (mine, 5)
    with Client.paper(mine.start()) as bfx:
        assert bfx.exchange is mine
    assert mine.connections == 0


@pytest.mark.parametrize(
    ("exchange", "options", "message"),
    [
        ("seed=1", {}, "exchange must be a PaperExchange, not 'seed=1'"),
        (PaperExchange(accounts=()), {}, "without accounts"),
        (None, {"numbers": int}, "numbers must be"),
        (None, {"on_limit": "never"}, "on_limit must be"),
    ],
    ids=["no exchange", "no account", "numbers", "on_limit"],
)
def test_a_refused_argument_leaves_nothing_running(
    exchange: Any, options: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Client.paper(exchange, **options)


def test_a_closed_client_leaves_the_next_run_alone() -> None:
    mine = PaperExchange()
    first = Client.paper(mine)
    first.close()
    with Client.paper(mine) as bfx:
        del first
        gc.collect()
        assert bfx.rest.auth.get_wallets()
    assert_stops(mine)


def test_a_dropped_client_stops_its_exchange() -> None:
    bfx = Client.paper()
    exchange, url = bfx.exchange, repr(bfx.exchange)
    assert exchange is not None and exchange.url in url
    del bfx
    gc.collect()
    assert_stops(exchange)


def assert_stops(exchange: PaperExchange) -> None:
    ours = ("bfxsync-io", "bfxsync-dispatch", "bfxsync-paper")
    for thread in threading.enumerate():
        if thread.name.startswith(ours):
            thread.join(30)
    assert repr(exchange) == "<PaperExchange stopped>"


def test_a_dropped_client_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finalizer must neither wait nor raise, and its exchange must end all the same."""
    unraisable: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", unraisable.append)
    bfx = Client.paper()
    exchange = bfx.exchange
    assert exchange is not None

    def fail(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        # What `Thread.start` calls; since Python 3.13 the other one.
        for name in ("_start_new_thread", "_start_joinable_thread"):
            patched.setattr(threading, name, fail, raising=False)
        del bfx
        gc.collect()
    assert unraisable == []
    assert_stops(exchange)
    with exchange.start():
        assert exchange.connections == 0


def test_a_subscription_keeps_its_exchange_running() -> None:
    bfx = Client.paper()
    exchange, ticker = bfx.exchange, bfx.wss.subscribe_ticker("tBTCUSD")
    del bfx
    gc.collect()
    assert exchange is not None and exchange.connections == 1 and ticker.is_active
    with pytest.warns(ResourceWarning, match="without close"):
        del ticker
        gc.collect()
    assert_stops(exchange)


def test_a_subclass_makes_its_own_clients() -> None:
    class Mine(Client):
        pass

    with Mine.paper() as bfx:
        assert type(bfx) is Mine


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("round", range(10))
def test_a_signal_handler_may_close_it_during_a_call(round: int) -> None:
    bfx = Client.paper()
    exchange = bfx.exchange
    assert exchange is not None
    left: list[str] = []

    def close(*_: Any) -> None:
        bfx.close()
        left.extend(thread.name for thread in threading.enumerate())

    before = signal.signal(signal.SIGALRM, close)
    try:
        # At ten moments of a call, which takes less than a millisecond.
        signal.setitimer(signal.ITIMER_REAL, 0.05 + 0.00007 * round)
        with pytest.raises(UsageError, match="not running|was stopped"):
            while True:
                exchange.account.balances
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert "MainThread" in left and "bfxsync-paper" not in left
    assert repr(exchange) == "<PaperExchange stopped>"
