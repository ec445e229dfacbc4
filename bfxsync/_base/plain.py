"""Converts values of NumPy, enums and subclasses to plain Python types."""

from __future__ import annotations

from math import inf
from numbers import Real
from operator import index
from typing import Any, Iterable


def plain_text(value: object) -> str | None:
    """
    Return text, also of a subclass, as plain `str`; None for other values.

    A `str` enum has the hash of its name, and since Python 3.11 formats as its name.
    """
    return str.__str__(value) if isinstance(value, str) else None


def plain_bool(value: object) -> bool | None:
    """Return a Python or NumPy boolean as `bool`; None for other values."""
    if isinstance(value, bool):
        return value
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    is_one = kind == "b" and getattr(value, "shape", None) == ()
    return bool(value) if is_one else None


def plain_integer(value: object) -> int | None:
    """Return a Python or NumPy integer as `int`; None for other values."""
    if type(value) is int:
        return value
    # Booleans of some versions of NumPy have `__index__`.
    if plain_bool(value) is not None:
        return None
    try:
        # Before CPython 3.10 `index` returns an `IntEnum` unchanged. Not `SupportsIndex`: a check
        # of a protocol takes longer than all the rest.
        return int(index(value))  # type: ignore[arg-type]  # pyright: ignore
    except TypeError:  # neither whole nor a single number
        return None


def plain_real(value: object) -> float | None:
    """Return a Python or NumPy real number as `float`; None for other values."""
    if isinstance(value, float):
        return float(value)
    whole = plain_integer(value)
    if whole is not None:
        try:
            return float(whole)
        except OverflowError:
            return inf if whole > 0 else -inf
    text = narrow_float_text(value)
    return None if text is None else float(text)


def plain_items(values: object) -> list[Any] | None:
    """Return the items of an iterable other than text; None for other values."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        return None
    try:
        return list(iter(values))
    except TypeError:  # a zero-dimensional array
        return None


def narrow_float_text(value: object) -> str | None:
    """
    Return the shortest text of a NumPy float other than float64; None for other values.

    Converted to a double, the 32-bit 0.1 would be 0.10000000149011612.
    """
    is_one = isinstance(value, Real) and hasattr(value, "dtype")
    return str(value) if is_one else None
