"""
The order book of one symbol: raw orders, and price levels of every precision.

Strategy: each change of an order is applied to every precision in use, as a difference in count
and amount. Amounts are integers, so nothing drifts, and a level whose count reaches zero is gone.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Iterator, NamedTuple

SIGNIFICANT_DIGITS = {"P0": 5, "P1": 4, "P2": 3, "P3": 2, "P4": 1}
RAW = "R0"


class Entry(NamedTuple):
    """
    An order, or a price level.

    Attributes
    ----------
    price, amount : int
        In units; the amount is positive on both sides.
    period : int
        Days, for funding; 0 for pairs.
    orders : int
        Number of orders at this price; an order that represents a recorded level may have several.
    order_id : int
        0 for levels.
    """

    price: int
    period: int
    orders: int
    amount: int
    order_id: int = 0


class Ladder:
    """Entries of one side, best first."""

    def __init__(self) -> None:
        self._keys: list[tuple[int, int]] = []
        self._entries: dict[tuple[int, int], Entry] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Entry]:
        return (self._entries[key] for key in self._keys)

    def get(self, key: tuple[int, int]) -> Entry | None:
        """Return the entry with this key, or None."""
        return self._entries.get(key)

    def set(self, key: tuple[int, int], entry: Entry) -> None:
        """Add or replace an entry."""
        if key not in self._entries:
            insort(self._keys, key)
        self._entries[key] = entry

    def remove(self, key: tuple[int, int]) -> None:
        """Remove an existing entry."""
        del self._entries[key]
        del self._keys[bisect_left(self._keys, key)]

    def best(self) -> Entry:
        """Return the first entry; the ladder must not be empty."""
        return self._entries[self._keys[0]]

    def top(self, count: int) -> dict[tuple[int, int], Entry]:
        """Return the best `count` entries, best first."""
        entries = self._entries
        return {key: entries[key] for key in self._keys[:count]}


class BookLevels(NamedTuple):
    """Both sides of a book in one precision."""

    bids: Ladder
    asks: Ladder

    def side(self, is_bid: bool) -> Ladder:
        """Return the ladder of one side."""
        return self.bids if is_bid else self.asks


class Book:
    """All resting orders of one symbol."""

    def __init__(self) -> None:
        self.orders: dict[int, tuple[bool, Entry]] = {}
        self._raw = BookLevels(Ladder(), Ladder())
        # P0 is always kept: tickers need it, and coarser precisions are built from it.
        self._levels = {"P0": BookLevels(Ladder(), Ladder())}

    def depth(self, prec: str) -> BookLevels:
        """Return both sides in a precision; from the first call on they are kept up to date."""
        if prec == RAW:
            return self._raw
        if prec not in self._levels:
            depth = self._levels[prec] = BookLevels(Ladder(), Ladder())
            for is_bid in (True, False):
                for level in self._levels["P0"].side(is_bid):
                    _shift(depth, prec, is_bid, level, level.orders, level.amount)
        return self._levels[prec]

    def set_order(self, is_bid: bool, order: Entry) -> None:
        """Add an order, or change its amount; its side, price and period never change."""
        _, old = self.orders.get(order.order_id, (is_bid, None))
        self.orders[order.order_id] = (is_bid, order)
        self._raw.side(is_bid).set(_raw_key(is_bid, order), order)
        count, amount = order.orders, order.amount
        if old is not None:
            count, amount = count - old.orders, amount - old.amount
        for prec, depth in self._levels.items():
            _shift(depth, prec, is_bid, order, count, amount)

    def remove_order(self, order_id: int) -> None:
        """Remove an existing order."""
        is_bid, order = self.orders.pop(order_id)
        self._raw.side(is_bid).remove(_raw_key(is_bid, order))
        for prec, depth in self._levels.items():
            _shift(depth, prec, is_bid, order, -order.orders, -order.amount)


def round_price(price: int, digits: int, up: bool) -> int:
    """Round a positive price to significant digits, down for bids and up for asks."""
    unit: int = 10 ** max(len(str(price)) - digits, 0)
    return (-(-price // unit) if up else price // unit) * unit


def _raw_key(is_bid: bool, order: Entry) -> tuple[int, int]:
    # Ties go by order id, the lower first, on both sides.
    return (-order.price if is_bid else order.price, order.order_id)


def _shift(
    depth: BookLevels, prec: str, is_bid: bool, entry: Entry, count: int, amount: int
) -> None:
    price = round_price(entry.price, SIGNIFICANT_DIGITS[prec], up=not is_bid)
    key = (-price if is_bid else price, entry.period)
    ladder = depth.side(is_bid)
    old = ladder.get(key)
    if old is not None:
        count, amount = count + old.orders, amount + old.amount
    if count:
        ladder.set(key, Entry(price, entry.period, count, amount))
    else:
        ladder.remove(key)
