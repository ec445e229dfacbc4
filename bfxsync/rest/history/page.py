"""A page of a history, including its unreadable rows."""

from __future__ import annotations

from typing import Any, Callable, Generic, List, Optional, TypeVar

import attrs

from bfxsync._base.aliases import Mts
from bfxsync.errors import RemoteError
from bfxsync.rest.history.unreadable import Skip

T = TypeVar("T")

Fetch = Callable[[Optional[Mts], Optional[Mts], int, int], List[T]]
"""Requests one page: ``fetch(start, end, limit, sort)``."""


@attrs.frozen
class Page(Generic[T]):
    """
    One page of a history, as received.

    Attributes
    ----------
    rows : list
        The readable rows.
    count : int
        Number of all rows.
    error : RemoteError, optional
        The error about unreadable rows; None without any, or if they were reported already.
    unreadable : list
        The unreadable rows as received.
    """

    rows: List[T]
    count: int
    error: Optional[RemoteError] = None
    unreadable: List[Any] = attrs.field(factory=list)

    def reaches(self, following: Page[T]) -> bool:
        """Return whether the next page repeats an unreadable row, so that none is missing."""
        return any(row in self.unreadable for row in following.unreadable)

    def check(self) -> None:
        if self.error is not None:
            raise self.error


def request_page(
    fetch: Fetch[T], start: Mts | None, end: Mts | None, limit: int, sort: int
) -> Page[T]:
    """Request a page; unreadable rows in it do not raise here."""
    try:
        rows = fetch(start, end, limit, sort)
    except RemoteError as error:
        if not error.unreadable:
            raise
        unreadable = [row for row, _ in error.unreadable]
        return Page(error.rows, len(error.rows) + len(unreadable), error, unreadable)
    return Page(rows, len(rows))


class UnreadableRows:
    """
    Reports unreadable rows, once each even if two pages contain them.

    Parameters
    ----------
    skip : callable, optional
        Receives the error of a page; None: errors remain on their page.
    """

    def __init__(self, skip: Skip | None) -> None:
        self._skip = skip
        # The unreadable rows of the last page that had any.
        self._skipped: list[Any] = []

    def skip(self, page: Page[T]) -> Page[T]:
        """Return the page, without its error if that is skipped."""
        if self._skip is None or page.error is None:
            return page
        is_new = any(row not in self._skipped for row in page.unreadable)
        if is_new and not page.rows:
            # The next request needs the time of a readable row.
            return page
        if is_new:
            self._skip(page.error)
        self._skipped = page.unreadable
        return attrs.evolve(page, error=None)
