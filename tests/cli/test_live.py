"""``bfxsync ticker|trades|book|candles``: lines, rows, and how they end."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import threading
from functools import partial
from typing import Any, Callable, Iterator

import pytest
from command_line import run

from bfxsync.cli.live import feed, stream
from bfxsync.paper import PaperExchange

CLOCK = r"\d\d:\d\d:\d\d"


@pytest.fixture(scope="module")
def shared() -> Iterator[PaperExchange]:
    with PaperExchange(rate=200, ticker_s=0.05) as exchange:
        yield exchange


@pytest.fixture
def exchange(shared: PaperExchange, monkeypatch: pytest.MonkeyPatch) -> PaperExchange:
    for name, value in shared.environment.items():
        monkeypatch.setenv(name, value)
    return shared


@pytest.mark.usefixtures("exchange")
@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        (
            "ticker BTC/USD",
            rf"{CLOCK}  tBTCUSD  \d+  [+-]\d+\.\d\d%  bid \d+  ask \d+  high \d+  low \d+"
            r"  volume [\d.]+",
        ),
        (
            "ticker fUSD",
            rf"{CLOCK}  fUSD  0\.000\d+  [+-]\d+\.\d\d%  bid 0\.000\d+  .*",
        ),
        ("trades btcusd", rf"{CLOCK}  tBTCUSD  (buy |sell)  \d+\.\d+ at \d+"),
        ("trades fUSD", rf"{CLOCK}  fUSD  (lend|take)  [\d.]+ at 0\.000\d+  \d+ days"),
        (
            "book tBTCUSD --every 0",
            rf"{CLOCK}  tBTCUSD  bid \d+ x [\d.]+  ask .*  spread \d+",
        ),
        ("book fUSD --every 0", rf"{CLOCK}  fUSD  bid 0\.000\d+ x .*  spread 0\.0\d+"),
        (
            "candles BTC/USD",
            rf"{CLOCK}  tBTCUSD 1m  o \d+  h \d+  l \d+  c \d+  v [\d.]+",
        ),
    ],
    ids=lambda value: value if "  " not in value else "",
)
def test_a_pipe_gets_a_line_per_update(line: str, pattern: str) -> None:
    ended = run(f"{line} --count 3")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert len(lines) == 3
    for each in lines:
        assert re.fullmatch(pattern, each)


@pytest.mark.usefixtures("exchange")
def test_several_symbols_come_together() -> None:
    ended = run("ticker BTC/USD tETHUSD --count 8")
    assert {line.split()[1] for line in ended.out.splitlines()} == {
        "tBTCUSD",
        "tETHUSD",
    }


@pytest.mark.usefixtures("exchange")
def test_trades_begin_with_past_ones_in_order() -> None:
    rows = [
        json.loads(line)
        for line in run("trades BTC/USD --json --count 12").out.splitlines()
    ]
    assert len(rows) == 12 and [*rows[0]] == "time symbol id amount price".split()
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert len({row["id"] for row in rows}) == 12


def test_closed_candles_come_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    with PaperExchange(rate=20, speed=200) as exchange:
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        ended = run("candles BTC/USD --closed --json --last 2 --count 5")
        funding = run("candles fUSD --closed --last 1 --count 1")
    assert ended.code == 0
    times = [json.loads(line)["time"] for line in ended.out.splitlines()]
    assert len(times) == 5 and times == sorted({*times})
    assert funding.code == 0 and "fUSD:a30:p2:p30 1m" in funding.out


@pytest.mark.usefixtures("exchange")
def test_fewer_than_the_past_trades_are_the_latest() -> None:
    first = json.loads(run("trades BTC/USD --json --count 1").out)
    second = json.loads(run("trades BTC/USD --json --count 1 --last 0").out)
    assert first["id"] < second["id"]


@pytest.mark.usefixtures("exchange")
@pytest.mark.parametrize(
    ("line", "header"),
    [
        (
            "ticker tETHUSD",
            "time,symbol,bid,bid_size,ask,ask_size,daily_change,daily_change_relative,"
            "last_price,volume,high,low",
        ),
        ("trades tETHUSD", "time,symbol,id,amount,price"),
        ("candles tETHUSD --tf 1h", "time,symbol,timeframe,open,high,low,close,volume"),
        (
            "book tETHUSD --levels 1",
            "time,symbol,bid1,bid1_amount,bid1_count,ask1,ask1_amount,ask1_count",
        ),
    ],
    ids=lambda value: value.split(",")[0],
)
def test_csv_has_a_header_and_exact_numbers(line: str, header: str) -> None:
    ended = run(f"{line} --csv --count 2")
    first, *rows = csv.reader(io.StringIO(ended.out))
    assert ",".join(first) == header
    for row in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", row[0]) and row[1] == "tETHUSD"
        assert all("e" not in value.lower() for value in row[3:])


@pytest.mark.usefixtures("exchange")
def test_a_book_in_json_is_its_state() -> None:
    ended = run("book BTC/USD --json --levels 3 --every 0 --count 5")
    for line in ended.out.splitlines():
        state = json.loads(line)
        bids, asks = state["bids"], state["asks"]
        assert len(bids) == len(asks) == 3
        assert (
            bids[2][0] < bids[1][0] < bids[0][0] < asks[0][0] < asks[1][0] < asks[2][0]
        )
        assert all(count >= 1 and amount > 0 for _, count, amount in bids + asks)


def test_numbers_are_as_the_exchange_sent_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with PaperExchange(rate=1e-3) as exchange:
        monkeypatch.setenv("BFX_WSS_HOST", exchange.url)
        out = run("book BTC/USD --json --levels 1 --count 1").out
        (price, count, amount), *_ = exchange.book("tBTCUSD")[0]
    assert f'"bids": [[{price}, {count}, {amount}]]' in out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "ticker tBTCUSX",
            "there is no symbol 'tBTCUSX'; did you mean 'tBTCUST' or 'tBTCUSD'?",
        ),
        ("trades btc-usd", "did you mean 'tBTCUSD'?"),
        ("ticker BTC/USD fUSD", "pairs and funding currencies need a command each"),
        ("ticker", "Missing argument 'SYMBOL...' (see bfxsync ticker --help)"),
        ("ticker BTC/USD --json --csv", "--json and --csv exclude each other"),
        ("ticker BTC/USD --count 0", "--count"),
        ("ticker BTC/USD --seconds 0", "--seconds"),
        ("book BTC/USD --levels 0", "--levels"),
        ("book BTC/USD --prec R0", "--prec"),
        ("candles BTC/USD --tf 2m", "--tf"),
        ("trades BTC/USD --last -1", "--last"),
        ("candles tBTCUSX --closed", "did you mean 'tBTCUST' or 'tBTCUSD'?"),
    ],
)
@pytest.mark.usefixtures("exchange")
def test_a_wrong_argument_is_one_line_with_what_to_do(line: str, said: str) -> None:
    ended = run(line)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"bfxsync {line.split()[0]}: ") and said in ended.err
    assert ended.err.count("\n") == 1


def test_no_network_is_code_4(monkeypatch: pytest.MonkeyPatch) -> None:
    with PaperExchange() as exchange:
        url = exchange.url
    monkeypatch.setenv("BFX_WSS_HOST", url)
    monkeypatch.setattr(stream, "open_client", partial(stream.open_client, timeout=0.1))
    ended = run("ticker BTC/USD")
    assert ended.code == 4 and "bfxsync doctor" in ended.err.splitlines()[-1]


@pytest.mark.usefixtures("exchange")
def test_it_ends_after_some_seconds() -> None:
    assert run("book BTC/USD --seconds 0.2").code == 0


def test_paper_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BFX_WSS_HOST", "ws://127.0.0.1:9")
    ended = run("trades BTC/USD --paper --count 2")
    assert (ended.code, ended.err) == (0, "") and len(ended.out.splitlines()) == 2


def test_a_gap_is_told_on_stderr(
    exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = after(monkeypatch, exchange.drop_connections)
    ended = run("ticker BTC/USD --json --count 12")
    assert ended.code == 0 and told.is_set()
    assert len(ended.out.splitlines()) == 12
    assert re.search(r"^bfxsync ticker: disconnected ", ended.err, re.MULTILINE)
    assert re.search(r"^bfxsync ticker: tBTCUSD: gap: ", ended.err, re.MULTILINE)
    assert re.search(
        r"^bfxsync ticker: tBTCUSD: data again after \d", ended.err, re.MULTILINE
    )


def after(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]
) -> threading.Event:
    """Do something as the third line is printed."""
    done, counted = threading.Event(), []
    write = feed.is_event

    def is_event(item: Any) -> bool:
        counted.append(item)
        if len(counted) == 4 and not done.is_set():
            act()
            done.set()
        return write(item)

    monkeypatch.setattr("bfxsync.cli.live.stream.is_event", is_event)
    return done


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"]
)
@pytest.mark.usefixtures("exchange")
def test_an_interrupt_ends_with_success(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    after(monkeypatch, lambda: os.kill(os.getpid(), number))
    before = signal.getsignal(signal.SIGTERM)
    ended = run("trades BTC/USD")
    assert (ended.code, ended.err) == (0, "")
    assert signal.getsignal(signal.SIGTERM) is before
