"""
Parsing of amounts and prices, and arithmetic on them.

Strategy: money has eight decimal places, like amounts. So every balance is exact as a double, and
the sum of a ledger equals its balance to the last digit, for a client as well.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from bfxsync.paper.engine.errors import Invalid
from bfxsync.paper.engine.units import CONTEXT, SCALE

QUANTUM = SCALE // 10**8
"""The smallest amount, in units."""

_PLACES = Decimal("1e-8")
_LARGEST = Decimal("1e12")
_PRICES = Context(5, ROUND_DOWN, -999999, 999999, 1, 0, [], [InvalidOperation])
_MILLION = 10**6
# Decimal reads more: 1_000, and the digits of all languages.
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.I)


def read_amount(name: str, value: object) -> int:
    """Parse a non-zero amount, rounded to eight decimal places."""
    amount = _read(name, value).quantize(_PLACES, ROUND_HALF_EVEN, CONTEXT)
    if not amount:
        raise Invalid(f"{name}: invalid")
    return int(CONTEXT.multiply(amount, SCALE))


def read_positive(name: str, value: object) -> int:
    """Parse a positive amount, rounded to eight decimal places."""
    amount = read_amount(name, value)
    if amount < 0:
        raise Invalid(f"{name}: invalid")
    return amount


def read_price(name: str, value: object) -> int:
    """Parse a positive price, truncated to five significant digits and eight decimal places."""
    price = _PRICES.plus(_read(name, value)).quantize(_PLACES, ROUND_DOWN, CONTEXT)
    if price <= 0:
        raise Invalid(f"{name}: invalid")
    return int(CONTEXT.multiply(price, SCALE))


def read_rate(name: str, value: object) -> int:
    """Parse a rate or offset, rounded to eight decimal places; may be zero or negative."""
    rate = _read(name, value).quantize(_PLACES, ROUND_HALF_EVEN, CONTEXT)
    return int(CONTEXT.multiply(rate, SCALE))


def integer(name: str, value: object, limit: int) -> int | None:
    """Parse an integer from 0 up to, but not including, a limit; None if it is missing."""
    if value is None:
        return None
    # Text is refused; the real exchange is known to refuse text for flags only.
    if type(value) is not int or not 0 <= value < limit:
        raise Invalid(f"{name}: invalid")
    return value


def cost(amount: int, price: int) -> int:
    """Return amount times price, rounded down to the quantum."""
    return amount * price // SCALE // QUANTUM * QUANTUM


def cost_at_most(amount: int, price: int) -> int:
    """Return an upper bound of the cost of an amount, however many fills it takes."""
    return -(-amount * price // SCALE // QUANTUM) * QUANTUM


def share(amount: int, rate: int) -> int:
    """Return `rate` millionths of an amount, rounded to the quantum."""
    return (amount * rate // _MILLION + QUANTUM // 2) // QUANTUM * QUANTUM


def _read(name: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise Invalid(f"{name}: invalid")
    text = str(value)
    if not _NUMBER.fullmatch(text):
        raise Invalid(f"{name}: invalid")
    try:
        number = Decimal(text, CONTEXT)
    except InvalidOperation:  # a huge exponent
        raise Invalid(f"{name}: invalid") from None
    if number.copy_abs() >= _LARGEST:
        raise Invalid(f"{name}: invalid")
    return number
