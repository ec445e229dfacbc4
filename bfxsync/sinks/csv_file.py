"""
Rows in a CSV file.

Strategy: the file is only appended to. A row ends with a newline outside of quotes, so a row that
was cut off is recognized when the file is opened, and removed.
"""

from __future__ import annotations

import csv
import io
import os
from collections import deque
from typing import Any, Deque, List

from bfxsync._base.regular_files import open_regular
from bfxsync.dataframes import TIME
from bfxsync.errors import UsageError
from bfxsync.recording.output_file import lock_exclusively, write_all
from bfxsync.sinks.row_format import RowFormat, Values, mts_of_text, time_text
from bfxsync.sinks.storage import KEPT, Storage

_SPECIAL = frozenset(',"\r\n')


class CsvFile(Storage):
    """A CSV file in UTF-8 with a header; missing values are empty."""

    def __init__(self, path: str, row_format: RowFormat) -> None:
        self._format = row_format
        # The names of the fields are plain words.
        self._header = (",".join(row_format.names) + "\n").encode()
        self._file = open_regular(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            lock_exclusively(self._file, "program")
            self._tail = self._open(path)
        except BaseException:
            self._file.close()
            raise

    def tail(self) -> List[Values]:
        """Return the last rows, at most `KEPT`."""
        texts = b"".join(self._tail).decode("utf-8")
        self._tail.clear()
        rows = csv.reader(io.StringIO(texts, newline=""))
        return [tuple(map(_value_of, self._format.columns, row)) for row in rows]

    def append(self, rows: List[Values]) -> None:
        """Store rows."""
        columns = self._format.columns
        lines = [",".join(map(_text_of, columns, row)) + "\n" for row in rows]
        data = "".join(lines).encode("utf-8")
        # After an error, such as a full disk, a part may have been written.
        self._file.truncate(self._end)
        self._file.seek(self._end)
        write_all(self._file, data)
        os.fsync(self._file.fileno())
        self._end += len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self, path: str) -> Deque[bytes]:
        """Check the header, remove an incomplete row, and return the last ones."""
        start = self._file.read(len(self._header))
        if not self._header.startswith(start):
            raise UsageError(
                f"{path!r} must be empty, or begin with {self._header.decode()!r}"
            )
        tail: Deque[bytes] = deque(maxlen=KEPT)
        record = b""
        self._end = len(self._header)
        if len(start) < self._end:
            self._file.seek(0)
            write_all(self._file, self._header)
        # A second file object on the descriptor, as the first one has no buffer.
        with open(self._file.fileno(), "rb", closefd=False) as lines:
            for line in lines:
                record += line
                if line.endswith(b"\n") and record.count(b'"') % 2 == 0:
                    tail.append(record)
                    self._end += len(record)
                    record = b""
        self._file.truncate(self._end)
        return tail


def _text_of(column: Any, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # Not by `csv.writer`, which leaves "\r" unquoted before Python 3.10.
        is_plain = _SPECIAL.isdisjoint(value)
        return value if is_plain else '"' + value.replace('"', '""') + '"'
    if isinstance(value, bool):
        return str(value).lower()
    return time_text(value) if column.dtype == TIME else repr(value)


def _value_of(column: Any, text: str) -> Any:
    if text == "":
        return None
    if column.dtype == TIME:
        return mts_of_text(text)
    if column.dtype == "float64":
        return float(text)
    if column.dtype in ("int64", "Int64"):
        return int(text)
    return text == "true" if column.dtype.startswith("bool") else text
