"""The time of a strategy, which replaces parts of Python's own modules: on each Python."""

from __future__ import annotations

import datetime as datetime_module
import queue
import threading
import time
from datetime import date, datetime, timedelta, timezone

import pytest
from recorded import BEGIN_S, buy

from bfxsync import RequestTimeout

FILLS = (
    "mts_create,id,symbol,order_id,exec_amount,exec_price,order_type,maker,fee,fee_currency\n"
    "1700000002105,10000000000000,tBTCUSD,180000000001,0.1,104.0,EXCHANGE MARKET,-1,-0.0002,BTC\n"
    "1700000005100,10000000000001,tBTCUSD,180000000002,0.1,107.0,EXCHANGE MARKET,-1,-0.0002,BTC\n"
    "1700000008100,10000000000002,tBTCUSD,180000000003,0.1,110.0,EXCHANGE MARKET,-1,-0.0002,BTC\n"
    "1700000011100,10000000000003,tBTCUSD,180000000004,0.1,113.0,EXCHANGE MARKET,-1,-0.0002,BTC\n"
    "1700000014100,10000000000004,tBTCUSD,180000000005,0.1,116.0,EXCHANGE MARKET,-1,-0.0002,BTC\n"
    "1700000017100,10000000000005,tBTCUSD,180000000006,0.1,119.0,EXCHANGE MARKET,-1,-0.0002,BTC\n"
    "1700000020100,10000000000006,tBTCUSD,180000000007,0.1,122.0,EXCHANGE MARKET,-1,-0.0002,BTC\n"
)
EQUITY = (
    "mts,equity,drawdown_ratio\n"
    "1700000000000,1505.0,0.0\n"
    "1700000002105,1514.8794,0.0\n"
    "1700000005000,1530.1788,0.0\n"
    "1700000005100,1530.0576,7.9e-05\n"
    "1700000008100,1545.5346,0.0\n"
    "1700000010000,1556.1334,0.0\n"
    "1700000011100,1561.3104,0.0\n"
    "1700000014100,1577.385,0.0\n"
    "1700000015000,1582.884,0.0\n"
    "1700000017100,1593.7584,0.0\n"
    "1700000020000,1610.5548,0.0\n"
    "1700000020100,1610.4306,7.7e-05\n"
    "1700000020800,1610.4306,7.7e-05\n"
)


def test_two_runs_are_equal_byte_for_byte(run):
    def main(bfx):
        def trade(trade):
            if trade.id % 3 == 0:
                buy(bfx, "0.1")
                time.sleep(0.7)

        bfx.wss.subscribe_trades("tBTCUSD", trade)
        bfx.wss.run()

    first, second = run(main, every_s=5), run(main, every_s=5)
    assert first.ended_by == "recording" and first.json() == second.json()
    # The same on every Python.
    assert first.fills_csv() == FILLS and first.equity_csv() == EQUITY


def test_the_clocks_are_those_of_the_recording(run):
    seen = []

    def main(bfx):
        begin = time.monotonic()
        time.sleep(3)
        seen.append(time.monotonic() - begin)
        seen.append(time.time_ns() // 10**9 - BEGIN_S)
        seen.append(time.gmtime().tm_year)
        seen.append(time.strftime("%Y"))
        seen.append(time.ctime(0) != time.ctime())
        seen.append(time.localtime().tm_year)
        assert time.monotonic_ns() / 1e9 == pytest.approx(time.monotonic())
        now = datetime.now(timezone.utc)
        assert now == datetime(2023, 11, 14, 22, 13, 23, tzinfo=timezone.utc)
        assert isinstance(now, datetime) and issubclass(type(now), datetime)
        assert datetime.utcnow() == now.replace(tzinfo=None)
        assert datetime.today() == datetime.fromtimestamp(BEGIN_S + 3)
        assert date.today() == datetime.today().date()
        assert datetime_module.datetime.now(timezone.utc) == now
        assert now - timedelta(seconds=3) < now

    run(main)
    assert seen == [pytest.approx(3), 3, 2023, "2023", True, 2023]
    assert time.time() > BEGIN_S + 10**7 and datetime.now().year > 2023


def test_time_passes_while_any_wait_waits(run):
    waits = []

    def main(bfx):
        def note(text):
            waits.append((text, round(time.time() - BEGIN_S, 1)))

        note("begin")
        assert not threading.Event().wait(1)
        note("event")
        with pytest.raises(queue.Empty):
            queue.Queue().get(timeout=1)
        note("queue")
        assert not bfx.wss.wait_closed(1)
        note("latch")
        with pytest.raises(RequestTimeout):
            bfx.wss.wait_for(lambda: False, timeout=1)
        note("condition")
        worker = threading.Thread(target=time.sleep, args=(1,))
        worker.start()
        worker.join()
        note("join")
        worker = threading.Thread(target=time.sleep, args=(2,))
        worker.start()
        worker.join(1)
        assert worker.is_alive()
        note("join in part")
        time.sleep(0)
        note("nothing")
        worker.join()
        with pytest.raises(ValueError, match="non-negative"):
            time.sleep(-1)
        with pytest.raises(RuntimeError, match="un-acquired"):
            threading.Condition().wait(1)

    run(main)
    names = "begin event queue latch condition join join in part nothing"
    assert " ".join(name for name, _ in waits) == names
    assert [at for _, at in waits] == [0, 1, 2, 3, 4, 5, 6, 6]


def test_own_threads_are_awaited(run):
    def main(bfx):
        stop, ticks = threading.Event(), []

        def tick():
            while not stop.wait(1):
                ticks.append(time.time() - BEGIN_S)

        worker = threading.Thread(target=tick)
        worker.start()
        time.sleep(5.5)
        stop.set()
        worker.join()
        assert ticks == [1, 2, 3, 4, 5]

    run(main)
