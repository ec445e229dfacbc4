"""Formats the numbers and times of pictures and tables; None is a dash."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Iterable

from bfxsync._base.aliases import Number
from bfxsync._base.numbers import PRICE_DIGITS, decimal_of

NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

_MOST_DECIMALS = 10


def decimals_of(price: Number) -> int:
    """Return the number of decimals of a price with five significant digits."""
    size = abs(float(price))
    exponent = math.floor(math.log10(size)) if size else 0
    return max(0, min(PRICE_DIGITS - 1 - exponent, _MOST_DECIMALS))


def shared_decimals(prices: Iterable[Number]) -> int:
    """Return the number of decimals with which all prices are exact."""
    texts = (f"{decimal_of(price):f}" for price in prices)
    places = (len(text.partition(".")[2].rstrip("0")) for text in texts)
    return min(max(places, default=0), _MOST_DECIMALS)


def price_text(price: Number | None, decimals: int | None = None) -> str:
    """Format a price with separators, by default with five significant digits."""
    if price is None:
        return NONE
    places = decimals_of(price) if decimals is None else decimals
    return _signed(f"{float(price):,.{places}f}")


def amount_decimals(largest: Number) -> int:
    """Return the number of decimals of all amounts beside the largest one."""
    size = abs(float(largest))
    return 4 if size < 1000 else 2 if size < 100_000 else 0


def amount_text(amount: Number | None, decimals: int | None = None) -> str:
    """Format an amount; one that would round to zero as ``<0.0001``."""
    if amount is None:
        return NONE
    places = amount_decimals(amount) if decimals is None else decimals
    text = f"{float(amount):,.{places}f}"
    if amount and not float(text.replace(",", "")):
        return f"<{10.0**-places:.{places}f}"
    return _signed(text)


def percent_text(ratio: Number | None) -> str:
    """Format a change with its sign: 0.01 is ``+1.00 %``."""
    return NONE if ratio is None else _signed(f"{float(ratio) * 100:+,.2f} %")


def rate_text(rate: Number | None) -> str:
    """Format a rate of funding: 0.0002 is ``0.0200 %`` per day."""
    return NONE if rate is None else _signed(f"{float(rate) * 100:,.4f} %")


def utc_of(mts: float) -> datetime:
    """Return the time of Unix milliseconds."""
    return datetime.fromtimestamp(mts / 1000, timezone.utc)


def _signed(text: str) -> str:
    """Return the text of a number with a minus sign as wide as a plus sign."""
    return text.replace("-", MINUS)
