"""
Rows that cannot be read, among which may be the one that is looked for.

Strategy: `OutcomeUnknown.resolve` reads around such a row instead of failing over a stranger's one,
but what may be the row it looks for is a candidate: it must never count as absent.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, TypeVar, Union

from bfxsync.errors import RemoteError
from bfxsync.rest.auth.resolving import Candidates, Found

T = TypeVar("T")

Places = Mapping[int, Union[int, str]]
"""What stands at an index of the row that is looked for."""


class UnreadRows:
    """
    Rows that were left out of lists, as they could not be read.

    Attributes
    ----------
    rows : list
        As they came.
    is_cut : bool
        Other rows may be behind them that were not asked for.
    """

    def __init__(self) -> None:
        self.rows: List[Any] = []
        self.is_cut = False

    def add(self, error: RemoteError, limit: int | None = None) -> None:
        """Take those of one answer; `limit` is what was asked for, if nothing more will be."""
        self.rows += [row for row, _ in error.unreadable]
        count = len(error.rows) + len(error.unreadable)
        self.is_cut |= limit is not None and count >= limit

    def around(self, rows: Iterator[T]) -> Iterator[T]:
        """Give the rows of an iterator, also if it ends early because of such rows."""
        try:
            yield from rows
        except RemoteError as error:
            if not error.unreadable:
                raise
            self.add(error)
            self.is_cut = True

    def like(self, places: Places) -> List[Any]:
        """Return those that may be the row that has this at its places."""
        return [row for row in self.rows if self.is_cut or may_be(row, places)]


def may_be(row: Any, places: Places) -> bool:
    """
    Tell whether a row that cannot be read may be the one that is looked for.

    It is another one if something else stands at a place, of the type that belongs there.
    """
    if not isinstance(row, list):
        return True
    found = {index: row[index] for index in places if index < len(row)}
    return all(
        type(value) is not type(places[index]) or value == places[index]
        for index, value in found.items()
    )


def with_unread(found: Found[T], strange: List[Any]) -> Found[T]:
    """Return what was found, and as candidates what may be it as well."""
    if not strange:
        return found
    if isinstance(found, Candidates):
        return Candidates([*found.values, *strange])
    return Candidates(strange if found is None else [found, *strange])
