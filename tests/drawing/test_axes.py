"""Ranges and labels of axes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.notebook.drawing.axes import Scale, price_range, price_ticks, time_ticks

pytestmark = pytest.mark.once

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MIDNIGHT = 1764460800000  # 2025-11-30

prices = st.floats(1e-8, 1e7)


def labels(ticks):
    return [tick.label for tick in ticks]


def test_a_scale_moves_what_is_beyond_to_its_ends():
    scale = Scale(10, 20, 100, 0)
    assert [scale(value) for value in (5, 10, 15, 20, 99)] == [100, 100, 50, 0, 0]


def test_one_value_far_away_does_not_flatten_the_others():
    values = [100 + each / 10 for each in range(40)]
    low, high = price_range([*values, 50.0])
    assert 99 < low < 100.3 and 103.5 < high < 105
    # Near ones stay whole.
    low, high = price_range([*values, 99.5])
    assert low < 99.5


def test_of_few_values_none_is_left_out():
    low, high = price_range([100.0, 101.0, 50.0])
    assert low < 50.0 and high > 101.0


@given(st.lists(prices, min_size=1, max_size=60))
def test_every_range_has_a_length_and_labels(values):
    low, high = price_range(values)
    assert low < high
    ticks = price_ticks(low, high)
    assert 1 <= len(ticks) <= 8
    assert len(set(labels(ticks))) == len(ticks)
    assert all(low <= tick.at <= high for tick in ticks)


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (63_980, 64_560, ["64,000", "64,100", "64,200", "64,300", "64,400", "64,500"]),
        (0.0386, 0.039, ["0.0386", "0.0387", "0.0388", "0.0389", "0.0390"]),
        (-1.5, 1.5, ["-1.5", "-1.0", "-0.5", "0.0", "0.5", "1.0", "1.5"]),
        (0, 9, ["0", "2", "4", "6", "8"]),
    ],
)
def test_prices_have_round_labels(low, high, expected):
    assert labels(price_ticks(low, high)) == expected


@pytest.mark.parametrize(
    "begin, step, count, most, expected",
    [
        (
            MIDNIGHT - 15 * MINUTE,
            MINUTE,
            30,
            6,
            ["23:50", "23:55", "30 Nov", "00:05", "00:10"],
        ),
        (MIDNIGHT - HOUR, HOUR, 30, 5, ["30 Nov", "06:00", "12:00", "18:00", "01 Dec"]),
        (MIDNIGHT, HOUR, 49, 4, ["12:00", "01 Dec", "12:00", "02 Dec"]),
        (MIDNIGHT, DAY, 4, 9, ["01 Dec", "02 Dec", "03 Dec"]),
        (MIDNIGHT, DAY, 90, 4, ["Dec 2025", "Jan 2026", "Feb 2026"]),
        (MIDNIGHT, 30 * DAY, 30, 4, ["2026", "2027", "2028"]),
        (MIDNIGHT, 30 * DAY, 3, 0, []),
    ],
)
def test_times_have_round_labels(begin, step, count, most, expected):
    times = [begin + each * step for each in range(count)]
    assert labels(time_ticks(times, most)) == expected


def test_without_room_there_are_no_labels():
    times = [MIDNIGHT - each * 365 * DAY for each in range(200, 0, -1)]
    assert time_ticks(times, 3) == []
    assert time_ticks([MIDNIGHT], 3) == []


@given(
    st.lists(st.integers(0, 4 * 10**12), min_size=1, max_size=60), st.integers(0, 10)
)
def test_labels_of_times_are_few_and_in_order(times, most):
    ticks = time_ticks(sorted(times), most)
    assert len(ticks) <= most
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})
