"""Proof that a page has every row of its millisecond."""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from bfxsync.errors import RemoteError
from bfxsync.rest.history.order import RowOrder
from bfxsync.rest.history.page import Fetch, Page, request_page

T = TypeVar("T")


@attrs.frozen
class MillisecondReader(Generic[T]):
    """
    Completes pages whose rows all have the same millisecond.

    Attributes
    ----------
    max_limit : int
        Maximum number of rows per request.
    from_both_ends : bool
        Whether such a page can be read in both directions.
    """

    fetch: Fetch[T]
    order: RowOrder[T]
    max_limit: int
    from_both_ends: bool

    def looks_whole(self, page: Page[T]) -> bool:
        """Return whether nothing contradicts that the page has the whole millisecond."""
        if page.count == 1 or not self.from_both_ends:
            return True
        key, opposite = self.order.key, self._opposite(page)
        return opposite.error is None and (
            set(map(key, page.rows)) == set(map(key, opposite.rows))
        )

    def whole(self, page: Page[T]) -> Page[T]:
        """Return every row of the millisecond; raise `RemoteError` if there may be more."""
        rows, count = page.rows, page.count
        error, unreadable = None, page.unreadable
        if self.from_both_ends:
            opposite = self._opposite(page)
            keys = list(map(self.order.key, rows))
            others = list(map(self.order.key, opposite.rows))
            known = set(keys)
            common = len(known & set(others))
            # The end of one and the beginning of the other are the same rows, so they overlap.
            if common and keys[-common:] == others[:common]:
                found = self.order.sorted(rows + opposite.rows[common:])
                return Page(found, len(found), opposite.error, opposite.unreadable)
            added = [row for row, key in zip(opposite.rows, others) if key not in known]
            hidden = [row for row in opposite.unreadable if row not in unreadable]
            if added or hidden:
                rows, count = rows + added, count + len(added) + len(hidden)
                error, unreadable = opposite.error, opposite.unreadable
        # Does the exchange return more rows per request than this millisecond has?
        unbounded = request_page(
            self.fetch, None, None, self.max_limit, self.order.sort
        )
        if count < unbounded.count:
            return Page(self.order.sorted(rows), count, error, unreadable)
        place = self.order.place(rows[0])
        bound = "start" if self.order.sort == 1 else "end"
        raise RemoteError(
            f"{place} ms may have more rows than the {page.count} that the exchange returns per "
            "request: request a narrower filter if possible, or continue after them with "
            f"{bound}={place + self.order.sort}",
            raw=rows[:3],
        )

    def _opposite(self, page: Page[T]) -> Page[T]:
        """Request the millisecond in the other direction; return it in this one."""
        order, first = self.order, page.rows[0]
        place = low = high = order.place(first)
        if any(map(order.has_fraction, page.rows)):
            low, high = order.span(first)
        found = request_page(self.fetch, low, high, self.max_limit, -order.sort)
        rows = [row for row in reversed(found.rows) if order.place(row) == place]
        return attrs.evolve(found, rows=rows)
