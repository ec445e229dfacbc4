"""
The base of public messages: a row of numbers, with its symbol and time of sending.

Strategy: rows do not contain their symbol, so a channel creates a reader for its symbol once, and
each row costs no more than two additional arguments of the constructor. Measured on CPython 3.9,
3.11 and 3.13, this is cheaper than setting the fields afterwards, and much cheaper than keywords.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, ClassVar

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync.models.columns import ColumnReader, column_reader, screened_column_reader
from bfxsync.models.model import Model, at, fields_of, model
from bfxsync.models.moments import Moment, moment

if TYPE_CHECKING:
    from typing_extensions import Self

Reader = Callable[..., Any]
"""Builds a model from a row and, if it is known, the time at which the exchange sent it."""


@model
class MarketModel(Model):
    """
    Base of the rows of public channels; unknown columns are ignored.

    Comparisons ignore `symbol`, `server_mts` and similar fields that rows do not contain.
    """

    # Keyword-only for type checkers, as subclasses add fields without default after these.
    symbol: Symbol | None = at(default=None, kw_only=True, eq=False)
    """Symbol of the subscription or request, as rows have none; None if neither is known."""
    server_mts: Mts | None = at(default=None, kw_only=True, eq=False)
    """
    Time at which the exchange sent the message, in milliseconds UTC: on WebSocket with
    ``Flag.TIMESTAMP``, else None.
    """

    sent_at: ClassVar[Moment[datetime | None]] = moment(server_mts)

    _has_own_repr = True
    _is_screened: ClassVar[bool] = False
    """Whether the model has a cheaper check, which leaves whole numbers as `int` among floats."""

    def __repr__(self) -> str:
        texts = [
            f"{field.name}={getattr(self, field.name, attrs.NOTHING)!r}"
            for field in fields_of(type(self))
            if field.default is attrs.NOTHING
            or getattr(self, field.name, None) is not None
        ]
        return f"{type(self).__name__}({', '.join(texts)})"

    @classmethod
    def from_row(
        cls, row: Row, number: NumberType = float, symbol: Symbol | None = None
    ) -> Self:
        """Build from a row of the exchange."""
        found: Self = cls.reader(number, symbol)(row)
        return found

    @classmethod
    def reader(cls, number: NumberType = float, symbol: Symbol | None = None) -> Reader:
        """Return a function that builds models of one symbol, like `from_row`."""
        make: Any = cls
        values = cls._layout.read

        def read(row: Row, server_mts: Mts | None = None) -> Any:
            return make(*values(row, number), symbol, server_mts)

        return cls._screened(read, symbol) if number is float else read

    @classmethod
    def column_reader(cls, number: NumberType = float) -> ColumnReader:
        """Return a function that reads the fields of many rows by columns, see `columns`."""
        if cls._is_screened and number is float:
            return screened_column_reader(cls._layout)
        return column_reader(cls._layout, number)

    @classmethod
    def _screened(cls, read_checked: Reader, symbol: Symbol | None) -> Reader:
        """Return a faster reader, where a model has one; it falls back on `read_checked`."""
        return read_checked
