"""Formats numbers for traders, in ASCII."""

from __future__ import annotations

import math
from datetime import datetime, timezone

_SIGNIFICANT_DIGITS = 5
_MOST_DECIMALS = 8


def decimals_of(price: float) -> int:
    """Return the number of decimals of the exchange's prices of this magnitude."""
    size = abs(price)
    exponent = math.floor(math.log10(size)) if size else 0
    return max(0, min(_SIGNIFICANT_DIGITS - 1 - exponent, _MOST_DECIMALS))


def price_text(price: float | None, decimals: int | None = None) -> str:
    """Return a price with separators; a dash for None."""
    if price is None:
        return "-"
    return f"{price:,.{decimals_of(price) if decimals is None else decimals}f}"


def amount_text(amount: float) -> str:
    """Return an amount without its sign, in at most eleven characters if possible."""
    size = abs(amount)
    return f"{size:,.4f}" if size < 100_000 else f"{size:,.0f}"


def time_text(mts: int) -> str:
    """Return the UTC time of day."""
    return datetime.fromtimestamp(mts / 1000, timezone.utc).strftime("%H:%M:%S")


def ms_text(seconds: float | None) -> str:
    """Return a duration in milliseconds, without the unit; a dash for None."""
    if seconds is None:
        return "-"
    ms = seconds * 1000
    return f"{ms:.2f}" if ms < 100 else f"{ms:.0f}"
