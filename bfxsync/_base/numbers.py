"""Number formatting, and rounding to the precision of the exchange."""

from __future__ import annotations

from decimal import (
    MAX_EMAX,
    MAX_PREC,
    MIN_EMIN,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Clamped,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
    Overflow,
    Underflow,
    localcontext,
)
from typing import Any, Callable

from bfxsync._base.aliases import NumberType
from bfxsync._base.plain import narrow_float_text, plain_integer
from bfxsync.errors import UsageError

_MOST_DIGITS = 30

# JavaScript writes larger whole numbers with an exponent.
_MOST_WHOLE_DIGITS = 21


def own_context(prec: int) -> Context:
    """
    Return a context for the decimal operations of this package.

    The application's context may have any precision, rounding and traps, so it is never used.
    """
    return Context(prec, ROUND_HALF_EVEN, -999999, 999999, 1, 0, [], [InvalidOperation])


EXACT = own_context(100)


def decimal_of(value: str | int | Decimal | float) -> Decimal:
    """Convert to an exact `Decimal`, floats by their `repr`; may raise `InvalidOperation`."""
    # A subclass of float, such as NumPy's, may have another `repr`.
    text = float.__repr__(value) if isinstance(value, float) else value
    return Decimal(text, EXACT)


# Of any precision, so that it never rounds: a keyword of `Decimal` would take longer than the rest.
_TRAPS = [InvalidOperation, Overflow, Underflow, Inexact, Clamped]
_READING = Context(MAX_PREC, ROUND_HALF_EVEN, MIN_EMIN, MAX_EMAX, 1, 0, [], _TRAPS)

READERS_OF: dict[NumberType, Callable[[str], Any]] = {
    float: float,
    Decimal: _READING.create_decimal,
}
"""
The parser of JSON numbers for each number type.

Those of Decimal raise an `ArithmeticError` for an exponent beyond the range of Decimal.
"""


def number_text(value: float | Decimal) -> str:
    """
    Format a number as the exchange does, which is JavaScript's ``String(x)``.

    ``5.0`` gives ``5``, ``1e-05`` gives ``0.00001``, ``1e-07`` gives ``1e-7``. A `Decimal` is
    converted to `float` first, as it was parsed from the text of an IEEE double; but a whole one of
    at most 21 digits keeps all of them, as an `int` does.

    https://docs.bitfinex.com/docs/ws-websocket-checksum
    """
    if not value:
        return "0"  # JavaScript prints no sign
    if type(value) is Decimal:
        text = str(value)
        digits = text.lstrip("-")
        if digits.isdigit() and len(digits) <= _MOST_WHOLE_DIGITS:
            return text
    text = repr(value if type(value) is int else float(value))
    mantissa, _, exponent = text.partition("e")
    if mantissa.endswith(".0"):
        mantissa = mantissa[:-2]
    if not exponent:
        return mantissa
    power = int(exponent)
    if -7 < power < 21:
        return format(decimal_of(text), "f")
    return f"{mantissa}e{'+' if power > 0 else ''}{power}"


def plain_decimal(value: object, name: str = "the number") -> str:
    """
    Format a number for a request: digits and a point, never an exponent.

    A float is written as the shortest text that reads back as the same float. Raises `UsageError`
    with `name` in its message unless the number is finite and has at most 30 digits.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal, float)):
        whole = plain_integer(value)
        found = narrow_float_text(value) if whole is None else whole
        if found is None:
            raise UsageError(f"{name} must be a number or its text, not {value!r}")
        value = found
    try:
        number = decimal_of(value)
    except InvalidOperation:
        raise UsageError(f"{name} must be a number, not {value!r}") from None
    if not number.is_finite():
        raise UsageError(f"{name} must be finite, not {number}")
    if not number:
        return "0"  # without sign and exponent
    # 1e999999 would become a million digits. The message omits the value, as it may be long.
    if abs(number.adjusted()) >= _MOST_DIGITS:
        raise UsageError(
            f"{name} must have at most {_MOST_DIGITS} digits before and zeros after the point"
        )
    return format(number, "f")


# Rounding by the exchange, and the precision of a float.
_PLACE = Decimal("1e-8")
_PRECISION = Decimal("1e-15")


def approximately(found: Any, amount: str) -> bool:
    """Return whether a received number is the amount that was sent as this text."""
    with localcontext(EXACT):
        wanted = Decimal(amount)
        return abs(Decimal(str(found)) - wanted) <= _PLACE + abs(wanted) * _PRECISION


PRICE_DIGITS = 5
"""Significant digits of a price; the exchange truncates the rest."""

PLACES = 8
"""Decimal places of prices and amounts."""


def round_price(
    value: str | int | Decimal | float, rounding: str = ROUND_HALF_EVEN
) -> Decimal:
    """
    Round to a price that the exchange keeps unchanged: 5 significant digits, at most 8 places.

    By default rounds half to even, which is unbiased on average. The exchange truncates instead,
    which lowers every price, in favour of buyers.

    The result has no trailing zeros. Passed as an argument it is sent without exponent, like
    ``format(price, "f")``; ``str()`` of a price below 0.000001 has an exponent.
    """
    number = decimal_of(plain_decimal(value, "price"))
    last_place = max(number.adjusted() - PRICE_DIGITS + 1, -PLACES)
    return _round(number, last_place, rounding)


def round_amount(value: str | int | Decimal | float) -> Decimal:
    """
    Round towards zero to the 8 places of an amount, so that it never exceeds the balance.

    The result has no trailing zeros, as that of `round_price`.
    """
    return _round(decimal_of(plain_decimal(value, "amount")), -PLACES, ROUND_DOWN)


def _round(number: Decimal, last_place: int, rounding: str) -> Decimal:
    rounded = number.quantize(Decimal((0, (1,), last_place)), rounding, EXACT)
    if not rounded:
        return Decimal(0)  # without sign and exponent
    short = rounded.normalize(EXACT)
    # 1.2E+5 means the same as 120000, but would be written so.
    return decimal_of(format(short, "f"))
