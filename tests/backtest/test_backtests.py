"""Strategies over recordings, on the engine of the local exchange."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections import deque
from socket import MSG_PEEK

import pytest
from patience import at_most
from recorded import BEGIN_S, buy, write_recording

from bfxsync import (
    Client,
    OrderBlocked,
    OrderRejected,
    SubscriptionRejected,
    UsageError,
)
from bfxsync.backtest import BacktestFailed, backtest
from bfxsync.backtest.driver import Driver, asleep_at
from bfxsync.paper.server.ws_connection import WsConnection
from bfxsync.ws.dispatch.ready_queue import ReadyQueue, Sleeper
from bfxsync.ws.io.connection import Connection
from bfxsync.ws.io.link import Link

pytestmark = pytest.mark.once


# --- fills and equity ---------------------------------------------------------------------------


def test_a_market_order_is_filled_at_the_recorded_price(run):
    def main(bfx):
        time.sleep(10.05)
        assert buy(bfx).price_avg == 112
        time.sleep(5)
        buy(bfx, "-1")

    result = run(main, every_s=5)
    bought, sold = result.fills
    assert (bought.exec_price, sold.exec_price, sold.exec_amount) == (112, 115, -1)
    # The snapshots of the account came five milliseconds after its authentication.
    assert bought.mts_create == BEGIN_S * 1000 + 10_055
    # 0.2 % of 1 BTC at its middle price, and of 115 USD.
    assert result.fees == pytest.approx(0.002 * 111 + 0.002 * 115)
    assert (result.start_equity, result.ended_by) == (1505, "strategy")
    assert result.simulated_s == 15.055
    assert result.end_equity == pytest.approx(1000 + 3 + 4.998 * 116 - 0.23)
    assert result.return_ratio == pytest.approx(result.end_equity / 1505 - 1)
    times = [point.mts - BEGIN_S * 1000 for point in result.equity]
    assert times[:2] == [0, 5000] and times[-1] == 15_055 and times == sorted(times)


def test_a_resting_order_is_filled_by_a_trade_beyond_it(run):
    def main(bfx):
        order = bfx.wss.inputs.submit_order(
            type="EXCHANGE LIMIT", symbol="tBTCUSD", amount="-0.3", price="110"
        )
        assert order.result(5).status.word == "ACTIVE"
        filled.append(order.wait_filled(60))
        filled.append(time.time() - BEGIN_S)

    filled = []
    result = run(main)
    (fill,) = result.fills
    assert (fill.exec_price, fill.maker) == (110, 1)
    # The first bid of 110 came after ten seconds, the trade at 111 before.
    assert filled[1] == pytest.approx(9.1, abs=1)


def test_an_order_is_sent_though_no_wallets_come(run):
    def main(bfx):
        time.sleep(3)
        buy(bfx)

    (fill,) = run(main, client_options={"filters": ["trading"]}).fills
    assert fill.mts_create == BEGIN_S * 1000 + 3000


def test_an_order_that_may_be_buffered_is_sent_at_once(run):
    def main(bfx):
        bfx.wss.wait_authenticated()
        time.sleep(3)
        buy(bfx, buffer_s=0.5)

    (fill,) = run(main).fills
    assert fill.mts_create == BEGIN_S * 1000 + 3000


def test_a_falling_equity_is_a_drawdown(run):
    def main(bfx):
        buy(bfx, "-5")
        order = bfx.wss.inputs.submit_order(
            type="EXCHANGE LIMIT", symbol="tBTCUSD", amount="1", price="90"
        )
        order.result(5)

    result = run(main)
    # 5 at 100 instead of the middle, and the fee.
    assert result.max_drawdown_ratio == pytest.approx((5 + 1) / 1505, abs=1e-6)
    assert result.open_orders == 1
    assert result.equity.df()["drawdown_ratio"].max() == result.max_drawdown_ratio


def test_fills_and_equity_are_tables(run):
    result = run(buy)
    frame = result.fills.df()
    assert list(frame["exec_price"]) == [102] and frame.index.name == "time"
    assert list(result.df().columns) == ["equity", "drawdown_ratio"]
    assert str(result.df().index[0]) == "2023-11-14 22:13:20+00:00"


def test_a_position_counts_with_its_profit(run):
    def main(bfx):
        reply = bfx.wss.inputs.submit_order(type="MARKET", symbol="tBTCUSD", amount="1")
        reply.wait_filled(5)
        time.sleep(10.05)

    result = run(main, balances={"margin": {"USD": 1000}})
    # Bought at 102, it can be closed at 110.
    assert result.end_equity == pytest.approx(1000 + 8 - 0.204)


def test_value_is_in_the_currency_that_was_asked_for(tmp_path):
    path = write_recording(tmp_path / "r.jsonl", 2, symbols=["tETHBTC", "tBTCUSD"])

    def main(bfx):
        pass

    balances = {"exchange": {"ETH": 1, "USD": "10.1"}}
    result = backtest(main, path, balances=balances)
    assert (result.currency, result.start_equity) == ("BTC", pytest.approx(101.1))
    result = backtest(main, path, balances=balances, currency="USD")
    assert result.start_equity == pytest.approx(101 * 101 + 10.1)
    assert backtest(main, path).fills == []


# --- time ---------------------------------------------------------------------------------------


def test_waiting_takes_no_real_time(recording, tmp_path):
    path = write_recording(tmp_path / "day.jsonl", 3600, step_s=1200)
    began = time.monotonic()
    result = backtest(lambda bfx: time.sleep(3000), path)
    assert time.monotonic() - began < 60
    assert result.simulated_s == 3000 and result.events == 6


def test_a_callback_that_sleeps_delays_only_its_own_thread(run):
    seen = []

    def main(bfx):
        def on_trade(trade):
            time.sleep(4)
            seen.append((trade.id, round(time.time() - BEGIN_S, 1)))

        bfx.wss.subscribe_trades("tBTCUSD", on_trade)
        time.sleep(10)
        seen.append("main")

    run(main)
    # Trades come each second from 1.1 on.
    assert seen == [(2, 5.1), (3, 9.1), "main"]


def test_iteration_gets_each_trade_at_its_time(run):
    late = []

    def main(bfx):
        for trade in bfx.wss.subscribe_trades("tBTCUSD"):
            late.append(round(time.time() * 1000) - trade.mts)

    result = run(main)
    assert result.ended_by == "recording"
    assert late == [100] * 20


def test_callbacks_come_before_the_main_thread(run):
    seen = []

    def main(bfx):
        bfx.wss.subscribe_trades("tBTCUSD", lambda trade: seen.append(trade.id))
        workers = [
            threading.Thread(target=lambda name=name: work(bfx, name)) for name in "ab"
        ]
        for worker in workers:
            worker.start()
        while len(seen) < 40:
            bfx.wss.wait_on_update(60)
            seen.append("main")
        for worker in workers:
            worker.join()

    def work(bfx, name):
        for _ in range(5):
            bfx.wss.wait_on_update(60)
            seen.append(name)

    first = run(main) and seen.copy()
    seen.clear()
    run(main)
    assert first == seen
    # Trades come once a second, the book before each of them.
    at = seen.index(2)
    assert seen[at : at + 4] == [2, "main", "a", "b"]


def test_a_dispatch_thread_that_takes_an_item_is_not_asleep():
    ready = ReadyQueue()
    one, other = Sleeper(), Sleeper()

    class Items(deque):
        def __len__(self):
            # The thread of `one` takes the item at the moment at which it is looked for.
            if super().__len__():
                ready._sleepers.popleft()
                self.popleft()
            return super().__len__()

    ready._sleepers.extend([(one, object()), (other, object())])
    assert asleep_at(ready) == ([one, other], False)
    ready.items = Items(["item"])
    assert asleep_at(ready) == ([other], False)
    ready.items = deque(["item"])
    assert asleep_at(ready) == ([other], True)


def test_nothing_arrives_before_the_first_wait_of_the_strategy(run):
    states = []

    def main(bfx):
        handle = bfx.wss.subscribe_trades("tBTCUSD", wait=False)
        states.append(handle.status)
        # Long enough for an acknowledgement.
        for _ in range(2_000_000):
            pass
        states.append(handle.status)
        handle.get(60)
        states.append(handle.status)

    run(main)
    assert states[0] is states[1] is not states[2]


def test_nothing_arrives_while_the_strategy_runs(run):
    def main(bfx):
        fills = []
        bfx.wss.subscribe_account()
        bfx.wss.account.wait_ready()
        reply = bfx.wss.inputs.submit_order(
            type="EXCHANGE MARKET", symbol="tBTCUSD", amount="1", on_fill=fills.append
        )
        bfx.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "1")
        for _ in range(20):
            assert not reply.done() and not fills
            bfx.rest.auth.get_wallets()
        reply.wait_filled(5)
        assert len(fills) == 1

    assert len(run(main).fills) == 2


def test_several_dispatch_threads_take_turns(run):
    def main(bfx):
        def trade(trade):
            time.sleep(1.5)
            if trade.id == 5:
                buy(bfx, "0.1")

        bfx.wss.subscribe_trades("tBTCUSD", trade)
        bfx.wss.subscribe_ticker("tBTCUSD", lambda ticker: time.sleep(0.3))
        bfx.wss.run()

    runs = [run(main, client_options={"dispatch_threads": 3}) for _ in range(2)]
    assert runs[0].json() == runs[1].json() and len(runs[0].fills) == 1


def test_time_waits_for_an_order_sent_after_the_ping(run, monkeypatch):
    """The connection sends a ping, reads the wallets, and sends the order that waited for them."""
    patient = at_most(10)
    sent, received, in_flight = [], [], []
    has_wallets, has_pinged, has_pong, has_decided = (
        threading.Event() for _ in range(4)
    )
    wait, send, submit = Connection._wait, Connection.send, Link.submit
    read, flush, let_pass = WsConnection.read, WsConnection._flush, Driver._pass

    def wait_for_ping(connection, transport, due):
        readable = wait(connection, transport, due)
        comes = select.select([transport.fileno()], [], [], 0)[0]
        if comes and b'"ws"' in transport._sock.recv(1 << 16, MSG_PEEK):
            has_wallets.set()
            if not connection.link._outbox:
                assert has_pinged.wait(patient)
        return readable

    def noted_submit(link, *arguments):
        if sent:
            has_decided.set()
        is_after = has_wallets.is_set()
        submit(link, *arguments)
        if is_after:
            has_pinged.set()

    def noted_flush(connection):
        is_pong = any(b'"pong"' in frame for frame in connection._waiting)
        is_after = has_wallets.is_set() and is_pong
        flush(connection)
        if is_after:
            has_pong.set()

    def send_late(connection, text):
        if '"on"' in text:
            assert has_pong.wait(patient)
            sent.append(text)
        send(connection, text)

    def read_late(connection, receive):
        def receive_late(text):
            if '"on"' in text:
                # The driver has asked once more, or believes that all is done.
                assert has_decided.wait(patient)
                received.append(text)
            receive(text)

        return read(connection, receive_late)

    def noted_pass(driver):
        in_flight.append(len(sent) - len(received))
        if sent:
            has_decided.set()
        let_pass(driver)

    def main(bfx):
        monkeypatch.setattr(Connection, "_wait", wait_for_ping)
        monkeypatch.setattr(Connection, "send", send_late)
        monkeypatch.setattr(Link, "submit", noted_submit)
        monkeypatch.setattr(WsConnection, "read", read_late)
        monkeypatch.setattr(WsConnection, "_flush", noted_flush)
        monkeypatch.setattr(Driver, "_pass", noted_pass)
        # Nothing wakes this thread when the order has been sent.
        bfx.wss.inputs.submit_order(
            type="EXCHANGE MARKET", symbol="tBTCUSD", amount="1"
        )
        time.sleep(5)

    (fill,) = run(main).fills
    assert len(sent) == len(received) == 1 and not any(in_flight)
    assert fill.mts_create == BEGIN_S * 1000 + 5


def test_larger_steps_let_it_react_later(run):
    times = []

    def main(bfx):
        trades = bfx.wss.subscribe_trades("tBTCUSD")
        for _ in range(6):
            trades.get(timeout=60)
            times.append(time.time() - BEGIN_S)
        bfx.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")

    result = run(main, step_s=5)
    assert times == [5, 5, 5, 5, 10, 10]
    assert [fill.exec_price for fill in result.fills] == [112]


# --- the end ------------------------------------------------------------------------------------


def test_the_end_interrupts_like_ctrl_c(run):
    seen = []

    def main(bfx):
        try:
            time.sleep(3600)
        except KeyboardInterrupt:
            seen.append(round(time.time() - BEGIN_S, 2))
            buy(bfx)
            raise
        finally:
            time.sleep(5)
            seen.append(round(time.time() - BEGIN_S, 2))

    result = run(main)
    assert (result.ended_by, len(result.fills)) == ("recording", 1)
    assert seen == [20.15, 25.15]


def test_the_end_calls_the_handler_of_the_strategy(run):
    before = signal.getsignal(signal.SIGINT)

    def main(bfx):
        going = [True]
        signal.signal(signal.SIGINT, lambda number, frame: going.clear())
        while going:
            time.sleep(1)
        assert time.time() > BEGIN_S + 20

    assert run(main).ended_by == "recording"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_strategy_that_goes_on_is_interrupted_again(run):
    times = []

    def main(bfx):
        while len(times) < 3:
            try:
                time.sleep(3600)
            except KeyboardInterrupt:
                times.append(round(time.time() - BEGIN_S))

    run(main)
    assert times == [20, 80, 140]


def test_run_of_the_client_ends_with_the_recording(run):
    assert run(lambda bfx: bfx.wss.run()).ended_by == "recording"


def test_ctrl_c_keeps_what_has_happened(run):
    def main(bfx):
        buy(bfx)
        raise KeyboardInterrupt

    result = run(main)
    assert (result.ended_by, len(result.fills)) == ("interrupt", 1)
    assert "early, by Ctrl-C" in result.text()


@pytest.mark.parametrize("code, ended_by", [(None, "strategy"), (3, "error")])
def test_an_exit_of_the_strategy_has_its_code(run, code, ended_by):
    def main(bfx):
        raise SystemExit(code)

    assert run(main, check=False).ended_by == ended_by


# --- errors -------------------------------------------------------------------------------------


def test_an_error_of_the_strategy_keeps_the_result(run):
    def main(bfx):
        buy(bfx)
        raise LookupError("mine")

    with pytest.raises(BacktestFailed, match="LookupError\\('mine'\\)") as caught:
        run(main)
    error = caught.value.__cause__
    assert isinstance(error, LookupError)
    assert error.__traceback__.tb_frame.f_code.co_name == "main"
    result = caught.value.result
    assert (result.ended_by, len(result.fills), result.error) == ("error", 1, error)
    assert run(main, check=False).text().endswith("early, by LookupError")


def test_an_error_of_a_callback_ends_nothing(run, caplog):
    def main(bfx):
        bfx.wss.subscribe_trades("tBTCUSD", lambda trade: 1 / 0)
        bfx.wss.run()

    with pytest.raises(BacktestFailed, match="20 exceptions") as caught:
        run(main)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    result = caught.value.result
    assert (result.ended_by, result.callback_errors) == ("recording", 20)
    assert "20 exceptions in callbacks" in result.text()
    assert "raised" in caplog.text


def test_what_was_not_recorded_is_refused(run):
    def main(bfx):
        with pytest.raises(SubscriptionRejected):
            bfx.wss.subscribe_ticker("tETHUSD")
        with pytest.raises(OrderRejected):
            bfx.rest.auth.submit_order("EXCHANGE MARKET", "tETHUSD", "1")
        with pytest.raises(OrderRejected):
            buy(bfx, "1000")

    assert run(main).fills == []


def test_guards_count_in_the_time_of_the_recording(run):
    def main(bfx):
        buy(bfx, "0.1")
        with pytest.raises(OrderBlocked):
            buy(bfx, "0.1")

    run(main, client_options={"max_orders_per_minute": 1})

    def later(bfx):
        buy(bfx, "0.1")
        with pytest.raises(KeyboardInterrupt):
            time.sleep(60)
        time.sleep(41)
        buy(bfx, "0.1")

    assert len(run(later, client_options={"max_orders_per_minute": 1}).fills) == 2


def test_no_client_of_another_exchange_is_made(run):
    def main(bfx):
        with pytest.raises(UsageError, match="no client of another exchange"):
            Client(wss_host="wss://api.bitfinex.com/ws/2")
        with Client() as own:
            assert own.rest.auth.get_wallets() == bfx.rest.auth.get_wallets()

    before = dict(os.environ)
    run(main)
    assert dict(os.environ) == before


def test_only_one_at_a_time(run, recording):
    def main(bfx):
        with pytest.raises(UsageError, match="another backtest is running"):
            backtest(main, recording)

    run(main)


def test_a_thread_that_is_busy_is_named(run, caplog, monkeypatch):
    monkeypatch.setattr("bfxsync.backtest.driver._BUSY_S", 0.01)
    monkeypatch.setattr("bfxsync.backtest.driver._OTHER_S", 0.005)
    lock, is_known = threading.Lock(), threading.Event()

    class Noted(logging.Handler):
        def emit(self, record):
            is_known.set()

    handler = Noted()
    logging.getLogger("bfxsync.backtest").addHandler(handler)

    def main(bfx):
        def wait_by_other_means():
            lock.acquire()

        with lock:
            worker = threading.Thread(target=wait_by_other_means, name="pool")
            worker.start()
            time.sleep(1)
            # Polls: the time stands still until somebody has noticed.
            is_known.clear()
            while not is_known.is_set():
                pass
        worker.join()

    try:
        run(main)
    finally:
        logging.getLogger("bfxsync.backtest").removeHandler(handler)
    assert "the thread pool has not waited" in caplog.text
    assert f"{os.path.basename(__file__)}:" in caplog.text
    assert "the time of the backtest stands still" in caplog.text


# --- arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        ({"strategy": 7}, "strategy must be a file or a function, not 7"),
        ({"strategy": "none.py"}, "there is no file 'none.py'"),
        ({"recording": 7}, "recording must be the path of a file"),
        ({"recording": "none"}, "a capture must be one of"),
        ({"every_s": 0}, "every_s must be"),
        ({"step_s": -1}, "step_s must be"),
        ({"step_s": 61}, "step_s must be at most 60, not 61"),
        ({"parameters": [1]}, "parameters must be a mapping"),
        ({"parameters": {"x": 1}}, "cannot be called with a client, x"),
        ({"client_options": [1]}, "client_options must be a mapping"),
        ({"client_options": {"wss_host": "x"}}, "must not have wss_host"),
        ({"currency": "EUR"}, "currency must be one of the recording, BTC, USD"),
        ({"balances": {"exchange": {"EUR": 1}}}, "no price of EUR in USD"),
        ({"balances": 7}, "balances must be a mapping"),
        ({"check": 1}, "check must be True or False"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
def test_impossible_arguments_are_refused(recording, options, message):
    given = {"strategy": lambda bfx: None, "recording": recording, **options}
    with pytest.raises(UsageError, match=message):
        backtest(given.pop("strategy"), given.pop("recording"), **given)


def test_a_recording_without_a_pair_is_refused(tmp_path):
    path = write_recording(tmp_path / "r.jsonl", 1, symbols=["fUSD"])
    with pytest.raises(UsageError):
        backtest(lambda bfx: None, path)


def test_progress_is_told(run, monkeypatch):
    monkeypatch.setattr("bfxsync.backtest.driver._TOLD_EVERY", 1)
    told = []

    def main(bfx):
        for _ in bfx.wss.subscribe_trades("tBTCUSD"):
            pass

    run(main, on_progress=told.append)
    assert told == sorted(told) and 0 <= told[0] < told[-1] <= 1
