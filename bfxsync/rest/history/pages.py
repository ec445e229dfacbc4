"""
Paging through a history: every row once, none missing.

Strategy: the exchange has no cursor, only `start` and `end`, both inclusive, so a page may end in
the middle of a millisecond. The rows of a page's last millisecond are held back; the next page
begins with that millisecond and returns them again, together with the remaining ones. So rows never
need to be compared: within one response every row counts, even equal ones, as both sides of a
self-trade have one id and two log lines may be the same. If the held rows are missing from the next
page, the exchange sorts or filters by another time, and rows may be missing.

The length of a page proves nothing: the exchange may return fewer rows per request than its
documentation says. So the history ends only if a page is empty, or has no other rows than the last
millisecond of the previous page. This costs one additional request; without it, the end would be a
guess.

A millisecond that fills a page is complete if the exchange has returned longer pages before.
Otherwise it is requested with the maximum limit. If rows have a key and the exchange sorts both
ways, it is read from both ends, and is complete if they overlap. Otherwise a page without bounds
shows whether the exchange returns more rows per request. Without proof `RemoteError` is raised;
only a page of less than 100 rows that is followed by none needs no proof.

Rows of one millisecond are sorted by identity, then by all their values, so that an interrupted
iteration can resume after its last row.

https://docs.bitfinex.com/reference/rest-public-trades
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable, Iterator, TypeVar

import attrs

from bfxsync._base.aliases import Mts
from bfxsync.rest.history.history import History, Iteration
from bfxsync.rest.history.milliseconds import MillisecondReader
from bfxsync.rest.history.order import RowOrder
from bfxsync.rest.history.page import Fetch, Page, UnreadableRows, request_page
from bfxsync.rest.history.progress import bar_class, with_bar
from bfxsync.rest.history.unreadable import Skip, strictly

T = TypeVar("T")

FEW = 100
"""A page with fewer rows, if more were requested, was not limited by the exchange's own maximum.
One request can create 75 rows with the same time: orders."""


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
    get : callable
        Requests one page; takes ``start``, ``end``, ``limit`` and, if the history is sortable,
        ``sort`` by name.
    title : str
        Title of the progress bar.
    skip : callable, optional
        As for `pages`.
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


def pages(
    fetch: Fetch[T],
    history: History[T],
    iteration: Iteration[T],
    skip: Skip | None = None,
) -> Iterator[list[T]]:
    """
    Yield a history in order, each row once, as non-empty lists.

    Rows added during the iteration are included if they belong after the rows yielded so far and
    the last page has not been reached.

    Parameters
    ----------
    fetch : callable
        ``fetch(start, end, limit, sort)`` returns one page, in any order; its exceptions end the
        iteration.
    skip : callable, optional
        Receives the error of a page with unreadable rows, once for each row; the other rows are
        yielded. None: the error is raised after the other rows.

    Raises
    ------
    RemoteError
        One millisecond has more rows than can be read, a response does not match its request, or
        a row cannot be read. All rows before it have been yielded.
    UsageError
        Several rows equal `resume_after`.
    """
    order = RowOrder(history, iteration)
    unreadable = UnreadableRows(skip)
    max_limit, has_own_times = history.max_limit, history.has_own_times
    reader = MillisecondReader(fetch, order, max_limit, history.from_both_ends)
    start, end, sort = iteration.start, iteration.end, iteration.sort
    last = iteration.resume_after
    if last is not None:
        step = sort if has_own_times else 0
        start, end = order.narrow(start, end, order.place(last) + step)
    size = iteration.limit
    # Length of the longest page so far.
    longest = 0
    # Keys of the rows held back: the next page must repeat them.
    held_keys: Counter[Any] = Counter()
    # A page of one millisecond, which is complete if no rows follow.
    doubtful: Page[T] | None = None
    while start is None or end is None or start <= end:
        page = unreadable.skip(request_page(fetch, start, end, size, sort))
        count = page.count
        if doubtful is not None:
            if 0 < count <= doubtful.count and not doubtful.reaches(page):
                doubtful = unreadable.skip(reader.whole(doubtful))
            yield from order.part_after(last, order.sorted(doubtful.rows))
            doubtful.check()
            doubtful = None
        page = attrs.evolve(page, rows=order.within(page.rows, start, end))
        rows = order.sorted(page.rows)
        if page.error is not None:
            yield from order.part_after(last, rows)
            raise page.error
        if not rows:
            order.check_repeated(held_keys, rows)
            return
        place = order.place(rows[-1])
        whole = [row for row in rows if has_own_times or order.place(row) != place]
        held = rows[len(whole) :]
        is_full = count >= size
        if not whole and is_full and size < max_limit:
            longest, size = max(longest, count), max_limit
            # The wider page must repeat these too.
            held_keys |= Counter(map(order.key, rows))
            continue
        if whole or not is_full:
            order.check_repeated(held_keys, rows)
        if not whole:
            if count < min(longest, FEW):
                # The page had room for more, so no rows follow. Only a maximum that was lowered in
                # between could have limited it, which is unlikely with so few rows.
                yield from order.part_after(last, held)
                return
            if not is_full and count < FEW and reader.looks_whole(page):
                doubtful = page
            else:
                page = unreadable.skip(reader.whole(page))
                whole = page.rows
            held = []
        yield from order.part_after(last, whole)
        page.check()
        held_keys = Counter(map(order.key, held))
        start, end = order.narrow(start, end, place + (0 if held else sort))
        longest, size = max(longest, count), iteration.limit
    if doubtful is not None:
        yield from order.part_after(last, order.sorted(doubtful.rows))
