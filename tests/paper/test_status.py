from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from bfxsync.paper.markets.market import BookChanged, Market
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.markets.status import LIQUIDATIONS, noise
from bfxsync.paper.server.feeds import Identity
from bfxsync.paper.server.market_data import MarketData

from .test_feeds import Listener

MTS = 1_700_000_000_000
SYMBOL = "tBTCF0:USTF0"
DERIV = Identity("status", SYMBOL, key=f"deriv:{SYMBOL}")
LIQ = Identity("status", LIQUIDATIONS, key=LIQUIDATIONS)
# Where a row has values; the price of the last is of the deriv row.
FILLED = [0, 2, 3, 5, 7, 8, 9, 11, 14, 17, 21, 22]


def hub_of(*symbols: str) -> MarketData:
    market_data = MarketData(now_mts=lambda: MTS)
    for symbol in symbols:
        market_data.add(RandomMarket(RECIPES[symbol], 1, MTS))
    return market_data


@pytest.fixture
def market_data() -> MarketData:
    return hub_of("tBTCUSD", SYMBOL)


def middle(market: Market) -> float:
    ticker = market.ticker()
    price: float = (ticker[0] + ticker[2]) / 2
    return price


def test_noise_is_spread_evenly_and_always_the_same() -> None:
    values = [noise("x", n) for n in range(1_000)]
    assert values == [noise("x", n) for n in range(1_000)]
    assert 0 <= min(values) < 0.01 and 0.99 < max(values) < 1
    assert 0.45 < sum(values) / len(values) < 0.55


def test_the_row_of_a_derivative_has_23_places(market_data: MarketData) -> None:
    row = market_data.derivatives[SYMBOL].row(MTS)
    assert len(row) == 23
    assert [n for n, value in enumerate(row) if value is not None] == FILLED
    assert row[0] == MTS
    spot, future = (middle(market_data.markets[name]) for name in ("tBTCUSD", SYMBOL))
    assert (row[2], row[3], row[14]) == (future, spot, (future + spot) / 2)
    assert 0 < row[7] - MTS <= 8 * 3_600_000 and row[7] % (8 * 3_600_000) == 0
    assert type(row[9]) is int and 0 <= row[9] < 9_600
    assert row[21:] == [0.0005, 0.0025]


def test_without_a_spot_market_the_derivatives_own_price_is_taken() -> None:
    row = hub_of(SYMBOL).derivatives[SYMBOL].row(MTS)
    assert row[2] == row[3] == row[14] is not None


def test_without_a_book_there_are_no_prices() -> None:
    market_data = MarketData()
    market_data.add(Market(SYMBOL))
    row = market_data.derivatives[SYMBOL].row(MTS)
    assert (row[2], row[3], row[14]) == (None, None, None)
    assert market_data.derivatives[SYMBOL].past(MTS // 60_000) is None
    assert market_data.liquidations.step(MTS) == []
    assert list(market_data.liquidations.rows(MTS - 3_600_000, MTS, True)) == []


def test_a_status_comes_every_second_and_changes_every_third(
    market_data: MarketData,
) -> None:
    market = market_data.markets[SYMBOL]
    listener = Listener()
    first = json.loads(market_data.subscribe(DERIV, listener) or "")
    assert first == market_data.derivatives[SYMBOL].row(MTS)
    seen = []
    for tenth in range(1, 91):
        market.clock = tenth / 10
        assert isinstance(market, RandomMarket)
        market.step(MTS + tenth * 100)
        market_data.publish(market, [BookChanged()])
        market_data.tick(market)
        seen.append(len(listener.got))
    assert seen[8:12] == [0, 1, 1, 1] and seen[-1] == 9
    rows = [first, *(row for (row,) in listener.got)]
    kinds = [json.dumps(row) for row in rows]
    assert len(set(kinds)) == 4
    assert kinds[0] == kinds[2] != kinds[3] == kinds[5] != kinds[6]


def test_the_past_of_a_derivative_agrees_with_its_candles(
    market_data: MarketData,
) -> None:
    derivative = market_data.derivatives[SYMBOL]
    minute = MTS // 60_000 - 45
    minute -= minute % 15
    row = derivative.past(minute)
    assert row is not None and len(row) == 23
    assert row[0] == minute * 60_000
    bar = market_data.markets[SYMBOL].chart.bar(minute - 1, minute, range(1))
    assert bar is not None and row[2] == bar.close / 10**12
    assert [n for n, value in enumerate(row) if value is not None] == FILLED


def check_liquidation(row: list[Any]) -> None:
    assert len(row) == 12 and row[0] == "pos" and row[4] == SYMBOL
    assert row[5] and row[6] > 0 and row[8] in (0, 1) and row[9] == 1
    assert row[3] is row[7] is row[10] is None
    assert (row[11] is None) == (row[8] == 0)


def test_liquidations_come_as_lists_of_rows_without_a_snapshot(
    market_data: MarketData,
) -> None:
    listener = Listener()
    assert market_data.subscribe(LIQ, listener) is None
    assert market_data.is_watched(LIQUIDATIONS)
    for n in range(6):
        market_data.publish(
            market_data.liquidations, market_data.liquidations.step(MTS + 1_000 * n)
        )
    rows = []
    for (frame,) in listener.got:
        (row,) = frame
        check_liquidation(row)
        rows.append(row)
    assert [row[8] for row in rows] == [0, 1] * 3
    for triggered, executed in zip(rows[::2], rows[1::2]):
        assert triggered[1] == executed[1] and triggered[2] <= executed[2]
        assert triggered[4:7] == executed[4:7]
    found = list(market_data.liquidations.rows(MTS, None, True))
    assert found == rows[::-1]


def test_liquidations_have_a_past(market_data: MarketData) -> None:
    rows = list(islice(market_data.liquidations.rows(None, None, True), 400))
    times = [row[2] for row in rows]
    assert times == sorted(times, reverse=True) and times[0] < MTS
    for row in rows:
        check_liquidation(row)
    assert any(time % 1 for time in times)
    start, end = int(times[20]), int(times[3])
    page = [row for row in rows if start <= row[2] <= end]
    assert list(market_data.liquidations.rows(start, end, True)) == page
    again = hub_of("tBTCUSD", SYMBOL).liquidations
    assert list(again.rows(start, end, False)) == page[::-1]
    market_data.liquidations.step(MTS)
    assert len(list(market_data.liquidations.rows(int(times[0]), None, False))) == 2
