"""
Tables as HTML and as plain text.

Strategy: inline styles only, which come through in notebooks that are not trusted.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple, Sequence, Union

_TABLE = "border-collapse:collapse;font-size:13px;margin:2px 0"
_CELL = "padding:3px 9px;white-space:nowrap;text-align:"
_NUMBER = "right;font-variant-numeric:tabular-nums"


class Cell(NamedTuple):
    """
    A cell with more than its text.

    Attributes
    ----------
    text : str
    colour : str
        Of the text; empty for that of the page.
    is_bold : bool
    html : str
        Shown instead of the text on a page.
    """

    text: str
    colour: str = ""
    is_bold: bool = False
    html: str = ""


Row = Sequence[Union[str, Cell]]


class Table(NamedTuple):
    """
    A table.

    Attributes
    ----------
    titles : list of str
        Titles of the columns; those that begin with ``<`` are of texts, aligned to the left,
        the others of numbers.
    rows : list of list of Cell
        Or of the text of the cell.
    title : str
        Line above it.
    note : str
        Line below it. If there are no rows, these two lines are all that is shown.
    """

    titles: Sequence[str]
    rows: Sequence[Row]
    title: str = ""
    note: str = ""


def table_html(table: Table) -> str:
    """Return a table for a page."""
    parts = [f"<div><b>{escape(table.title)}</b></div>"] if table.title else []
    if table.rows:
        parts.append(_grid(table))
    if table.note:
        parts.append(f"<div>{escape(table.note)}</div>")
    return "".join(parts)


def _grid(table: Table) -> str:
    styles = ["left" if name[:1] == "<" else _NUMBER for name in table.titles]
    parts = [f'<table style="{_TABLE}"><thead><tr>']
    for name, style in zip(table.titles, styles):
        title = escape(name.lstrip("<"))
        parts.append(f'<th style="{_CELL}{style}">{title}</th>')
    parts.append("</tr></thead><tbody>")
    for row in table.rows:
        parts.append("<tr>")
        for item, style in zip(row, styles):
            cell = item if isinstance(item, Cell) else Cell(item)
            more = f";color:{cell.colour}" if cell.colour else ""
            more += ";font-weight:bold" if cell.is_bold else ""
            shown = cell.html or escape(cell.text)
            parts.append(f'<td style="{_CELL}{style}{more}">{shown}</td>')
        parts.append("</tr>")
    parts.append("</tbody></table>")
    return "".join(parts)


def table_text(table: Table) -> str:
    """Return a table as lines of text, in columns."""
    titles = [name.lstrip("<") for name in table.titles]
    rows = [
        [item.text if isinstance(item, Cell) else item for item in row]
        for row in table.rows
    ]
    widths = [max(map(len, column)) for column in zip(titles, *rows)]
    lines = [table.title]
    for row in [titles, *rows] if rows else []:
        cells = [
            text.ljust(width) if name[:1] == "<" else text.rjust(width)
            for name, text, width in zip(table.titles, row, widths)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(line for line in [*lines, table.note] if line)
