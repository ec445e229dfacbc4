from __future__ import annotations

import re
from decimal import Decimal

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FINITE

from bfxsync._base.numbers import number_text, plain_decimal, plain_integer
from bfxsync._base.plain import plain_items, plain_real
from bfxsync.errors import UsageError

# Text of a number on the wire, and JavaScript's String(Number(text)), written by Node.js 20:
# console.log(JSON.stringify([text, String(Number(text))]))
TABLE = [
    ("0", "0"),
    ("-0", "0"),
    ("1", "1"),
    ("5.0", "5"),
    ("-5", "-5"),
    ("0.1", "0.1"),
    ("-0.5", "-0.5"),
    ("100", "100"),
    ("1e2", "100"),
    ("123456789", "123456789"),
    ("0.000001", "0.000001"),
    ("0.0000015", "0.0000015"),
    ("0.00001", "0.00001"),
    ("1e-5", "0.00001"),
    ("-1e-6", "-0.000001"),
    ("1.1e-6", "0.0000011"),
    ("9.99e-7", "9.99e-7"),
    ("1e-7", "1e-7"),
    ("0.1e-6", "1e-7"),
    ("-1e-7", "-1e-7"),
    ("7e-7", "7e-7"),
    ("1.7e-8", "1.7e-8"),
    ("1.25e-10", "1.25e-10"),
    ("123e-20", "1.23e-18"),
    ("6.62606957e-34", "6.62606957e-34"),
    ("2.2250738585072014e-308", "2.2250738585072014e-308"),
    ("5e-324", "5e-324"),
    ("1e15", "1000000000000000"),
    ("9007199254740991", "9007199254740991"),
    ("1e16", "10000000000000000"),
    ("12345678901234567", "12345678901234568"),
    ("1e17", "100000000000000000"),
    ("1e20", "100000000000000000000"),
    ("123e18", "123000000000000000000"),
    ("123456789012345680000", "123456789012345680000"),
    ("999999999999999900000", "999999999999999900000"),
    ("999999999999999999999", "1e+21"),
    ("1e21", "1e+21"),
    ("-1e21", "-1e+21"),
    ("1.5e21", "1.5e+21"),
    ("1.2345e22", "1.2345e+22"),
    ("123e20", "1.23e+22"),
    ("1e23", "1e+23"),
    ("1e100", "1e+100"),
    ("1.7976931348623157e308", "1.7976931348623157e+308"),
    ("0.1234567890123456789", "0.12345678901234568"),
    ("43.358118629999986", "43.358118629999986"),
    ("500793.10790141", "500793.10790141"),
    ("0.30000000000000004", "0.30000000000000004"),
    ("0.9999999999999999", "0.9999999999999999"),
    ("1.0000000000000002", "1.0000000000000002"),
    ("0.000123", "0.000123"),
]

JAVASCRIPT = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?(e[+-][1-9]\d*)?")


# Whole numbers that no float holds: JavaScript has another one, but a Decimal all their digits.
NO_FLOATS = {"12345678901234567", "999999999999999999999"}


@pytest.mark.parametrize("text, expected", TABLE, ids=[text for text, _ in TABLE])
def test_text_is_that_of_javascript(text: str, expected: str) -> None:
    assert number_text(float(text)) == expected
    assert number_text(Decimal(text)) == (text if text in NO_FLOATS else expected)


@given(st.integers(-(10**21) + 1, 10**21 - 1))
def test_whole_decimal_keeps_all_its_digits(number: int) -> None:
    assert number_text(Decimal(number)) == str(number)


@pytest.mark.parametrize("text", ["1e21", "-1e21", "1000000000000000000000"])
def test_larger_whole_decimal_has_an_exponent(text: str) -> None:
    assert number_text(Decimal(text)) == text[:1].strip("1") + "1e+21"


@pytest.mark.parametrize("number", [0, 5, -12, 34006738527, 2**53 - 1], ids=str)
def test_integer_is_its_digits(number: int) -> None:
    assert number_text(number) == str(number)


@given(FINITE)
def test_r12_text_means_the_same_float(number: float) -> None:
    text = number_text(number)
    assert float(text) == number
    assert JAVASCRIPT.fullmatch(text)


@given(FINITE)
def test_exponent_stands_only_outside_of_javascripts_bounds(number: float) -> None:
    plain = number == 0 or 1e-6 <= abs(number) < 1e21
    assert ("e" in number_text(number)) is not plain


@given(FINITE)
def test_decimal_of_a_floats_text_is_written_alike(number: float) -> None:
    assert number_text(Decimal(repr(number))) == number_text(number)


@given(st.integers(-(2**53), 2**53))
def test_integer_and_float_are_written_alike(number: int) -> None:
    assert number_text(number) == number_text(float(number))


class LoudFloat(float):
    """A float whose repr says more than its value, as that of NumPy's does."""

    def __repr__(self) -> str:
        return f"LoudFloat({float(self)})"


@pytest.mark.parametrize(
    "value, text",
    [
        (1, "1"),
        (-12, "-12"),
        (0, "0"),
        (0.0, "0"),
        (-0.0, "0"),
        ("-0.00", "0"),
        (Decimal("0E-99"), "0"),
        (0.1, "0.1"),
        (-1e-7, "-0.0000001"),
        (1e22, "10000000000000000000000"),
        (12345.678, "12345.678"),
        (LoudFloat(1.5), "1.5"),
        ("1.10", "1.10"),
        ("+1.5", "1.5"),
        ("1e-7", "0.0000001"),
        ("1E+4", "10000"),
        (Decimal("1E+4"), "10000"),
        (Decimal("-1.2500E-7"), "-0.00000012500"),
        (Decimal("123456789.12345678"), "123456789.12345678"),
        (10**29, "1" + "0" * 29),
        (1e-29, "0." + "0" * 28 + "1"),
    ],
    ids=str,
)
def test_r12_number_out_is_plain_decimal_text(value: object, text: str) -> None:
    assert plain_decimal(value) == text


@given(FINITE.filter(lambda number: not number or 1e-29 < abs(number) < 1e29))
def test_r12_plain_text_means_the_same_float(number: float) -> None:
    text = plain_decimal(number)
    assert float(text) == number
    assert re.fullmatch(r"-?\d+(\.\d+)?", text)
    assert plain_decimal(text) == plain_decimal(Decimal(text)) == text


class Whole:
    """An integer of another kind, as NumPy has them; with None, several of them."""

    def __init__(self, value: int | None) -> None:
        self.value = value

    def __index__(self) -> int:
        if self.value is None:
            raise TypeError("only one of them can be an index")
        return self.value


def test_integer_of_another_kind_is_one() -> None:
    assert plain_integer(Whole(5)) == plain_integer(5) == 5
    assert plain_decimal(Whole(30_000)) == "30000"
    for other in (Whole(None), True, 5.0, "5", Decimal(5), None):
        assert plain_integer(other) is None
    with pytest.raises(UsageError, match="^amount must be a number or its text"):
        plain_decimal(Whole(None), "amount")


def test_integer_beyond_every_float_is_infinite() -> None:
    assert plain_real(Whole(10**400)) == float("inf")
    assert plain_real(Whole(-(10**400))) == float("-inf")


def test_array_without_dimensions_has_no_items() -> None:
    assert plain_items(numpy.array([1.5])) == [1.5]
    assert plain_items(numpy.array(1.5)) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "one",
        "1,5",
        "0x10",
        b"1",
        [1],
        1j,
        float("nan"),
        float("-inf"),
        "NaN",
        "Infinity",
        Decimal("sNaN"),
        "1e30",
        1e-30,
        Decimal("1E+999999"),
        10**5000,
    ],
    ids=lambda value: repr(type(value) if isinstance(value, int) else value),
)
def test_what_is_no_number_to_send_is_refused_by_its_name(value: object) -> None:
    with pytest.raises(UsageError, match="^amount must "):
        plain_decimal(value, "amount")
