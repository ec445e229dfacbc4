from __future__ import annotations

import math
import statistics

import pytest

from bfxsync.paper.markets.bars import DAY, MINUTE_MS
from bfxsync.paper.markets.recipes import (
    RECIPES,
    USD_VALUES,
    VOLATILITIES_BPS,
    currency_of,
)
from bfxsync.paper.markets.values import FairPrice, Values, Walk

MTS = 1_700_000_012_345
MINUTE = MTS // MINUTE_MS


def test_a_walk_is_the_same_wherever_it_is_asked() -> None:
    walk, other = Walk("a", 1.0), Walk("a", 1.0)
    times = [*range(-5 * DAY, 5 * DAY, 777)]
    forwards = [walk.at_minute(minute) for minute in times]
    assert forwards == [other.at_minute(minute) for minute in times[::-1]][::-1]
    assert forwards == [walk.at(minute * MINUTE_MS) for minute in times]
    assert forwards != [Walk("b", 1.0).at_minute(minute) for minute in times]


@pytest.mark.parametrize("lag_s", [1, 10, 60, 3_600, 86_400])
def test_changes_have_the_volatility_that_was_asked_for(lag_s: int) -> None:
    walk = Walk("a", 0.5)
    times = [n * max(lag_s, 7) * 1000 for n in range(400)]
    changes = [walk.at(t + lag_s * 1000) - walk.at(t) for t in times]
    expected = 0.5e-4 * math.sqrt(lag_s)
    assert 0.6 * expected < statistics.pstdev(changes) < 1.5 * expected


def test_a_walk_stays_in_reach_for_years() -> None:
    walk = Walk("a", 1.0)
    levels = [walk.at_minute(day * DAY) for day in range(0, 4_000, 3)]
    assert 0.04 < max(map(abs, levels)) < 0.09
    assert abs(statistics.mean(levels)) < 0.02


def test_there_are_no_jumps_at_seconds_or_days() -> None:
    walk = Walk("a", 1.0)
    for time in (0, 60_000, 3_600_000, 86_400_000, 32 * 86_400_000):
        assert walk.at(time - 1) == pytest.approx(walk.at(time), abs=1e-5)


@pytest.mark.parametrize("name", list(VOLATILITIES_BPS))
def test_all_values_begin_at_their_middle(name: str) -> None:
    values = Values(1, MTS)
    assert values.at(name, MTS) == 0
    assert values.at_minute(name, MINUTE) == 0 == values.at(name, MTS - 1)
    sigma = VOLATILITIES_BPS[name] / 10_000
    before, after = values.at_minute(name, MINUTE - 1), values.at(name, MTS + 60_000)
    assert 0 < abs(before) < 40 * sigma
    assert 0 < abs(after) < 40 * sigma
    assert values.at_minute(name, MINUTE + 2) == values.at(name, (MINUTE + 2) * 60_000)


def test_the_future_is_the_same_whenever_it_begins() -> None:
    values, later = Values(1, MTS), Values(1, MTS + 987_654_321)
    for after in (1, 5_000, 86_400_000):
        assert values.at("BTC", MTS + after) == later.at(
            "BTC", MTS + 987_654_321 + after
        )
    # The past is the same in time, but for the week that leads to the beginning.
    minute = MINUTE - 30 * DAY
    assert values.at_minute("BTC", minute) == later.at_minute("BTC", minute) != 0


def test_dollars_and_test_dollars_do_not_move() -> None:
    values = Values(1, MTS)
    for code in ("USD", "TESTUSD"):
        assert values.in_usd(code, MTS + 10**9) == 1.0
    assert values.in_usd("NOPE", MTS) is None
    for code, name in (("USTF0", "UST"), ("TESTBTC", "BTC"), ("TESTUSDTF0", "UST")):
        assert currency_of(code) == name
        assert values.in_usd(code, MTS + 5) == values.in_usd(name, MTS + 5)
    assert values.in_usd("EUR", MTS) == USD_VALUES["EUR"]


def test_prices_of_pairs_are_quotients_at_all_times() -> None:
    values = Values(3, MTS)

    def price(symbol: str, mts: int) -> float:
        return FairPrice(RECIPES[symbol], values).at(mts) * RECIPES[symbol].tick

    for mts in (MTS - 86_400_000 * 400, MTS - 60_000, MTS, MTS + 5_000, MTS + 10**8):
        bitcoin = price("tBTCUSD", mts)
        for cross, base in (("tLTCBTC", "tLTCUSD"), ("tETHBTC", "tETHUSD")):
            expected = price(base, mts) / bitcoin
            assert price(cross, mts) / 10**12 == pytest.approx(expected, rel=1e-4)
        expected = bitcoin / (price("tUSTUSD", mts) / 10**12)
        assert price("tBTCUST", mts) == pytest.approx(expected, rel=1e-4)


def test_every_recipe_has_its_initial_price_at_the_beginning() -> None:
    values = Values(2, MTS)
    for recipe in RECIPES.values():
        assert FairPrice(recipe, values).at(MTS) == recipe.middle / recipe.tick
        assert recipe.middle % recipe.tick == 0
        assert len(str(recipe.middle // recipe.tick)) in (4, 5)
