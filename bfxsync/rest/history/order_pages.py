"""
Pages of closed orders, so that none is lost between them.

Strategy: the exchange filters by the time when an order was made, and its page does not say by what
it sorts. Cut off after so many rows that is all the same if it is the same time. If it is that of
the last change, as in the exchange's own reports, an order that was open for long ends a page, and
whoever goes on from when that one was made misses what was made after it. So a page that may be
cut in this way is not trusted: the range is read in parts, each of them whole, and the pages are
made of that. The exchange keeps closed orders for two weeks only, so that is not too much.

A part is whole if it has few orders, or fewer than another one that the exchange gave at once.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from bfxsync._base.aliases import Mts
from bfxsync.errors import RemoteError
from bfxsync.models.orders import Order
from bfxsync.rest.history.pages import FEW

Range = Tuple[Optional[Mts], Optional[Mts]]


class OrderPages:
    """
    What asks for a page of orders, and gives those that were made last.

    Parameters
    ----------
    ask : callable
        Returns a page as the exchange cuts it; takes `start`, `end` and `limit` by name.
    most : int
        Rows that the exchange gives at once.
    """

    def __init__(self, ask: Callable[..., List[Order]], most: int) -> None:
        self._ask = ask
        self._most = most
        self._known: Optional[List[Order]] = None
        # Rows that cannot be read, until somebody has been told, and the last error about them.
        self._unreadable: List[Tuple[Any, str]] = []
        self._error: Optional[RemoteError] = None

    def __call__(
        self, *, start: Mts | None, end: Mts | None, limit: int
    ) -> List[Order]:
        """Return the orders of a range that were made last, the newest first."""
        found = self._newest(start, end, limit)
        error, self._error = self._error, None
        unreadable, self._unreadable = self._unreadable, []
        if error is None:
            return found
        raise RemoteError(
            str(error), raw=error.raw, rows=found, unreadable=unreadable
        ) from error

    def _newest(self, start: Mts | None, end: Mts | None, limit: int) -> List[Order]:
        if self._known is None:
            page, _ = self._page(start, end, limit)
            # Also of a page that is shorter than asked for more orders may follow.
            if is_of_newest(page):
                return page
            self._known = sorted(self._all((start, end)), key=_created, reverse=True)
        wanted = [
            order
            for order in self._known
            if (start is None or start <= order.mts_create)
            and (end is None or order.mts_create <= end)
        ]
        return wanted[:limit]

    def _page(
        self, start: Mts | None, end: Mts | None, limit: int
    ) -> Tuple[List[Order], int]:
        """Return orders as the exchange cuts them, and how many rows it sent."""
        try:
            page = self._ask(start=start, end=end, limit=limit)
        except RemoteError as error:
            if not error.unreadable:
                raise
            self._error = error
            self._unreadable += [
                # Parts overlap.
                row
                for row in error.unreadable
                if row not in self._unreadable
            ]
            return error.rows, len(error.rows) + len(error.unreadable)
        return page, len(page)

    def _all(self, wanted: Range) -> List[Order]:
        found: Dict[int, Order] = {}
        longest = 0
        parts = [wanted]
        while parts:
            start, end = parts.pop()
            page, count = self._page(start, end, self._most)
            found.update((order.id, order) for order in page)
            is_whole = count < min(self._most, max(longest, FEW))
            longest = max(longest, count)
            if is_whole or not page:
                continue
            middle = _middle(page, start, end)
            if middle is not None:
                parts += [(start, middle), (middle + 1, end)]
            elif self._page(None, None, self._most)[1] <= count:
                raise RemoteError(
                    f"more orders may have been made at {page[0].mts_create} ms than the "
                    f"{count} that the exchange gives at once"
                )
        return list(found.values())


def is_of_newest(page: List[Order]) -> bool:
    """Tell whether no order is missing that was made after the oldest one of a full page."""
    following = list(zip(page, page[1:]))
    if not page:
        return True
    if any(one.mts_create < other.mts_create for one, other in following):
        return False
    if any(one.mts_update < other.mts_update for one, other in following):
        return True  # so it is sorted by when they were made
    # One that is missing was made after the oldest, and has changed before all of them.
    return min(order.mts_update for order in page) <= page[-1].mts_create


def _middle(page: List[Order], start: Mts | None, end: Mts | None) -> Mts | None:
    """Return a time that cuts a range into two, if it can be with orders in each; or None."""
    times = sorted(map(_created, page))
    first = times[0] if start is None else start
    last = max(order.mts_update for order in page) if end is None else end
    if first >= last:
        return None
    middle = times[len(times) // 2]
    return middle if first <= middle < last else (first + last) // 2


def _created(order: Order) -> Mts:
    return order.mts_create
