"""What a file of a sink has."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, List

from bfxsync.sinks.csv_file import CsvFile
from bfxsync.sinks.parquet_file import ParquetFile
from bfxsync.sinks.row_format import RowFormat
from bfxsync.sinks.sqlite_table import SqliteTable


def stored(path: Path, model: Any, numbers: Any = float) -> List[Any]:
    """Return all rows of a file, as models."""
    row_format = RowFormat(model, numbers)
    storage: Any
    if path.suffix == ".db":
        storage = SqliteTable(str(path), model.__name__.lower(), row_format)
    else:
        make: Any = CsvFile if path.suffix == ".csv" else ParquetFile
        storage = make(str(path), row_format)
    with closing(storage):
        return list(map(row_format.row, storage.tail()))
