"""
Histories that are longer than one answer: page after page, no row lost and none twice.

Strategy: the exchange has no cursor, only `start` and `end`, both inclusive, so a page may end
in the middle of a millisecond. The rows of a page's last millisecond are held back, and the next
page begins with it and brings them again, together with the rest. So nothing has to be told apart:
within one answer every row counts, equal ones too, as both sides of a trade with oneself have one
id, and two lines of a log may say the same. That the held rows do come again is checked: if not,
the exchange sorts or filters by another time, and rows may be missing.

The length of a page says nothing. The exchange may give fewer rows at once than its page says, so
the end is only where it gives none, or none but those of the millisecond that a page has ended
with. That costs one request more than there are pages with rows, which count against the endpoint's
budget; a page less would be a guess.

A millisecond that fills a page is whole if the exchange has given more rows than that at once
before. Otherwise it is asked for with the largest limit. Where rows have a key and there are two
directions, it is read from both ends, and whole if these meet. Else a page without bounds shows
whether the exchange gives more at once. If nothing proves it, that is an error that says so; only
of less than 100 rows, when nothing follows them, is it taken for granted.

Rows of one millisecond are given in the order of their identity, then of all that they say,
whatever order they came in, so that an interrupted iteration can go on after the last row that it
gave.

References
----------
https://docs.bitfinex.com/reference/rest-public-trades
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import groupby
from typing import Any, Callable, Generic, Iterator, List, Optional, TypeVar

import attrs

from bfxsync.errors import RemoteError, UsageError
from bfxsync.types import Mts

T = TypeVar("T")

Fetch = Callable[[Optional[Mts], Optional[Mts], int, int], List[T]]
"""What asks for one page: ``fetch(start, end, limit, sort)``."""

FEW = 100
"""Fewer rows than this are not taken for all that the exchange gives at once if more were asked
for. One request can make 75 of one time: orders."""


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
    has_own_times: bool = False,
    from_both_ends: bool = False,
    resume_after: T | None = None,
    skip: Callable[[RemoteError], None] | None = None,
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
        Returns by what the rows of one time are sorted; the values must be sortable.
    has_own_times : bool
        There is at most one row for each millisecond: no page has to begin with the end of the
        one before it.
    from_both_ends : bool
        The identity is a true key, which no two rows of one time share, and `fetch` knows both
        directions.
    resume_after : row, optional
        The last row that an earlier iteration over the same range gave.
    skip : callable, optional
        Gets the error of a page with rows that cannot be read, once for each row, and the
        others are given. None: the error is raised after the others.

    Raises
    ------
    RemoteError
        One millisecond has more rows than can be read, an answer does not fit what was asked
        for, or a row cannot be read. Everything before it has been given.
    UsageError
        Several rows equal `resume_after`, and nothing tells which of them came last.
    """
    order = _Order(sort, mts_of, identity_of, start, end)
    unreadable = _Unreadable(skip)
    if resume_after is not None:
        step = sort if has_own_times else 0
        start, end = order.narrow(start, end, order.place(resume_after) + step)
    size = limit
    # Rows that the exchange has given at once.
    most = 0
    # The keys of the rows that were held back: the next page must bring them again.
    edge: Counter[Any] = Counter()
    # A page of one millisecond, which is whole if nothing follows.
    doubtful: _Page[T] | None = None
    while start is None or end is None or start <= end:
        page = unreadable.skip(_ask(fetch, start, end, size, sort))
        count = page.count
        if doubtful is not None:
            if 0 < count <= doubtful.count and not doubtful.reaches(page):
                doubtful = _whole(fetch, doubtful, max_limit, order, from_both_ends)
                doubtful = unreadable.skip(doubtful)
            yield from order.part_after(resume_after, order.sorted(doubtful.rows))
            doubtful.check()
            doubtful = None
        page = attrs.evolve(page, rows=order.wanted(page.rows, start, end))
        rows = order.sorted(page.rows)
        if page.error is not None:
            yield from order.part_after(resume_after, rows)
            raise page.error
        if not rows:
            order.check_edge(edge, rows)
            return
        place = order.place(rows[-1])
        whole = [row for row in rows if has_own_times or order.place(row) != place]
        held = rows[len(whole) :]
        is_full = count >= size
        if not whole and is_full and size < max_limit:
            most, size = max(most, count), max_limit
            # The wider page must bring these again too.
            edge |= Counter(map(order.key, rows))
            continue
        if whole or not is_full:
            order.check_edge(edge, rows)
        if not whole:
            if count < min(most, FEW):
                # The page had room for more, so that nothing follows. Only a maximum that has
                # been lowered right now could have cut it, which is not believed of few rows.
                yield from order.part_after(resume_after, held)
                return
            if (
                not is_full
                and count < FEW
                and _is_alike(fetch, page, max_limit, order, from_both_ends)
            ):
                doubtful = page
            else:
                page = _whole(fetch, page, max_limit, order, from_both_ends)
                page = unreadable.skip(page)
                whole = page.rows
            held = []
        yield from order.part_after(resume_after, whole)
        page.check()
        edge = Counter(map(order.key, held))
        start, end = order.narrow(start, end, place + (0 if held else sort))
        most, size = max(most, count), limit
    if doubtful is not None:
        yield from order.part_after(resume_after, order.sorted(doubtful.rows))


@attrs.frozen
class _Page(Generic[T]):
    """
    One answer.

    Attributes
    ----------
    rows : list
        Those that can be read.
    count : int
        How many came, with the others.
    error : RemoteError or None
        About the others, if it has to be raised.
    unreadable : list
        The others, as they came.
    """

    rows: List[T]
    count: int
    error: Optional[RemoteError] = None
    unreadable: List[Any] = attrs.field(factory=list)

    def reaches(self, following: _Page[T]) -> bool:
        """
        Return whether this page has an unreadable row of the page that follows its millisecond.

        If so, it was not cut within the millisecond.
        """
        return any(row in self.unreadable for row in following.unreadable)

    def check(self) -> None:
        """Raise its error."""
        if self.error is not None:
            raise self.error


class _Unreadable:
    """Skips unreadable rows, each once although two pages may have it."""

    def __init__(self, skip: Callable[[RemoteError], None] | None) -> None:
        self._skip = skip
        # Those of the last page that had any.
        self._skipped: list[Any] = []

    def skip(self, page: _Page[T]) -> _Page[T]:
        """Return the page without its error, unless it is to be raised."""
        if self._skip is None or page.error is None:
            return page
        is_new = any(row not in self._skipped for row in page.unreadable)
        if is_new and not page.rows:
            # Nothing tells where to continue.
            return page
        if is_new:
            self._skip(page.error)
        self._skipped = page.unreadable
        return attrs.evolve(page, error=None)


def _ask(
    fetch: Fetch[T], start: Mts | None, end: Mts | None, limit: int, sort: int
) -> _Page[T]:
    try:
        rows = fetch(start, end, limit, sort)
    except RemoteError as error:
        if not error.unreadable:
            raise
        unreadable = [row for row, _ in error.unreadable]
        return _Page(error.rows, len(error.rows) + len(unreadable), error, unreadable)
    return _Page(rows, len(rows))


class _Order(Generic[T]):
    """Where rows stand in a history that is read from one of its ends."""

    def __init__(
        self,
        sort: int,
        mts_of: Callable[[T], Any],
        identity_of: Callable[[T], Any] | None,
        start: Mts | None,
        end: Mts | None,
    ) -> None:
        self.sort = sort
        self._mts_of = mts_of
        self._identity_of = identity_of
        self._bounds = start, end
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

    def from_the_other_end(
        self, fetch: Fetch[T], rows: list[T], limit: int
    ) -> _Page[T]:
        """Ask for the millisecond of these rows in the other direction; return it in this one."""
        place = low = high = self.place(rows[0])
        if any(self._mts_of(row) != place for row in rows):
            # A time with a fraction lies between two milliseconds.
            low, high = (place, place + 1) if self.sort == 1 else (place - 1, place)
        opposite = _ask(fetch, low, high, limit, -self.sort)
        found = [row for row in reversed(opposite.rows) if self.place(row) == place]
        return attrs.evolve(opposite, rows=found)

    def check_edge(self, edge: Counter[Any], rows: list[T]) -> None:
        """
        Check that rows with these keys are there again.

        Raises
        ------
        RemoteError
            They are not.
        """
        missing = edge - Counter(map(self.key, rows))
        if missing:
            raise RemoteError(
                f"rows of {next(iter(missing))[0]} ms came at the end of a page and not again "
                "when they were asked for by that time: they have changed meanwhile, or the "
                "exchange sorts by another time",
                raw=rows[:3],
            )

    def narrow(
        self, start: Mts | None, end: Mts | None, place: Mts
    ) -> tuple[Mts | None, Mts | None]:
        """Return the part of a range that begins at this place."""
        if self.sort == 1:
            return (place if start is None else max(start, place)), end
        return start, (place if end is None else min(end, place))

    def wanted(self, page: list[T], start: Mts | None, end: Mts | None) -> list[T]:
        """
        Return the rows without those that nobody has asked for.

        Raises
        ------
        RemoteError
            The page has rows, but none of those that were asked for; or some that were asked
            for, but not now, so that the exchange must have sorted them by something else.
        """
        wanted = [row for row in page if self._is_in(row, *self._bounds)]
        rows = [row for row in wanted if self._is_in(row, start, end)]
        if len(rows) < len(wanted) or (page and not rows):
            raise RemoteError(
                f"expected rows between {start} and {end} ms, got {len(page) - len(rows)} "
                "others",
                raw=page[:3],
            )
        return rows

    def sorted(self, rows: list[T]) -> list[T]:
        """Return the rows in order; those with one key by all that they say."""
        is_descending = self.sort == -1
        found: list[T] = []
        by_key = sorted(rows, key=self.key, reverse=is_descending)
        for _, group in groupby(by_key, self.key):
            alike = list(group)
            if len(alike) > 1:
                alike.sort(key=repr, reverse=is_descending)
            found += alike
        return found

    def part_after(self, last: T | None, rows: list[T]) -> Iterator[list[T]]:
        """
        Yield the rows that come after this one, if there are any; all of them for None.

        Raises
        ------
        UsageError
            Several of them equal it.
        """
        if last is not None:
            key = self.key(last)
            alike = [row for row in rows if self.key(row) == key]
            rows = [row for row in rows if self._is_behind(row, key)]
            if len(alike) > 1:
                texts = [repr(row) for row in alike]
                if texts.count(repr(last)) != 1:
                    raise UsageError(
                        f"resume_after: several rows of {key[0]} ms are like {last!r}, and "
                        "nothing tells which of them came last; iterate again with "
                        f"{'start' if self.sort == 1 else 'end'}={self.place(last)}"
                    )
                rows = alike[texts.index(repr(last)) + 1 :] + rows
        if rows:
            yield rows

    def _is_behind(self, row: T, key: Any) -> bool:
        other = self.key(row)
        return bool(other > key if self.sort == 1 else other < key)

    def _is_in(self, row: T, start: Mts | None, end: Mts | None) -> bool:
        mts = self._mts_of(row)
        return bool((start is None or start <= mts) and (end is None or mts <= end))


def _is_alike(
    fetch: Fetch[T],
    page: _Page[T],
    max_limit: int,
    order: _Order[T],
    from_both_ends: bool,
) -> bool:
    """Tell whether nothing speaks against this page being all rows of its millisecond."""
    if page.count == 1 or not from_both_ends:
        return True
    opposite = order.from_the_other_end(fetch, page.rows, max_limit)
    return opposite.error is None and (
        set(map(order.key, page.rows)) == set(map(order.key, opposite.rows))
    )


def _whole(
    fetch: Fetch[T],
    page: _Page[T],
    max_limit: int,
    order: _Order[T],
    from_both_ends: bool,
) -> _Page[T]:
    """
    Return all rows of the one millisecond that this page is of, and the error about others.

    Raises
    ------
    RemoteError
        It may have more than can be read.
    """
    rows, count = page.rows, page.count
    error, unreadable = None, page.unreadable
    if from_both_ends:
        opposite = order.from_the_other_end(fetch, rows, max_limit)
        keys, others = list(map(order.key, rows)), list(map(order.key, opposite.rows))
        known = set(keys)
        common = len(known & set(others))
        # The end of one and the begin of the other are the same rows: they meet.
        if common and keys[-common:] == others[:common]:
            found = order.sorted(rows + opposite.rows[common:])
            return _Page(found, len(found), opposite.error, opposite.unreadable)
        added = [row for row, key in zip(opposite.rows, others) if key not in known]
        if added:
            rows, count = rows + added, count + len(added)
            error, unreadable = opposite.error, opposite.unreadable
    # Does the exchange give more rows at once than there are of this millisecond?
    if count < _ask(fetch, None, None, max_limit, order.sort).count:
        return _Page(order.sorted(rows), count, error, unreadable)
    place = order.place(rows[0])
    raise RemoteError(
        f"{place} ms may have more rows than the {page.count} that the exchange gives at once: "
        "ask for less at once if that is possible, or go on beyond them with "
        f"{'start' if order.sort == 1 else 'end'}={place + order.sort}",
        raw=rows[:3],
    )
