"""Candles made from shorter ones."""

from __future__ import annotations

from decimal import Decimal

from bfxsync.joined.resampling import KEPT, Resampler, merged
from bfxsync.joined.timeframes import check_joined_timeframe
from bfxsync.models import Candle

MINUTE = 60_000


def candle(minute, *values, timeframe="1m"):
    """Return a candle from open, close, high, low and volume."""
    return Candle(minute * MINUTE, *values, symbol="tBTCUSD", timeframe=timeframe)


def resampler(name):
    return Resampler(check_joined_timeframe("timeframe", name))


def test_a_candle_has_what_its_parts_have_together():
    parts = [candle(2, 5.0, 6.0, 9.0, 4.0, 0.1), candle(3, 6.5, 7.0, 8.0, 3.0, 0.2)]
    found = merged(parts, 2 * MINUTE, "2m")
    assert found == candle(2, 5.0, 7.0, 9.0, 3.0, 0.1 + 0.2)
    assert (found.symbol, found.timeframe) == ("tBTCUSD", "2m")


def test_volumes_are_added_up_with_one_rounding():
    parts = [candle(n, 1.0, 1.0, 1.0, 1.0, 0.1) for n in range(10)]
    assert merged(parts, 0, "10m").volume == 1.0


def test_decimals_stay_decimals():
    one = Decimal("0.1")
    found = merged([candle(n, one, one, one, one, one) for n in range(3)], 0, "3m")
    assert found.volume == Decimal("0.3")
    assert type(found.volume) is type(found.high) is Decimal


def test_native_candles_are_passed_on_as_they_are():
    one = candle(1, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert resampler("1m").add(one) is one


def test_a_part_that_comes_again_replaces_the_former():
    found = resampler("2m")
    found.add(candle(2, 1.0, 1.0, 1.0, 1.0, 1.0))
    found.add(candle(3, 1.0, 2.0, 2.0, 1.0, 1.0))
    assert found.add(candle(2, 1.0, 5.0, 5.0, 1.0, 3.0)) == candle(
        2, 1.0, 2.0, 5.0, 1.0, 4.0
    )


def test_parts_in_any_order_make_the_same_candle():
    found = resampler("2m")
    found.add(candle(3, 1.0, 2.0, 2.0, 1.0, 1.0))
    assert found.add(candle(2, 9.0, 5.0, 9.0, 5.0, 3.0)).open == 9.0


def test_only_parts_of_recent_intervals_are_kept():
    found = resampler("2m")
    for minute in range(0, 2 * (KEPT + 1), 2):
        found.add(candle(minute, 1.0, 1.0, 1.0, 1.0, 1.0))
    assert found.add(candle(1, 1.0, 1.0, 1.0, 1.0, 1.0)) is None
    assert found.add(candle(3, 1.0, 1.0, 1.0, 1.0, 1.0)).volume == 2.0
