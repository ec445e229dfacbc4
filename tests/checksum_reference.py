"""Checksums of books in plain arithmetic, which share nothing with the package."""

from __future__ import annotations

import zlib
from decimal import Decimal
from itertools import zip_longest
from typing import Any


def javascript(number: Any) -> str:
    """Write a number as ECMAScript's Number::toString says, digit by digit."""
    sign, digits, exponent = Decimal(repr(float(number))).normalize().as_tuple()
    assert isinstance(exponent, int)
    text, count = "".join(map(str, digits)), len(digits)
    point = count + exponent
    if text == "0":
        return "0"
    if count <= point <= 21:
        text = text + "0" * (point - count)
    elif 0 < point <= 21:
        text = text[:point] + "." + text[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + text
    else:
        fraction = "." + text[1:] if count > 1 else ""
        text = f"{text[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return "-" * sign + text


def crc(text: str) -> int:
    value = zlib.crc32(text.encode("ascii"))
    return value if value < 2**31 else value - 2**32


def plain_checksum(bids: list[tuple[Any, Any]], asks: list[tuple[Any, Any]]) -> int:
    parts = [
        javascript(number)
        for pair in zip_longest(bids[:25], asks[:25], fillvalue=())
        for level in pair
        for number in level
    ]
    return crc(":".join(parts))
