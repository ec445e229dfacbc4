"""Rows for programs: a JSON object per line, or CSV with a header, with all digits of numbers."""

from __future__ import annotations

import csv
import json
import sys
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Mapping, Sequence


class RowWriter:
    """
    Writes rows to the standard output, each at once.

    Parameters
    ----------
    output : str
        "json" or "csv".
    columns : sequence of str
        Their names, of which the header of CSV is made.
    """

    def __init__(self, output: str, columns: Sequence[str]) -> None:
        self._columns = columns
        self._csv = None
        if output == "csv":
            self._csv = csv.writer(sys.stdout, lineterminator="\n")
            self._csv.writerow(columns)
            sys.stdout.flush()

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row; columns that it lacks are null, or empty in CSV."""
        values = [row.get(name) for name in self._columns]
        if self._csv is not None:
            self._csv.writerow(map(cell_text, values))
        else:
            sys.stdout.write(json_text(dict(zip(self._columns, values))) + "\n")
        sys.stdout.flush()


def number_text(number: float | Decimal | int) -> str:
    """Return all digits of a number without an exponent: as the exchange sent a `Decimal`."""
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    return f"{exact:f}"


def iso_text(mts: int) -> str:
    """Return a time in milliseconds as text (UTC): ``2026-11-30T13:03:55.120Z``."""
    time = datetime.fromtimestamp(mts // 1000, timezone.utc)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{mts % 1000:03}Z"


def json_text(value: Any, newline: str = "") -> str:
    """
    Return a value as JSON in ASCII; a `Decimal` is a number with all its digits.

    It is one line, or, with ``"\\n"`` as `newline`, one for each part, indented.
    """
    inner = newline and f"{newline}  "
    if isinstance(value, Mapping):
        pairs = value.items()
        parts = [f"{json.dumps(str(k))}: {json_text(v, inner)}" for k, v in pairs]
        return f"{{{_parts_text(parts, newline)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{_parts_text([json_text(item, inner) for item in value], newline)}]"
    if isinstance(value, Decimal) and value.is_finite():
        return number_text(value)
    if isinstance(value, Enum):
        return json_text(value.value)
    if isinstance(value, datetime):
        value = value.isoformat()
    return json.dumps(value, default=str)


def _parts_text(parts: list[str], newline: str) -> str:
    if not parts or not newline:
        return ", ".join(parts)
    inner = f"{newline}  "
    return f"{inner}{f',{inner}'.join(parts)}{newline}"


def cell_text(value: Any) -> str:
    """Return a value as the text of a cell: empty for None, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Enum):
        return value
    text = json_text(value)
    return json.loads(text) if text.startswith('"') else text
