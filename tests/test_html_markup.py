"""Tables in HTML from plain values."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis.strategies import floats, text

from bfxsync import ConnectionStatus, OrderFlag
from bfxsync.notebook.html.markup import (
    MANY,
    Column,
    Html,
    column_texts,
    ends_of,
    fields,
    table,
    with_lines,
)

UTC = timezone.utc


@pytest.mark.parametrize(
    "values, texts",
    [
        ([64249.0, 64249.5], ["64249.0", "64249.5"]),
        ([64249.0, 5.0], ["64249", "5"]),
        ([1e-07, 1.0], ["0.0000001", "1.0000000"]),
        # More places than the exchange has: nobody wants that many zeros.
        ([0.1 + 0.2, 1.0], ["0.30000000000000004", "1"]),
        (
            [1e22, float("inf"), float("nan")],
            ["10000000000000000000000", "Infinity", "NaN"],
        ),
        ([Decimal("1E-7"), Decimal("5.00")], ["0.0000001", "5.00"]),
        ([7, True, "a<b"], ["7", "True", "a&lt;b"]),
        (
            [OrderFlag.HIDDEN | OrderFlag.POST_ONLY, OrderFlag(0)],
            ["HIDDEN POST_ONLY", "0"],
        ),
        ([ConnectionStatus.OPEN], ["open"]),
        ([Html("<b>x</b>")], ["<b>x</b>"]),
        (["a\nb\x1b"], [r"a\nb\x1b"]),
        (["x" * 100], ["x" * 79 + "…"]),
        ([{"reason": "TRADE"}], ["{&#x27;reason&#x27;: &#x27;TRADE&#x27;}"]),
        (
            [datetime(2026, 11, 30, 13, 3, 5, tzinfo=UTC)],
            ["2026-11-30 13:03:05"],
        ),
        (
            [
                datetime(2026, 11, 30, 13, 3, s, us, tzinfo=UTC)
                for s, us in ((5, 0), (6, 7000))
            ],
            ["2026-11-30 13:03:05.000", "2026-11-30 13:03:06.007"],
        ),
    ],
)
def test_values_have_texts(values, texts):
    assert column_texts(values) == texts


def test_a_missing_value_is_a_dash():
    assert re.sub("<.*?>", "", column_texts([None])[0]) == "–"


@given(floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_never_shortened(number):
    (found,) = column_texts([number])
    assert float(found) == number and "e" not in found


@given(text())
def test_no_text_of_a_peer_becomes_a_tag(peers):
    found = table([Column(peers, [peers])], peers, peers, 0, peers)
    found += fields([(peers, peers)], peers, peers)
    tags = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(re.findall(r"<[/]?(\w*)", found)) <= tags
    assert "\n" not in column_texts([peers])[0]


@pytest.mark.parametrize(
    "values, align",
    [
        ([1, 2.0, Decimal(3), None, Html("")], "right"),
        ([True], "left"),
        (["1"], "left"),
        ([None], "left"),
        ([OrderFlag.OCO], "left"),
    ],
)
def test_numbers_are_right_aligned(values, align):
    assert f"text-align:{align}" in table([Column("x", values)])


def test_digits_have_equal_widths():
    assert "tabular-nums" in table([Column("x", [1])])


def test_many_values_are_cut_in_the_middle():
    few, many = list(range(MANY)), list(range(1000))
    assert ends_of(few) == (few, None)
    assert ends_of(many) == ([*range(10), *range(990, 1000)], 10)
    cut = table([Column("x", [1, 2, 3])], gap_at=1, gap="… 5 more …")
    rows = re.findall("<tr>.*?</tr>", cut)
    assert [re.sub("<.*?>", "", row) for row in rows] == [
        "x",
        "1",
        "… 5 more …",
        "2",
        "3",
    ]


def test_without_columns_there_is_only_text():
    assert "<table" not in table([], "title") and "title" in table([], "title")
    assert "<table" not in fields([], "title") and with_lines("") == "<div></div>"
