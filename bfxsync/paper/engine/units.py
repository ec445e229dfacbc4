"""
Prices and amounts as integers, and as text on the wire.

Strategy: inside the local exchange prices and amounts are integers of `SCALE`-ths, so that sums are
exact and keys compare; they become doubles, and their text, only on output. Nothing here is shared
with the client, as a bug of shared code would go unnoticed.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, List

Row = List[Any]
"""A positional list as it is sent."""

SCALE = 10**12
"""Units in 1: twelve places cover every price and amount of the exchange."""

_POWER = 12
CONTEXT = Context(100, ROUND_HALF_EVEN, -999999, 999999, 1, 0, [], [InvalidOperation])
"""Used for all decimals, regardless of the application's context."""


def to_units(value: float) -> int:
    """Convert a number to units; more than twelve decimal places raise ValueError."""
    scaled = CONTEXT.scaleb(Decimal(repr(value), CONTEXT), _POWER)
    units = int(scaled)
    if units != scaled:
        raise ValueError(f"{value!r} has more than {_POWER} decimal places")
    return units


def units_text(units: int) -> str:
    """Format units as a number on the wire."""
    return number_text(units / SCALE)


def number_text(value: float) -> str:
    """
    Format a number as JavaScript prints it, which is what the exchange sends.

    The shortest digits that give the same double; integers without ``.0``; plain notation from
    1e-6 up to 1e21, an exponent without padding outside: ``7e-7``, ``1e+21``.

    https://tc39.es/ecma262/#sec-numeric-types-number-tostring
    """
    if value.__class__ is int:
        return str(value)
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2] if value else "0"  # minus zero prints as 0
    if "e" in text:
        return _respell(text)
    if "n" in text:
        raise ValueError(f"{text} is not JSON")  # nan, inf
    return text


def _respell(text: str) -> str:
    # Python uses an exponent from 1e16 up and below 1e-4, JavaScript from 1e21 and below 1e-6.
    mantissa, _, power = text.partition("e")
    sign = "-" if mantissa[0] == "-" else ""
    digits = mantissa.lstrip("-").replace(".", "")
    point = int(power) + 1  # the value is 0.digits times ten to this
    if 0 < point <= 21:
        return sign + digits.ljust(point, "0")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"
