from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper.engine.units import SCALE, to_units
from bfxsync.paper.markets.bars import DAY, HOUR, Bar, chain
from bfxsync.paper.markets.history import BEGIN, History, Series
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.markets.values import Values

pytestmark = pytest.mark.once

NOON = (19_600 * 24 + 12) * HOUR
PAIR = range(1)

each_recipe = pytest.mark.parametrize("symbol", list(RECIPES))


def all_series(symbol: str, seed: int = 1) -> list[Series]:
    recipe = RECIPES[symbol]
    values = Values(seed, (NOON + DAY) * 60_000)
    places = range(len(recipe.periods))
    return [Series(recipe, seed, place, values) for place in places]


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
            assert 0.78 * recipe.middle < bar.low < bar.high < 1.22 * recipe.middle
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
    values = Values(1, end * 60_000)
    history = History(RECIPES["tBTCUSD"], 1, end, values)
    series = Series(RECIPES["tBTCUSD"], 1, 0, values)
    begin = NOON - 2 * DAY - 3
    (span,) = history.spans(begin, NOON + DAY)
    pieces = list(history.pieces(span, PAIR))
    minutes = [series.bar(1, minute) for minute in range(begin, end)]
    assert len(pieces) == 3 + 12 + 1 + 12 + 1 + 1 + 2
    assert chain(pieces) == chain(minutes)
    assert history.spans(end, end + 100) == []
    assert history.spans(BEGIN - 100, BEGIN) == []
    assert history.trades(end - 1) and not history.trades(end)
    assert history.trades(BEGIN) and not history.trades(BEGIN - 1)


@pytest.mark.parametrize("symbol", ["tBTCUSD", "tETHBTC", "fUSD"])
def test_hours_seldom_hold_their_minutes_back(symbol: str) -> None:
    recipe, end = RECIPES[symbol], NOON + 97
    held = []
    for seed in range(12):
        series = Series(recipe, seed, 0, Values(seed, end * 60_000))
        for minute in range(end - 60, end):
            bar = series.bar(1, minute)
            if bar is not None:
                fair = series._fair.at_minute(minute + 1) * recipe.tick
                held.append(bar.close != fair)
    # Else the last minutes of the past would often be far from the first price after it.
    assert sum(held) < len(held) / 10


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
            (span,) = history.spans(begin, end)
            bar = chain(history.pieces(span, periods))
            assert figures(bar) == figures(bar_of(rows))


def test_a_market_has_a_history_of_times_without_watchers() -> None:
    history = History(RECIPES["tBTCUSD"], 1, NOON)
    last = history.trades(NOON - 1)[-1][0]
    # Minute NOON was watched, and had trades with larger ids.
    following = history.add(NOON + 1, NOON + 4, last + 1_000)
    assert history.end == NOON + 4
    assert [history.trades(minute) == [] for minute in range(NOON - 1, NOON + 5)] == [
        False, True, False, False, False, True
    ]  # fmt: skip
    ids = [row[0] for at in range(NOON + 1, NOON + 4) for row in history.trades(at)]
    assert ids == sorted(set(ids))
    assert last + 1_000 < ids[0] and ids[-1] < following
    spans = history.spans(NOON - 5, NOON + 3)
    assert [span[:2] for span in spans] == [(NOON - 5, NOON), (NOON + 1, NOON + 3)]
    assert history.spans(NOON, NOON + 1) == []
    # Nothing to add: only the next id.
    assert history.add(NOON + 4, NOON + 4, following) == following + 1
