"""Tables of tickers, trades and orders: whole columns are left out where there is no room."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

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
    table,
)
from bfxsync.cli.live.lines import percent_text
from bfxsync.cli.text import time_text


def tickers(
    symbols: Sequence[str],
    found: Mapping[str, Any],
    width: int,
    selected: str | None = None,
) -> Rows:
    """Return a row with titles, and one for each symbol."""
    items = [found.get(symbol) for symbol in symbols]
    tones = ["" if item is None else _tone(item.daily_change or 0) for item in items]

    def column(title: str, name: str, rank: int, styles: Sequence[str] = ()) -> Column:
        values = [getattr(item, name, None) for item in items]
        return Column(
            title, [*map(Cell, map(number, values), styles or [""] * len(values))], rank
        )

    names = [
        Cell(f"{number} {symbol}", "bold reverse" if symbol == selected else "bold")
        for number, symbol in enumerate(symbols, 1)
    ]
    if selected is None:
        names = [Cell(symbol, "bold") for symbol in symbols]
    changes = ["-" if item is None else percent_text(item) for item in items]
    columns = [
        Column("", names, is_left=True),
        column("last", "last_price", 0, tones),
        Column("24 h", [*map(Cell, changes, tones)], 1),
        column("bid", "bid", 2),
        column("ask", "ask", 2),
        column("high", "high", 3),
        column("low", "low", 3),
        column("volume", "volume", 4),
    ]
    return table(columns, width, has_titles=True)


def trades(items: Sequence[Any], width: int, height: int) -> Rows:
    """Return the trades that fit, newest first."""
    shown = items[:height]
    if not shown:
        return filled([line(Cell("no trades", DIM), width=width)], height, width)
    tones = [_tone(item.amount) for item in shown]
    prices = [item.price if hasattr(item, "price") else item.rate for item in shown]
    amounts = [abs(item.amount) for item in shown]
    columns = [
        Column("", [*map(Cell, aligned(prices), tones)]),
        Column("", [*map(Cell, aligned(amounts))], 1),
        Column("", [Cell("sell" if item.amount < 0 else "buy ") for item in shown], 3),
        Column("", [Cell(time_text(item.mts), DIM) for item in shown], 2),
    ]
    return filled(table(columns, width), height, width)


def orders(items: Sequence[Any], width: int, height: int) -> Rows:
    """Return the orders that fit, newest first."""
    shown = sorted(items, key=lambda item: -item.id)[:height]
    if not shown:
        return filled([line(Cell("no open orders", DIM), width=width)], height, width)
    sides = [("sell", DOWN) if item.amount_orig < 0 else ("buy ", UP) for item in shown]
    columns = [
        Column("", [Cell(*side) for side in sides]),
        Column("", [Cell(number(abs(item.amount))) for item in shown], 1),
        Column("", [Cell(item.symbol) for item in shown], 2, is_left=True),
        Column("", [Cell(number(item.price)) for item in shown], 1),
        Column("", [Cell(item.order_type, DIM) for item in shown], 3, is_left=True),
    ]
    return filled(table(columns, width), height, width)


def number(value: Any) -> str:
    """Return all digits of a number, with thousands separators; a dash for None."""
    return "-" if value is None else f"{value:,f}"


def _tone(change: Any) -> str:
    return DOWN if change < 0 else UP
