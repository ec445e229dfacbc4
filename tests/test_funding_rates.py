"""Rates by day and year, and how an amount is spread over rates: tables and properties."""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync import UsageError
from bfxsync.funding import daily_rate, ladder, spread_amount, spread_rates, yearly_rate
from bfxsync.models import FundingStatistic

RATES = st.decimals("-0.005", "0.02", places=12)


@pytest.mark.parametrize(
    "daily, options, expected",
    [
        (Decimal("0.0002"), {}, Decimal("0.0730")),
        ("0.0002", {}, Decimal("0.0730")),
        (0.0002, {}, 0.073),
        (0, {}, 0),
        (-0.0001, {}, -0.0365),
        (0.0002, {"compounded": True}, pytest.approx(0.0757231, rel=1e-5)),
        (Decimal(1), {"compounded": True}, pytest.approx(Decimal(2) ** 365 - 1)),
    ],
)
def test_yearly_rate_is_that_of_365_days(
    daily: Any, options: Any, expected: Any
) -> None:
    with localcontext() as context:
        context.prec = 2
        found = yearly_rate(daily, **options)
    assert found == expected
    assert type(found) is (float if isinstance(daily, float) else Decimal)


@given(RATES, st.booleans())
def test_daily_rate_reverses_a_yearly_one(daily: Decimal, compounded: bool) -> None:
    yearly = yearly_rate(daily, compounded=compounded)
    back = daily_rate(yearly, compounded=compounded)
    assert abs(back - daily) < Decimal("1e-30")
    floats = daily_rate(yearly_rate(float(daily)))
    assert type(floats) is float and floats == pytest.approx(float(daily))


@pytest.mark.parametrize(
    "call, arguments, text",
    [
        (yearly_rate, [None], "daily must be a number or its text, not None"),
        (partial(yearly_rate, compounded=True), [-1], "daily must be above -1, not -1"),
        (yearly_rate, ["x"], "daily must be a number, not 'x'"),
        (daily_rate, [float("nan")], "yearly must be finite"),
        (daily_rate, [True], "yearly must be a number or its text, not True"),
    ],
)
def test_rate_that_is_none_is_refused(call: Any, arguments: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        call(*arguments)
    with pytest.raises(UsageError, match="compounded must be"):
        partial(call, compounded=1)(0.1)


@pytest.mark.parametrize("number", [float, Decimal])
def test_statistic_has_the_rate_of_a_day(number: Any) -> None:
    row = [1, None, None, number("5.75452e-07"), 1, None, None, 1, 1, None, None, 1]
    with localcontext() as context:
        context.prec = 2
        found = FundingStatistic.from_row(row, number).flash_return_rate
    assert type(found) is number and float(found) == pytest.approx(0.000210039980)


# --- how an amount is spread ------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["0.0002", "0.0006", 3], ["0.0002", "0.0004", "0.0006"]),
        (["0.0002", "0.0002", 1], ["0.0002"]),
        ([0.0001, 0.0002, 4], ["0.0001", "0.0001333333", "0.0001666667", "0.0002"]),
        (["0.0001", "0.0004", 3, "geometric"], ["0.0001", "0.0002", "0.0004"]),
        (["-0.0001", "0.0001", 3], ["-0.0001", "0", "0.0001"]),
    ],
)
def test_rates_are_spread_between_the_lowest_and_highest(
    arguments: Any, expected: Any
) -> None:
    with localcontext() as context:
        context.prec = 2
        found = spread_rates(*arguments)
    assert found == list(map(Decimal, expected))


@pytest.mark.parametrize(
    "amount, weights, expected",
    [
        ("100", [1, 1, 2], ["25", "25", "50"]),
        ("-100", ["1", "1", "1"], ["-33.33333333", "-33.33333334", "-33.33333333"]),
        ("0.00000003", [1, 1], ["0.00000002", "0.00000001"]),
        (5000, [Decimal("0.5")], ["5000"]),
    ],
)
def test_amount_is_spread_exactly(amount: Any, weights: Any, expected: Any) -> None:
    assert spread_amount(amount, weights) == list(map(Decimal, expected))


@given(
    st.decimals("0.00000001", 10**9, places=8),
    st.lists(st.integers(1, 10**6), min_size=1, max_size=50),
)
def test_parts_add_up_and_keep_their_proportions(amount: Decimal, weights: Any) -> None:
    parts = spread_amount(amount, weights)
    assert sum(parts) == amount and len(parts) == len(weights)
    for part, weight in zip(parts, weights):
        assert abs(part - amount * weight / sum(weights)) <= Decimal("0.00000001")
    assert [-part for part in parts] == spread_amount(-amount, weights)


FUSD = {"symbol": "fUSD", "amount": 600, "low": "0.0002"}


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"symbol": "tBTCUSD"}, "symbol must be"),
        ({"amount": 0}, "amount must not be 0"),
        ({"amount": None}, "amount must be a number or its text"),
        ({"amount": "0.000000001"}, "amount must have at most 8 places"),
        ({"low": 0}, "rate must be positive for LIMIT, not 0"),
        ({"low": -1, "type": "FRRDELTAVAR"}, "rate must be zero or positive for"),
        ({"high": "0.0001"}, "high must not be below low, not '0.0001'"),
        ({"high": "0.0003"}, "steps must be more than 1 if high is not low, not 1"),
        ({"steps": 0}, "steps must be an integer from 1 to 1000, not 0"),
        ({"steps": True}, "steps must be an integer from 1 to 1000, not True"),
        ({"spacing": "cubic"}, "spacing must be one of linear, geometric, not 'cubic'"),
        (
            {"low": 0, "high": 1, "steps": 2, "spacing": "geometric"},
            "low must be positive for geometric, not 0",
        ),
        ({"period": 1}, "period must be an integer from 2 to 120, not 1"),
        ({"period": [2, 3]}, "period must be 1 numbers, not"),
        ({"period": lambda rate: 500}, "period must be an integer from 2 to 120"),
        ({"weights": [1, 2]}, "weights must be 1 numbers, not 2"),
        ({"weights": [0]}, "weights must be positive, not 0"),
        ({"weights": []}, "weights must not be empty"),
        ({"weights": 5}, "weights must be a list, not 5"),
        ({"type": "MARKET"}, "type must be one of LIMIT"),
        (
            {"steps": 5, "min_amount": 150},
            "amount is too small for 5 offers: the smallest would be 120",
        ),
        ({"min_amount": 0}, "min_amount must be positive, not 0"),
    ],
)
def test_impossible_ladder_is_refused(changes: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        ladder(**{**FUSD, **changes})


def test_ladder_has_an_offer_at_each_rate() -> None:
    found = ladder(
        "fUSD",
        "-1000",
        low="0.0002",
        high="0.0006",
        steps=3,
        period=lambda rate: 30 if rate > Decimal("0.0005") else 2,
        weights=[2, 1, 1],
        min_amount=250,
    )
    offers = [(step.amount, step.rate, step.period, step.state) for step in found]
    assert offers == [
        (-500, Decimal("0.0002"), 2, "new"),
        (-250, Decimal("0.0004"), 2, "new"),
        (-250, Decimal("0.0006"), 30, "new"),
    ]
    assert (found.amount, found.average_rate) == (-1000, Decimal("0.00035"))
    assert found.steps[0].yearly_rate == Decimal("0.073")
    assert len(found) == len(found.waiting) == 3


def test_ladder_is_printed_as_a_table() -> None:
    found = ladder("fUSD", "1500", low="0.0002", high="0.0004", steps=2, period=[2, 30])
    assert repr(found).splitlines() == [
        "fUSD, 1,500 to lend in 2 offers, on average 0.030000 % a day, 10.95 % a year",
        "            amount     % a day   % a year  days  state",
        "      750.00000000    0.020000       7.30     2  new",
        "      750.00000000    0.040000      14.60    30  new",
    ]
    assert "to borrow" in repr(ladder("fUSD", "-0.5", low="0.0002"))
    html = found._repr_html_()
    assert html is not None and html.count("<tr>") == 3 and "0.040000" in html


def test_dataframe_has_a_row_for_each_offer() -> None:
    frame: Any = ladder("fUSD", "1500", low="0.0002", steps=3).df()
    assert list(frame.columns) == [
        "type", "symbol", "amount", "rate", "yearly_rate", "period", "state",
    ]  # fmt: skip
    assert frame["amount"].sum() == 1500 and frame["period"].dtype == "int64"
