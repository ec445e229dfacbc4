"""
Rates between currencies that may have no common pair, from the tickers of all pairs.

Strategy: currencies are nodes, pairs are edges. The best path has the fewest doubtful pairs, then
the fewest pairs, then the smallest sum of spreads. Computed exactly, with Decimals.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from heapq import heappop, heappush
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import attrs

from bfxsync._base.numbers import decimal_of, own_context
from bfxsync._base.pairs import split_pair
from bfxsync.models.market import Ticker

_CONTEXT = own_context(34)

MAX_SPREAD_RATIO = Decimal("0.05")
"""A pair with a wider spread is used only if there is no other path."""

_COLLATERAL = "F0"
"""Ends the names of collateral of derivatives; ``UST`` is exchanged for ``USTF0`` one to one."""

_ONE = Decimal(1)


@attrs.frozen
class RateStep:
    """
    One conversion of a `CrossRate`.

    Attributes
    ----------
    base, quote : str
        The currencies: one unit of `base` is `rate` units of `quote`.
    rate : decimal.Decimal
        `price`, or its reciprocal if `quote` is the base currency of the pair.
    symbol : str or None
        The pair, such as ``tBTCUSD``; None between a currency and its collateral (UST, USTF0).
    price : decimal.Decimal
        The middle of best bid and ask; the last price if a side of the book is empty.
    is_doubtful : bool
        The last price was used, or the spread is wider than 5 % of the middle.
    """

    base: str
    quote: str
    rate: Decimal
    symbol: Optional[str]
    price: Decimal
    is_doubtful: bool = False

    def __str__(self) -> str:
        if self.symbol is None:
            return f"{self.base}={self.quote}"
        is_inverted = split_pair(self.symbol).base != self.base
        return f"1/{self.symbol}" if is_inverted else self.symbol


@attrs.frozen
class CrossRate:
    """
    The value of one unit of a currency in another one.

    Attributes
    ----------
    base, quote : str
    rate : decimal.Decimal
        Product of the rates of the steps.
    steps : tuple of RateStep
        Empty if both currencies are the same.
    """

    base: str
    quote: str
    rate: Decimal
    steps: Tuple[RateStep, ...] = ()

    @property
    def path(self) -> str:
        """The steps as a text: ``tXRPBTC tBTCUSD``, or ``1/tUSTUSD`` for a reciprocal."""
        return " ".join(map(str, self.steps))

    @property
    def is_doubtful(self) -> bool:
        """Whether one of the steps is."""
        return any(step.is_doubtful for step in self.steps)


def rates_to(
    quote: str, tickers: Mapping[str, Ticker], currencies: Any = ()
) -> Dict[str, CrossRate]:
    """
    Return the rates of all currencies that a path of pairs joins with `quote`, by currency.

    Parameters
    ----------
    quote : str
    tickers : dict
        By symbol of pairs. Pairs of derivatives are left out: no wallet holds their base currency.
    currencies : iterable of str
        Further currencies to look for: collateral such as ``USTF0``, which has no pair.
    """
    with localcontext(_CONTEXT):
        steps = _steps_by_quote(tickers, {quote, *currencies})
        found: Dict[str, CrossRate] = {}
        # The number makes entries comparable, in the order in which they were found.
        waiting: List[Any] = [((0, 0, Decimal(0)), 0, CrossRate(quote, quote, _ONE))]
        count = 0
        while waiting:
            cost, _, best = heappop(waiting)
            if best.base in found:
                continue
            found[best.base] = best
            for step, step_cost in steps.get(best.base, ()):
                if step.base not in found:
                    count += 1
                    rate = step.rate * best.rate
                    longer = CrossRate(step.base, quote, rate, (step, *best.steps))
                    total = tuple(map(sum, zip(cost, step_cost)))
                    heappush(waiting, (total, count, longer))
        return found


_Cost = Tuple[int, int, Decimal]


def _steps_by_quote(
    tickers: Mapping[str, Ticker], currencies: Any
) -> Dict[str, List[Tuple[RateStep, _Cost]]]:
    steps: Dict[str, List[Tuple[RateStep, _Cost]]] = {}
    for symbol, ticker in tickers.items():
        base, quote = split_pair(symbol)
        price, spread = _price_of(ticker)
        if price is None or base.endswith(_COLLATERAL):
            continue
        is_doubtful = spread > MAX_SPREAD_RATIO
        cost = int(is_doubtful), 1, spread
        for step in (
            RateStep(base, quote, price, symbol, price, is_doubtful),
            RateStep(quote, base, 1 / price, symbol, price, is_doubtful),
        ):
            steps.setdefault(step.quote, []).append((step, cost))
    for name in {*steps, *currencies}:
        for one, other in _collateral(name):
            step = RateStep(one, other, _ONE, None, _ONE)
            steps.setdefault(other, []).append((step, (0, 0, Decimal(0))))
    return steps


def _collateral(name: str) -> Iterator[Tuple[str, str]]:
    """Yield a currency of collateral and the one it is exchanged for, both ways."""
    if name.endswith(_COLLATERAL):
        plain = name[: -len(_COLLATERAL)]
        yield name, plain
        yield plain, name


def _price_of(ticker: Ticker) -> Tuple[Optional[Decimal], Decimal]:
    """Return the price of a pair, None if it has none, and its spread as a ratio."""
    bid, ask, last = (
        decimal_of(0 if value is None else value)
        for value in (ticker.bid, ticker.ask, ticker.last_price)
    )
    if bid > 0 and ask > 0:
        middle = (bid + ask) / 2
        return middle, abs(ask - bid) / middle
    return (last, _ONE) if last > 0 else (None, _ONE)
