"""Equity curves as SVG and in box characters."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.backtest.drawing import (
    amount_text,
    equity_svg,
    equity_text,
    percent,
    span,
    ticks,
    time_labels,
)

MINUTE, DAY = 60_000, 86_400_000
BEGIN = 1_700_006_400_000
"""A midnight in UTC."""

RISING = [(BEGIN + n * MINUTE, 1000.0 + n) for n in range(61)]

amounts = st.integers(0, 10**24).map(lambda units: units / 10**12)


def test_rising_curve_in_box_characters():
    assert equity_text(RISING, "USD", 40, 8).splitlines() == [
        "Equity 1,060.00 USD, +6.00 %",
        "1,062 │                           ▁▂▃▄▅▇",
        "      │                    ▁▃▃▄▆▇███████",
        "1,030 │             ▁▃▄▄▆▇██████████████",
        "      │      ▂▃▄▅▆▇█████████████████████",
        "  998 │▃▄▅▇█████████████████████████████",
        "      └┬───────────────┬───────────────┬",
        "       2023-11-15    00:30         01:00",
    ]


@given(
    st.lists(amounts, max_size=30),
    st.integers(1, 130),
    st.integers(1, 40),
    st.booleans(),
)
def test_every_curve_fits_its_screen(values, width, height, is_plain):
    points = [(BEGIN + n * MINUTE, value) for n, value in enumerate(values)]
    text = equity_text(points, "USD", width, height, is_plain=is_plain)
    lines = text.split("\n")
    assert len(lines) == max(height, 5)
    if all(value < 1e9 for value in values):
        assert max(map(len, lines)) <= max(width, 24)
    assert text.isascii() == is_plain or not values


@given(st.lists(amounts, max_size=30), st.booleans())
def test_every_curve_is_an_svg(values, has_marks):
    points = [(BEGIN + n * 777, value) for n, value in enumerate(values)]
    marks = [(mts, n % 2 == 0) for n, (mts, _) in enumerate(points)] * has_marks
    root = ElementTree.fromstring(equity_svg(points, "US<D", marks))
    assert root.tag.endswith("svg")
    circles = [each for each in root if each.tag.endswith("circle")]
    assert len(circles) == (len(marks) + 2 if marks else 0)
    assert not any(word in equity_svg(points, "USD") for word in ("nan", "inf"))


def test_a_mark_is_at_the_equity_of_its_time():
    svg = equity_svg(RISING, "USD", [(BEGIN + 30 * MINUTE + 1, True)])
    root = ElementTree.fromstring(svg)
    mark = next(each for each in root if each.tag.endswith("circle"))
    assert float(mark.get("cy")) == pytest.approx((44 + 270) / 2, abs=1)


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (99.7, 100.4, [99.8, 100.0, 100.2, 100.4]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high, 5) == pytest.approx(expected)


def test_amounts_have_as_many_places_as_needed():
    assert amount_text(1234.5, [1000, 2000]) == "1,234"
    assert amount_text(1.25, [1.25, 1.26]) == "1.25"
    assert amount_text(7, [7]) == "7.00"


@pytest.mark.parametrize(
    "length_ms, expected",
    [
        (0, ["2023-11-15"]),
        (5_000, ["2023-11-15", "00:00:05"]),
        (60 * MINUTE, ["2023-11-15", "00:30", "01:00"]),
        (3 * DAY, ["2023-11-15", "2023-11-16", "2023-11-17"]),
        (4000 * DAY, ["2023-12-19", "2024-12-18", "2025-12-18"]),
    ],
)
def test_times_are_at_round_steps(length_ms, expected):
    found = [label for _, label in time_labels(BEGIN, BEGIN + length_ms, 3)]
    assert found[:3] == expected


def test_a_moment_has_its_own_label():
    assert time_labels(BEGIN + 1, BEGIN + 2, 3) == [(BEGIN + 1, "00:00:00")]


def test_range_of_times():
    assert span(BEGIN, BEGIN + MINUTE) == "2023-11-15 00:00:00 to 00:01:00 UTC"
    assert span(BEGIN, BEGIN + DAY) == "2023-11-15 00:00:00 to 2023-11-16 00:00:00 UTC"


def test_nothing_is_no_change():
    assert percent(0.0, 2) == percent(-0.000001, 2) == "0 %"
    assert percent(-0.1234, 2) == "-12.34 %"
