"""
Draws a `BoardView` on the whole screen.

Strategy: every part gets a fixed size, so that nothing scrolls in a terminal of any size. A narrow
one has no candles, a low one no trades and orders, a very small one the tickers only.
"""

from __future__ import annotations

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from bfxsync.cli.live.board_data import BoardView
from bfxsync.cli.live.chart import chart
from bfxsync.cli.live.drawing import (
    BAD,
    DIM,
    Cell,
    Rows,
    beside,
    boxed,
    filled,
    fit,
    line,
)
from bfxsync.cli.live.ladder import ladder
from bfxsync.cli.live.tables import orders, tickers, trades
from bfxsync.cli.live.views import has_shades
from bfxsync.cli.text import time_text

_LADDER_WIDTH, _LADDER_RATIO = 37, 0.38
_CHART_WIDTH, _NARROW = 30, 16
_LOW, _BOX = 15, 5
_MOST_BELOW = 12


class BoardScreen:
    """The full screen, as a context manager; `console` replaces the standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self._console: Console = Console() if console is None else console
        # No refresh thread: `show` draws.
        self._live = Live(
            Text(""), console=self._console, screen=True, auto_refresh=False
        )

    def __enter__(self) -> BoardScreen:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: BoardView) -> None:
        """Draw a view."""
        width, height = self._console.size
        rows = draw(view, width, height, shades=has_shades(self._console))
        self._live.update(Group(*rows), refresh=True)


def draw(view: BoardView, width: int, height: int, *, shades: bool = True) -> Rows:
    """Return the whole screen as rows; width and height are in characters."""
    head, foot = _header(view, width), _footer(view, width)
    table = tickers(view.symbols, view.tickers, width, view.selected)
    room = height - 2 - len(table)
    if room < _BOX:
        table = [table[1 + [*view.symbols].index(view.selected)]]
        room = height - 2 - len(table)
    rows = [head, *table]
    if room >= _BOX and width >= _NARROW:
        below = min(_MOST_BELOW, room // 3) if room >= _LOW else 0
        rows += _market(view, width, room - below, shades)
        if below:
            rows += _activity(view, width, below)
    return (
        filled(rows, max(0, height - 1), width)[: max(0, height - 1)] + [foot][:height]
    )


def _market(view: BoardView, width: int, height: int, shades: bool) -> Rows:
    """Return the candles and the book, beside each other if there is room."""
    book_width = max(_LADDER_WIDTH, int(width * _LADDER_RATIO))
    has_chart = width - book_width >= _CHART_WIDTH
    if not has_chart:
        book_width = width
    title = line(Cell(" book "), Cell("" if view.is_live else "STALE ", BAD))
    if not has_chart:
        title = line(
            Cell(f" {view.selected} ", "bold"),
            Cell("" if view.is_live else "STALE ", BAD),
        )
    rows = ladder(view.bids, view.asks, book_width - 2, height - 2, has_shades=shades)
    book = boxed(rows, title, book_width, height)
    if not has_chart:
        return book
    title = line(Cell(f" {view.selected} {view.timeframe} ", "bold"))
    left = width - book_width
    return beside(
        boxed(chart(view.candles, left - 2, height - 2), title, left, height), book
    )


def _activity(view: BoardView, width: int, height: int) -> Rows:
    """Return the trades and, with a key, the open orders."""
    left = width if view.orders is None else max(width // 2, min(width, 30))
    rows = trades(view.trades, left - 2, height - 2)
    market = boxed(rows, line(Cell(" trades ")), left, height)
    right = width - left
    if view.orders is None or right < 12:
        return market
    stale = "" if view.are_orders_live else "STALE "
    own = boxed(
        orders(view.orders, right - 2, height - 2),
        line(Cell(" my orders "), Cell(stale, BAD)),
        right,
        height,
    )
    return beside(market, own)


def _header(view: BoardView, width: int) -> Text:
    state = "" if view.status == "open" else f" {view.status.upper()} "
    row = line(
        Cell(" bfxsync board", "bold"),
        Cell(f"  as of {time_text(view.mts)} UTC  ", DIM),
    )
    row.append(state, BAD)
    if row.cell_len + len(view.host) + 1 <= width:
        row.append(" " * (width - row.cell_len - len(view.host) - 1))
        row.append(view.host, DIM)
    return fit(row, width)


def _footer(view: BoardView, width: int) -> Text:
    keys = [(" q", " quit")]
    if len(view.symbols) > 1:
        keys += [("   tab", " next symbol"), (f"   1-{len(view.symbols)}", " symbol")]
    row = line()
    for key, text in keys:
        if row.cell_len + len(key + text) <= width:
            row.append(key, "bold").append(text, DIM)
    return fit(row, width)
