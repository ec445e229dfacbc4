"""When candles close, quiet intervals, and corrections."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest

from bfxsync.joined.closing import KEPT, CandleRules, ClosedCandle, Closer
from bfxsync.joined.timeframes import check_joined_timeframe
from bfxsync.models import Candle, CandleCorrected

MINUTE = 60_000
WEEK = 7 * 86_400_000


def candle(minute, close=1.0, volume=1.0):
    return Candle(
        minute * MINUTE,
        1.0,
        close,
        close,
        1.0,
        volume,
        symbol="tBTCUSD",
        timeframe="1m",
    )


def quiet(minute, price=1.0, volume=0.0):
    return Candle(minute * MINUTE, price, price, price, price, volume)


def closer(timeframe="1m", start=0, until=None, **rules):
    until = None if until is None else until * MINUTE
    frame = check_joined_timeframe("timeframe", timeframe)
    return Closer(
        CandleRules(timeframe=frame, start=start * MINUTE, until=until, **rules)
    )


def closes(**rules):
    return closer(wants_states=False, wants_closes=True, **rules)


def test_each_state_is_given_and_a_repeated_one_is_not():
    found = closer()
    assert list(found.add(candle(1))) == [candle(1)]
    assert list(found.add(candle(1))) == []
    assert list(found.add(candle(1, 2.0))) == [candle(1, 2.0)]


def test_a_candle_closes_when_the_next_one_starts():
    found = closes()
    assert list(found.add(candle(1))) == []
    assert list(found.add(candle(1, 2.0))) == []
    assert list(found.add(candle(3))) == [candle(1, 2.0)]


def test_with_both_wanted_closed_candles_can_be_told_apart():
    found = closer(wants_closes=True)
    assert list(found.add(candle(1))) == [candle(1)]
    assert list(found.add(candle(2))) == [ClosedCandle(candle(1)), candle(2)]


def test_a_candle_closes_a_while_after_its_end():
    found = closes(grace_ms=500.0)
    assert found.due is None
    list(found.add(candle(1)))
    assert found.due == 2 * MINUTE + 500.0
    assert list(found.tick(found.due - 1)) == []
    assert list(found.tick(found.due)) == [candle(1)]
    assert found.due is None
    # Not once more as the next one comes.
    assert list(found.add(candle(2))) == []
    assert list(found.add(candle(3))) == [candle(2)]


@pytest.mark.parametrize("is_by_time", [True, False], ids=["by time", "by the next"])
def test_what_changes_a_closed_candle_is_a_correction(is_by_time):
    found = closes()
    list(found.add(candle(1)))
    list(found.tick(3 * MINUTE) if is_by_time else found.add(candle(2)))
    assert list(found.add(candle(1))) == []
    assert list(found.add(candle(1, 2.0))) == [
        CandleCorrected(candle(1, 2.0), candle(1))
    ]
    assert list(found.add(candle(1, 3.0))) == [
        CandleCorrected(candle(1, 3.0), candle(1, 2.0))
    ]


def test_a_corrected_close_is_that_of_the_next_quiet_candle():
    found = closes(fills=True)
    list(found.add(candle(1)))
    list(found.tick(2 * MINUTE + 2_000))
    list(found.add(candle(1, 2.0)))
    assert list(found.add(candle(3))) == [quiet(2, 2.0)]


def test_a_candle_between_others_that_comes_late_is_a_correction():
    found = closer()
    list(found.add(candle(1)))
    list(found.add(candle(3)))
    assert list(found.add(candle(2))) == [CandleCorrected(candle(2), None)]


def test_candles_before_the_start_are_left_out():
    found = closer(start=5)
    assert list(found.add(candle(4))) == []
    assert list(found.add(candle(5))) == [candle(5)]


def test_forgotten_candles_are_not_corrected():
    found = closer()
    for minute in range(KEPT + 1):
        list(found.add(candle(minute)))
    assert list(found.add(candle(0, 2.0))) == []
    assert len(list(found.add(candle(1, 2.0)))) == 1


def test_quiet_intervals_are_filled_as_the_next_candle_comes():
    found = closer(fills=True, wants_closes=True)
    list(found.add(candle(1, 2.0)))
    assert list(found.add(candle(4))) == [
        ClosedCandle(candle(1, 2.0)),
        *(quiet(2, 2.0), ClosedCandle(quiet(2, 2.0))),
        *(quiet(3, 2.0), ClosedCandle(quiet(3, 2.0))),
        candle(4),
    ]


def test_quiet_intervals_are_filled_as_they_end():
    found = closes(fills=True, grace_ms=0.0)
    list(found.add(candle(1, 2.0)))
    assert list(found.tick(4 * MINUTE)) == [
        candle(1, 2.0),
        quiet(2, 2.0),
        quiet(3, 2.0),
    ]
    assert found.due == 5 * MINUTE
    filled = Candle(3 * MINUTE, 2.0, 2.0, 2.0, 2.0, 5.0)
    assert list(found.add(filled)) == [CandleCorrected(filled, quiet(3, 2.0))]


def test_a_quiet_candle_has_symbol_and_timeframe():
    found = closer(fills=True)
    list(found.add(candle(1)))
    added = next(found.add(candle(3)))
    assert (added.symbol, added.timeframe) == ("tBTCUSD", "1m")


def test_decimal_candles_are_filled_with_decimals():
    found = closer(fills=True, zero=Decimal(0))
    list(found.add(candle(1)))
    assert type(next(found.add(candle(3))).volume) is Decimal


def test_the_candle_before_the_start_fills_from_the_start():
    found = closer(start=5, fills=True)
    found.seed(candle(1, 3.0))
    assert list(found.add(candle(7))) == [quiet(5, 3.0), quiet(6, 3.0), candle(7)]


def test_without_a_candle_before_nothing_is_filled_at_the_start():
    found = closer(start=5, fills=True)
    assert list(found.add(candle(7))) == [candle(7)]


def test_a_candle_after_the_end_finishes():
    found = closes(until=3)
    list(found.add(candle(2)))
    assert not found.is_finished
    assert list(found.add(candle(4))) == [candle(2)]
    assert found.is_finished
    assert found.due is None


def test_the_last_candle_finishes_as_it_closes_by_time():
    found = closes(until=3, grace_ms=0.0)
    list(found.add(candle(3)))
    assert list(found.tick(4 * MINUTE)) == [candle(3)]
    assert found.is_finished


def test_a_quiet_end_finishes_by_time():
    found = closes(until=3, grace_ms=0.0)
    assert found.due == 4 * MINUTE
    list(found.add(candle(1)))
    assert list(found.tick(3 * MINUTE)) == [candle(1)]
    assert found.due == 4 * MINUTE
    assert list(found.tick(4 * MINUTE)) == []
    assert found.is_finished


def test_a_quiet_end_is_filled():
    found = closes(until=3, grace_ms=0.0, fills=True)
    list(found.add(candle(1)))
    assert list(found.tick(9 * MINUTE)) == [candle(1), quiet(2), quiet(3)]
    assert found.is_finished


def test_to_finish_fills_until_the_end():
    found = closes(until=3, fills=True)
    list(found.add(candle(1)))
    assert list(found.finish()) == [candle(1), quiet(2), quiet(3)]
    assert found.is_finished


def test_to_finish_without_an_end_fills_nothing():
    found = closes(fills=True)
    list(found.add(candle(1)))
    assert list(found.finish()) == [candle(1)]
    assert list(closer(until=3, fills=True).finish()) == []


def test_the_end_of_weeks_follows_from_a_candle():
    monday = int(datetime(2024, 1, 1, tzinfo=timezone.utc).timestamp()) * 1000
    until = monday + WEEK + 5
    found = closes(timeframe="7D", until=until // MINUTE, grace_ms=0.0)
    assert found.due == until // MINUTE * MINUTE + WEEK
    list(found.add(candle(monday // MINUTE)))
    list(found.tick(monday + WEEK))
    assert found.due == monday + 2 * WEEK


def test_weeks_are_filled_from_the_first_after_the_start():
    monday = int(datetime(2024, 1, 1, tzinfo=timezone.utc).timestamp()) * 1000
    found = closer(timeframe="7D", start=(monday + 8 * WEEK) // MINUTE - 5, fills=True)
    found.seed(candle(monday // MINUTE))
    added = list(found.add(candle((monday + 10 * WEEK) // MINUTE)))
    assert [each.mts for each in added] == [monday + n * WEEK for n in (8, 9, 10)]
