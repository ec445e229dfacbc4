"""Checks of the precision, frequency and length of an order book."""

from __future__ import annotations

from bfxsync._base.plain import plain_integer, plain_text
from bfxsync.checks.texts import check_choice
from bfxsync.errors import UsageError

RAW = "R0"
PRECISIONS = ("P0", "P1", "P2", "P3", "P4", RAW)
FREQUENCIES = ("F0", "F1")
LENGTHS = ("1", "25", "100", "250")

_REST_LENGTHS = LENGTHS[:3]


def check_book_argument(name: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return the value as text if it is allowed; a length may be an integer."""
    whole = plain_integer(value)
    text = plain_text(value) if whole is None else str(whole)
    if text is None or text not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return text


def check_precision(precision: object, raw_method: str) -> str:
    """Return the precision of an aggregated REST book; `raw_method` reads raw books."""
    if plain_text(precision) == RAW:
        raise UsageError(f"precision must not be R0; use {raw_method}")
    return check_choice("precision", precision, PRECISIONS[:-1])


def check_length(length: object) -> str:
    """Return the length of a REST book as text."""
    whole = plain_integer(length)
    return check_choice("len", length if whole is None else str(whole), _REST_LENGTHS)
