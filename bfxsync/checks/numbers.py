"""Checks of integers, amounts, prices and rates."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Mapping

from bfxsync._base.numbers import PLACES, PRICE_DIGITS, plain_decimal
from bfxsync._base.numbers import round_price as rounded_price
from bfxsync._base.plain import plain_integer, plain_real
from bfxsync.errors import UsageError

PERIODS = range(2, 121)
"""Valid funding periods, in days."""

_LEVERAGES = range(1, 101)


def check_integer(name: str, value: object, allowed: range) -> int:
    """Return the integer if it is in the range."""
    # bool is an int too, but certainly a mistake here.
    whole = plain_integer(value)
    if whole is not None and whole in allowed:
        return whole
    raise UsageError(
        f"{name} must be an integer from {allowed[0]} to {allowed[-1]}, not {value!r}"
    )


def check_count(name: str, value: object, default: int | None = None) -> int:
    """Return a positive integer; None stands for the default, if there is one."""
    if value is None and default is not None:
        return default
    whole = plain_integer(value)
    if whole is not None and whole > 0:
        return whole
    raise UsageError(f"{name} must be a positive integer, not {value!r}")


def check_level_count(count: object) -> int | None:
    """Return the number of levels of a book to read; None means all."""
    whole = plain_integer(count)
    if count is not None and (whole is None or whole < 0):
        raise UsageError(f"count must be a non-negative integer or None, not {count!r}")
    return whole


def check_sign(name: str, value: object, signs: Mapping[int, str]) -> int:
    """Return 1 or -1; `signs` has the meaning of each for the message."""
    # 1.0 and True equal 1, but are certainly mistakes here.
    whole = plain_integer(value)
    if whole is not None and whole in signs:
        return whole
    choices = " or ".join(f"{sign} ({meaning})" for sign, meaning in signs.items())
    raise UsageError(f"{name} must be {choices}, not {value!r}")


def check_speed(speed: object) -> float | None:
    """Return the speed of a replay: a positive factor, or None for no pauses."""
    if speed is None:
        return None
    factor = plain_real(speed)
    if factor is not None and 0 < factor < inf:
        return factor
    raise UsageError(f"speed must be a positive number or None, not {speed!r}")


def check_amount(name: str, value: object) -> str:
    """Return a non-zero amount as text without exponent."""
    text = plain_decimal(value, name)
    if not Decimal(text):
        raise UsageError(f"{name} must not be zero")
    return text


def check_positive(name: str, value: object) -> str:
    """Return a positive number as text without exponent."""
    text = plain_decimal(value, name)
    if Decimal(text) <= 0:
        raise UsageError(f"{name} must be positive, not {text}")
    return text


def check_not_negative(name: str, value: object) -> str:
    """Return a non-negative number as text without exponent."""
    text = plain_decimal(value, name)
    if Decimal(text) < 0:
        raise UsageError(f"{name} must not be negative, not {text}")
    return text


def check_price(name: str, value: object, round_price: bool = False) -> str:
    """
    Return a price as text without exponent.

    A price with more digits than the exchange keeps is refused, as the exchange would silently
    truncate it; `round_price` rounds it instead (see `bfxsync._base.numbers.round_price`).
    """
    text = check_not_negative(name, value)
    whole, _, places = text.partition(".")
    if len(places) <= PLACES and len((whole + places).strip("0")) <= PRICE_DIGITS:
        # Without rounding, as nearly always.
        return text
    rounded = rounded_price(text)
    if rounded == Decimal(text):
        return text
    if not round_price:
        raise UsageError(
            f"{name} {text} has more than {PRICE_DIGITS} significant digits or "
            f"{PLACES} places; round_price=True would round it to {rounded:f}"
        )
    return format(rounded, "f")


def check_alert_price(name: str, value: object) -> str:
    """
    Return a price as text for the key of an alert.

    Alerts are identified by this text, so numbers lose trailing zeros (220 and 220.0 would be two
    alerts); text is not changed.
    """
    text = check_positive(name, value)
    if isinstance(value, str) or "." not in text:
        return text
    return text.rstrip("0").rstrip(".")


def check_rate(kind: str, rate: object) -> str:
    """Return the rate of a funding offer: FRRDELTAFIX may be negative, LIMIT must not be zero."""
    text = plain_decimal(rate, "rate")
    if kind == "LIMIT" and Decimal(text) <= 0:
        raise UsageError(f"rate must be positive for {kind}, not {text}")
    if kind == "FRRDELTAVAR" and Decimal(text) < 0:
        raise UsageError(f"rate must be zero or positive for {kind}, not {text}")
    return text


def check_leverage(name: str, value: object) -> int:
    """Return the leverage of a derivative: 1 to 100."""
    return check_integer(name, value, _LEVERAGES)
