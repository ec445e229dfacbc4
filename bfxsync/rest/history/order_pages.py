"""
Pages of closed orders without gaps between them.

Strategy: the exchange filters by the time of creation, and does not document how it sorts before it
limits a page. If it sorts by the time of creation, no order is lost. If it sorts by the last
change, as the exchange's own reports do, a page may end with an order that was open for long, and
continuing from its creation skips orders created after it. So a page that may be limited in this
way is not used: the range is read in complete parts, and pages are built from those. The exchange
keeps closed orders for two weeks only, so there are few.

A part is complete if it has few orders, or fewer than another response of the exchange.
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
    Returns pages of the orders created last.

    Parameters
    ----------
    ask : callable
        Requests a page of the exchange; takes `start`, `end` and `limit` by name.
    most : int
        Maximum number of rows per request.
    """

    def __init__(self, ask: Callable[..., List[Order]], most: int) -> None:
        self._ask = ask
        self._most = most
        self._known: Optional[List[Order]] = None
        # Unreadable rows that are not reported yet, and the last error about them.
        self._unreadable: List[Tuple[Any, str]] = []
        self._error: Optional[RemoteError] = None

    def __call__(
        self, *, start: Mts | None, end: Mts | None, limit: int
    ) -> List[Order]:
        """Return the orders of a range that were created last, newest first."""
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
            # More orders may follow a page even if it is shorter than requested.
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
        """Return a page of the exchange, and the number of its rows with unreadable ones."""
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
                    f"more orders may have been created at {page[0].mts_create} ms than the "
                    f"{count} that the exchange returns per request"
                )
        return list(found.values())


def is_of_newest(page: List[Order]) -> bool:
    """Return whether a full page has every order that was created after its oldest one."""
    following = list(zip(page, page[1:]))
    if not page:
        return True
    if any(one.mts_create < other.mts_create for one, other in following):
        return False
    if any(one.mts_update < other.mts_update for one, other in following):
        return True  # it is sorted by creation
    # A missing order would be created after the oldest one, and changed before all others.
    return min(order.mts_update for order in page) <= page[-1].mts_create


def _middle(page: List[Order], start: Mts | None, end: Mts | None) -> Mts | None:
    """Return a time that splits a range, if possible with orders in both parts, or None."""
    times = sorted(map(_created, page))
    first = times[0] if start is None else start
    last = max(order.mts_update for order in page) if end is None else end
    if first >= last:
        return None
    middle = times[len(times) // 2]
    return middle if first <= middle < last else (first + last) // 2


def _created(order: Order) -> Mts:
    return order.mts_create
