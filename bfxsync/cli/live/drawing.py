"""
Lines of a screen: parts of exact width, side by side, and in boxes.

Strategy: every function returns `Text` objects, one per row and as wide as asked, so that a screen
is a list of rows. Numbers are never cut, as a cut number reads as another one: `fitting` leaves out
whole columns.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, List, NamedTuple, Sequence

from rich.text import Text

Rows = List[Text]

UP, DOWN, DIM = "green", "red", "dim"
BAD = "bold not dim white on red"


class Cell(NamedTuple):
    """A text with a style."""

    text: str
    style: str = ""


class Column(NamedTuple):
    """A column of a table; those with a higher rank are left out first."""

    title: str
    cells: Sequence[Cell]
    rank: int = 0
    is_left: bool = False

    @property
    def width(self) -> int:
        """Width of its longest cell."""
        return max(map(len, (self.title, *(cell.text for cell in self.cells))))


def line(*cells: Cell | str, width: int | None = None) -> Text:
    """Return a row of some parts, padded or cropped to a width."""
    row = Text(no_wrap=True, overflow="crop")
    for cell in cells:
        row.append(*((cell,) if isinstance(cell, str) else cell))
    return row if width is None else fit(row, width)


def fit(row: Text, width: int) -> Text:
    """Pad or crop a row; what is cropped must not be a number."""
    missing = width - row.cell_len
    if missing > 0:
        row.append(" " * missing)
    elif missing < 0:
        row.truncate(max(1, width), overflow="crop")
    return row


def fitting(columns: Sequence[Column], width: int, gap: int = 2) -> list[Column]:
    """Return the columns that fit beside each other; the first one is always among them."""
    shown = list(columns)
    while len(shown) > 1 and _width(shown, gap) > width:
        # The last one of those with the highest rank.
        worst = max(range(1, len(shown)), key=lambda at: (shown[at].rank, at))
        del shown[worst]
    return shown


def _width(columns: Sequence[Column], gap: int) -> int:
    return sum(column.width for column in columns) + gap * (len(columns) - 1)


def table(
    columns: Sequence[Column], width: int, *, has_titles: bool = False, gap: int = 2
) -> Rows:
    """Return the columns that fit as rows of this width; too narrow for one: empty rows."""
    shown = fitting(columns, width, gap)
    count = len(columns[0].cells) if columns else 0
    if _width(shown, gap) > width:
        return [line(width=width) for _ in range(count + has_titles)]
    rows = []
    lists = [
        ([Cell(column.title, DIM)] if has_titles else []) + [*column.cells]
        for column in shown
    ]
    for at in range(count + has_titles):
        row = line()
        for number, (column, cells) in enumerate(zip(shown, lists)):
            text, style = cells[at]
            padding = " " * (column.width - len(text))
            row.append(" " * gap if number else "")
            row.append(text + padding if column.is_left else padding + text, style)
        rows.append(fit(row, width))
    return rows


def filled(rows: Rows, height: int, width: int) -> Rows:
    """Return exactly `height` rows: the first ones, or with empty ones below."""
    return rows[:height] + [line(width=width) for _ in range(height - len(rows))]


def boxed(rows: Rows, title: Text, width: int, height: int) -> Rows:
    """Return rows in a box with a title; `width` and `height` are those of the box."""
    inner = width - 2
    title.truncate(max(1, inner - 4), overflow="crop")
    top = line(Cell("╭─", DIM))
    top.append_text(title)
    top.append("─" * (inner - 1 - title.cell_len) + "╮", DIM)
    sides = []
    for content in filled(rows, height - 2, inner):
        row = line(Cell("│", DIM))
        row.append_text(fit(content, inner))
        row.append("│", DIM)
        sides.append(row)
    return [top, *sides, line(Cell(f"╰{'─' * inner}╯", DIM))]


def beside(*parts: Rows) -> Rows:
    """Return parts of the same height side by side."""
    rows = []
    for first, *others in zip(*parts):
        for other in others:
            first.append_text(other)
        rows.append(first)
    return rows


def places_of(values: Sequence[Any]) -> int:
    """Return the number of decimals that show all digits of these numbers."""
    found = (
        -int(Decimal(str(value)).normalize().as_tuple().exponent) for value in values
    )
    return max(0, max(found, default=0))


def aligned(values: Sequence[Any], places: int | None = None) -> list[str]:
    """Return numbers as texts with thousands separators and the same number of decimals."""
    if places is None:
        places = places_of(values)
    return [f"{value:,.{places}f}" for value in values]
