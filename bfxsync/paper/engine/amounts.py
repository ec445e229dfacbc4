"""
Amounts and prices as the exchange takes them, and what one makes of the other.

Strategy: money has eight places, like amounts. So every balance is a double without loss, and the
sum of a ledger is its balance to the last digit, for a client as well.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from bfxsync.paper.engine.refusals import Invalid
from bfxsync.paper.text import CONTEXT, SCALE

QUANTUM = SCALE // 10**8
"""The smallest amount, in units."""

_PLACES = Decimal("1e-8")
_LARGEST = Decimal("1e12")
_PRICES = Context(5, ROUND_DOWN, -999999, 999999, 1, 0, [], [InvalidOperation])
_MILLION = 10**6


def read_amount(name: str, value: object) -> int:
    """Read an amount that is not zero; what is beyond its eight places is rounded."""
    amount = _read(name, value).quantize(_PLACES, ROUND_HALF_EVEN, CONTEXT)
    if not amount:
        raise Invalid(f"{name}: invalid")
    return int(CONTEXT.multiply(amount, SCALE))


def read_positive(name: str, value: object) -> int:
    """Read an amount above zero."""
    amount = read_amount(name, value)
    if amount < 0:
        raise Invalid(f"{name}: invalid")
    return amount


def read_price(name: str, value: object) -> int:
    """Read a price above zero; what is beyond its five digits or eight places is cut off."""
    price = _PRICES.plus(_read(name, value)).quantize(_PLACES, ROUND_DOWN, CONTEXT)
    if price <= 0:
        raise Invalid(f"{name}: invalid")
    return int(CONTEXT.multiply(price, SCALE))


def cost(amount: int, price: int) -> int:
    """Return what an amount costs at a price: the rest of a division is nobody's."""
    return amount * price // SCALE // QUANTUM * QUANTUM


def cost_at_most(amount: int, price: int) -> int:
    """Return enough for an amount, in however many parts it is paid."""
    return -(-amount * price // SCALE // QUANTUM) * QUANTUM


def share(amount: int, rate: int) -> int:
    """Return so many millionths of an amount, rounded."""
    return (amount * rate // _MILLION + QUANTUM // 2) // QUANTUM * QUANTUM


def _read(name: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise Invalid(f"{name}: invalid")
    try:
        number = Decimal(str(value), CONTEXT)
    except InvalidOperation:
        raise Invalid(f"{name}: invalid") from None
    if not (number.is_finite() and number.copy_abs() < _LARGEST):
        raise Invalid(f"{name}: invalid")
    return number
