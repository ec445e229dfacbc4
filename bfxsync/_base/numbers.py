"""The text of numbers, as the exchange writes it."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import partial
from typing import Any, Callable

from bfxsync._base.aliases import NumberType
from bfxsync._base.plain import narrow_float_text, plain_integer
from bfxsync.errors import UsageError

_MOST_DIGITS = 30


def own_context(prec: int) -> Context:
    """
    Return a context for our own operations with decimals.

    That of an application may have any precision, rounding and traps, in this thread and, by
    `decimal.DefaultContext`, in every new one; so nothing is taken from there.
    """
    return Context(prec, ROUND_HALF_EVEN, -999999, 999999, 1, 0, [], [InvalidOperation])


EXACT = own_context(100)


def decimal_of(value: str | int | Decimal | float) -> Decimal:
    """
    Return a number as it is written, with all its digits; a float by its shortest text.

    Raises
    ------
    InvalidOperation
        It is no number.
    """
    # float's own repr, as that of a subclass (NumPy has one) may say anything.
    text = float.__repr__(value) if isinstance(value, float) else value
    return Decimal(text, EXACT)


READERS_OF: dict[NumberType, Callable[[str], Any]] = {
    float: float,
    Decimal: partial(Decimal, context=EXACT),
}
"""What reads the text of a number in JSON, by the type that is wanted."""


def number_text(value: float | Decimal) -> str:
    """
    Write a number as JavaScript's ``String(x)`` does, which is how the exchange writes it.

    ``5.0`` gives ``5``, ``1e-05`` gives ``0.00001``, ``1e-07`` gives ``1e-7``. A `Decimal` goes
    through `float`, as what it came from was the text of an IEEE double.

    References
    ----------
    https://docs.bitfinex.com/docs/ws-websocket-checksum
    """
    if not value:
        return "0"  # minus zero has no sign there
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
    Write a number for the exchange to read: digits and a point, never an exponent.

    Parameters
    ----------
    value : str, int, Decimal or float
        A float means the shortest text that reads back as the same float.
    name : str
        What the error's message calls it.

    Raises
    ------
    UsageError
        It is no finite number, or far beyond what the exchange could mean.
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
        return "0"  # with no sign, and without the places of 0E-9
    # Else 1e999999 would become a million digits. The value itself may be as long.
    if abs(number.adjusted()) >= _MOST_DIGITS:
        raise UsageError(
            f"{name} must have at most {_MOST_DIGITS} digits before and zeros after the point"
        )
    return format(number, "f")


PRICE_DIGITS = 5
"""Significant digits of a price; the exchange cuts the rest."""

PLACES = 8
"""Digits after the point, of prices and amounts."""


def round_price(value: str | int | Decimal | float) -> Decimal:
    """
    Round to a price that the exchange takes as it is: 5 significant digits, at most 8 places.

    To the nearest such price; halfway between two, to the one whose last digit is even, so that
    many roundings together are not biased. The exchange would cut instead: that makes every
    price lower, which a buyer never notices and a seller pays for.

    Returns
    -------
    Decimal
        Without trailing zeros. ``format(price, "f")`` is its text without exponent, which is
        also what is sent when it is used as an argument; ``str()`` of a price below 0.000001
        has one.

    Raises
    ------
    UsageError
        It is no finite number.
    """
    number = decimal_of(plain_decimal(value, "price"))
    last_place = max(number.adjusted() - PRICE_DIGITS + 1, -PLACES)
    return _round(number, last_place, ROUND_HALF_EVEN)


def round_amount(value: str | int | Decimal | float) -> Decimal:
    """
    Cut to an amount that the exchange takes as it is: 8 places, towards zero.

    Towards zero, as an amount must not become more than there is. The result is written as
    that of `round_price` is.

    Raises
    ------
    UsageError
        It is no finite number.
    """
    return _round(decimal_of(plain_decimal(value, "amount")), -PLACES, ROUND_DOWN)


def _round(number: Decimal, last_place: int, rounding: str) -> Decimal:
    rounded = number.quantize(Decimal((0, (1,), last_place)), rounding, EXACT)
    if not rounded:
        return Decimal(0)  # without sign and places
    short = rounded.normalize(EXACT)
    # 1.2E+5 means the same as 120000, but would be written so.
    return decimal_of(format(short, "f"))
