from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper.engine.units import to_units
from bfxsync.paper.markets.market import BookChanged, Traded
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import LIVELY_TRADE_RATIO, RECIPES
from bfxsync.paper.server.book_window import Window

pytestmark = pytest.mark.once

STEPS = 2_000
MTS = 1_700_000_000_000

each_symbol = pytest.mark.parametrize("symbol", list(RECIPES))


def history(symbol: str, seed: int) -> tuple[list[Any], list[str]]:
    market = RandomMarket(RECIPES[symbol], seed, MTS)
    events: list[Any] = [list(market.trades)]
    for n in range(300):
        events.append(market.step(MTS + n))
    return events, Window(market.book.depth("R0"), "R0", 250).snapshot()


@each_symbol
def test_the_seed_decides_everything(symbol: str) -> None:
    assert history(symbol, 1) == history(symbol, 1)
    assert history(symbol, 1) != history(symbol, 2)


@each_symbol
def test_books_stay_deep_and_never_cross(symbol: str) -> None:
    market = RandomMarket(RECIPES[symbol], 3, MTS)
    for n in range(5 * STEPS):
        market.step(MTS + n)
        bids, asks = market.book.depth("P0")
        assert min(len(bids), len(asks)) >= 100
        assert bids.best().price < asks.best().price
        raw = market.book.depth("R0")
        assert raw.bids.best().price < raw.asks.best().price
        assert 300 < len(market.book.orders) < 700


@pytest.mark.parametrize("is_bid", [True, False], ids=["bids", "asks"])
def test_a_thin_side_is_filled_up_first(is_bid: bool) -> None:
    market = RandomMarket(RECIPES["tETHUSD"], 3, MTS)
    levels = market.book.depth("P0").side(is_bid)
    orders = market.book.depth("R0").side(is_bid)
    while len(levels) > 100:
        market.book.remove_order(orders.best().order_id)
    count = len(orders)
    while len(levels) < 130:
        assert market.step(MTS) == [BookChanged()]
        count += 1
        assert len(orders) == count


@each_symbol
def test_windows_of_100_levels_move(symbol: str) -> None:
    market = RandomMarket(RECIPES[symbol], 4, MTS)
    window = Window(market.book.depth("P0"), "P0", 100, market.is_funding)
    rows = []
    for n in range(STEPS):
        market.step(MTS + n)
        rows += window.update()
    last = window.snapshot()
    assert len(last) == 200
    assert len(rows) > STEPS / 4


@each_symbol
def test_a_trade_takes_what_rested_on_the_other_side(symbol: str) -> None:
    market = RandomMarket(RECIPES[symbol], 5, MTS, trade_ratio=LIVELY_TRADE_RATIO)
    ids = {row[0] for row in market.trades}
    trades = 0
    for n in range(STEPS):
        bid, ask = (ladder.best().price for ladder in market.book.depth("R0"))
        before = {is_bid: total(market, is_bid) for is_bid in (True, False)}
        *traded, changed = market.step(MTS + n)
        assert changed == BookChanged()
        taken = {True: 0, False: 0}
        for event in traded:
            assert isinstance(event, Traded)
            assert event.kind == ("fte" if market.is_funding else "te")
            trade_id, mts, amount, price = event.row[:4]
            assert trade_id not in ids
            ids.add(trade_id)
            assert mts == MTS + n
            is_buy = (amount > 0) != market.is_funding
            taken[not is_buy] += abs(to_units(amount))
            assert to_units(price) >= ask if is_buy else to_units(price) <= bid
            confirmation = market.trade_event(event.row, "tu")
            assert confirmation == (event.kind.replace("te", "tu"), event.row)
        if traded:
            trades += 1
            after = {is_bid: total(market, is_bid) for is_bid in (True, False)}
            assert after == {side: before[side] - taken[side] for side in before}
    assert trades > STEPS / 20


def total(market: RandomMarket, is_bid: bool) -> int:
    return sum(level.amount for level in market.book.depth("P0").side(is_bid))


@each_symbol
def test_the_first_snapshot_has_thirty_past_trades_newest_first(
    symbol: str,
) -> None:
    trades = RandomMarket(RECIPES[symbol], 6, MTS).trades
    assert len(trades) == 30
    assert all(row[1] < MTS for row in trades)
    for newer, older in zip(trades, list(trades)[1:]):
        assert newer[0] > older[0] and newer[1] >= older[1]
    assert {len(row) for row in trades} == {5 if symbol.startswith("f") else 4}


@each_symbol
def test_the_ticker_agrees_with_book_and_trades(symbol: str) -> None:
    market = RandomMarket(RECIPES[symbol], 7, MTS, trade_ratio=LIVELY_TRADE_RATIO)
    for n in range(STEPS):
        market.step(MTS + 100 * n)
    ticker = market.ticker()
    bids, asks = market.book.depth("P0")
    sizes = [sum(e.amount for e in list(side)[:25]) for side in (bids, asks)]
    bid, ask = bids.best(), asks.best()
    if market.is_funding:
        assert len(ticker) == 16 and ticker[13:15] == [None, None]
        frr, *best, change, relative, last, volume, high, low = ticker[:13]
        rates = [row[3] for row in market.trades]
        assert min(rates) <= frr <= max(rates)
        assert [best[1], best[4]] == [bid.period, ask.period]
        best = [best[0], best[2], best[3], best[5]]
        assert ticker[15] > 0
    else:
        assert len(ticker) == 11 and ticker[10] is None
        *best, change, relative, last, volume, high, low = ticker[:10]
    wanted = [bid.price, sizes[0], ask.price, sizes[1]]
    assert [to_units(value) for value in best] == wanted
    assert last == market.trades[0][3]
    # The trades of the last 24 hours, to the minute.
    minute = (MTS + 100 * STEPS - 100) // 60_000
    day = list(market.tape.rows(start=(minute - 1439) * 60_000))
    prices = [row[3] for row in day]
    assert (high, low, prices[0]) == (max(prices), min(prices), last)
    assert volume == pytest.approx(sum(abs(row[2]) for row in day))
    assert change == pytest.approx(last - prices[-1], abs=1e-12)
    assert relative == pytest.approx(change / prices[-1], abs=1e-8)


def test_small_prices_need_exponents_on_the_wire() -> None:
    recipe = RECIPES["tLTCBTC"]
    assert recipe.tick < to_units(1e-6)
    assert to_units(0.001) < recipe.middle < to_units(0.01)
