"""JSON as the exchange reads and writes it; nothing here is shared with the client."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import Any

from bfxsync.paper.engine.units import number_text

_EXACT = 2**53
"""From this number on, not every integer is a double."""
_DEEPEST = 64
"""Levels of lists and objects. Writing takes more stack than reading."""


def to_bytes(text: str) -> bytes:
    """Encode as UTF-8; a surrogate U+DC80 to U+DCFF becomes the byte that it stands for."""
    return text.encode("utf-8", "surrogateescape")


def decode(text: str | bytes) -> Any:
    """
    Parse JSON with a single kind of number, as the exchange does: 25.0 is 25.

    Raises
    ------
    ValueError
        Invalid JSON, a number that cannot be sent back, such as NaN or 1e999, or more than
        `_DEEPEST` levels.
    """
    try:
        value = json.loads(text, parse_float=_number, parse_constant=_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (list, dict))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return value
    raise ValueError("nested too deeply")


def _number(text: str) -> float:
    value = float(text)
    if value - value:  # infinity and NaN
        raise ValueError(f"{text} is not a number")
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


class Text(str):
    """JSON that is already encoded."""


def encode(value: Any) -> str:
    """Format as compact JSON, with numbers as `number_text` formats them."""
    if isinstance(value, str):
        return value if isinstance(value, Text) else encode_basestring_ascii(value)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, dict):
        items = (f"{json.dumps(k)}:{encode(v)}" for k, v in value.items())
        return "{" + ",".join(items) + "}"
    return "[" + ",".join(map(encode, value)) + "]"
