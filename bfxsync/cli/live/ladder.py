"""The ladder of an order book: asks above bids, with bars of what is on offer up to each level."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Sequence

from rich.text import Text

from bfxsync.cli.live.drawing import (
    DIM,
    DOWN,
    UP,
    Cell,
    Column,
    Rows,
    aligned,
    filled,
    line,
    places_of,
    table,
)
from bfxsync.cli.live.lines import price_of

_SHADES = {UP: "on #1c3f2e", DOWN: "on #4a2024"}
_FEWER_PLACES = 4


def ladder(
    bids: Sequence[Any],
    asks: Sequence[Any],
    width: int,
    height: int,
    *,
    has_shades: bool = True,
) -> Rows:
    """
    Return the levels that fit, best in the middle, as rows of this width.

    Where there is no room, the amounts up to each level are left out first, then amounts are
    rounded to four decimals, then left out; prices are complete. Without `has_shades` there are no
    bars, for terminals with few colours.
    """
    # Also of levels that are not shown, so that prices seldom change their width.
    places = places_of([price_of(level)[0] for level in (*bids, *asks)])
    depth = max(0, (height - 1) // 2)
    bids, asks = bids[:depth], asks[:depth]
    if not bids and not asks:
        return filled([line(Cell("no book", DIM), width=width)], height, width)
    above, below = asks[::-1], bids
    sums = [*_sums(asks)[::-1], *_sums(bids)]
    levels = [*above, *below]
    style = [DOWN] * len(above) + [UP] * len(below)
    prices = aligned([price_of(level)[0] for level in levels], places)
    first = Column("", [*map(Cell, prices, style)])
    amounts = [abs(level.amount) for level in levels]
    exact = aligned(amounts)
    choices = [(exact, aligned(sums)), (exact,), (aligned(amounts, _FEWER_PLACES),), ()]
    columns = [first]
    for choice in choices:
        columns = [first, *(Column("", [*map(Cell, texts)]) for texts in choice)]
        if sum(column.width for column in columns) + 2 * len(columns) <= width - 1:
            break
    # As wide as the bars, up to a point.
    free = width - 1 - sum(column.width for column in columns)
    rows = table(columns, width - 1, gap=min(6, free // max(1, len(columns))))
    largest = max(sums)
    for row, total, tone in zip(rows, sums, style):
        row.append(" ")
        if has_shades:
            _shade(row, total / largest, width, _SHADES[tone])
    top = [line(width=width) for _ in range(depth - len(above))] + rows[: len(above)]
    spread = _spread(bids, asks)
    middle = line(Cell(spread if len(spread) <= width else "", "bold"), width=width)
    return filled([*top, middle, *rows[len(above) :]], height, width)


def _sums(levels: Sequence[Any]) -> list[Any]:
    total, sums = Decimal(0), []
    for level in levels:
        total += abs(level.amount)
        sums.append(total)
    return sums


def _shade(row: Text, ratio: Any, width: int, style: str) -> None:
    """Put a bar behind a row, from its right end."""
    length = round(float(ratio) * width)
    if length:
        row.stylize(style, width - length)


def _spread(bids: Sequence[Any], asks: Sequence[Any]) -> str:
    if not bids or not asks:
        return "one side only"
    return f"spread {aligned([price_of(asks[0])[0] - price_of(bids[0])[0]])[0]}"
