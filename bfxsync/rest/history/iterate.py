"""Iterators over histories of any length, public ones and those of an account."""

from __future__ import annotations

from typing import Callable, Iterator, TypeVar

from bfxsync._base.aliases import Mts
from bfxsync.rest.history.history import History, Iteration
from bfxsync.rest.history.pages import pages
from bfxsync.rest.history.progress import bar_class, with_bar
from bfxsync.rest.history.unreadable import Skip, strictly

T = TypeVar("T")


def iterate(
    history: History[T],
    get: Callable[..., list[T]],
    title: str,
    iteration: Iteration[T],
    skip: Skip | None = None,
) -> Iterator[T]:
    """
    Return the rows of a history; requests are sent as rows are consumed.

    Parameters
    ----------
    history : History
    get : callable
        Requests one page; takes ``start``, ``end``, ``limit`` and, if the history is sortable,
        ``sort`` by name.
    title : str
        Title of the progress bar.
    iteration : Iteration
    skip : callable, optional
        Receives the errors of pages with unreadable rows; None: they are raised.

    Raises
    ------
    UsageError
        The extra for progress bars is not installed.
    """

    def fetch(start: Mts | None, end: Mts | None, limit: int, sort: int) -> list[T]:
        options = {"sort": sort} if history.is_sortable else {}
        # Paging needs the number of all rows.
        with strictly():
            return get(start=start, end=end, limit=limit, **options)

    parts = pages(fetch, history, iteration, skip)
    if iteration.progress:
        parts = with_bar(parts, bar_class(), title, history, iteration)
    return (row for part in parts for row in part)
