"""
Reads many rows of one model at once, by columns.

Strategy: checking a whole column costs a fraction of checking each of its values. It only shows
whether all values are usual ones. Anything else, even a null where one is allowed, is left to the
reader of single rows, which has the texts of all errors. So a column reader must refuse every value
that the row reader would refuse or convert in another way.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import repeat
from math import isfinite
from operator import itemgetter
from typing import Any, Callable, List, Optional, Sequence

from bfxsync._base.aliases import NumberType
from bfxsync._base.numbers import EXACT
from bfxsync.models.rows import INT64, SCREEN_ERRORS, Kind, Layout

_WHOLE = (Kind.INTEGER, Kind.OPTIONAL_INTEGER)

_ZEROS = repeat(0.0)
_EXACT = repeat(EXACT)

_INT = {int}
_INT_OR_FLOAT = {int, float}
_INT_OR_DECIMAL = {int, Decimal}

Column = Sequence[Any]

ColumnReader = Callable[[List[Column]], Optional[Sequence[Column]]]
"""Returns a column for each field of all those of rows; None if the rows need a closer look."""


def column_reader(layout: Layout, number: NumberType) -> ColumnReader:
    """Return a reader of rows that converts values as `Layout.read` does."""
    read_numbers = _decimals if number is Decimal else _floats
    steps = [
        (index, _integers if kind in _WHOLE else read_numbers)
        for _, index, kind in layout.fields
    ]

    def read(columns: List[Column]) -> Optional[Sequence[Column]]:
        try:
            return [read_column(columns[index]) for index, read_column in steps]
        except SCREEN_ERRORS:
            return None

    return read


def screened_column_reader(layout: Layout) -> ColumnReader:
    """Return a reader of rows that leaves all values as they are."""
    select = itemgetter(*(index for _, index, _ in layout.fields))
    whole = [
        place for place, (_, _, kind) in enumerate(layout.fields) if kind in _WHOLE
    ]

    def read(columns: List[Column]) -> Optional[Sequence[Column]]:
        try:
            columns = select(columns)
            # A sum of floats raises for text, null, lists, and integers that no float holds.
            sum(map(sum, columns, _ZEROS))
            for place in whole:
                if set(map(type, columns[place])) != _INT:
                    return None
            # An id or a count; times have no bounds where single rows are screened, either.
            for place in whole[:1]:
                if min(columns[place]) < 0 or max(columns[place]) >= INT64:
                    return None
        except SCREEN_ERRORS:
            return None
        return columns

    return read


def _integers(column: Column) -> Column:
    if set(map(type, column)) != _INT or min(column) < -INT64 or max(column) >= INT64:
        raise ValueError
    return column


def _floats(column: Column) -> Column:
    kinds = set(map(type, column))
    if not kinds <= _INT_OR_FLOAT or not isfinite(sum(column, 0.0)):
        raise ValueError
    return column if int not in kinds else list(map(float, column))


def _decimals(column: Column) -> Column:
    kinds = set(map(type, column))
    if not kinds <= _INT_OR_DECIMAL:
        raise ValueError
    if int in kinds:
        column = list(map(Decimal, column, _EXACT))
    if not all(map(Decimal.is_finite, column)):
        raise ValueError
    return column
