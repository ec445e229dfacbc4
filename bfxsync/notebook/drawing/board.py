"""Draws a board of tickers with sparklines."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Union

from bfxsync.models.market import FundingTicker, Ticker
from bfxsync.notebook.drawing.axes import Scale
from bfxsync.notebook.drawing.numbers import (
    decimals_of,
    percent_text,
    price_text,
    rate_text,
)
from bfxsync.notebook.drawing.svg import DOWN, GREY, UP, Svg, image, path
from bfxsync.notebook.drawing.tables import Cell, Row, Table

_WIDTH, _HEIGHT = 88, 22

AnyTicker = Union[Ticker, FundingTicker]


class BoardRow(NamedTuple):
    """
    One symbol of a board.

    Attributes
    ----------
    symbol : str
    ticker : Ticker, FundingTicker or None
        None before the first one.
    closes : sequence of float
        Prices of the sparkline, oldest first.
    state : str
        What is wrong with its data; empty if nothing is.
    """

    symbol: str
    ticker: Optional[AnyTicker]
    closes: Sequence[float] = ()
    state: str = ""


def board_table(rows: Sequence[BoardRow]) -> Table:
    """Return the board as a table."""
    titles = ["<symbol", "last", "24 h", "bid", "ask", "volume", "<"]
    return Table(titles, [_cells(row) for row in rows])


def _cells(row: BoardRow) -> Row:
    ticker = row.ticker
    symbol = Cell(row.symbol, is_bold=True)
    if ticker is None:
        return [symbol, "", "", "", "", "", row.state or "no data yet"]
    if isinstance(ticker, FundingTicker):
        last, bid, ask = map(rate_text, (ticker.last_price, ticker.bid, ticker.ask))
    else:
        known = ticker.last_price or ticker.bid or ticker.ask
        decimals = None if known is None else decimals_of(known)
        last, bid, ask = (
            price_text(price, decimals)
            for price in (ticker.last_price, ticker.bid, ticker.ask)
        )
    change = ticker.daily_change_relative
    colour = "" if not change else UP if change > 0 else DOWN
    picture = "" if row.state else sparkline_image(row.symbol, row.closes, colour)
    return [
        symbol,
        last,
        Cell(percent_text(change), colour),
        bid,
        ask,
        price_text(ticker.volume),
        Cell(row.state, GREY, html=picture),
    ]


def sparkline_image(symbol: str, prices: Sequence[float], colour: str) -> str:
    """Return the image of the prices of a symbol; nothing if there are less than two."""
    svg = sparkline(prices, colour or GREY)
    return "" if svg is None else image(svg, f"{symbol}, the last 24 hours")


def sparkline(prices: Sequence[float], colour: str) -> Optional[Svg]:
    """Draw prices at even distances as a small line; None if there are less than two."""
    values = [float(price) for price in prices]
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    margin = max((high - low) * 0.05, abs(high) * 1e-6, 1e-12)
    x = Scale(0, len(values) - 1, 2, _WIDTH - 2)
    y = Scale(low - margin, high + margin, _HEIGHT - 2, 2)
    points = (f"{x(at):.1f} {y(value):.1f}" for at, value in enumerate(values))
    return Svg(_WIDTH, _HEIGHT, path([f"M{'L'.join(points)}"], stroke=colour))
