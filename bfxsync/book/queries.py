"""
Queries of order books.

Strategy: every query calls `levels` exactly once, so that its result is consistent on the live
book of the I/O thread, on a view of it and on a frozen copy.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from bisect import bisect_left
from decimal import Decimal, localcontext
from functools import reduce
from itertools import accumulate, takewhile
from typing import Any, Callable, Generic, Iterable, NamedTuple, Sequence, TypeVar

from bfxsync._base.aliases import NumberType
from bfxsync._base.html import html_of
from bfxsync._base.numbers import EXACT, own_context, plain_decimal
from bfxsync.dataframes import TableSource, Tabular, table_source
from bfxsync.errors import UsageError

L_co = TypeVar("L_co", covariant=True)

# For Decimals only; floats ignore contexts.
_AVERAGE = own_context(28)

_PRICE = operator.attrgetter("price")
_RATE = operator.attrgetter("rate")


class Depth(NamedTuple):
    """
    Total amounts near the middle of a book.

    Attributes
    ----------
    bids, asks : float
        In base currency (funding: in the currency); never negative.
    """

    bids: float
    asks: float


class _Trade(NamedTuple):
    """What an amount would be traded for: its size times the best price, and more."""

    sign: int
    size: Any
    best: Any
    more: Any


class BookQueries(ABC, Generic[L_co], Tabular):
    """
    Queries of an order book.

    Results have the client's number type: with ``numbers=Decimal`` every price and amount is a
    `Decimal`. Sums and differences of Decimals are exact; those of floats have the usual rounding
    errors. For a funding book, price means the rate per day.

    ``df()`` has a row for each level, bids from the best, then asks from the best, and the column
    ``side`` (``bid`` or ``ask``) before those of the levels.
    """

    __slots__ = ()

    _repr_html_ = html_of

    @property
    @abstractmethod
    def is_funding(self) -> bool:
        """Whether this is a funding book: rates in place of prices, amounts with opposite signs."""

    @abstractmethod
    def levels(self, count: int | None = None) -> tuple[Sequence[L_co], Sequence[L_co]]:
        """
        Return bids and asks at one moment, each best first.

        Parameters
        ----------
        count : int, optional
            Maximum number of levels of each side; default: all.
        """

    @property
    def best_bid(self) -> L_co | None:
        """The highest bid; None without bids."""
        bids, _ = self.levels(1)
        return bids[0] if bids else None

    @property
    def best_ask(self) -> L_co | None:
        """The lowest ask; None without asks."""
        _, asks = self.levels(1)
        return asks[0] if asks else None

    @property
    def mid(self) -> float | None:
        """
        The price halfway between the best bid and the best ask; None when a side is empty.

        In quote currency; for a funding book a rate per day.
        """
        bids, asks = self.levels(1)
        if not bids or not asks:
            return None
        middle: float = self._middle(bids[0], asks[0])
        return middle

    @property
    def spread(self) -> float | None:
        """
        Best ask price minus best bid price; None when a side is empty.

        In quote currency; for a funding book a difference of rates per day. Negative when the best
        bid is above the best ask, as happens in a funding book, where the periods may differ.
        """
        bids, asks = self.levels(1)
        if not bids or not asks:
            return None
        price = self._prices()
        with localcontext(EXACT):
            spread: float = price(asks[0]) - price(bids[0])
        return spread

    @property
    def microprice(self) -> float | None:
        """
        The price between the best bid and the best ask, closer to that with the smaller amount.

        (bid price · ask amount + ask price · bid amount) / (bid amount + ask amount), where an
        amount is that of all levels with the best price. In quote currency, for a funding book a
        rate per day; Decimals are rounded to 28 digits. None when a side is empty.
        """
        bids, asks = self.levels()
        if not bids or not asks:
            return None
        price, number = self._prices(), _number_of(bids[0])
        bid, ask = price(bids[0]), price(asks[0])
        with localcontext(EXACT):
            # Raw orders, and funding of several periods, may have the same price.
            buy = _total(takewhile(lambda level: price(level) == bid, bids), number)
            sell = _total(takewhile(lambda level: price(level) == ask, asks), number)
            microprice: float = _rounded(bid + (ask - bid) * buy / (buy + sell))
        return microprice

    def imbalance(
        self,
        count: int | None = None,
        *,
        within: str | int | Decimal | float | None = None,
        within_ratio: str | int | Decimal | float | None = None,
    ) -> float | None:
        """
        Return which side is heavier: from 1, only bids, over 0 to -1, only asks.

        The amounts of the bids minus those of the asks, divided by their sum.

        Parameters
        ----------
        count : int, optional
            Number of levels of each side that count; default: all.
        within, within_ratio : number or its text, optional
            Distance from `mid` of what counts, in place of `count`, see `depth`.

        Returns
        -------
        float or None
            Without unit; Decimals are rounded to 28 digits. For a funding book 1 means that all of
            it is wanted, -1 that all of it is offered. None when a side of the book is empty, and
            when nothing is within the distance.

        Raises
        ------
        UsageError
            More than one of the arguments is given, or one has an impossible value.
        """
        if [count, within, within_ratio].count(None) < 2:
            raise UsageError("imbalance takes one of count, within and within_ratio")
        if within is None and within_ratio is None:
            depth = self._amounts(*self.levels(count))
        else:
            depth = self.depth(within=within, within_ratio=within_ratio)
        if depth is None:
            return None
        with localcontext(EXACT):
            both = depth.bids + depth.asks
            if not both:
                return None
            imbalance: float = _rounded((depth.bids - depth.asks) / both)
        return imbalance

    def depth(
        self,
        *,
        within: str | int | Decimal | float | None = None,
        within_ratio: str | int | Decimal | float | None = None,
    ) -> Depth | None:
        """
        Return the total amounts of both sides within a distance from `mid`.

        Parameters
        ----------
        within : number or its text
            The distance, inclusive, in quote currency (funding: a rate per day).
        within_ratio : number or its text
            The distance as a ratio of `mid`, in place of `within`; 0.01 means 1 %.

        Returns
        -------
        Depth or None
            ``(bids, asks)``, in base currency, never negative; levels beyond the book's length are
            unknown and not counted. None when a side is empty, as there is no `mid`.

        Raises
        ------
        UsageError
            Neither or both are given, or the value is not a non-negative number.
        """
        if (within is None) is (within_ratio is None):
            raise UsageError("depth takes either within or within_ratio")
        name = "within_ratio" if within is None else "within"
        value = within_ratio if within is None else within
        text = plain_decimal(value, name)
        if text.startswith("-"):
            raise UsageError(f"{name} must not be negative, not {value!r}")
        bids, asks = self.levels()
        if not bids or not asks:
            return None
        price = self._prices()
        middle = self._middle(bids[0], asks[0])
        number = type(middle)
        with localcontext(EXACT):
            distance = number(text) if within_ratio is None else middle * number(text)
            low, high = middle - distance, middle + distance
            return Depth(
                _total([bid for bid in bids if price(bid) >= low], number),
                _total([ask for ask in asks if price(ask) <= high], number),
            )

    def vwap(self, amount: str | int | Decimal | float) -> float | None:
        """
        Return the volume-weighted average price at which an amount could be traded immediately.

        Parameters
        ----------
        amount : number or its text
            In base currency, with the sign of an order: positive buys from the asks, negative
            sells to the bids. For funding in the currency, with the sign of an offer: positive
            lends to the bids, negative borrows from the asks.

        Returns
        -------
        float or None
            In quote currency, before fees; Decimals are rounded to 28 digits. For a funding book
            the average rate per day, regardless of the periods. None when the known levels add up
            to less than the amount; a book with a greater `len` may have enough.

        Raises
        ------
        UsageError
            The amount is zero or not a number.
        """
        found = self._trade(amount)
        if found is None:
            return None
        with localcontext(EXACT):
            # Relative to the best price: an amount within one level costs exactly its price.
            average: float = _rounded(found.best + found.more / found.size)
        return average

    def cost(self, amount: str | int | Decimal | float) -> float | None:
        """
        Return what trading an amount immediately costs: `vwap` times the amount.

        Parameters
        ----------
        amount : number or its text
            See `vwap`: positive buys, negative sells.

        Returns
        -------
        float or None
            In quote currency, before fees, with the sign of the amount: positive is paid, negative
            is received. Decimals are exact. For a funding book the interest per day: positive is
            received for what is lent, negative is paid for what is borrowed. None as for `vwap`.

        Raises
        ------
        UsageError
            The amount is zero or not a number.
        """
        found = self._trade(amount)
        if found is None:
            return None
        with localcontext(EXACT):
            cost: float = found.sign * (found.best * found.size + found.more)
        return cost

    def _trade(self, amount: str | int | Decimal | float) -> _Trade | None:
        text = plain_decimal(amount, "amount")
        if text == "0":
            raise UsageError("amount must not be 0: its sign says which side is meant")
        bids, asks = self.levels()
        side = asks if text.startswith("-") is self.is_funding else bids
        if not side:
            return None
        price = self._prices()
        with localcontext(EXACT):
            wanted = abs(_number_of(side[0])(text))
            totals = list(accumulate(map(_size, side)))
            last = bisect_left(totals, wanted)
            if last == len(side):
                return None
            best = price(side[0])
            rest = wanted - totals[last - 1] if last else wanted
            more = sum((price(level) - best) * _size(level) for level in side[:last])
            more += (price(side[last]) - best) * rest
        return _Trade(-1 if text.startswith("-") else 1, wanted, best, more)

    def _table_source(self) -> TableSource:
        bids, asks = self.levels()
        source = table_source([*bids, *asks], *self._level_types())
        sides = ["bid"] * len(bids) + ["ask"] * len(asks)
        return source._replace(texts={"side": sides})

    def _level_types(self) -> tuple[Any, NumberType | None]:
        """Return the class of the levels and the type of their numbers, where they are known."""
        return None, None

    def _prices(self) -> Callable[[Any], Any]:
        return _RATE if self.is_funding else _PRICE

    def _middle(self, bid: Any, ask: Any) -> Any:
        price = self._prices()
        with localcontext(EXACT):
            return (price(bid) + price(ask)) / 2

    @staticmethod
    def _amounts(bids: Sequence[Any], asks: Sequence[Any]) -> Depth | None:
        if not bids or not asks:
            return None
        number = _number_of(bids[0])
        with localcontext(EXACT):
            return Depth(_total(bids, number), _total(asks, number))


def _number_of(level: Any) -> Any:
    return Decimal if type(level.amount) is Decimal else float


def _size(level: Any) -> Any:
    return abs(level.amount)


def _rounded(value: Any) -> Any:
    with localcontext(_AVERAGE):
        return +value


def _total(levels: Iterable[Any], number: Any) -> Any:
    # Added in the order of `vwap`, and without sum(), which adds floats differently in newer
    # Pythons: so `vwap` accepts every total that `depth` returns.
    return reduce(operator.add, map(_size, levels), number(0))
