from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.models.status import Candle
from bfxsync.rest.history.intervals import fill_intervals, interval_begins, last_over

MINUTE = 60_000
DAY = 1440 * MINUTE


def mts(*date: int) -> int:
    return int(datetime(*date, tzinfo=timezone.utc).timestamp()) * 1000  # type: ignore


def candle(mts: int, close: float = 2.0) -> Candle:
    return Candle(mts, 1.0, close, 3.0, 0.5, 7.0)


def filler(mts: int, price: float = 2.0) -> Candle:
    return Candle(mts, price, price, price, price, 0.0)


def fill(
    candles: List[Candle],
    tf: str = "1m",
    *,
    start: Optional[int] = None,
    end: Optional[int] = None,
    sort: int = 1,
    before: Optional[Candle] = None,
) -> List[Candle]:
    return list(
        fill_intervals(
            iter(candles),
            tf,
            start=start,
            end=end,
            sort=sort,
            before=lambda: before,
            zero=0.0,
        )
    )


BEGINS = [
    ("1m", mts(2024, 1, 1), [mts(2024, 1, 1, 0, 1), mts(2024, 1, 1, 0, 2)]),
    ("15m", mts(2024, 1, 1), [mts(2024, 1, 1, 0, 15), mts(2024, 1, 1, 0, 30)]),
    ("3h", mts(2024, 1, 1, 21), [mts(2024, 1, 2), mts(2024, 1, 2, 3)]),
    ("1D", mts(2024, 2, 28), [mts(2024, 2, 29), mts(2024, 3, 1)]),
    ("7D", mts(2024, 2, 26), [mts(2024, 3, 4), mts(2024, 3, 11)]),
    ("1W", mts(2024, 2, 29), [mts(2024, 3, 7), mts(2024, 3, 14)]),
    ("14D", mts(2024, 2, 29), [mts(2024, 3, 14), mts(2024, 3, 28)]),
    ("1M", mts(2023, 12, 1), [mts(2024, 1, 1), mts(2024, 2, 1)]),
    ("1M", mts(2024, 2, 1), [mts(2024, 3, 1), mts(2024, 4, 1)]),
]


@pytest.mark.parametrize("tf, at, expected", BEGINS)
def test_next_intervals_begin(tf: str, at: int, expected: List[int]) -> None:
    low, high = at, expected[-1]
    found = list(interval_begins(at, tf, low, high))
    assert found == expected and {type(begin) for begin in found} == {int}
    assert list(interval_begins(at, tf, low, high - 1)) == expected[:1]
    assert list(interval_begins(at, tf, low, expected[0] - 1)) == []
    assert list(interval_begins(at, tf, expected[0] + 1, high)) == expected[1:]
    assert list(interval_begins(at, tf, high + 1, at)) == []


@pytest.mark.parametrize(
    "tf, now, expected",
    [
        ("1m", mts(2024, 1, 1, 0, 5), mts(2024, 1, 1, 0, 4)),
        ("15m", mts(2024, 1, 1, 0, 20), mts(2024, 1, 1, 0, 5)),
        ("12h", mts(2024, 1, 1, 18), mts(2024, 1, 1, 6)),
        ("1D", mts(2024, 3, 1, 12), mts(2024, 2, 29, 12)),
        ("1M", mts(2024, 3, 1), mts(2024, 3, 1) - 1),
        ("1M", mts(2024, 3, 31, 23), mts(2024, 3, 1) - 1),
        ("1M", mts(2024, 1, 15), mts(2024, 1, 1) - 1),
    ],
)
def test_an_interval_is_over_when_the_next_one_begins(
    tf: str, now: int, expected: int
) -> None:
    assert last_over(now, tf) == expected


def test_intervals_without_trades_have_the_last_close_and_no_volume() -> None:
    first, last = candle(0, close=4.0), candle(3 * MINUTE)
    assert fill([first, last]) == [
        first,
        filler(MINUTE, 4.0),
        filler(2 * MINUTE, 4.0),
        last,
    ]


def test_newest_first_has_the_close_of_the_older_candle_too() -> None:
    first, last = candle(0, close=4.0), candle(3 * MINUTE)
    assert fill([last, first], sort=-1) == [
        last,
        filler(2 * MINUTE, 4.0),
        filler(MINUTE, 4.0),
        first,
    ]


@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_a_range_is_filled_to_both_ends(sort: int) -> None:
    expected = [
        filler(10 * MINUTE, 9.0),
        candle(11 * MINUTE, 4.0),
        filler(12 * MINUTE, 4.0),
        filler(13 * MINUTE, 4.0),
    ]
    got = fill(
        [candle(11 * MINUTE, 4.0)],
        start=10 * MINUTE - 30_000,
        end=13 * MINUTE + 59_999,
        sort=sort,
        before=candle(2 * MINUTE, 9.0),
    )
    assert got == expected[::sort]


@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_a_range_without_any_trade_has_the_close_before_it(sort: int) -> None:
    got = fill([], start=DAY, end=DAY + MINUTE, sort=sort, before=candle(0, 9.0))
    assert got == [filler(DAY, 9.0), filler(DAY + MINUTE, 9.0)][::sort]


@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_there_is_nothing_to_fill_with_before_the_first_trade(sort: int) -> None:
    assert fill([], start=0, end=DAY, sort=sort) == []
    only = candle(5 * MINUTE)
    assert fill([only], start=0, end=5 * MINUTE, sort=sort) == [only]


def test_months_follow_the_calendar() -> None:
    first, last = candle(mts(2023, 12, 1)), candle(mts(2024, 4, 1))
    got = fill([first, last], "1M")
    assert [each.mts for each in got] == [
        mts(2023, 12, 1),
        mts(2024, 1, 1),
        mts(2024, 2, 1),
        mts(2024, 3, 1),
        mts(2024, 4, 1),
    ]


def test_weeks_begin_on_the_day_of_the_candles_before() -> None:
    thursday = mts(2024, 2, 29)
    got = fill([candle(thursday), candle(thursday + 21 * DAY)], "7D")
    assert [each.mts for each in got] == [thursday + 7 * DAY * n for n in range(4)]


def test_volume_is_of_the_clients_numbers() -> None:
    price = Decimal("1.5")
    rows = [
        Candle(mts, price, price, price, price, price)  # type: ignore[arg-type]
        for mts in (0, 2 * MINUTE)
    ]
    got = list(
        fill_intervals(
            iter(rows),
            "1m",
            start=None,
            end=None,
            sort=1,
            before=lambda: None,
            zero=Decimal(0),
        )
    )
    assert all(isinstance(value, Decimal) for value in (got[1].volume, got[1].open))


@given(
    st.sets(st.integers(0, 40), min_size=1),
    st.integers(0, 45),
    st.integers(0, 45),
    st.sampled_from(["1m", "5m", "7D", "14D"]),
)
def test_every_interval_of_the_range_comes_once(
    places: Any, one: int, other: int, tf: str
) -> None:
    unit = {"m": MINUTE, "D": DAY}[tf[-1]] * int(tf[:-1])
    low, high = sorted((one, other))
    all_candles = [candle(n * unit, close=float(n)) for n in sorted(places)]
    inside = [each for each in all_candles if low * unit <= each.mts <= high * unit]
    older = [each for each in all_candles if each.mts < low * unit]
    before = older[-1] if older else None
    got = fill(inside, tf, start=low * unit, end=high * unit, before=before)
    begin = low if before else min((n for n in places if n >= low), default=high + 1)
    assert [each.mts for each in got] == [n * unit for n in range(begin, high + 1)]
    for each in got:
        if each not in inside:
            latest = max(n for n in places if n * unit < each.mts)
            assert each == filler(each.mts, float(latest))
    newest_first = fill(
        inside[::-1],
        tf,
        start=low * unit,
        end=high * unit,
        before=before,
        sort=-1,
    )
    assert newest_first == got[::-1]
