"""
Checksums of order books, computed from the texts of their levels.

Strategy: a checksum spends its time on formatting numbers, so a book keeps the text of each level
until the level changes, and only missing texts are formatted. One call of `orjson` writes many
numbers in the time that `repr` needs for a few. Both differ from the exchange's text only for a
number that one of them writes with an exponent or with ``.0``, which `number_text` then formats.

https://docs.bitfinex.com/docs/ws-websocket-checksum
"""

from __future__ import annotations

import re
import zlib
from typing import Any

from bfxsync._base.numbers import number_text

try:
    import orjson
except ImportError:  # the extra "speed" is not installed
    orjson = None  # type: ignore[assignment]

# For this many levels or more, one call of orjson is faster than formatting level by level.
MANY_TEXTS = 3

# An exponent, true, false or null; or a whole number with a fraction.
_needs_care = re.compile(r"[a-z]|\.0[],]").search


def checksum(bids: list[tuple[Any, Any]], asks: list[tuple[Any, Any]]) -> int:
    """Return the exchange's checksum of (key, amount) pairs, both sides from the best."""
    return checksum_of_texts(
        [level_text(*level) for level in bids], [level_text(*level) for level in asks]
    )


def checksum_of_texts(bids: list[str], asks: list[str]) -> int:
    """
    Return the CRC-32 of the texts of levels, as a signed 32-bit integer.

    Bids and asks alternate; a shorter side is skipped once it ends.
    """
    flat = bids + asks
    pairs = min(len(bids), len(asks))
    if 2 * pairs == len(flat):
        # Nearly always.
        flat[::2], flat[1::2] = bids, asks
        return _signed(zlib.crc32(":".join(flat).encode()))
    flat[: 2 * pairs : 2] = bids[:pairs]
    flat[1 : 2 * pairs : 2] = asks[:pairs]
    flat[2 * pairs :] = bids[pairs:] or asks[pairs:]
    return _signed(zlib.crc32(":".join(flat).encode()))


def _signed(value: int) -> int:
    return value - 2**32 if value >= 2**31 else value


def level_text(key: Any, amount: Any) -> str:
    """Return the text of a level: its key and amount; the amount of an ask has a minus sign."""
    text = f"{key!r}:{amount!r}"
    # An "e" may be that of an exponent, of True or False, or of Decimal.
    if "e" in text or ".0:" in text or text.endswith(".0"):
        return f"{number_text(key)}:{number_text(amount)}"
    return text


def level_texts(levels: list[tuple[Any, Any]]) -> list[str]:
    """Return the texts of levels."""
    if orjson is not None and len(levels) >= MANY_TEXTS:
        try:
            text = orjson.dumps(levels).decode()
        except TypeError:  # Decimals, or integers beyond 64 bits
            pass
        else:
            if not _needs_care(text):
                return text[2:-2].replace(",", ":").split("]:[")
    return [level_text(*level) for level in levels]
