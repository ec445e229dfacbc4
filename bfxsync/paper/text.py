"""
Numbers and JSON as the exchange writes them.

Strategy: inside the paper exchange prices and amounts are whole numbers of `SCALE`-ths, so that
sums are exact and keys compare; they become doubles, and their text, only on the way out. Nothing
here is shared with the client, which could otherwise repeat a mistake and never notice.
"""

from __future__ import annotations

import json
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

SCALE = 10**12
"""Units in 1: twelve places cover every price and amount of the exchange."""

_POWER = 12
CONTEXT = Context(100, ROUND_HALF_EVEN, -999999, 999999, 1, 0, [], [InvalidOperation])
"""For all decimals: nothing is taken from the context of the application, which may be anything."""

_EXACT = 2**53
"""From here on not every whole number is a double."""


def to_units(value: float) -> int:
    """Turn a number of the wire into units; more than twelve places raise ValueError."""
    scaled = CONTEXT.scaleb(Decimal(repr(value), CONTEXT), _POWER)
    units = int(scaled)
    if units != scaled:
        raise ValueError(f"{value!r} has more than {_POWER} decimal places")
    return units


def units_text(units: int) -> str:
    """Write units as the number that goes over the wire."""
    return number_text(units / SCALE)


def number_text(value: float) -> str:
    """
    Write a number as JavaScript prints it, which is what the exchange sends.

    The shortest digits that give the same double; whole numbers without ``.0``; plain notation
    from 1e-6 up to 1e21, an exponent without padding outside: ``7e-7``, ``1e+21``.

    References
    ----------
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
        raise ValueError(f"{text} is no JSON")  # nan, inf
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


def to_bytes(text: str) -> bytes:
    """Return what goes over the wire; a byte that is no UTF-8 is written as its surrogate."""
    return text.encode("utf-8", "surrogateescape")


def decode(text: str | bytes) -> Any:
    """
    Read JSON as the exchange reads it, which has one kind of number: 25.0 is 25.

    Raises
    ------
    ValueError
        It is no JSON, or has a number that cannot be sent back, such as NaN or 1e999.
    RecursionError
        It is nested too deeply.
    """
    return json.loads(text, parse_float=_number, parse_constant=_number)


def _number(text: str) -> float:
    value = float(text)
    if value - value:  # infinity and NaN
        raise ValueError(f"{text} is not a number")
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


class Text(str):
    """JSON that is written already."""


def encode(value: Any) -> str:
    """Write compact JSON with numbers as `number_text` writes them."""
    if value is None or value is True or value is False or isinstance(value, str):
        return value if isinstance(value, Text) else json.dumps(value)
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(k)}:{encode(v)}" for k, v in value.items())
            + "}"
        )
    return "[" + ",".join(map(encode, value)) + "]"
