"""The iterator over a history that a program gets."""

from __future__ import annotations

from typing import Any, Iterator, TypeVar

from bfxsync._base.aliases import NumberType
from bfxsync.dataframes import TableSource, Tabular

T = TypeVar("T")


class HistoryRows(Iterator[T], Tabular):
    """
    An iterator over the rows of a history; requests are sent as rows are consumed.

    ``df()`` and ``arrow()`` read the rows that are left, all of them, into a table.
    """

    def __init__(
        self, rows: Iterator[T], model: Any, number: NumberType = float
    ) -> None:
        self._rows = rows
        self._model = model
        self._number = number

    def __next__(self) -> T:
        return next(self._rows)

    def close(self) -> None:
        """End the iteration and its progress bar."""
        rows: Any = self._rows
        rows.close()

    def _table_source(self) -> TableSource:
        return TableSource(self._model, self._rows, self._number)
