"""
Lists of models as tables for people, and as JSON and CSV for programs.

Strategy: a number is never cut, as it would read as another number: what does not fit into the
width of a terminal are whole columns, the least important first. JSON and CSV have all fields.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any, Callable, List, Sequence

import attrs
import click

from bfxsync._base.describe import printable
from bfxsync.cli.rows import RowWriter, iso_text
from bfxsync.cli.shared import is_terminal

NONE = "-"

_GAP = "  "

# A sentence of fewer characters says nothing.
_SHORTEST = 20


@attrs.frozen
class Column:
    """
    A column of a table.

    Attributes
    ----------
    text : callable
        Returns the text of a row.
    rank : int
        On a narrow terminal columns with a higher rank are left out first; those with 0 never.
        The others are left out everywhere if they have only dashes.
    is_signed : bool
        Green if positive, red if negative.
    is_sentence : bool
        It may be shortened.
    """

    title: str
    text: Callable[[Any], str]
    rank: int = 0
    is_number: bool = False
    is_signed: bool = False
    is_sentence: bool = False


def number(title: str, name: str, rank: int = 0, *, is_signed: bool = False) -> Column:
    """Return a column with the number of a field."""
    return Column(title, lambda row: digits(getattr(row, name)), rank, True, is_signed)


def text(title: str, name: str, rank: int = 0, *, is_sentence: bool = False) -> Column:
    """Return a column with the text of a field."""

    def text_of(row: Any) -> str:
        value = getattr(row, name)
        return NONE if value is None else terminal_text(str(value))

    return Column(title, text_of, rank, is_sentence=is_sentence)


def moment(title: str, name: str, rank: int = 0) -> Column:
    """Return a column with the time of a field of milliseconds."""
    return Column(title, lambda row: seconds_text(getattr(row, name)), rank)


def digits(value: Any) -> str:
    """Return a number with all its digits, without exponent; a dash for None."""
    if value is None:
        return NONE
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    shown = f"{exact:,f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def terminal_text(text: str) -> str:
    """Return a text of the exchange, or of other users, as the terminal may print it."""
    encoding = sys.stdout.encoding or "ascii"
    shown = printable(text).encode(encoding, "backslashreplace")
    return shown.decode(encoding)


def seconds_text(mts: Any) -> str:
    """Return a time in UTC to the second; a dash for None."""
    if mts is None:
        return NONE
    return iso_text(int(mts))[:19].replace("T", " ")


def show(
    rows: Sequence[Any],
    columns: Sequence[Column],
    *,
    model: Any,
    output: str,
    empty: str,
) -> None:
    """
    Print models.

    Parameters
    ----------
    model : type
        Class of the rows: its fields are those of JSON and CSV.
    output : str
        ``text``, ``json`` or ``csv``.
    empty : str
        Printed on stderr if there are none.
    """
    if output != "text":
        writer = RowWriter(output, [field.name for field in attrs.fields(model)])
        for row in rows:
            writer.write(attrs.asdict(row, recurse=False))
    elif not rows:
        click.echo(empty, err=True)
    elif is_terminal(sys.stdout):
        _print_table(rows, columns)
    else:
        for line in plain_lines(rows, columns):
            click.echo(line)


def plain_lines(rows: Sequence[Any], columns: Sequence[Column]) -> List[str]:
    """Return aligned lines with a header."""
    columns = fitting(rows, columns)
    table, widths = _texts(rows, columns), _widths(rows, columns)
    return [
        _GAP.join(
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for column, cell, width in zip(columns, line, widths)
        ).rstrip()
        for line in table
    ]


def fitting(
    rows: Sequence[Any], columns: Sequence[Column], width: int | None = None
) -> List[Column]:
    """Return the columns to be shown in a width, in their order; a sentence is shortened to it."""
    kept = [
        column
        for column in columns
        if not column.rank or any(column.text(row) != NONE for row in rows)
    ]
    while width is not None:
        widths = _widths(rows, kept)
        least = max(kept, key=lambda column: column.rank)
        free = width - sum(widths) - len(_GAP) * (len(kept) - 1)
        if free >= 0 or not least.rank:
            break
        place = kept.index(least)
        left = widths[place] + free
        if least.is_sentence and left >= _SHORTEST:
            kept[place] = _shortened(least, left)
            break
        kept.remove(least)
    return kept


def _shortened(column: Column, width: int) -> Column:
    def text(row: Any) -> str:
        whole = column.text(row)
        return whole if len(whole) <= width else f"{whole[: width - 3].rstrip()}..."

    return attrs.evolve(column, text=text)


def _widths(rows: Sequence[Any], columns: Sequence[Column]) -> List[int]:
    return [max(map(len, column)) for column in zip(*_texts(rows, columns))]


def _texts(rows: Sequence[Any], columns: Sequence[Column]) -> List[List[str]]:
    header = [column.title for column in columns]
    return [header, *([column.text(row) for column in columns] for row in rows)]


def _print_table(rows: Sequence[Any], columns: Sequence[Column]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    shown = fitting(rows, columns, console.width)
    table = Table(
        box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold"
    )
    for column in shown:
        # What cannot be left out goes on in the next line, whole.
        justify: Any = "right" if column.is_number else "left"
        table.add_column(column.title, justify=justify, overflow="fold")
    for row in rows:
        cells = [Text(column.text(row)) for column in shown]
        for column, cell in zip(shown, cells):
            if column.is_signed:
                cell.stylize("red" if cell.plain.startswith("-") else "green")
        table.add_row(*cells)
    console.print(table)
