"""The properties of the exchange's histories, and the options of an iteration."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Callable, Generic, Optional, Type, TypeVar

import attrs

from bfxsync._base.aliases import Mts

T = TypeVar("T")


@attrs.frozen
class History(Generic[T]):
    """
    Ordering, filters and limits of one history of the exchange.

    Attributes
    ----------
    model : type
        The class of the rows.
    max_limit : int
        Maximum number of rows per request.
    mts_of : callable
        Returns the time of a row by which the exchange filters; it may have a fraction.
    identity_of : callable, optional
        Returns the sort key of rows with the same time.
    has_own_times : bool
        At most one row per millisecond: pages need not overlap.
    from_both_ends : bool
        The identity is unique among the rows of one time, and the exchange sorts both ways.
    is_sortable : bool
        False if the exchange has no ``sort`` for it and returns the newest rows first.
    """

    model: Type[T]
    max_limit: int
    mts_of: Callable[[T], Any] = attrgetter("mts")
    identity_of: Optional[Callable[[T], Any]] = None
    has_own_times: bool = attrs.field(default=False, kw_only=True)
    from_both_ends: bool = attrs.field(default=False, kw_only=True)
    is_sortable: bool = attrs.field(default=True, kw_only=True)


def newest_first(
    model: Type[T],
    max_limit: int,
    time_name: str,
    identity_of: Callable[[T], Any] = attrgetter("id"),
) -> History[T]:
    """Return a history without ``sort``, filtered by the field of this name."""
    mts_of = attrgetter(time_name)
    return History(model, max_limit, mts_of, identity_of, is_sortable=False)


@attrs.frozen(kw_only=True)
class Iteration(Generic[T]):
    """
    The checked options of one iteration.

    Attributes
    ----------
    limit : int
        Rows per request.
    start, end : int or None
        First and last millisecond, inclusive; None: unbounded.
    sort : int
        1: oldest first; -1: newest first.
    resume_after : row, optional
        The last row of an earlier iteration over the same range.
    progress : bool
        Show a progress bar.
    now_mts : int
        Time at which the iterator was called.
    """

    limit: int
    start: Optional[Mts] = None
    end: Optional[Mts] = None
    sort: int = 1
    resume_after: Optional[T] = None
    progress: bool = False
    now_mts: Mts = 0
