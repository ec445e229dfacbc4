"""
Rows in a Parquet file.

Strategy: a Parquet file cannot be appended to, as it is unreadable until it is finished. So rows
go to small files in a folder beside it, each of which appears whole or not at all, and `close`
merges them into the file, which is replaced as a whole. After a crash the next sink goes on with
the folder. The merged file says which small files it contains, in case the crash came between.
"""

from __future__ import annotations

import os
import shutil
from functools import partial
from importlib import import_module
from io import FileIO
from pathlib import Path
from typing import Any, Dict, Iterator, List

from bfxsync._base.forks import lazily
from bfxsync.dataframes import TIME
from bfxsync.errors import UsageError
from bfxsync.recording.output_file import lock_exclusively
from bfxsync.sinks.row_format import RowFormat, Values, mts_of_microseconds
from bfxsync.sinks.storage import KEPT, Storage

_MERGED = b"bfxsync.merged"
_GROUP = 131_072
_SUFFIX = ".part"


class ParquetFile(Storage):
    """A Parquet file; times are ``timestamp[ns, UTC]``."""

    def __init__(self, path: str, row_format: RowFormat) -> None:
        try:
            self._arrow, self._parquet = lazily(_modules)
        except ImportError as exc:
            raise ImportError(
                'pyarrow is not installed: pip install "bfxsync[arrow]"'
            ) from exc
        self._format = row_format
        self._path = Path(path)
        self._folder = Path(path + ".parts")
        self._schema = self._schema_of(row_format)
        self._folder.mkdir(exist_ok=True)
        self._lock = FileIO(str(self._folder / "lock"), "a")
        try:
            lock_exclusively(self._lock, "program")
            self._open()
        except BaseException:
            self._lock.close()
            raise

    def tail(self) -> List[Values]:
        """Return the last rows, at most `KEPT`."""
        groups: List[Any] = []
        missing = KEPT
        for path in reversed(self._paths()):
            with self._parquet.ParquetFile(path) as file:
                for number in reversed(range(file.num_row_groups)):
                    if missing > 0:
                        groups.insert(0, file.read_row_group(number))
                        missing -= groups[0].num_rows
        table = self._arrow.concat_tables([self._schema.empty_table(), *groups])
        found = table.slice(max(0, table.num_rows - KEPT))
        columns = [
            _plain(self._arrow, column.dtype, values)
            for column, values in zip(self._format.columns, found.columns)
        ]
        return list(zip(*columns))

    def append(self, rows: List[Values]) -> None:
        """Store rows."""
        columns = [
            self._array(field, values)
            for field, values in zip(self._schema, zip(*rows))
        ]
        table = self._arrow.table(columns, schema=self._schema)
        part = self._folder / f"{self._last + 1:09}{_SUFFIX}"
        self._replace(part, partial(self._parquet.write_table, table))
        self._last += 1

    def close(self) -> None:
        """Merge the folder into the file."""
        try:
            paths = self._paths()
            if paths != [self._path]:
                self._replace(self._path, partial(self._merge, paths))
            self._clear()
        finally:
            self._lock.close()

    def _open(self) -> None:
        """Check the file, and remove what is left of interrupted writes."""
        merged = 0
        if self._path.exists() and self._path.stat().st_size:
            try:
                schema = self._parquet.read_schema(self._path)
            except (OSError, ValueError) as exc:
                raise UsageError(f"{self._path} is not a Parquet file: {exc}") from exc
            if not schema.equals(self._schema):
                raise UsageError(
                    f"{self._path} must have the columns {self._schema.names} "
                    f"of {self._format.model.__name__}, not {schema.names}"
                )
            merged = int((schema.metadata or {}).get(_MERGED, 0))
        for path in self._folder.glob("*.tmp"):
            path.unlink()
        numbers = [0]
        for path in self._folder.glob("*" + _SUFFIX):
            numbers.append(int(path.stem))
            if numbers[-1] <= merged:
                path.unlink()
        self._last = max(merged, *numbers)

    def _paths(self) -> List[Path]:
        parts = sorted(self._folder.glob("*" + _SUFFIX))
        has_file = self._path.exists() and self._path.stat().st_size
        return [self._path, *parts] if has_file else parts

    def _merge(self, paths: List[Path], target: Path) -> None:
        schema = self._schema.with_metadata({_MERGED: str(self._last).encode()})
        with self._parquet.ParquetWriter(target, schema) as writer:
            for table in self._groups(paths):
                writer.write_table(table.cast(schema))

    def _groups(self, paths: List[Path]) -> Iterator[Any]:
        """Yield all rows in groups of a size that is good for readers."""
        waiting: List[Any] = [self._schema.empty_table()]
        for path in paths:
            with self._parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(_GROUP):
                    waiting.append(self._arrow.Table.from_batches([batch]))
                    if sum(table.num_rows for table in waiting) >= _GROUP:
                        yield self._arrow.concat_tables(waiting)
                        waiting = []
        if waiting:
            yield self._arrow.concat_tables(waiting)

    def _replace(self, path: Path, write: Any) -> None:
        """Write a file, so that it appears whole or not at all, also after a crash."""
        draft = self._folder / (path.name + ".tmp")
        write(draft)
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)

    def _clear(self) -> None:
        for path in self._folder.glob("*" + _SUFFIX):
            path.unlink()
        shutil.rmtree(self._folder)

    def _schema_of(self, row_format: RowFormat) -> Any:
        arrow = self._arrow
        types: Dict[str, Any] = {
            TIME: arrow.timestamp("ns", "UTC"),
            "float64": arrow.float64(),
            "int64": arrow.int64(),
            "Int64": arrow.int64(),
            "bool": arrow.bool_(),
            "boolean": arrow.bool_(),
        }
        return arrow.schema(
            [(c.name, types.get(c.dtype, arrow.string())) for c in row_format.columns]
        )

    def _array(self, field: Any, values: Any) -> Any:
        if self._arrow.types.is_timestamp(field.type):
            values = [None if v is None else round(v * 1000) * 1000 for v in values]
            return self._arrow.array(values, self._arrow.int64()).cast(field.type)
        return self._arrow.array(values, field.type)


def _plain(arrow: Any, dtype: str, values: Any) -> List[Any]:
    if dtype != TIME:
        found: List[Any] = values.to_pylist()
        return found
    counts = values.cast(arrow.int64()).to_pylist()
    return [None if n is None else mts_of_microseconds(n // 1000) for n in counts]


def _modules() -> Any:
    return import_module("pyarrow"), import_module("pyarrow.parquet")
