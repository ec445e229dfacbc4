"""
Pages of closed orders, so that none is lost between them.

Strategy: the exchange filters by the time when an order was made, and its page does not say by what
it sorts. Cut off after so many rows that is all the same if it is the same time. If it is that of
the last change, as in the exchange's own reports, an order that was open for long ends a page, and
whoever goes on from when that one was made misses what was made after it. So a full page that may
be cut in this way is not trusted: the range is read in parts, each of them whole, and the pages are
made of that. The exchange keeps closed orders for two weeks only, so that is not too much.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple

from bfxsync.errors import RemoteError
from bfxsync.models.orders import Order
from bfxsync.types import Mts

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

    def __call__(
        self, *, start: Mts | None, end: Mts | None, limit: int
    ) -> List[Order]:
        """Return the orders of a range that were made last, the newest first."""
        if self._known is None:
            page = self._ask(start=start, end=end, limit=limit)
            if len(page) < limit or is_of_newest(page):
                return page
            self._known = sorted(self._all((start, end)), key=_created, reverse=True)
        wanted = [
            order
            for order in self._known
            if (start is None or start <= order.mts_create)
            and (end is None or order.mts_create <= end)
        ]
        return wanted[:limit]

    def _all(self, wanted: Range) -> List[Order]:
        found: Dict[int, Order] = {}
        parts = [wanted]
        while parts:
            start, end = parts.pop()
            page = self._ask(start=start, end=end, limit=self._most)
            found.update((order.id, order) for order in page)
            if len(page) >= self._most:
                middle = _middle(page, start, end)
                parts += [(start, middle), (middle + 1, end)]
        return list(found.values())


def is_of_newest(page: List[Order]) -> bool:
    """Tell whether no order is missing that was made after the oldest one of a full page."""
    following = list(zip(page, page[1:]))
    if any(one.mts_create < other.mts_create for one, other in following):
        return False
    if any(one.mts_update < other.mts_update for one, other in following):
        return True  # so it is sorted by when they were made
    # One that is missing was made after the oldest, and has changed before all of them.
    return min(order.mts_update for order in page) <= page[-1].mts_create


def _middle(page: List[Order], start: Mts | None, end: Mts | None) -> Mts:
    """Return a time that cuts a range into two, each with some of the orders if it can be."""
    times = sorted(map(_created, page))
    first = times[0] if start is None else start
    last = max(order.mts_update for order in page) if end is None else end
    if first >= last:
        raise RemoteError(
            f"more orders than the {len(page)} that the exchange gives at most were made at "
            f"{first} ms"
        )
    middle = times[len(times) // 2]
    return middle if first <= middle < last else (first + last) // 2


def _created(order: Order) -> Mts:
    return order.mts_create
