"""
Order books: updated level by level, verified by checksum.

Strategy: each side is a list of sort keys and parallel lists of updates and of their texts for
checksums, all kept in ascending order with `bisect`, so that reading needs no sorting. The best ask
is first, the best bid last. Aggregated and raw books, pairs and funding currencies differ only in
their keys, in the side of an update and in the form of a delete: each has a class for that.

https://docs.bitfinex.com/reference/ws-public-books
https://docs.bitfinex.com/docs/ws-websocket-checksum
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from operator import attrgetter
from typing import Any, ClassVar, Generic, Iterable, TypeVar

from bfxsync._base.describe import with_parts_named_publicly
from bfxsync.book.checksums import (
    MANY_TEXTS,
    checksum_of_texts,
    level_text,
    level_texts,
)
from bfxsync.book.queries import BookQueries
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    RawBookUpdate,
)

CHECKSUM_DEPTH = 25
"""Levels of each side in a checksum, whatever the book's length."""

_BEST_BIDS = slice(-1, -CHECKSUM_DEPTH - 1, -1)
_BEST_ASKS = slice(CHECKSUM_DEPTH)

L = TypeVar("L")


class Side(Generic[L]):
    """One side of a book, ascending by key."""

    __slots__ = ("keys", "levels", "texts")

    def __init__(self) -> None:
        # Keys are prices, or tuples that begin with one; levels and texts have the same indexes.
        self.keys: list[Any] = []
        self.levels: list[L] = []
        # Empty for a level that has changed since its last checksum.
        self.texts: list[str] = []

    def set(self, key: Any, level: L) -> None:
        """Insert or replace a level."""
        index = bisect_left(self.keys, key)
        if index < len(self.keys) and self.keys[index] == key:
            self.levels[index] = level
            self.texts[index] = ""
        else:
            self.keys.insert(index, key)
            self.levels.insert(index, level)
            self.texts.insert(index, "")

    def remove(self, key: Any) -> bool:
        """Remove a level; False if it did not exist."""
        index = bisect_left(self.keys, key)
        if index == len(self.keys) or self.keys[index] != key:
            return False
        del self.keys[index]
        del self.levels[index]
        del self.texts[index]
        return True

    def clear(self) -> None:
        """Remove all levels."""
        self.keys.clear()
        self.levels.clear()
        self.texts.clear()


@with_parts_named_publicly
class OrderBook(BookQueries[L]):
    """
    An order book, updated by `apply`.

    It has no lock: other threads read it through a `BookView`.

    Attributes
    ----------
    unknown_deletes : int
        Deletes of levels that did not exist; the exchange sends none, so each one means that
        data was lost.
    """

    _is_funding = False

    checked: ClassVar[attrgetter[tuple[Any, Any]]]
    """Returns the two fields of a level that are in a checksum: price or id, and amount."""

    def __init__(self) -> None:
        self.unknown_deletes = 0
        self._bids: Side[L] = Side()
        self._asks: Side[L] = Side()

    def __len__(self) -> int:
        return len(self._bids.keys) + len(self._asks.keys)

    @property
    def is_funding(self) -> bool:
        """Whether this is a funding book: rates in place of prices, amounts with opposite signs."""
        return self._is_funding

    def reset(self, levels: Iterable[L] = ()) -> None:
        """Replace all levels by those of a snapshot."""
        self._bids.clear()
        self._asks.clear()
        self.apply_many(levels)

    @abstractmethod
    def apply(self, level: L) -> None:
        """Insert, replace or remove one level."""

    def apply_many(self, levels: Iterable[L]) -> None:
        """Apply levels in order."""
        for level in levels:
            self.apply(level)

    def bids(self, count: int | None = None) -> list[L]:
        """Return the best bids, best first: at most `count`, by default all."""
        levels = self._bids.levels
        return levels[::-1] if count is None else levels[: -count - 1 : -1]

    def asks(self, count: int | None = None) -> list[L]:
        """Return the best asks, best first: at most `count`, by default all."""
        return self._asks.levels[:count]

    def levels(self, count: int | None = None) -> tuple[list[L], list[L]]:
        """Return bids and asks, each best first: at most `count` of each, by default all."""
        return self.bids(count), self.asks(count)

    def crossing(self) -> tuple[Any, Any] | None:
        """Return the best bid and ask if the bid's price is higher: they would have traded."""
        bids, asks = self.levels(1)
        bid: Any = bids[0] if bids else None
        ask: Any = asks[0] if asks else None
        if bid is None or ask is None or bid.price <= ask.price:
            return None
        return bid, ask

    def checksum(self, *, keep_texts: bool = False) -> int:
        """
        Return the CRC-32 of the 25 best levels of each side, as a signed 32-bit integer.

        Parameters
        ----------
        keep_texts : bool
            Keep the texts of changed levels for the next checksum. Only for the thread that updates
            the book, as this writes to it.
        """
        return checksum_of_texts(
            self._best_texts(self._bids, -1, keep_texts),
            self._best_texts(self._asks, 0, keep_texts),
        )

    def _best_texts(self, side: Side[L], flip: int, keep: bool) -> list[str]:
        # The best ask is the first level and the best bid the last, whose index is ~0.
        texts = side.texts[_BEST_BIDS if flip else _BEST_ASKS]
        if all(texts):
            return texts
        levels, checked = side.levels, self.checked
        count, index = texts.count(""), -1
        if count < MANY_TEXTS:
            for _ in range(count):
                index = texts.index("", index + 1)
                texts[index] = text = level_text(*checked(levels[index ^ flip]))
                if keep:
                    side.texts[index ^ flip] = text
            return texts
        missing = [index for index, text in enumerate(texts) if not text]
        written = level_texts([checked(levels[index ^ flip]) for index in missing])
        for index, text in zip(missing, written):
            texts[index] = text
            if keep:
                side.texts[index ^ flip] = text
        return texts


class AggregatedBook(OrderBook[BookUpdate]):
    """Price levels of a pair (P0 to P4)."""

    checked: ClassVar[attrgetter[tuple[Any, Any]]] = attrgetter("price", "amount")

    def apply(self, level: BookUpdate) -> None:
        """Insert, replace or remove one level; the sign of the amount gives the side."""
        side = self._bids if level.amount > 0 else self._asks
        if level.count and level.amount:
            side.set(level.price, level)
            return
        # A level with an amount of zero is removed as well; its sign does not show the side.
        is_known = side.remove(level.price)
        if not level.amount:
            is_known = self._bids.remove(level.price) or is_known
        if not is_known:
            self.unknown_deletes += 1

    def apply_many(self, levels: Iterable[BookUpdate]) -> None:
        """Apply levels in order: `apply`, inlined in the hot path except for unusual deletes."""
        bids, asks = self._bids, self._asks
        for level in levels:
            price, amount = level.price, level.amount
            side = bids if amount > 0 else asks
            keys = side.keys
            index = bisect_left(keys, price)
            if index == len(keys) or keys[index] != price:
                if level.count and amount:
                    keys.insert(index, price)
                    side.levels.insert(index, level)
                    side.texts.insert(index, "")
                else:
                    self.apply(level)
            elif level.count and amount:
                side.levels[index] = level
                side.texts[index] = ""
            elif amount:
                del keys[index], side.levels[index], side.texts[index]
            else:
                self.apply(level)


class FundingBook(OrderBook[FundingBookUpdate]):
    """Levels of a funding currency (P0 to P4), by rate and period, with opposite signs."""

    _is_funding = True
    checked: ClassVar[attrgetter[tuple[Any, Any]]] = attrgetter("rate", "amount")

    def apply(self, level: FundingBookUpdate) -> None:
        """Insert, replace or remove one level."""
        bid = (level.rate, -level.period)
        ask = (level.rate, level.period)
        is_bid = level.amount < 0
        if level.count and level.amount:
            (self._bids if is_bid else self._asks).set(bid if is_bid else ask, level)
            return
        # The sign of a delete is not documented: try the indicated side first.
        tries = [(self._bids, bid), (self._asks, ask)]
        if not any(
            side.remove(key) for side, key in (tries if is_bid else tries[::-1])
        ):
            self.unknown_deletes += 1

    def crossing(self) -> tuple[Any, Any] | None:
        """Return a bid and an ask with a lower rate and a period that is long enough, or None."""
        return _funding_crossing(*self.levels())


def _funding_crossing(bids: list[Any], asks: list[Any]) -> tuple[Any, Any] | None:
    """Return a bid and an ask that would have been matched, or None; searches from the best."""
    for bid in bids:
        if not asks or asks[0].rate >= bid.rate:
            break
        for ask in asks:
            if ask.rate >= bid.rate:
                break
            # An offer does not match a bid for a longer period.
            if ask.period >= bid.period:
                return bid, ask
    return None


R = TypeVar("R", RawBookUpdate, FundingRawBookUpdate)


class _OrdersBook(OrderBook[R]):
    """Single orders by id; an order whose price changes is moved."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[int, tuple[Side[R], Any]] = {}

    def reset(self, levels: Iterable[R] = ()) -> None:
        """Replace all orders by those of a snapshot."""
        self._places.clear()
        OrderBook.reset(self, levels)

    def _move(self, identity: int, place: tuple[Side[R], Any] | None, level: R) -> None:
        """Move an order to its new place; None removes it."""
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

    checked: ClassVar[attrgetter[tuple[Any, Any]]] = attrgetter("order_id", "amount")

    def apply(self, level: RawBookUpdate) -> None:
        """Insert, move or remove one order; equal prices are sorted by id, ascending."""
        place: tuple[Side[RawBookUpdate], Any] | None = None
        if level.price and level.amount:
            if level.amount > 0:
                place = self._bids, (level.price, -level.order_id)
            else:
                place = self._asks, (level.price, level.order_id)
        self._move(level.order_id, place, level)


class FundingRawBook(_OrdersBook[FundingRawBookUpdate]):
    """Single offers of a funding currency (R0)."""

    _is_funding = True
    checked: ClassVar[attrgetter[tuple[Any, Any]]] = attrgetter("offer_id", "amount")

    def apply(self, level: FundingRawBookUpdate) -> None:
        """Insert, move or remove one offer; equal rates are sorted by period, then id."""
        place: tuple[Side[FundingRawBookUpdate], Any] | None = None
        if level.rate and level.amount:
            if level.amount < 0:
                place = self._bids, (level.rate, -level.period, -level.offer_id)
            else:
                place = self._asks, (level.rate, level.period, level.offer_id)
        self._move(level.offer_id, place, level)

    def crossing(self) -> tuple[Any, Any] | None:
        """Return a bid and an ask with a lower rate and a period that is long enough, or None."""
        return _funding_crossing(*self.levels())
