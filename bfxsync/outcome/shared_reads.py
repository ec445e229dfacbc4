"""
Reads of orders that several searches share, so that hundreds of orders need a few requests.

Strategy: the searches of one round read the same lists, each requested when a search first needs
it, and histories only as far back as one needs them. What a round reads is no older than the
beginning of the round, which therefore is the time of all its searches. A request that failed
fails for the whole round, as a list that ends early would look like absence.
"""

from __future__ import annotations

import time
from itertools import count
from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    Iterable,
    Iterator,
    List,
    Sequence,
    TypeVar,
)

from bfxsync._base.aliases import Mts
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.orders import Order
from bfxsync.outcome.reader import OpenOrders, OrderReader
from bfxsync.outcome.unread import UnreadRows

T = TypeVar("T")

_EARLIER_MS = 60_000

MOST_IDS = 100
"""Maximum number of orders that are requested by id at once."""


class SharedReads:
    """
    The rounds of searches over an `OrderReader`.

    Attributes
    ----------
    began_at : float
        Beginning of the round, by `time.monotonic`.
    """

    def __init__(self, open_orders: OpenOrders) -> None:
        self._open_orders = open_orders
        self.begin()

    def begin(self, ids: Iterable[int] = ()) -> None:
        """Begin a round; `ids` are those of orders that its searches may request."""
        self.began_at: float = time.monotonic()
        self._ids = list(dict.fromkeys(ids))
        self._open: List[_Rows[Order]] = []
        self._by_id: Dict[int, _Rows[Order]] = {}
        self._closed: Dict[str | None, _Rows[Order]] = {}
        self._trades: Dict[str | None, tuple[Mts, _Rows[AccountTrade]]] = {}

    def open(self) -> tuple[OrderReader, UnreadRows]:
        """Return a reader for one search; see `OpenOrders`."""
        unread = UnreadRows()
        return _SharedReader(self, unread), unread

    def open_orders(self) -> _Rows[Order]:
        """Return all open orders."""
        if not self._open:
            self._open.append(self._rows(lambda reader: reader.get_orders()))
        return self._open[0]

    def closed_orders(self, symbol: str | None) -> _Rows[Order]:
        """Return the order history, newest first."""
        found = self._closed.get(symbol)
        if found is None:
            found = self._closed[symbol] = self._rows(
                lambda reader: reader.iter_orders_history(symbol=symbol)
            )
        return found

    def closed_by_id(self, ids: Sequence[int]) -> list[_Rows[Order]]:
        """Return the orders of the history with these ids, together with others."""
        unknown = [id for id in ids if id not in self._by_id]
        if unknown:
            expected = [id for id in self._ids if id not in self._by_id]
            wanted = list(dict.fromkeys([*unknown, *expected]))
            for first in range(0, len(wanted), MOST_IDS):
                self._request(wanted[first : first + MOST_IDS])
        return list(dict.fromkeys(self._by_id[id] for id in ids))

    def trades(self, symbol: str | None, start: Mts) -> _Rows[AccountTrade]:
        """Return the trades since `start` or earlier, oldest first."""
        first, rows = self._trades.get(symbol, (start, None))
        if rows is None or start < first:
            # Earlier, as the next search may need that.
            first = max(start - _EARLIER_MS, 0)
            rows = self._rows(
                lambda reader: reader.iter_trades_history(symbol=symbol, start=first)
            )
            self._trades[symbol] = first, rows
        return rows

    def _request(self, ids: list[int]) -> None:
        rows = self._rows(
            lambda reader: reader.get_orders_history(ids=ids, limit=len(ids))
        )
        for id in ids:
            self._by_id[id] = rows

    def _rows(self, read: Callable[[OrderReader], Iterable[T]]) -> _Rows[T]:
        reader, unread = self._open_orders()
        return _Rows(unread, lambda: read(reader))


class _Rows(Generic[T]):
    """The rows of one list, requested on first use and kept."""

    def __init__(self, unread: UnreadRows, read: Callable[[], Iterable[T]]) -> None:
        self.unread: UnreadRows = unread
        self._rows: List[T] = []
        self._left = self._requested(read)
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[T]:
        for index in count():
            if index == len(self._rows) and not self._read_next():
                return
            yield self._rows[index]

    def _requested(self, read: Callable[[], Iterable[T]]) -> Iterator[T]:
        # A generator, so that the list is requested when its first row is needed.
        yield from self.unread.readable(iter(read()))

    def _read_next(self) -> bool:
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            self._rows.append(next(self._left))
        except StopIteration:
            return False
        except Exception as error:
            # The generator has ended, and would seem complete.
            self._error = error
            raise
        return True


class _SharedReader:
    """The lists of a round for one search, whose unreadable rows it collects."""

    def __init__(self, shared: SharedReads, unread: UnreadRows) -> None:
        self._shared = shared
        self._unread = unread
        self._used: Dict[_Rows[Any], None] = {}

    def get_orders(
        self,
        *,
        ids: Sequence[int] | None = None,
        cid: int | None = None,
        cid_date: str | None = None,
    ) -> List[Order]:
        # Those of any date: a search checks the date itself.
        return [
            order
            for order in self._all(self._shared.open_orders())
            if (ids is None or order.id in ids) and cid in (None, order.cid)
        ]

    def get_orders_history(
        self, *, ids: Sequence[int], limit: int | None = None
    ) -> List[Order]:
        return [
            order
            for rows in self._shared.closed_by_id(ids)
            for order in self._all(rows)
            if order.id in ids
        ]

    def iter_orders_history(
        self,
        *,
        symbol: str | None = None,
        start: Mts | None = None,
        end: Mts | None = None,
    ) -> Iterator[Order]:
        for order in self._all(self._shared.closed_orders(symbol)):
            if start is not None and order.mts_create < start:
                return
            if end is None or order.mts_create <= end:
                yield order

    def iter_trades_history(
        self, *, symbol: str | None = None, start: Mts
    ) -> Iterator[AccountTrade]:
        for trade in self._all(self._shared.trades(symbol, start)):
            if trade.mts_create >= start:
                yield trade

    def _all(self, rows: _Rows[T]) -> Iterator[T]:
        self._used[rows] = None
        try:
            yield from rows
        finally:
            # Also if the search needs no further rows.
            self._unread.replace(used.unread for used in self._used)
