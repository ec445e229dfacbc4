"""Plain values of what other libraries and the classes of users pass."""

from __future__ import annotations

from math import inf
from numbers import Real
from operator import index
from typing import Any, Iterable, SupportsIndex


def plain_text(value: object) -> str | None:
    """
    Return text, of whatever class, as `str`; None for what is no text.

    An enum of texts is text, but has the hash of its name, and from Python 3.11 on stands as its
    name in an f-string.
    """
    return str.__str__(value) if isinstance(value, str) else None


def plain_bool(value: object) -> bool | None:
    """Return a boolean as `bool`, also one of NumPy; None for others."""
    if isinstance(value, bool):
        return value
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    is_one = kind == "b" and getattr(value, "shape", None) == ()
    return bool(value) if is_one else None


def plain_integer(value: object) -> int | None:
    """Return an integer as `int`, also one of another kind (NumPy has its own); None for others."""
    if type(value) is int:
        return value
    # NumPy's booleans are still indexes in some of its versions.
    if plain_bool(value) is not None or not isinstance(value, SupportsIndex):
        return None
    try:
        # An enum of integers stays one in `index` before CPython 3.10.
        return int(index(value))
    except TypeError:  # an array of them
        return None


def plain_real(value: object) -> float | None:
    """Return a real number as `float`, also one of NumPy; None for others."""
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
    """Return the items of what has some, but not the letters of a text; None for others."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        return None
    try:
        return list(iter(values))
    except TypeError:  # an array of one number only looks like one
        return None


def narrow_float_text(value: object) -> str | None:
    """
    Return the shortest text of a float of NumPy that is none of Python's; None for others.

    As a double, 0.1 of 32 bits would be 0.10000000149011612.
    """
    is_one = isinstance(value, Real) and hasattr(value, "dtype")
    return str(value) if is_one else None
