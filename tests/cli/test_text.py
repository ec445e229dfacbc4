from __future__ import annotations

import pytest

from bfxsync.cli.text import amount_text, ms_text, price_text, time_text


@pytest.mark.parametrize(
    "price, text",
    [
        (None, "-"),
        (104250, "104,250"),
        (64250, "64,250"),
        (6443, "6,443.0"),
        (6443.1, "6,443.1"),
        (2.5, "2.5000"),
        (0.61986, "0.61986"),
        (0.0021392, "0.0021392"),
        (0.00214, "0.0021400"),
        (0.0000123, "0.00001230"),
        (0, "0.0000"),
    ],
)
def test_a_price_has_five_significant_digits(price: float | None, text: str) -> None:
    assert price_text(price) == text


def test_prices_of_one_symbol_may_share_their_decimals() -> None:
    assert price_text(999.5, decimals=1) == "999.5"


@pytest.mark.parametrize(
    "amount, text",
    [(-0.5, "0.5000"), (1234.5, "1,234.5000"), (123456.7, "123,457")],
)
def test_an_amount_has_no_sign(amount: float, text: str) -> None:
    assert amount_text(amount) == text


@pytest.mark.parametrize(
    "seconds, text", [(None, "-"), (0.00012, "0.12"), (0.25, "250")]
)
def test_a_duration_is_in_milliseconds(seconds: float | None, text: str) -> None:
    assert ms_text(seconds) == text


def test_times_are_utc() -> None:
    assert time_text(1542045996000) == "18:06:36"
