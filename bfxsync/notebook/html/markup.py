"""
Tables in HTML: text that is escaped, numbers that are right-aligned.

Strategy: plain tags with inline styles, and no colour but one grey that is readable on white and on
black: a notebook that is not trusted loses style sheets, scripts and pictures, and keeps these.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum, Flag
from html import escape
from typing import Any, List, NamedTuple, Sequence

from bfxsync._base.describe import printable, safe_repr
from bfxsync._base.numbers import decimal_of

GREY = "#808488"
MANY = 30
"""Number of rows from which on a table is cut."""
_ENDS = 10
_MAX_CHARS = 80
_MAX_PLACES = 8

_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums;margin:2px 0"
_CELL = "padding:2px 8px;white-space:nowrap;vertical-align:top;text-align:"
_NOTE = f"color:{GREY};font-size:90%"


class Html(str):
    """Text that is HTML already."""


class Column(NamedTuple):
    """A column of a table: its title and values, the same number in each column."""

    title: str
    values: Sequence[Any]


def table(
    columns: Sequence[Column],
    title: str = "",
    note: str = "",
    gap_at: int | None = None,
    gap: str = "",
) -> Html:
    """
    Return a table with one row for each value of the columns.

    Parameters
    ----------
    title, note : str
        A line above and one below; without text, none.
    gap_at : int, optional
        Index of the row before which `gap` stands in a row of its own.
    """
    texts = [column_texts(column.values) for column in columns]
    aligns = [_alignment(column.values) for column in columns]
    head = "".join(
        _cell("th", escape(column.title), align)
        for column, align in zip(columns, aligns)
    )
    rows = [
        "<tr>"
        + "".join(_cell("td", text, align) for text, align in zip(row, aligns))
        + "</tr>"
        for row in zip(*texts)
    ]
    if gap_at is not None:
        style = f"{_CELL}center;{_NOTE}"
        rows.insert(
            gap_at,
            f'<tr><td colspan="{len(columns)}" style="{style}">{escape(gap)}</td></tr>',
        )
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    body = f'<table style="{_TABLE}">{body}</table>' if columns else ""
    return with_lines(body, title, note)


def fields(values: Sequence[tuple[str, Any]], title: str = "", note: str = "") -> Html:
    """Return a table with a row for each name and its value."""
    rows = "".join(
        f"<tr>{_cell('th', escape(name), 'left')}"
        f"{_cell('td', column_texts([value])[0], 'left')}</tr>"
        for name, value in values
    )
    return with_lines(
        f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>' if rows else "",
        title,
        note,
    )


def with_lines(body: str, title: str = "", note: str = "") -> Html:
    """Return HTML between a title and a note in grey."""
    above = f"<div><strong>{escape(title)}</strong></div>" if title else ""
    below = f'<div style="{_NOTE}">{escape(note)}</div>' if note else ""
    return Html(f"<div>{above}{body}{below}</div>")


def ends_of(values: Sequence[Any]) -> tuple[List[Any], int | None]:
    """Return the first and last of many values, and where those between are left out."""
    if len(values) <= MANY:
        return list(values), None
    return [*values[:_ENDS], *values[-_ENDS:]], _ENDS


def column_texts(values: Sequence[Any]) -> List[str]:
    """Return the HTML of the values of one column: numbers and times with equal decimal places."""
    places = _places([value for value in values if isinstance(value, float)])
    has_millis = any(
        value.microsecond for value in values if isinstance(value, datetime)
    )
    return [_text(value, places, has_millis) for value in values]


def _text(value: Any, places: int, has_millis: bool) -> str:
    if isinstance(value, Html):
        return value
    if value is None:
        return f'<span style="color:{GREY}">–</span>'
    return escape(printable(_plain(value, places, has_millis)))


def _plain(value: Any, places: int, has_millis: bool) -> str:
    if isinstance(value, Flag):
        names = [each.name or "" for each in type(value) if each in value]
        return " ".join(names) or str(value.value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return _number(decimal_of(value), places)
    if isinstance(value, Decimal):
        return _number(value, 0)
    if isinstance(value, datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
        return f"{text}.{value.microsecond // 1000:03}" if has_millis else text
    text = value if isinstance(value, str) else safe_repr(value)
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"


def _number(value: Decimal, places: int) -> str:
    if not value.is_finite():
        return str(value)
    text = format(value, "f")
    if text.endswith(".0"):
        text = text[:-2]
    _, _, decimals = text.partition(".")
    missing = places - len(decimals)
    if missing <= 0:
        return text
    return text + ("" if decimals else ".") + "0" * missing


def _places(numbers: Sequence[float]) -> int:
    texts = [_number(decimal_of(number), 0) for number in numbers]
    longest = max((len(text.partition(".")[2]) for text in texts), default=0)
    return longest if longest <= _MAX_PLACES else 0


def _alignment(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values if value is not None} - {Html}
    return "right" if kinds and kinds <= {int, float, Decimal} else "left"


def _cell(tag: str, text: str, align: str) -> str:
    return f'<{tag} style="{_CELL}{align}">{text}</{tag}>'
