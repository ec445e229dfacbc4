"""
The value of an account in one currency, at the prices of some markets.

Everything is in integers of the exchange's units, so sums are exact, and the same on every machine.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, NamedTuple, Tuple

from bfxsync._base.pairs import split_pair
from bfxsync.paper.engine.units import SCALE

Leg = Tuple[str, str]
"""Base and quote currency of a market."""


class Values(NamedTuple):
    """
    Sums in one currency, in units.

    Attributes
    ----------
    total : int
    unpriced : list of str
        Currencies of which no market has a price, in alphabetical order; they count as nothing.
    """

    total: int
    unpriced: List[str]


def legs_of(symbol: str) -> Leg:
    """Return the currencies of a pair; those of derivatives are those they are settled in."""
    base, quote = split_pair(symbol)
    return _plain(base), _plain(quote)


def rates(prices: Mapping[Leg, int], currency: str) -> Dict[str, int]:
    """Return the value of one of each currency, through as few markets as possible."""
    found = {currency: SCALE}
    latest = [currency]
    while latest:
        near: List[str] = []
        for (base, quote), price in prices.items():
            if not price:
                continue
            if quote in latest and base not in found:
                found[base] = price * found[quote] // SCALE
                near.append(base)
            elif base in latest and quote not in found:
                found[quote] = found[base] * SCALE // price
                near.append(quote)
        latest = near
    return found


def value(amounts: Iterable[Tuple[str, int]], rates: Mapping[str, int]) -> Values:
    """Return the value of amounts of currencies."""
    total, unpriced = 0, set()
    for currency, amount in amounts:
        rate = rates.get(_plain(currency))
        if rate is not None:
            total += amount * rate // SCALE
        elif amount:
            unpriced.add(currency)
    return Values(total, sorted(unpriced))


def _plain(currency: str) -> str:
    return currency[:-2] if currency.endswith("F0") else currency
