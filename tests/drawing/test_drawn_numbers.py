"""Numbers and times of pictures."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest

from bfxsync.notebook.drawing.numbers import (
    amount_decimals,
    amount_text,
    decimals_of,
    percent_text,
    price_text,
    rate_text,
    shared_decimals,
    utc_of,
)

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "price, text",
    [
        (64261.0, "64,261"),
        (1234567.0, "1,234,567"),
        (2481.2, "2,481.2"),
        (1, "1.0000"),
        (0.0021389, "0.0021389"),
        (Decimal("0.038971"), "0.038971"),
        (1e-12, "0.0000000000"),
        (0.0, "0.0000"),
        (-2.5, "−2.5000"),
        (None, "–"),
    ],
)
def test_prices_have_five_significant_digits(price, text):
    assert price_text(price) == text


def test_prices_of_a_ladder_share_their_decimals():
    assert shared_decimals([64261.0, 64262.0]) == 0
    assert shared_decimals([9999.9, 10000.0]) == 1
    assert shared_decimals([Decimal("0.00210"), 1e-7]) == 7
    assert shared_decimals([1e-30]) == 10
    assert shared_decimals([]) == 0
    assert price_text(10000.0, 1) == "10,000.0"


@pytest.mark.parametrize(
    "amount, text",
    [
        (0.5332, "0.5332"),
        (999.99994, "999.9999"),
        (1306.094, "1,306.09"),
        (123456.7, "123,457"),
        (0.00002, "<0.0001"),
        (Decimal("-0.5"), "−0.5000"),
        (0, "0.0000"),
        (None, "–"),
    ],
)
def test_amounts_fit_into_a_column(amount, text):
    assert amount_text(amount) == text


def test_the_context_of_the_application_changes_nothing():
    with localcontext() as context:
        context.prec = 1
        assert price_text(Decimal("64261")) == "64,261"
        assert amount_decimals(Decimal("-99999.5")) == 2
        assert decimals_of(Decimal("2481.2")) == 1


@pytest.mark.parametrize(
    "ratio, text",
    [(0.0002, "+0.02 %"), (-0.5, "−50.00 %"), (0.0, "+0.00 %"), (None, "–")],
)
def test_changes_have_their_sign(ratio, text):
    assert percent_text(ratio) == text


def test_rates_are_in_per_cent():
    assert rate_text(0.0002) == "0.0200 %"
    assert rate_text(None) == "–"


def test_times_are_utc():
    assert f"{utc_of(1764460800000):%Y-%m-%d %H:%M}" == "2025-11-30 00:00"
