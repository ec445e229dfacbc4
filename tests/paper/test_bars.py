from __future__ import annotations

import calendar

import pytest

from bfxsync.paper.markets.bars import TIMEFRAMES, Bar, chain, overlay


def minute(*date: int) -> int:
    return calendar.timegm((*date, 0, 0, 0, 0)[:6]) // 60


@pytest.mark.parametrize(
    ("name", "begin", "following"),
    [
        ("1m", (2024, 2, 28, 13, 47), (2024, 2, 28, 13, 48)),
        ("5m", (2024, 2, 28, 13, 45), (2024, 2, 28, 13, 50)),
        ("15m", (2024, 2, 28, 13, 45), (2024, 2, 28, 14)),
        ("30m", (2024, 2, 28, 13, 30), (2024, 2, 28, 14)),
        ("1h", (2024, 2, 28, 13), (2024, 2, 28, 14)),
        ("3h", (2024, 2, 28, 12), (2024, 2, 28, 15)),
        ("6h", (2024, 2, 28, 12), (2024, 2, 28, 18)),
        ("12h", (2024, 2, 28, 12), (2024, 2, 29)),
        ("1D", (2024, 2, 28), (2024, 2, 29)),
        ("7D", (2024, 2, 22), (2024, 2, 29)),
        ("14D", (2024, 2, 15), (2024, 2, 29)),
        ("1M", (2024, 2, 1), (2024, 3, 1)),
    ],
)
def test_every_minute_belongs_to_one_interval(
    name: str, begin: tuple[int, ...], following: tuple[int, ...]
) -> None:
    timeframe = TIMEFRAMES[name]
    for inside in (minute(*begin), minute(2024, 2, 28, 13, 47), minute(*following) - 1):
        assert timeframe.floor(inside) == minute(*begin)
    assert timeframe.following(minute(*begin)) == minute(*following)
    assert timeframe.floor(minute(*following)) == minute(*following)


def test_months_have_their_own_lengths() -> None:
    month, seen = minute(2023, 12, 1), []
    while month < minute(2025, 1, 1):
        following = TIMEFRAMES["1M"].following(month)
        seen.append((following - month) // 1440)
        month = following
    assert seen == [31, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


EARLY = Bar(10, 12, 14, 9, 100, began=3, ended=4)
LATE = Bar(20, 19, 21, 8, 50, began=1, ended=9)


def test_bars_that_follow_each_other_add_up() -> None:
    assert chain([]) is None
    assert chain([None, EARLY, None]) == EARLY
    assert chain([EARLY, None, LATE]) == Bar(10, 19, 21, 8, 150, 3, 9)


def test_bars_of_one_span_merge_in_the_order_of_trades() -> None:
    assert overlay([]) is None
    assert overlay([None, EARLY]) == EARLY
    assert overlay([EARLY, LATE]) == Bar(20, 19, 21, 8, 150, 1, 9)
