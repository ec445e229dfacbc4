"""
What the iterators over histories have in common, public ones and those of an account.

`bfxsync.rest.public.history` has the public ones; the others stand beside their endpoints.
"""

from __future__ import annotations

import operator
from typing import Any, Callable, Iterator, NamedTuple, Optional, TypeVar

from bfxsync.checks.arguments import Time, check_time, page_params
from bfxsync.checks.options import check_bool
from bfxsync.errors import UsageError
from bfxsync.models.status import Candle
from bfxsync.rest.history.intervals import fill_intervals, last_over
from bfxsync.rest.history.pages import pages
from bfxsync.rest.history.progress import bar_class, with_bar
from bfxsync.rest.history.unreadable import Skip, strictly
from bfxsync.types import Mts

T = TypeVar("T")


class IterationOptions(NamedTuple):
    """What an iterator is called with, and the time of the call."""

    start: Time
    end: Time
    sort: int
    limit: Optional[int]
    resume_after: Any
    progress: bool
    now_mts: Mts
    skip: Optional[Skip] = None


def iterate(
    get: Callable[..., list[T]],
    model: type[T],
    title: str,
    options: IterationOptions,
    max_limit: int,
    identity_of: Callable[[T], Any] | None = None,
    mts_of: Callable[[T], Any] = operator.attrgetter("mts"),
    *,
    has_own_times: bool = False,
    from_both_ends: bool = False,
) -> Iterator[T]:
    """
    Check the options now, and return the rows, which are asked for when they are wanted.

    Parameters
    ----------
    get : callable
        Asks for one page; takes `start`, `end`, `limit` and `sort` by name.
    model : type
        The class of the rows.
    title : str
        What the progress bar says.
    options : Options
    max_limit : int
        Rows that the exchange gives at once.
    identity_of : callable, optional
        By what the rows of one time are sorted.
    mts_of : callable
        The time of a row by which the exchange filters.
    has_own_times : bool
        There is at most one row for each time.
    from_both_ends : bool
        The identity is a true key, and the exchange knows both directions.

    Raises
    ------
    UsageError
        An option is impossible, or what it needs is not installed.
    """
    page = page_params(
        start=options.start,
        end=options.end,
        limit=options.limit,
        sort=options.sort,
        maximum=max_limit,
    )
    start, end, sort = page["start"], page["end"], page["sort"]
    if sort is None:
        raise UsageError("sort must be 1 (oldest first) or -1 (newest first), not None")
    last = options.resume_after
    if last is not None and not isinstance(last, model):
        raise UsageError(f"resume_after must be a {model.__name__}, not {last!r}")

    def fetch(start: Mts | None, end: Mts | None, limit: int, sort: int) -> list[T]:
        # What follows is concluded from all rows of a page.
        with strictly():
            return get(start=start, end=end, limit=limit, sort=sort)

    parts = pages(
        fetch,
        start=start,
        end=end,
        limit=page["limit"] or max_limit,
        max_limit=max_limit,
        sort=sort,
        mts_of=mts_of,
        identity_of=identity_of,
        has_own_times=has_own_times,
        from_both_ends=from_both_ends,
        resume_after=last,
        skip=options.skip,
    )
    if check_bool("progress", options.progress):
        parts = with_bar(
            parts,
            bar_class(),
            title,
            start=start,
            end=options.now_mts if end is None else end,
            sort=sort,
            mts_of=mts_of,
        )
    return (row for part in parts for row in part)


def filled(
    candles: Iterator[Candle],
    get: Callable[..., list[Candle]],
    tf: str,
    options: IterationOptions,
    zero: Any,
) -> Iterator[Candle]:
    """Return candles of all intervals: these, and one without volume for each that has none."""
    start, end = check_time("start", options.start), check_time("end", options.end)
    last: Candle | None = options.resume_after
    is_ascending = options.sort == 1
    if last is not None and not is_ascending:
        # What is before a candle that has been given is over, also where this clock is slow.
        end = last.mts - 1 if end is None else min(end, last.mts - 1)
    elif end is not None:
        end = min(end, last_over(options.now_mts, tf))

    def before() -> Candle | None:
        if last is not None and is_ascending:
            return last
        if not start:
            return None
        with strictly():
            found = get(end=start - 1, limit=1, sort=-1)
        return found[0] if found else None

    return fill_intervals(
        candles,
        tf,
        start=start,
        end=end,
        sort=options.sort,
        before=before,
        zero=zero,
    )
