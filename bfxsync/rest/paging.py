"""
Histories that are longer than one answer: page after page, no row lost and none twice.

Strategy: the exchange has no cursor, only `start` and `end`, both inclusive, so a page may end
in the middle of a millisecond. Such a millisecond is delivered whole or not at all: its rows
are held back, and the next page begins with it and brings them again, together with the rest.
Nothing has to be remembered but a time, and a row that was added meanwhile is found as well. A
page that holds one millisecond only is asked for again with the largest limit there is; when
that one is full too, the millisecond is read from both ends, and only when they do not meet is
it an error. Within a millisecond rows are in the order of their identity, whatever order they
came in, so that an interrupted iteration can go on after the last row that it gave.

A page that is shorter than asked for is the last one: the exchange filters first and cuts then,
and refuses a limit above its maximum (10020) instead of lowering it. As nothing would tell that
a maximum has been lowered after all, a length that looks like one (a multiple of 25, as all of
them are) counts as a full page: one request more, seldom, and no row is lost.

References
----------
https://docs.bitfinex.com/reference/rest-public-trades
"""

from __future__ import annotations

import math
from typing import Any, Callable, Generic, Iterator, List, Optional, TypeVar

from bfxsync.errors import RemoteError
from bfxsync.types import Mts

T = TypeVar("T")

Fetch = Callable[[Optional[Mts], Optional[Mts], int, int], List[T]]
"""What asks for one page: ``fetch(start, end, limit, sort)``."""

_LIMITS_ARE_MULTIPLES_OF = 25


def pages(
    fetch: Fetch[T],
    *,
    start: Mts | None,
    end: Mts | None,
    limit: int,
    max_limit: int,
    sort: int,
    mts_of: Callable[[T], Any],
    identity_of: Callable[[T], Any] | None = None,
    resume_after: T | None = None,
) -> Iterator[list[T]]:
    """
    Yield a history in order, in lists that are never empty; each row comes once.

    Rows that are added while this goes on come too if they belong behind what has been given
    and no page was the last one yet.

    Parameters
    ----------
    fetch : callable
        ``fetch(start, end, limit, sort)`` returns one page, in any order; what it raises ends
        the iteration.
    start, end : int or None
        First and last millisecond, inclusive; None: as far as the history goes.
    limit, max_limit : int
        Rows to ask for at once, and how many the exchange allows.
    sort : int
        1: oldest first; -1: newest first.
    mts_of : callable
        Returns a row's time; it may have a fraction.
    identity_of : callable, optional
        Returns what tells the rows of one time apart; the values must be sortable. None: there
        is only one row for each millisecond.
    resume_after : row, optional
        The last row that an earlier iteration over the same range gave.

    Raises
    ------
    RemoteError
        One millisecond has more rows than can be read, or an answer does not fit what was
        asked for. Everything before it has been given.
    """
    order = _Order(sort, mts_of, identity_of)
    given = None
    if resume_after is not None:
        given = order.key(resume_after)
        start, end = order.narrow(start, end, order.next_place(resume_after))
    size = limit
    while start is None or end is None or start <= end:
        page = fetch(start, end, size, sort)
        rows = order.arrange(page, start, end)
        is_last = len(page) < size and not _looks_cut(len(page))
        if not is_last:
            if not rows:
                raise RemoteError(
                    f"expected rows between {start} and {end} ms, got {len(page)} others",
                    raw=page[:3],
                )
            place = order.next_place(rows[-1])
            rows = [row for row in rows if order.place(row) != place]
            if not rows:
                if size < max_limit:
                    size = max_limit
                    continue
                rows = _whole_millisecond(fetch, page, place, max_limit, order)
                place += sort
            start, end = order.narrow(start, end, place)
        if given is not None:
            rows = order.after(given, rows)
        if rows:
            yield rows
        if is_last:
            return
        size = limit


class _Order(Generic[T]):
    """Where rows stand in a history that is read from one of its ends."""

    def __init__(
        self,
        sort: int,
        mts_of: Callable[[T], Any],
        identity_of: Callable[[T], Any] | None,
    ) -> None:
        self.sort = sort
        self._mts_of = mts_of
        self._identity_of = identity_of
        # Back to the side that the reading comes from: a fraction must not be stepped over.
        self._whole: Callable[[Any], int] = math.floor if sort == 1 else math.ceil

    def key(self, row: T) -> Any:
        return (
            self._mts_of(row),
            self._identity_of(row) if self._identity_of is not None else None,
        )

    def place(self, row: T) -> Mts:
        """Return the millisecond that has to be asked for to get this row."""
        return self._whole(self._mts_of(row))

    def next_place(self, row: T) -> Mts:
        """Return where the page after the one that ends with this row must begin."""
        is_alone = self._identity_of is None
        return self.place(row) + (self.sort if is_alone else 0)

    def narrow(
        self, start: Mts | None, end: Mts | None, place: Mts
    ) -> tuple[Mts | None, Mts | None]:
        """Return the part of a range that begins at this place."""
        if self.sort == 1:
            return (place if start is None else max(start, place)), end
        return start, (place if end is None else min(end, place))

    def arrange(self, page: list[T], start: Mts | None, end: Mts | None) -> list[T]:
        """Return the rows of the range, once each and in order."""
        rows = {}
        for row in page:
            mts = self._mts_of(row)
            if (start is None or start <= mts) and (end is None or mts <= end):
                rows[self.key(row)] = row
        return [rows[key] for key in sorted(rows, reverse=self.sort == -1)]

    def after(self, given: Any, rows: list[T]) -> list[T]:
        """Return the rows that come after the one with this key."""
        if self.sort == 1:
            return [row for row in rows if self.key(row) > given]
        return [row for row in rows if self.key(row) < given]


def _whole_millisecond(
    fetch: Fetch[T], page: list[T], place: Mts, max_limit: int, order: _Order[T]
) -> list[T]:
    """Return all rows of the millisecond that fills even the largest page."""
    page = [row for row in page if order.place(row) == place]
    # A time with a fraction lies between two milliseconds.
    low, high = (place, place + 1) if order.sort == 1 else (place - 1, place)
    if all(order.key(row)[0] == place for row in page):
        low = high = place
    opposite = [
        row
        for row in fetch(low, high, max_limit, -order.sort)
        if order.place(row) == place
    ]
    first = list(dict.fromkeys(order.key(row) for row in page))
    second = list(dict.fromkeys(order.key(row) for row in reversed(opposite)))
    common = len(set(first) & set(second))
    # The end of one and the begin of the other are the same rows in the same order: they meet.
    is_complete = common > 0 and first[-common:] == second[:common]
    # A page that only looked full, and has the same rows from both sides.
    is_complete |= len(page) < max_limit and common == len(first) == len(second)
    if not is_complete:
        raise RemoteError(
            f"more rows have the time {place} ms than the {len(first)} that the exchange "
            f"gives at most: ask for less at once if that is possible, or go on beyond "
            f"them with {'start' if order.sort == 1 else 'end'}={place + order.sort}",
            raw=page[:3],
        )
    return order.arrange([*page, *opposite], None, None)


def _looks_cut(length: int) -> bool:
    return length > 0 and length % _LIMITS_ARE_MULTIPLES_OF == 0
