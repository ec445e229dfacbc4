"""The order of rows in a history: by time, then identity, then everything they contain."""

from __future__ import annotations

import math
from collections import Counter
from itertools import groupby
from typing import Any, Callable, Generic, Iterator, TypeVar

from bfxsync._base.aliases import Mts
from bfxsync.errors import RemoteError, UsageError
from bfxsync.rest.history.history import History, Iteration

T = TypeVar("T")


class RowOrder(Generic[T]):
    """The order of rows in one iteration over a history."""

    def __init__(self, history: History[T], iteration: Iteration[T]) -> None:
        self.sort: int = iteration.sort
        self._mts_of = history.mts_of
        self._identity_of = history.identity_of
        self._bounds = iteration.start, iteration.end
        # Towards the rows already read, so that no row with a fraction is skipped.
        self._round: Callable[[Any], int] = math.floor if self.sort == 1 else math.ceil

    def key(self, row: T) -> Any:
        """Return the time and the identity of a row."""
        identity_of = self._identity_of
        return self._mts_of(row), None if identity_of is None else identity_of(row)

    def place(self, row: T) -> Mts:
        """Return the bound, in whole milliseconds, with which a request returns this row."""
        return self._round(self._mts_of(row))

    def span(self, row: T) -> tuple[Mts, Mts]:
        """Return the bounds of the millisecond in which a row's time may have a fraction."""
        place = self.place(row)
        return (place, place + 1) if self.sort == 1 else (place - 1, place)

    def has_fraction(self, row: T) -> bool:
        return bool(self._mts_of(row) != self.place(row))

    def check_repeated(self, held: Counter[Any], rows: list[T]) -> None:
        """Raise `RemoteError` unless a page repeats the rows with these keys."""
        missing = held - Counter(map(self.key, rows))
        if missing:
            raise RemoteError(
                f"rows of {next(iter(missing))[0]} ms were at the end of a page, but not in the "
                "next page, which was requested from that time: they have changed, or the exchange "
                "sorts by another time",
                raw=rows[:3],
            )

    def narrow(
        self, start: Mts | None, end: Mts | None, place: Mts
    ) -> tuple[Mts | None, Mts | None]:
        """Return the part of a range that is left once the iteration has reached `place`."""
        if self.sort == 1:
            return (place if start is None else max(start, place)), end
        return start, (place if end is None else min(end, place))

    def within(self, page: list[T], start: Mts | None, end: Mts | None) -> list[T]:
        """
        Return the rows of a page that are within the requested range.

        A page without any, or with rows of an earlier range, raises `RemoteError`: the exchange
        must have sorted by another time.
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
        """Return the rows in order; rows with equal keys are ordered by their text."""
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
        Yield the rows after `last` as a list, unless it is empty; all rows if `last` is None.

        Raises `UsageError` if several rows equal `last`.
        """
        if last is not None:
            key = self.key(last)
            alike = [row for row in rows if self.key(row) == key]
            rows = [row for row in rows if self._is_behind(row, key)]
            if len(alike) > 1:
                texts = [repr(row) for row in alike]
                if texts.count(repr(last)) != 1:
                    raise UsageError(
                        f"resume_after: several rows of {key[0]} ms equal {last!r}, so the "
                        "position is ambiguous; iterate again with "
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
