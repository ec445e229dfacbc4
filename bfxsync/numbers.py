"""The text of numbers, as the exchange writes it."""

from __future__ import annotations

from decimal import Decimal


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
        return format(Decimal(text), "f")
    return f"{mantissa}e{'+' if power > 0 else ''}{power}"
