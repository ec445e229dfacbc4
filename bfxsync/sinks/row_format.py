"""
Models as rows of files, and back.

Strategy: a row has plain values that every kind of file can keep: int, float, str, bool and None.
Times are milliseconds, Decimals their texts, objects and lists texts of JSON. The rows contain
the symbol too, so that a model read from a file equals the one that was written.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from operator import attrgetter
from typing import Any, Callable, Dict, List, Sequence, Tuple

import attrs

from bfxsync._base.aliases import Mts, NumberType
from bfxsync._base.enums import OrderFlag
from bfxsync.dataframes import TIME, TableColumn, cell_text
from bfxsync.errors import RemoteError, UsageError
from bfxsync.models.field_types import FIELD_TYPES
from bfxsync.models.model import Model, fields_of

Values = Tuple[Any, ...]

RECEIVED = TableColumn("received_at", "", TIME)
"""The first column of models without a time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


class RowFormat:
    """
    The columns of a model's rows.

    Attributes
    ----------
    columns : list of TableColumn
        The time first; a model without one has the time at which its row was written.
    """

    def __init__(self, model: Any, number: NumberType) -> None:
        kind: Any = model if isinstance(model, type) else None
        is_model: bool = attrs.has(kind) and issubclass(kind, Model)
        if not is_model or not model.table_columns():
            raise UsageError(f"model must be a class of bfxsync.models, not {model!r}")
        if number not in (float, Decimal):
            raise UsageError(
                f"numbers must be float or decimal.Decimal, not {number!r}"
            )
        self.model = model
        self.number = number
        self._types: Dict[str, str] = {f.name: f.type for f in fields_of(model)}
        found = model.table_columns(number, symbol=True)
        nested = [c.field for c in found if self._types[c.field] not in FIELD_TYPES]
        if nested:
            raise UsageError(
                f"a sink cannot keep {model.__name__}: {nested[0]} is no plain value"
            )
        self.has_own_time: bool = found[0].is_index
        self.columns: List[TableColumn] = (
            found if self.has_own_time else [RECEIVED, *found]
        )
        self._read = [(attrgetter(c.field), self._plain_of(c)) for c in found]
        shown = {column.field for column in model.table_columns(number)}
        # Such as the symbol, which all rows of one history share.
        self._origin = [c.field for c in found if c.field not in shown]
        self._numbers = [c.field for c in found if self._is_number(c)]

    @property
    def names(self) -> List[str]:
        return [column.name for column in self.columns]

    def values(self, row: Any, now_mts: Mts) -> Values:
        """Return the values of a row that is written at this time."""
        found = []
        for get, plain in self._read:
            value = get(row)
            found.append(None if value is None else plain(value))
        if self.has_own_time:
            return tuple(found)
        sent_mts = getattr(row, "server_mts", None)
        return (now_mts if sent_mts is None else sent_mts, *found)

    def row(self, values: Sequence[Any]) -> Any:
        """Return the model of the values."""
        found = {
            column.field: None if value is None else self._from_plain(column, value)
            for column, value in zip(self.columns, values)
            if column is not RECEIVED
        }
        return self.model(**found)

    def origin(self, row: Any) -> Values:
        """Return what rows of one history have in common: symbol and timeframe."""
        return tuple(getattr(row, name) for name in self._origin)

    def check_numbers(self, row: Any) -> None:
        """Refuse a row with numbers of the other type, which would change its digits."""
        for name in self._numbers:
            value = getattr(row, name)
            if value is not None and isinstance(value, Decimal) is not (
                self.number is Decimal
            ):
                raise UsageError(
                    f"numbers of the sink must be those of its rows: {name} is {value!r}"
                )

    def _is_number(self, column: TableColumn) -> bool:
        return (
            column.dtype != TIME
            and FIELD_TYPES[self._types[column.field]][1] == "float64"
        )

    def _plain_of(self, column: TableColumn) -> Callable[[Any], Any]:
        if column.dtype == TIME:
            return _mts
        if self._is_number(column):
            return str if self.number is Decimal else float
        if column.dtype == "Int64":
            return int
        return cell_text if column.dtype == "object" else _same

    def _from_plain(self, column: TableColumn, value: Any) -> Any:
        if self._is_number(column) or column.dtype == TIME:
            # The times of liquidations have fractions.
            kind = self._types[column.field]
            is_exact = self.number is Decimal and kind.startswith("float")
            return Decimal(str(value)) if is_exact else value
        if self._types[column.field] == "OrderFlag | None":
            return OrderFlag(value)
        return json.loads(value) if column.dtype == "object" else value


def time_text(mts: Any) -> str:
    """Return a time as ``2026-01-31T12:00:00.000Z``, with microseconds if it has some."""
    try:
        time = _EPOCH + timedelta(microseconds=round(mts * 1000))
    except OverflowError:
        raise RemoteError(f"{mts} ms is beyond the year 9999") from None
    digits = "microseconds" if time.microsecond % 1000 else "milliseconds"
    return time.isoformat(timespec=digits)[: -len("+00:00")] + "Z"


def mts_of_text(text: str) -> Any:
    """Return the milliseconds of `time_text`."""
    time = datetime.fromisoformat(text[:-1] + "+00:00")
    return mts_of_microseconds((time - _EPOCH) // _MICROSECOND)


def mts_of_microseconds(count: int) -> Any:
    """Return milliseconds: an integer, if it is a whole number."""
    return count / 1000 if count % 1000 else count // 1000


def _mts(value: Any) -> Any:
    return value if isinstance(value, int) else mts_of_microseconds(round(value * 1000))


def _same(value: Any) -> Any:
    return value
