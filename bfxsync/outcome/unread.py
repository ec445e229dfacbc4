"""
Unreadable rows that may be the outcome of a write.

Strategy: `OutcomeUnknown.resolve` skips unreadable rows, so that an unrelated one does not make it
fail. A row that may be the outcome is a candidate, so that the write never counts as absent.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Mapping, TypeVar, Union

from bfxsync.errors import RemoteError
from bfxsync.outcome.resolve import Candidates, Found

T = TypeVar("T")

ExpectedValues = Mapping[int, Union[int, str]]
"""Expected values by their index in the row."""


class UnreadRows:
    """
    Unreadable rows that were left out of lists.

    Attributes
    ----------
    rows : list
        The rows, as received.
    is_cut : bool
        There may be further rows, which were not requested.
    """

    def __init__(self) -> None:
        self.rows: List[Any] = []
        self.is_cut: bool = False

    def add(self, error: RemoteError, limit: int | None = None) -> None:
        """Add the rows of one response; `limit` is its page size if no further page is read."""
        self.rows += [row for row, _ in error.unreadable]
        count = len(error.rows) + len(error.unreadable)
        self.is_cut |= limit is not None and count >= limit

    def replace(self, others: Iterable[UnreadRows]) -> None:
        """Replace the rows by those of other collections."""
        found = list(others)
        self.rows = [row for unread in found for row in unread.rows]
        self.is_cut = any(unread.is_cut for unread in found)

    def readable(self, rows: Iterator[T]) -> Iterator[T]:
        """Yield the rows of an iterator until it raises for unreadable rows, which are recorded."""
        try:
            yield from rows
        except RemoteError as error:
            if not error.unreadable:
                raise
            self.add(error)
            self.is_cut = True

    def matching(self, expected: ExpectedValues) -> List[Any]:
        """Return the unreadable rows that may have these values; all if `is_cut`."""
        return [row for row in self.rows if self.is_cut or may_match(row, expected)]


def may_match(row: Any, expected: ExpectedValues) -> bool:
    """
    Return whether an unreadable row may have these values.

    Only a different value of the expected type rules that out.
    """
    if not isinstance(row, list):
        return True
    found = {index: row[index] for index in expected if index < len(row)}
    return all(
        type(value) is not type(expected[index]) or value == expected[index]
        for index, value in found.items()
    )


def with_unread(found: Found[T], unreadable: List[Any]) -> Found[T]:
    """Return the result of a search, with unreadable rows, if any, as candidates."""
    if not unreadable:
        return found
    if isinstance(found, Candidates):
        return Candidates([*found.values, *unreadable])
    return Candidates(unreadable if found is None else [found, *unreadable])
