"""Opens sinks by the names of their files."""

from __future__ import annotations

import os
import re
import sqlite3
from typing import Type, TypeVar

from bfxsync._base.aliases import NumberType
from bfxsync.checks.containers import optional
from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.errors import UsageError
from bfxsync.sinks.csv_file import CsvFile
from bfxsync.sinks.parquet_file import ParquetFile
from bfxsync.sinks.row_format import RowFormat
from bfxsync.sinks.sink import Sink
from bfxsync.sinks.sqlite_table import SqliteTable
from bfxsync.sinks.storage import Storage

M = TypeVar("M")

_TABLE = re.compile(r"(?!sqlite_)[A-Za-z_][A-Za-z0-9_]*")
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")

_SQLITE = (".db", ".sqlite", ".sqlite3")

# A part of a Parquet file has some thousand bytes more than its rows.
_FLUSH_S = {".csv": 1.0, ".parquet": 60.0}


def open_sink(
    path: str | os.PathLike[str],
    model: Type[M],
    *,
    numbers: NumberType = float,
    table: str | None = None,
    flush_s: float | None = None,
) -> Sink[M]:
    """
    Open a file that rows are added to: a new one, or one that an earlier program has begun.

    Parameters
    ----------
    path : str or os.PathLike
        Its name ends in ``.csv``, ``.parquet`` (extra ``arrow``), or ``.db``, ``.sqlite`` or
        ``.sqlite3`` for SQLite.
    model : type
        The class of the rows, such as `Candle`.
    numbers : type
        `float`, or `decimal.Decimal` for a client with ``numbers=Decimal``: then numbers are
        texts with all their digits, except in CSV, where they always are.
    table : str, optional
        Name of the table in SQLite; by default that of the model, such as ``candle``.
    flush_s : float, optional
        Seconds between flushes, see `Sink.write`; by default 1, for Parquet 60.

    Raises
    ------
    UsageError
        Invalid argument; the file cannot be written, has other columns, or is in use.
    ImportError
        pyarrow is not installed.
    """
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str) or "\0" in name:
        raise UsageError(f"path must be the path of a file, not {path!r}")
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in (".csv", ".parquet", *_SQLITE):
        raise UsageError(
            f"path must end in .csv, .parquet or {', '.join(_SQLITE)}, not {name!r}"
        )
    row_format = RowFormat(model, numbers)
    if table is None:
        table = _BETWEEN_WORDS.sub("_", model.__name__).lower()
    elif suffix not in _SQLITE:
        raise UsageError(f"table is for SQLite only, not for {name!r}")
    elif not isinstance(table, str) or not _TABLE.fullmatch(table):
        raise UsageError(f"table must be a plain word, not {table!r}")
    flush_s = optional(check_seconds_or_zero, "flush_s", flush_s)
    if flush_s is None:
        flush_s = _FLUSH_S.get(suffix, 1.0)
    storage: Storage
    try:
        if suffix == ".csv":
            storage = CsvFile(name, row_format)
        elif suffix == ".parquet":
            storage = ParquetFile(name, row_format)
        else:
            storage = SqliteTable(name, table, row_format)
        try:
            return Sink(name, storage, row_format, flush_s)
        except BaseException:
            storage.close()
            raise
    except UsageError:
        raise
    except (OSError, ValueError, sqlite3.Error) as exc:
        raise UsageError(f"cannot write to {name!r}: {exc}") from exc
