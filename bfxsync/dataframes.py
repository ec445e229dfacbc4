"""
Models as tables: DataFrames of pandas, tables of Arrow.

Strategy: columns and dtypes follow from the fields of the model, never from values, so an empty
table has the same columns, dtypes and index as a full one. `numpy.fromiter` fills each column,
without a list of its values. An iterator is read in chunks: a long history is never in memory as
models. The libraries are imported by the calls that need them.

Of models this module knows only `table_columns`, so that every layer can offer tables.
"""

from __future__ import annotations

import importlib
import json
from decimal import Decimal
from functools import partial
from itertools import chain, islice
from operator import attrgetter
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Sequence,
    Tuple,
)

from bfxsync._base.aliases import NumberType
from bfxsync._base.forks import lazily
from bfxsync.checks.options import check_bool
from bfxsync.errors import RemoteError, UsageError

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["TableColumn", "Tabular", "arrow_table", "dataframe"]

TIME = "datetime64[ns, UTC]"
"""The dtype of times."""

_CHUNK = 100_000

# Of the dtypes that NumPy has; columns of all others are filled with objects first. In floats
# times may be missing, have fractions, and are exact.
_NUMPY = {"float64": "float64", "int64": "int64", "bool": "bool", TIME: "float64"}

# In the year 2262: the nanoseconds of a later time have more than 64 bits.
_MAX_MTS = 2**63 // 10**6


class TableColumn(NamedTuple):
    """The name of a column, the field of its values, and its dtype."""

    name: str
    field: str
    dtype: str
    is_index: bool = False


class TableSource(NamedTuple):
    """
    What a table is made of.

    Attributes
    ----------
    model : type
        The class of all rows.
    rows : iterable
        An iterator is consumed.
    number : type
        `float` or `decimal.Decimal`: the type of the number fields.
    texts : dict
        Additional columns of texts, by name, before the others.
    """

    model: Any
    rows: Iterable[Any]
    number: NumberType
    texts: Dict[str, Sequence[str]] = {}


class Tabular:
    """Base of everything that can be converted to a table."""

    __slots__ = ()

    def df(self, *, symbol: bool = False) -> pandas.DataFrame:
        """
        Return a DataFrame with a row for each model; needs the extra ``pandas``.

        The index is the time in UTC (``datetime64[ns, UTC]``, named ``time``); models without a
        time are numbered. The columns and their dtypes are those of `Model.columns`. Numbers are
        ``float64`` and missing ones NaN; with ``numbers=Decimal`` they are objects.

        Parameters
        ----------
        symbol : bool
            Add the columns ``symbol`` and, for candles, ``timeframe``, which rows of market data
            do not contain.

        Raises
        ------
        ImportError
            pandas is not installed.
        RemoteError
            A number has more than 64 bits, or a time is beyond the year 2262.
        """
        return _frame(self._table_source(), check_bool("symbol", symbol))

    def arrow(self, *, symbol: bool = False) -> pyarrow.Table:
        """
        Return a table of Arrow, which Polars reads too; needs the extra ``arrow``.

        The time is the first column, the others are as in `df`. Missing values are null. Decimals
        are texts with all their digits; objects, lists and nested models are texts of JSON.
        """
        return _arrow(self._table_source(), check_bool("symbol", symbol))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return `arrow` as a stream for other libraries: ``polars.DataFrame(history)``."""
        return self.arrow().__arrow_c_stream__(requested_schema)

    def _table_source(self) -> TableSource:
        raise NotImplementedError


def dataframe(
    rows: Iterable[Any],
    model: Any = None,
    *,
    numbers: NumberType | None = None,
    symbol: bool = False,
) -> pandas.DataFrame:
    """
    Return a DataFrame of models of one class that a program has collected, as `Tabular.df` does.

    Parameters
    ----------
    rows : iterable of Model
        An iterator is read to its end.
    model : type, optional
        Class of the rows; by default that of the first.
    numbers : type, optional
        `float`, or `decimal.Decimal` for rows of a client with ``numbers=Decimal``; by default as
        in the first row.
    symbol : bool
        As for `Tabular.df`.

    Raises
    ------
    UsageError
        There are neither rows nor a `model`, or a row is of another class.
    """
    return _frame(table_source(rows, model, numbers), check_bool("symbol", symbol))


def arrow_table(
    rows: Iterable[Any],
    model: Any = None,
    *,
    numbers: NumberType | None = None,
    symbol: bool = False,
) -> pyarrow.Table:
    """Return the table of `Tabular.arrow` for models of one class; arguments as for `dataframe`."""
    return _arrow(table_source(rows, model, numbers), check_bool("symbol", symbol))


def cell_text(value: object) -> str:
    """Return the text of a value that is no plain column: a Decimal, an object or a list."""
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, default=_plain_object)


def _plain_object(value: Any) -> Any:
    return value.to_dict() if hasattr(value, "to_dict") else str(value)


def table_source(rows: Any, model: Any, number: NumberType | None) -> TableSource:
    """Check what a table is to be made of; None: as in the first row."""
    if number not in (None, float, Decimal):
        raise UsageError(f"numbers must be float or decimal.Decimal, not {number!r}")
    if model is not None and not _is_model(model):
        raise UsageError(f"model must be a class of bfxsync.models, not {model!r}")
    try:
        rows = iter(rows)
    except TypeError:
        raise UsageError(f"rows must be models, not {rows!r}") from None
    first = list(islice(rows, 1))
    if model is None:
        if not first:
            raise UsageError("there are no rows: pass their class as model")
        model = type(first[0])
        if not _is_model(model):
            raise UsageError(f"rows must be models, not {first[0]!r}")
    if number is None:
        names = [column.field for column in model.table_columns()]
        kinds = {type(getattr(row, name, None)) for row in first for name in names}
        number = Decimal if Decimal in kinds else float
    return TableSource(model, chain(first, rows), number)


def _is_model(model: Any) -> bool:
    # The bases of models have no fields.
    return bool(getattr(model, "__attrs_attrs__", ())) and hasattr(
        model, "table_columns"
    )


def _import(name: str, extra: str) -> Any:
    try:
        return lazily(partial(importlib.import_module, name))
    except ImportError as exc:
        raise ImportError(
            f'{name} is not installed: pip install "bfxsync[{extra}]"'
        ) from exc


# --- columns of NumPy -------------------------------------------------------------------------


def _arrays(source: TableSource, symbol: bool) -> Iterator[Tuple[TableColumn, Any]]:
    """Yield all columns and their values; times are in nanoseconds."""
    numpy = _import("numpy", "pandas")
    columns: List[TableColumn] = source.model.table_columns(
        source.number, symbol=symbol
    )
    parts = [
        [_values(numpy, source.model, column, chunk) for column in columns]
        for chunk in _chunks(source)
    ]
    for name, texts in source.texts.items():
        yield TableColumn(name, name, "string"), numpy.array(texts, dtype=object)
    for column, chunks in zip(columns, zip(*parts)):
        yield column, chunks[0] if len(chunks) == 1 else numpy.concatenate(chunks)


def _chunks(source: TableSource) -> Iterator[List[Any]]:
    """Yield the rows in lists, at least one."""
    rows, model, is_first = iter(source.rows), source.model, True
    while True:
        chunk = list(islice(rows, _CHUNK))
        for kind in set(map(type, chunk)):
            if not issubclass(kind, model):
                raise UsageError(
                    f"rows must be of {model.__name__}, not of {kind.__name__}"
                )
        if chunk or is_first:
            yield chunk
        if len(chunk) < _CHUNK:
            return
        is_first = False


def _values(numpy: Any, model: Any, column: TableColumn, rows: List[Any]) -> Any:
    """Return the values of one field."""
    values = map(attrgetter(column.field), rows)
    dtype = _NUMPY.get(column.dtype, object)
    try:
        found = numpy.fromiter(values, dtype, len(rows))
    except OverflowError:
        raise _out_of_range(model, column, "64 bits") from None
    if column.dtype != TIME:
        return found
    missing = numpy.isnan(found)
    found[missing] = 0
    if (numpy.abs(found) > _MAX_MTS).any():
        raise _out_of_range(model, column, "the year 2262")
    times = (numpy.rint(found * 1000).astype("int64") * 1000).view("M8[ns]")
    times[missing] = "NaT"
    return times


def _out_of_range(model: Any, column: TableColumn, limit: str) -> RemoteError:
    return RemoteError(f"{model.__name__}.{column.field}: a value is beyond {limit}")


def _integers(
    numpy: Any, model: Any, column: TableColumn, objects: Any
) -> Tuple[Any, Any]:
    """Return integers, with 0 for missing ones, and which ones are missing."""
    missing = numpy.equal(objects, None).astype(bool)
    objects[missing] = 0
    try:
        return objects.astype("int64"), missing
    except OverflowError:
        raise _out_of_range(model, column, "64 bits") from None


# --- pandas and Arrow -------------------------------------------------------------------------


def _frame(source: TableSource, symbol: bool) -> pandas.DataFrame:
    numpy, library = _import("numpy", "pandas"), _import("pandas", "pandas")
    index = None
    found: Dict[str, Any] = {}
    for column, values in _arrays(source, symbol):
        name, dtype = column.name, column.dtype
        if column.is_index:
            index = library.DatetimeIndex(values, tz="UTC", name=name)
        elif dtype == TIME:
            found[name] = library.DatetimeIndex(values, tz="UTC").array
        elif dtype == "Int64":
            parts = _integers(numpy, source.model, column, values)
            found[name] = library.arrays.IntegerArray(*parts)
        elif dtype == "object":
            # An array of texts alone would become another dtype.
            found[name] = library.Series(values, index=index, dtype=object)
        elif values.dtype == object:
            found[name] = library.array(values, dtype=dtype)
        else:
            found[name] = values
    if index is None:
        index = library.RangeIndex(len(next(iter(found.values()))))
    return library.DataFrame(found, index=index, copy=False)


def _arrow(source: TableSource, symbol: bool) -> pyarrow.Table:
    numpy, library = _import("numpy", "arrow"), _import("pyarrow", "arrow")
    types = {
        "Int64": library.int64(),
        "bool": library.bool_(),
        "boolean": library.bool_(),
        "string": library.string(),
        "object": library.string(),
    }
    found: Dict[str, Any] = {}
    for column, values in _arrays(source, symbol):
        missing = None
        if column.dtype == TIME:
            stamps = library.array(values)
            found[column.name] = stamps.cast(library.timestamp("ns", "UTC"))
            continue
        if column.dtype == "Int64":
            values, missing = _integers(numpy, source.model, column, values)
        elif column.dtype == "object":
            values = [None if value is None else cell_text(value) for value in values]
        found[column.name] = library.array(
            values, types.get(column.dtype), missing, from_pandas=missing is None
        )
    return library.table(found)
