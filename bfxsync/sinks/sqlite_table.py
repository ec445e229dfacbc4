"""
Rows in a table of SQLite.

Strategy: one transaction for each call, so SQLite itself sees to it that all of its rows are
stored or none.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any, List

from bfxsync.dataframes import TIME
from bfxsync.errors import UsageError
from bfxsync.sinks.row_format import RowFormat, Values, mts_of_text, time_text
from bfxsync.sinks.storage import KEPT, Storage

_TYPES = {
    "float64": "REAL",
    "int64": "INTEGER",
    "Int64": "INTEGER",
    "bool": "INTEGER",
    "boolean": "INTEGER",
}


class SqliteTable(Storage):
    """A table; times are texts such as ``2026-01-31T12:00:00.000Z``, which sort as they should."""

    def __init__(self, path: str, table: str, row_format: RowFormat) -> None:
        self._columns = row_format.columns
        self._table = f'"{table}"'
        self._end: Any = None
        # Each call may come from another thread, but only one at a time.
        self._database = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False
        )
        try:
            self._open(path, table, row_format.names)
        except BaseException:
            self._database.close()
            raise

    def tail(self) -> List[Values]:
        """Return the last rows, at most `KEPT`."""
        query = f"SELECT * FROM {self._table} ORDER BY rowid DESC LIMIT {KEPT}"
        rows = self._database.execute(query).fetchall()[::-1]
        return [tuple(map(_value_of, self._columns, row)) for row in rows]

    def append(self, rows: List[Values]) -> None:
        """Store rows."""
        places = ", ".join("?" * len(self._columns))
        cells = [tuple(map(_cell_of, self._columns, row)) for row in rows]
        database = self._database
        # A transaction that could not even be rolled back.
        if database.in_transaction:
            database.execute("ROLLBACK")
        database.execute("BEGIN IMMEDIATE")
        try:
            if self._count() != self._end:
                raise UsageError(f"another program writes to the table {self._table}")
            database.executemany(f"INSERT INTO {self._table} VALUES ({places})", cells)
            end = self._count()
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._end = end

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _open(self, path: str, table: str, names: List[str]) -> None:
        columns = ", ".join(
            f'"{column.name}" {_TYPES.get(column.dtype, "TEXT")}'
            for column in self._columns
        )
        execute = self._database.execute
        # Waits for another program's transaction, and fails if this is no database.
        execute(f"CREATE TABLE IF NOT EXISTS {self._table} ({columns})")
        with closing(execute(f"PRAGMA table_info({self._table})")) as found:
            existing = [row[1] for row in found]
        if existing != names:
            raise UsageError(
                f"the table {table} of {path!r} must have the columns {', '.join(names)}, "
                f"not {', '.join(existing)}"
            )
        execute(
            f'CREATE INDEX IF NOT EXISTS "{table}_{names[0]}" '
            f'ON {self._table} ("{names[0]}")'
        )
        self._end = self._count()

    def _count(self) -> Any:
        """Return the number of the last row."""
        query = f"SELECT max(rowid) FROM {self._table}"
        return self._database.execute(query).fetchone()[0]


def _cell_of(column: Any, value: Any) -> Any:
    return time_text(value) if column.dtype == TIME and value is not None else value


def _value_of(column: Any, cell: Any) -> Any:
    if cell is None:
        return None
    if column.dtype == TIME:
        return mts_of_text(cell)
    return bool(cell) if column.dtype.startswith("bool") else cell
