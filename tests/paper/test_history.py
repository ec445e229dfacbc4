from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper.engine.units import SCALE, to_units
from bfxsync.paper.markets.bars import DAY, HOUR, Bar, chain
from bfxsync.paper.markets.history import BEGIN, History, Series
from bfxsync.paper.markets.random import RECIPES

NOON = (19_600 * 24 + 12) * HOUR
PAIR = range(1)

each_recipe = pytest.mark.parametrize("symbol", list(RECIPES))


def all_series(symbol: str, seed: int = 1) -> list[Series]:
    recipe = RECIPES[symbol]
    return [Series(recipe, seed, place) for place in range(len(recipe.periods))]


def bar_of(rows: list[Any]) -> Bar | None:
    """What a candle of these trades must be."""
    if not rows:
        return None
    prices = [to_units(row[3]) for row in rows]
    amounts = [abs(to_units(row[2])) for row in rows]
    return Bar(prices[0], prices[-1], max(prices), min(prices), sum(amounts))


def figures(bar: Bar | None) -> tuple[int, ...] | None:
    return bar[:5] if bar is not None else None


@each_recipe
def test_every_candle_is_the_sum_of_smaller_ones(symbol: str) -> None:
    for series in all_series(symbol):
        day = NOON - NOON % DAY
        sizes = [(DAY, HOUR, day), (HOUR, 15, NOON), (15, 1, NOON), (15, 1, NOON + 45)]
        for size, part, begin in sizes:
            parts = [series.bar(part, at) for at in range(begin, begin + size, part)]
            assert chain(parts) == series.bar(size, begin)
        # Also from the day down to the minute, over everything between.
        minutes = (series.bar(1, at) for at in range(day, day + DAY))
        assert chain(minutes) == series.bar(DAY, day)


@each_recipe
def test_every_minute_is_the_sum_of_its_trades(symbol: str) -> None:
    for series in all_series(symbol):
        for minute in range(NOON, NOON + 300):
            rows = series.trades(minute)
            assert figures(series.bar(1, minute)) == figures(bar_of(rows))
            for row in rows:
                assert row[1] // 60_000 == minute
                assert row[2] and row[3] > 0
                assert row[4:] == ([series.period] if series.period else [])


@each_recipe
def test_trades_of_all_periods_are_in_order(symbol: str) -> None:
    history = History(RECIPES[symbol], 1, NOON + DAY)
    rows = [row for minute in range(NOON, NOON + 300) for row in history.trades(minute)]
    ids, times = [row[0] for row in rows], [row[1] for row in rows]
    assert ids == sorted(set(ids))
    assert times == sorted(times)
    assert len(rows) > 300
    assert len(rows) / 5 < len(set(times)) < len(rows) * 4 / 5  # many at the same time
    assert all(to_units(row[2]) % (SCALE // 10**8) == 0 for row in rows)
    assert {row[2] > 0 for row in rows} == {True, False}


@each_recipe
def test_minutes_may_be_empty_except_the_first_of_a_quarter(symbol: str) -> None:
    for series in all_series(symbol):
        bars = [series.bar(1, minute) for minute in range(NOON, NOON + 1200)]
        empty = [n for n, bar in enumerate(bars) if bar is None]
        assert empty
        assert not any(n % 15 in (0, 14) for n in empty)
        assert len(empty) < 1200 * (RECIPES[symbol].emptiness + 0.05)


@each_recipe
def test_prices_keep_to_their_steps_and_near_the_middle(symbol: str) -> None:
    recipe = RECIPES[symbol]
    for series in all_series(symbol):
        for day in range(BEGIN, BEGIN + 400 * DAY, DAY):
            bar = series.bar(DAY, day)
            assert bar is not None and bar.volume > 0
            assert 0.9 * recipe.middle < bar.low < bar.high < 1.1 * recipe.middle
        for minute in range(NOON, NOON + 60):
            for price in (series.bar(1, minute) or (0,))[:4]:
                assert price % recipe.tick == 0


def test_seed_symbol_and_time_decide_everything() -> None:
    def some(symbol: str, seed: int) -> list[Any]:
        (series,) = all_series(symbol, seed)
        return [series.trades(minute) for minute in range(NOON, NOON + 5)]

    first = some("tBTCUSD", 1)
    assert first == some("tBTCUSD", 1)
    assert first != some("tBTCUSD", 2)
    # In any order, and after much else was asked for.
    (series,) = all_series("tBTCUSD")
    for minute in range(NOON + 30_000, NOON, -15):
        series.bar(1, minute)
    rows = [series.trades(minute) for minute in range(NOON + 4, NOON - 1, -1)]
    assert rows[::-1] == first


def test_a_span_is_filled_with_the_largest_bars() -> None:
    end = NOON + 77
    history = History(RECIPES["tBTCUSD"], 1, end)
    (series,) = all_series("tBTCUSD")
    begin = NOON - 2 * DAY - 3
    pieces = list(history.pieces(begin, NOON + DAY, PAIR))
    minutes = [series.bar(1, minute) for minute in range(begin, end)]
    assert len(pieces) == 3 + 12 + 1 + 12 + 1 + 1 + 2
    assert chain(pieces) == chain(minutes)
    assert list(history.pieces(end, end + 100, PAIR)) == []
    assert list(history.pieces(BEGIN - 100, BEGIN, PAIR)) == []
    assert history.trades(end - 1) and not history.trades(end)
    assert history.trades(BEGIN) and not history.trades(BEGIN - 1)


def test_periods_are_laid_over_each_other() -> None:
    history = History(RECIPES["fUSD"], 1, NOON + DAY)
    for begin, end in ((NOON, NOON + 60), (NOON, NOON + 5), (NOON - 600, NOON)):
        for periods in (range(2, 3), range(2, 31), range(7, 15), range(3, 7)):
            rows = [
                row
                for minute in range(begin, end)
                for row in history.trades(minute)
                if row[4] in periods
            ]
            bar = chain(history.pieces(begin, end, periods))
            assert figures(bar) == figures(bar_of(rows))
