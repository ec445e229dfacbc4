from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.numbers import round_amount, round_price
from bfxsync.errors import UsageError

PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")

PRICES = [
    ("100", "100"),
    ("100.00", "100"),
    ("12345", "12345"),
    ("12345.4", "12345"),
    ("12345.6", "12346"),
    ("123456", "123460"),
    ("1234567.8", "1234600"),
    ("99999.6", "100000"),
    ("9.99996", "10"),
    ("1.23456789", "1.2346"),
    ("0.123456", "0.12346"),
    ("0.00123456", "0.0012346"),
    ("0.0001234567", "0.00012346"),
    ("0.00001234567", "0.00001235"),
    ("0.00000712", "0.00000712"),
    ("0.000000071", "0.00000007"),
    ("0.00000001", "0.00000001"),
    ("0.000000004", "0"),
    ("-0.000000004", "0"),
    ("0", "0"),
    ("0e5", "0"),
    ("1e-7", "0.0000001"),
    ("1.5e5", "150000"),
    ("1e20", "100000000000000000000"),
    ("-1.23456", "-1.2346"),
    # Halfway between two, to the even one.
    ("12344.5", "12344"),
    ("12345.5", "12346"),
    ("0.000000025", "0.00000002"),
    ("0.000000035", "0.00000004"),
    ("-12344.5", "-12344"),
]

AMOUNTS = [
    ("1", "1"),
    ("1.50", "1.5"),
    ("0.123456789", "0.12345678"),
    ("-0.123456789", "-0.12345678"),
    ("0.999999999", "0.99999999"),
    ("123456.123456789", "123456.12345678"),
    ("0.000000019", "0.00000001"),
    ("0.000000009", "0"),
    ("-0.000000009", "0"),
    ("1e-8", "0.00000001"),
    ("1000000", "1000000"),
    ("1e6", "1000000"),
]

NUMBERS = st.one_of(
    st.floats(-1e25, 1e25).filter(lambda number: not 0 < abs(number) < 1e-25),
    st.integers(-(10**25), 10**25),
    st.decimals(-(10**25), 10**25, places=12),
)


def text(number: Decimal) -> str:
    return format(number, "f")


@pytest.mark.parametrize("value, expected", PRICES)
def test_prices_have_five_digits_and_eight_places(value: str, expected: str) -> None:
    for number in (value, Decimal(value), float(value)):
        assert text(round_price(number)) == expected


@pytest.mark.parametrize("value, expected", AMOUNTS)
def test_amounts_have_eight_places_and_never_grow(value: str, expected: str) -> None:
    for number in (value, Decimal(value), float(value)):
        assert text(round_amount(number)) == expected


def test_a_float_means_its_shortest_text() -> None:
    assert text(round_price(0.1 + 0.2)) == "0.3"
    assert text(round_amount(0.1 + 0.2)) == "0.3"
    assert text(round_amount(1.1)) == "1.1"


@pytest.mark.parametrize(
    "value", ["", "five", "nan", float("inf"), Decimal("NaN"), None, True, "1e999"]
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="price"):
        round_price(value)
    with pytest.raises(UsageError, match="amount"):
        round_amount(value)


@pytest.mark.parametrize("round_it", [round_price, round_amount])
@given(number=NUMBERS)
def test_text_is_plain_and_rounding_again_changes_nothing(
    round_it: Any, number: Any
) -> None:
    rounded = round_it(number)
    assert PLAIN.fullmatch(text(rounded))
    assert text(round_it(rounded)) == text(round_it(text(rounded))) == text(rounded)


@given(NUMBERS)
def test_a_price_is_the_nearest_of_those_allowed(number: Any) -> None:
    exact = Decimal(str(number))
    rounded = round_price(number)
    digits = text(abs(rounded)).replace(".", "").strip("0")
    assert len(digits) <= 5
    step = Decimal((0, (1,), max(exact.adjusted() - 4, -8)))
    with localcontext() as context:
        context.prec = 60
        assert abs(rounded - exact) * 2 <= step


@given(NUMBERS)
def test_an_amount_is_cut_by_less_than_its_last_place(number: Any) -> None:
    exact = Decimal(str(number))
    with localcontext() as context:
        context.prec = 60
        cut = abs(exact) - abs(round_amount(number))
    assert 0 <= cut < Decimal("1e-8")


def test_an_applications_own_context_changes_nothing() -> None:
    with localcontext() as context:
        context.prec = 3
        context.rounding = ROUND_UP
        assert text(round_price("12345.4")) == "12345"
        assert text(round_amount("123456.123456789")) == "123456.12345678"
