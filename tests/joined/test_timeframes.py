"""Timeframes of the exchange, and those made from them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.checks.candles import TIMEFRAMES
from bfxsync.errors import UsageError
from bfxsync.joined.timeframes import check_joined_timeframe

DAY = 86_400_000


def mts(*date: int) -> int:
    return int(datetime(*date, tzinfo=timezone.utc).timestamp() * 1000)


@pytest.mark.parametrize("name", [*TIMEFRAMES, "1W"])
def test_timeframes_of_the_exchange_are_their_own_base(name):
    found = check_joined_timeframe("timeframe", name)
    assert found.is_native
    assert found.base == ("7D" if name == "1W" else name)


@pytest.mark.parametrize(
    "given_name, name, base",
    [
        ("2m", "2m", "1m"),
        ("10m", "10m", "5m"),
        ("45m", "45m", "15m"),
        ("90m", "90m", "30m"),
        ("120m", "2h", "1h"),
        ("2h", "2h", "1h"),
        ("4h", "4h", "1h"),
        ("8h", "8h", "1h"),
        ("288m", "288m", "1m"),
        ("60m", "1h", "1h"),
        ("1440m", "1D", "1D"),
        ("24h", "1D", "1D"),
        ("2D", "2D", "1D"),
        ("31D", "31D", "1D"),
        ("3M", "3M", "1M"),
        ("12M", "12M", "1M"),
    ],
)
def test_others_are_made_from_the_longest_divisor(given_name, name, base):
    found = check_joined_timeframe("timeframe", given_name)
    assert (found.name, found.base) == (name, base)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "0m",
        "7m",
        "5h",
        "48h",
        "21D",
        "32D",
        "2W",
        "5M",
        "13M",
        "1s",
        "-1m",
        "01m",
        5,
    ]
    + [None, b"1m", "1 m", "99999m", "1d", "１m"],
)
def test_impossible_timeframes_are_refused(name):
    with pytest.raises(UsageError, match=r"^tf must be one of 1m, .*, not "):
        check_joined_timeframe("tf", name)


@pytest.mark.parametrize(
    "name, time, start, following",
    [
        (
            "1m",
            mts(2024, 1, 1, 10, 7, 59),
            mts(2024, 1, 1, 10, 7),
            mts(2024, 1, 1, 10, 8),
        ),
        ("45m", mts(2024, 1, 1, 1), mts(2024, 1, 1, 0, 45), mts(2024, 1, 1, 1, 30)),
        ("2h", mts(2024, 1, 1, 3, 59), mts(2024, 1, 1, 2), mts(2024, 1, 1, 4)),
        ("1D", mts(2024, 2, 29, 23), mts(2024, 2, 29), mts(2024, 3, 1)),
        ("1M", mts(2024, 2, 29, 23), mts(2024, 2, 1), mts(2024, 3, 1)),
        ("3M", mts(2024, 12, 31), mts(2024, 10, 1), mts(2025, 1, 1)),
        ("6M", mts(2024, 7, 1), mts(2024, 7, 1), mts(2025, 1, 1)),
        ("12M", mts(2024, 7, 1), mts(2024, 1, 1), mts(2025, 1, 1)),
    ],
)
def test_intervals_start_at_multiples_of_their_length(name, time, start, following):
    timeframe = check_joined_timeframe("timeframe", name)
    assert timeframe.floor(time) == start
    assert timeframe.following(start) == following
    assert timeframe.first_from(start) == start
    assert timeframe.first_from(start + 1) == following


@pytest.mark.parametrize("name", ["7D", "14D"])
def test_weeks_start_where_those_of_the_exchange_do(name):
    timeframe = check_joined_timeframe("timeframe", name)
    monday = mts(2024, 1, 1)
    assert not timeframe.has_known_starts
    assert timeframe.floor(monday + 5) == timeframe.first_from(monday + 5) == monday + 5
    length = timeframe.following(monday) - monday
    assert length == int(name[:-1]) * DAY
    for start in (monday - length, monday + 2 * length):
        assert timeframe.floor(start + 5, monday) == start
        assert timeframe.first_from(start + 5, monday) == start + length


@given(
    st.sampled_from(["3m", "15m", "2h", "2D", "1M", "4M"]), st.integers(0, 4 * 10**12)
)
def test_every_time_is_in_exactly_one_interval(name, time):
    timeframe = check_joined_timeframe("timeframe", name)
    start = timeframe.floor(time)
    assert start <= time < timeframe.following(start)
    assert timeframe.floor(start) == start
    assert timeframe.floor(timeframe.following(start) - 1) == start
    assert timeframe.has_known_starts
