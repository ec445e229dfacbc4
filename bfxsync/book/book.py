"""
Order books: kept level by level, read from the best, checked against the exchange.

Strategy: each side is a list of sort keys and a list of the updates beside it, both ascending
and kept so with `bisect`, as nothing is sorted when it is read. The best ask stands first, the
best bid last. What the keys are, which side an update belongs to and how a delete looks is all
that differs between aggregated and raw books, pairs and funding currencies: each has a class
that says just that.

References
----------
https://docs.bitfinex.com/reference/ws-public-books
https://docs.bitfinex.com/docs/ws-websocket-checksum
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from bisect import bisect_left
from typing import Any, Generic, Iterable, TypeVar

from bfxsync._base.describe import with_parts_named_publicly
from bfxsync._base.numbers import number_text
from bfxsync.book.queries import BookQueries
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    RawBookUpdate,
)

CHECKSUM_DEPTH = 25
"""Levels of each side in a checksum, whatever the book's length."""

L = TypeVar("L")


class Side(Generic[L]):
    """One side of a book, ascending by key."""

    __slots__ = ("keys", "levels")

    def __init__(self) -> None:
        # Keys are prices or tuples that begin with one; the levels stand at the same indexes.
        self.keys: list[Any] = []
        self.levels: list[L] = []

    def set(self, key: Any, level: L) -> None:
        """Insert or replace."""
        index = bisect_left(self.keys, key)
        if index < len(self.keys) and self.keys[index] == key:
            self.levels[index] = level
        else:
            self.keys.insert(index, key)
            self.levels.insert(index, level)

    def remove(self, key: Any) -> bool:
        """Take away; False if there was no such level."""
        index = bisect_left(self.keys, key)
        if index == len(self.keys) or self.keys[index] != key:
            return False
        del self.keys[index]
        del self.levels[index]
        return True

    def clear(self) -> None:
        """Take everything away."""
        self.keys.clear()
        self.levels.clear()


@with_parts_named_publicly
class OrderBook(BookQueries[L]):
    """
    An order book, kept current by `apply`.

    It is pure and has no lock: other threads read it between two changes, see `BookView`.

    Attributes
    ----------
    unknown_deletes : int
        Deletes of levels that were not there; the exchange sends none, so each is a sign
        that something was lost.
    """

    def __init__(self) -> None:
        self.unknown_deletes = 0
        self._bids: Side[L] = Side()
        self._asks: Side[L] = Side()

    def __len__(self) -> int:
        return len(self._bids.keys) + len(self._asks.keys)

    def reset(self, levels: Iterable[L] = ()) -> None:
        """Empty the book, then put in the levels of a snapshot."""
        self._bids.clear()
        self._asks.clear()
        for level in levels:
            self.apply(level)

    @abstractmethod
    def apply(self, level: L) -> None:
        """Set, replace or take away one level."""

    @staticmethod
    @abstractmethod
    def checked(level: L) -> tuple[Any, Any]:
        """Return what of a level goes into the checksum: its key and its amount."""

    def bids(self, count: int | None = None) -> list[L]:
        """Return the best bids, best first; all of them without `count`."""
        levels = self._bids.levels
        return levels[::-1] if count is None else levels[: -count - 1 : -1]

    def asks(self, count: int | None = None) -> list[L]:
        """Return the best asks, best first; all of them without `count`."""
        return self._asks.levels[:count]

    def levels(self, count: int | None = None) -> tuple[list[L], list[L]]:
        """Return bids and asks, each best first; all of them without `count`."""
        return self.bids(count), self.asks(count)

    def checksum(self) -> int:
        """Return the CRC-32 of the 25 best levels of each side, as a signed 32-bit integer."""
        bids = [self.checked(level) for level in self.bids(CHECKSUM_DEPTH)]
        asks = [self.checked(level) for level in self.asks(CHECKSUM_DEPTH)]
        return checksum(bids, asks)


class AggregatedBook(OrderBook[BookUpdate]):
    """Price levels of a pair (P0 to P4)."""

    @property
    def is_funding(self) -> bool:
        """Whether this is a funding book: rates instead of prices, signs reversed."""
        return False

    def apply(self, level: BookUpdate) -> None:
        """Set, replace or take away one level; the sign of the amount names the side."""
        side = self._bids if level.amount > 0 else self._asks
        if level.count and level.amount:
            side.set(level.price, level)
            return
        # A level without any amount is gone as well, and names no side.
        is_known = side.remove(level.price)
        if not level.amount:
            is_known = self._bids.remove(level.price) or is_known
        if not is_known:
            self.unknown_deletes += 1

    @staticmethod
    def checked(level: BookUpdate) -> tuple[Any, Any]:
        """Return the key and the amount of the checksum."""
        return level.price, level.amount


class FundingBook(OrderBook[FundingBookUpdate]):
    """Levels of a funding currency (P0 to P4): rate and period, signs the other way round."""

    @property
    def is_funding(self) -> bool:
        """Whether this is a funding book: rates instead of prices, signs reversed."""
        return True

    def apply(self, level: FundingBookUpdate) -> None:
        """Set, replace or take away one level."""
        bid = (level.rate, -level.period)
        ask = (level.rate, level.period)
        is_bid = level.amount < 0
        if level.count and level.amount:
            (self._bids if is_bid else self._asks).set(bid if is_bid else ask, level)
            return
        # The documentation does not say which sign a delete has: the named side first.
        tries = [(self._bids, bid), (self._asks, ask)]
        if not any(
            side.remove(key) for side, key in (tries if is_bid else tries[::-1])
        ):
            self.unknown_deletes += 1

    @staticmethod
    def checked(level: FundingBookUpdate) -> tuple[Any, Any]:
        """Return the key and the amount of the checksum."""
        return level.rate, level.amount


R = TypeVar("R", RawBookUpdate, FundingRawBookUpdate)


class _OrdersBook(OrderBook[R]):
    """Single orders by id; an order that changes its price moves."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[int, tuple[Side[R], Any]] = {}

    def reset(self, levels: Iterable[R] = ()) -> None:
        """Empty the book, then put in the orders of a snapshot."""
        self._places.clear()
        OrderBook.reset(self, levels)

    def _move(self, identity: int, place: tuple[Side[R], Any] | None, level: R) -> None:
        """Put the order where it belongs now; None takes it away."""
        old = self._places.pop(identity, None)
        if old is not None:
            side, key = old
            side.remove(key)
        elif place is None:
            self.unknown_deletes += 1
        if place is not None:
            side, key = place
            side.set(key, level)
            self._places[identity] = place


class RawBook(_OrdersBook[RawBookUpdate]):
    """Single orders of a pair (R0)."""

    @property
    def is_funding(self) -> bool:
        """Whether this is a funding book: rates instead of prices, signs reversed."""
        return False

    def apply(self, level: RawBookUpdate) -> None:
        """Set, move or take away one order; equal prices stand by id, ascending."""
        place: tuple[Side[RawBookUpdate], Any] | None = None
        if level.price and level.amount:
            if level.amount > 0:
                place = self._bids, (level.price, -level.order_id)
            else:
                place = self._asks, (level.price, level.order_id)
        self._move(level.order_id, place, level)

    @staticmethod
    def checked(level: RawBookUpdate) -> tuple[Any, Any]:
        """Return the key and the amount of the checksum."""
        return level.order_id, level.amount


class FundingRawBook(_OrdersBook[FundingRawBookUpdate]):
    """Single offers of a funding currency (R0)."""

    @property
    def is_funding(self) -> bool:
        """Whether this is a funding book: rates instead of prices, signs reversed."""
        return True

    def apply(self, level: FundingRawBookUpdate) -> None:
        """Set, move or take away one offer; equal rates stand by period, then id."""
        place: tuple[Side[FundingRawBookUpdate], Any] | None = None
        if level.rate and level.amount:
            if level.amount < 0:
                place = self._bids, (level.rate, -level.period, -level.offer_id)
            else:
                place = self._asks, (level.rate, level.period, level.offer_id)
        self._move(level.offer_id, place, level)

    @staticmethod
    def checked(level: FundingRawBookUpdate) -> tuple[Any, Any]:
        """Return the key and the amount of the checksum."""
        return level.offer_id, level.amount


def checksum(bids: list[tuple[Any, Any]], asks: list[tuple[Any, Any]]) -> int:
    """
    Return the exchange's checksum of (key, amount) pairs, both sides from the best.

    Bids and asks take turns; a side that is shorter is passed over. Ask amounts keep their
    minus sign.
    """
    flat: list[Any] = []
    for index in range(max(len(bids), len(asks))):
        flat.extend(bids[index] if index < len(bids) else ())
        flat.extend(asks[index] if index < len(asks) else ())
    text = ":".join(map(repr, flat))
    # repr differs from the exchange's text only where one of these shows (and for Decimal,
    # whose repr has an "e" in its name).
    if "e" in text or ".0:" in text or text.endswith(".0"):
        text = ":".join(map(number_text, flat))
    value = zlib.crc32(text.encode())
    return value - 2**32 if value >= 2**31 else value
