"""The two currencies of a pair."""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """Currencies of a pair: the amount of an order is in `base`, its price in `quote`."""

    base: str
    quote: str


def split_pair(symbol: str) -> Pair:
    """Return BTC and USD of ``tBTCUSD``, BTCF0 and USTF0 of ``tBTCF0:USTF0``, unchecked."""
    base, colon, quote = symbol[1:].partition(":")
    return Pair(base, quote) if colon else Pair(base[:-3], base[-3:])
