from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from bfxsync.errors import UsageError
from bfxsync.paper.markets import captured as capture
from bfxsync.paper.markets.captured import CapturedMarket, Recording
from bfxsync.paper.markets.market import BookChanged, TickerCame, Traded
from bfxsync.paper.server.book_window import WholeBook, Window

from .support import BookCopy

NAMES = ["btcusd-20181112", "public-20210417"]


def markets(recording: Recording) -> dict[str, CapturedMarket]:
    return {symbol: CapturedMarket(recording, symbol) for symbol in recording.first}


def test_the_captures_are_known_by_name() -> None:
    assert capture.names() == NAMES
    with pytest.raises(UsageError, match="one of btcusd-20181112, public-20210417"):
        capture.load("nope")


@pytest.mark.parametrize(
    ("name", "symbols", "seconds", "wanted"),
    [
        (
            NAMES[0],
            ["tBTCUSD"],
            873.648,
            {"te": 123, "tu": 121, "update": 40895 - 13130, "delete": 13130},
        ),
        (
            NAMES[1],
            "tBFTUSD tDOGUSD tIOTETH tMNABTC tODEUSD tSNGUSD tTESTBTC:TESTUSD".split(),
            30.569,
            {"ticker": 14, "update": 871, "delete": 722},
        ),
    ],
    ids=NAMES,
)
def test_a_capture_brings_everything_once_and_in_order(
    name: str, symbols: list[str], seconds: float, wanted: dict[str, int]
) -> None:
    recording = capture.load(name)
    assert sorted(recording.first) == symbols
    times = [step.at for step in recording.steps]
    assert times == sorted(times) and times[0] >= 0
    assert times[-1] == pytest.approx(seconds, abs=0.001)
    counts: Counter[str] = Counter()
    running = markets(recording)
    for step in recording.steps:
        (event,) = running[step.symbol].apply(step)
        if isinstance(event, BookChanged):
            for row in event.rows or ():
                counts["update" if row[1] else "delete"] += 1
        elif isinstance(event, Traded):
            counts[event.kind] += 1
        else:
            assert event == TickerCame(step.rows[0])
            counts["ticker"] += 1
    assert counts == wanted


@pytest.mark.parametrize("name", NAMES)
def test_captured_books_are_whole_and_never_cross(name: str) -> None:
    recording = capture.load(name)
    for symbol, market in markets(recording).items():
        assert market.captured_book == ("P0", "F0", 100)
        copy = BookCopy()
        copy.feed(recording.first[symbol]["book"])
        window = WholeBook(market.book.depth("P0"), "P0", 100)
        assert [json.loads(row) for row in window.snapshot()] == copy.rows()
        for n, step in enumerate(recording.steps):
            if step.symbol == symbol and step.kind == "book":
                market.apply(step)
                copy.feed(step.rows, limit=100)
                bids, asks = market.book.depth("P0")
                if len(bids) and len(asks):
                    assert bids.best().price < asks.best().price
                if not n % 500:
                    assert [json.loads(row) for row in window.snapshot()] == copy.rows()
        rows = [json.loads(row) for row in window.snapshot()]
        assert rows == copy.rows()
        # A window of another length says the same, and checks the same 25 levels.
        short = Window(market.book.depth("P0"), "P0", 25)
        assert short.checksum() == window.checksum()


def test_other_precisions_are_derived_from_the_captured_one() -> None:
    market = CapturedMarket(capture.load(NAMES[0]), "tBTCUSD")
    levels = [
        json.loads(row) for row in Window(market.book.depth("P0"), "P0", 100).snapshot()
    ]
    coarse = [
        json.loads(row) for row in Window(market.book.depth("P2"), "P2", 100).snapshot()
    ]
    orders = [
        json.loads(row) for row in Window(market.book.depth("R0"), "R0", 100).snapshot()
    ]
    assert [row[0] for row in coarse[:2]] == [6440, 6430]
    assert sum(row[1] for row in coarse) == sum(row[1] for row in levels)
    assert sum(row[2] for row in coarse) == pytest.approx(sum(row[2] for row in levels))
    assert [row[1:] for row in orders] == [[row[0], row[2]] for row in levels]


def test_a_ticker_is_derived_where_none_was_captured() -> None:
    recording = capture.load(NAMES[0])
    market = CapturedMarket(recording, "tBTCUSD")
    snapshot: list[Any] = recording.first["tBTCUSD"]["trades"]
    assert list(market.trades) == snapshot[:30]
    ticker = market.ticker()
    assert ticker[0] == recording.first["tBTCUSD"]["book"][0][0] == 6443
    assert ticker[2] > ticker[0]
    assert ticker[6] == snapshot[0][3]
    assert len(ticker) == 11


def test_a_confirmation_is_no_second_trade() -> None:
    recording = capture.load(NAMES[0])
    market = CapturedMarket(recording, "tBTCUSD")
    for step in recording.steps:
        market.apply(step)
    ids = [row[0] for row in market.trades]
    assert len(set(ids)) == len(ids) == 30


def test_captured_tickers_are_passed_on() -> None:
    market = CapturedMarket(capture.load(NAMES[1]), "tBFTUSD")
    first = [0.068965, 60157.36709703, 0.0774, 48578.50804052, 0.001969]
    assert market.ticker()[:5] == first
