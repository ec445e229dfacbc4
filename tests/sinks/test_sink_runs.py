"""Programs that save live trades and are killed: nothing is missing, nothing is there twice."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from patience import at_most
from stored_rows import stored
from warm_python import WarmPython

from bfxsync.models import Candle, Trade
from bfxsync.paper import PaperExchange
from bfxsync.sinks import open_sink

pytestmark = pytest.mark.once

OPENING = """
import sys
from bfxsync import Client
from bfxsync.models import Candle, Trade
from bfxsync.sinks import open_sink

path, start = sys.argv[1], int(sys.argv[2])
with open_sink(path, Trade, flush_s=0.02) as sink, Client() as bfx:
"""

BY_HAND = """
    # Live trades wait here while the past is read.
    live = iter(bfx.wss.subscribe_trades("tBTCUSD"))
    since = sink.since(start)
    sink.write_all(bfx.rest.public.iter_trades("tBTCUSD", start=since))
    print(sink.count, flush=True)
    for trade in live:
        if sink.write(trade) and sink.count % 20 == 0:
            print(sink.count, flush=True)
"""

JOINED = """
    for trade in bfx.trades("tBTCUSD", since=sink.since(start)):
        if sink.write(trade) and sink.count % 20 == 0:
            print(sink.count, flush=True)
"""


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=200.0) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def python() -> Iterator[WarmPython]:
    with WarmPython() as python:
        yield python


@pytest.mark.parametrize(
    "suffix, program, signals",
    [
        (".csv", BY_HAND, [signal.SIGKILL, signal.SIGINT]),
        (".parquet", BY_HAND, [signal.SIGKILL]),
        (".db", JOINED, [signal.SIGKILL]),
    ],
)
def test_killed_programs_leave_no_hole_and_no_duplicate(
    suffix: str,
    program: str,
    signals: Any,
    exchange: PaperExchange,
    python: WarmPython,
    tmp_path: Path,
) -> None:
    path = tmp_path / f"trades{suffix}"
    start = int(time.time() * 1000) - 10_000
    environment = {
        **os.environ,
        "BFX_WSS_HOST": exchange.url,
        "BFX_REST_HOST": exchange.rest_url,
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    for number in signals:
        running = python.start(
            ["-c", OPENING + program, str(path), str(start)], environment, tmp_path
        )
        for _ in range(3):
            assert running.stdout.readline()
        running.send_signal(number)
        result = running.finish(at_most(20))
        assert result.returncode == -number or "KeyboardInterrupt" in result.stderr
    # Later ones may still come, as trades come out of order.
    end = int(time.time() * 1000) - 2_000
    with exchange.client() as bfx:
        get = bfx.rest.public.iter_trades
        with open_sink(path, Trade, flush_s=0.0) as sink:
            sink.write_all(get("tBTCUSD", start=sink.since(start)))
        wanted = {trade.id: trade for trade in get("tBTCUSD", start=start, end=end)}
    found = [trade for trade in stored(path, Trade) if trade.mts <= end]
    assert len(found) == len({trade.id for trade in found})
    assert {trade.id: trade for trade in found} == wanted
    assert len(wanted) > 20


def test_closed_candles_of_a_joined_history_are_stored_once(
    exchange: PaperExchange, tmp_path: Path
) -> None:
    path = tmp_path / "candles.csv"
    now = int(time.time() * 1000)
    start = now - 60 * 60_000
    for until in (now - 30 * 60_000, now - 5 * 60_000):
        with exchange.client() as bfx, open_sink(path, Candle) as sink:
            since = sink.since(start)
            candles = bfx.candles("tBTCUSD", since=since, until=until, closed=True)
            sink.write_all(candles)
            wanted = list(
                bfx.rest.public.iter_candles("tBTCUSD", start=start, end=until)
            )
        assert stored(path, Candle) == wanted and len(wanted) > 20


def test_sinks_are_callbacks_of_subscriptions(
    exchange: PaperExchange, tmp_path: Path
) -> None:
    path = tmp_path / "trades.db"
    enough = threading.Event()

    def on_trade(trade: Trade) -> None:
        sink.write(trade)
        if sink.count >= 20:
            enough.set()

    with open_sink(path, Trade, flush_s=0.001) as sink:
        with exchange.client() as bfx:
            bfx.wss.subscribe_trades("tBTCUSD", on_trade)
            assert enough.wait(at_most(10))
            # From two threads at once.
            sink.flush()
    found = [trade.id for trade in stored(path, Trade)]
    assert len(found) == len(set(found)) == sink.count >= 20
