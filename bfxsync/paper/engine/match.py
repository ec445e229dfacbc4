"""Matches an order with the other side of a book: preview and trades."""

from __future__ import annotations

from typing import Container, Iterable, Iterator

import attrs

from bfxsync.paper.engine.amounts import QUANTUM, cost
from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.venue import Fill, TradedMarket

# More than any book has, as a multiple of an order.
_MORE = 10**12


def match(
    market: TradedMarket,
    mts: int,
    amount: int,
    limit: int | None = None,
    max_fills: int | None = None,
    is_resting: bool = False,
    period: int | None = None,
    skip: Container[int] = (),
) -> list[Fill]:
    """
    Match an order with the other side of the book, best price first.

    Parameters
    ----------
    amount : int
        Negative to sell.
    limit : int, optional
        The worst price.
    is_resting : bool
        Whether the order did not match anything when it was submitted.
    period : int, optional
        Period in days, for funding, which is lent for the shorter of both periods.
    skip : container of int
        Ids of orders that must not be matched.
    """
    is_buy = amount > 0
    fills: list[Fill] = []
    while amount and len(fills) != max_fills:
        # Not a single iteration: a fill may remove other orders from the book.
        offers = market.offers(is_buy, is_resting)
        if skip:
            offers = (entry for entry in offers if entry.order_id not in skip)
        part = next(reached(offers, amount, limit), None)
        if part is None:
            break
        if period is not None:
            part = part._replace(period=min(period, part.period or period))
        row = market.trade(mts, is_buy, part)
        fills.append(Fill(part.amount, part.price, row))
        amount -= part.amount if is_buy else -part.amount
        on_fill = market.account_orders.get(part.order_id)
        if on_fill is not None:
            on_fill(part.amount, row)
    return fills


def reached(offers: Iterable[Entry], amount: int, limit: int | None) -> Iterator[Entry]:
    """Yield the parts of offers that a signed amount matches up to a limit price."""
    is_buy, left = amount > 0, abs(amount)
    for entry in offers:
        price = entry.price
        if not left or (
            limit is not None and (price > limit if is_buy else price < limit)
        ):
            break
        part = min(left, entry.amount)
        yield entry._replace(amount=part)
        left -= part


def fillable(
    offers: Iterable[Entry], amount: int, limit: int | None
) -> tuple[int, int]:
    """Return the part of a signed amount that can be filled up to a limit price, and its cost."""
    entries = list(reached(offers, amount, limit))
    filled = sum(entry.amount for entry in entries)
    return filled, sum(cost(entry.amount, entry.price) for entry in entries)


@attrs.define
class Shortage:
    """
    A lack of offers: the first order that could match more than a ratio of it gets only that.

    What else it could reach at its limit price is withdrawn, as if others had been faster; offers
    of accounts stay.
    """

    ratio: float
    has_happened: bool = False

    def apply(self, market: TradedMarket, order: EngineOrder, reach: int) -> int:
        """Return the signed amount that an order may match, of what it reaches."""
        left = max(int(abs(order.amount) * self.ratio) // QUANTUM, 1) * QUANTUM
        if self.has_happened or left >= reach or order.plain_kind == "FOK":
            return order.amount
        self.has_happened = True
        if order.plain_kind == "MARKET":
            return left if order.is_buy else -left
        offers = market.offers(order.is_buy)
        for entry in list(reached(offers, order.amount * _MORE, order.price)):
            kept = min(entry.amount, left)
            left -= kept
            excess = entry.amount - kept
            if excess and entry.order_id not in market.account_orders:
                market.withdraw(order.is_buy, entry._replace(amount=excess))
        return order.amount
