"""
One symbol as the wire side sees it: a book, a tape of trades, a ticker, and what happens to them.

What produces the data (`random_market`, `capture`) derives from `Market` and hands out events;
what speaks to sockets (`feeds`, `session`) reads a `Market` and takes events, and knows nothing of
where they come from.
"""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple, Sequence, Union

from bfxsync.paper.engine.book import Book, Entry
from bfxsync.paper.markets.chart import Chart
from bfxsync.paper.markets.history import History
from bfxsync.paper.markets.tape import Row, Tape
from bfxsync.paper.text import SCALE, to_units

SNAPSHOT_TRADES = 30
TICKER_LEVELS = 25


def now_mts() -> int:
    """Return the time in ms."""
    return int(time.time() * 1000)


class BookChanged(NamedTuple):
    """One iteration of the book: rows as they were captured, None if they must be derived."""

    rows: Sequence[str] | None = None


class Traded(NamedTuple):
    """A trade (`te`, `fte`) or its confirmation (`tu`, `ftu`)."""

    kind: str
    row: Row


class TickerCame(NamedTuple):
    """A ticker that was captured; others are derived when they are due."""

    row: Row


class Liquidated(NamedTuple):
    """Positions were taken over, or sold."""

    rows: list[Row]


Event = Union[BookChanged, Traded, TickerCame, Liquidated]


class Market:
    """
    The state of one symbol.

    Parameters
    ----------
    symbol : str
    history : History, optional
        What was before the first trade.

    Attributes
    ----------
    book : Book
    trades : collections.deque
        The last rows, newest first.
    tape : Tape
        All trades.
    chart : Chart
        All candles.
    clock : float
        Seconds of market time; a capture's run faster or slower than ours.
    captured_book : tuple or None
        Precision, frequency and length whose updates come with `BookChanged.rows`.
    captured_ticker : list or None
        The last captured ticker, None if tickers are derived.
    """

    def __init__(self, symbol: str, history: History | None = None) -> None:
        self.symbol = symbol
        self.is_funding = symbol.startswith("f")
        self.is_derivative = ":" in symbol and symbol.split(":")[0].endswith("F0")
        self.book = Book()
        self.tape = Tape(history)
        self.chart = Chart(history)
        self.trades: deque[Row] = deque(maxlen=SNAPSHOT_TRADES)
        self.clock = 0.0
        self.captured_book: tuple[str, str, int] | None = None
        self.captured_ticker: Row | None = None
        self._open = self._last = self._high = self._low = self._volume = 0

    def record(self, row: Row) -> None:
        """Take a trade into the tape, the chart and the statistics of the ticker."""
        self.trades.appendleft(row)
        self.tape.record(row)
        price, amount = to_units(row[3]), abs(to_units(row[2]))
        self.chart.record(row[1], price, amount, row[4] if self.is_funding else 0)
        if not self._open:
            self._open = self._high = self._low = price
        self._last = price
        self._high, self._low = max(self._high, price), min(self._low, price)
        self._volume += amount

    def ticker(self) -> Row:
        """Return the ticker's row as it is now."""
        if self.captured_ticker is not None:
            return self.captured_ticker
        change = self._last - self._open
        day = [
            change / SCALE,
            round(change / self._open, 8) if self._open else 0,
            self._last / SCALE,
            self._volume / SCALE,
            self._high / SCALE,
            self._low / SCALE,
        ]
        depth = self.book.depth("P0")
        bids = list(depth.bids.top(TICKER_LEVELS).values())
        asks = list(depth.asks.top(TICKER_LEVELS).values())
        bid, ask = _best(bids), _best(asks)
        if self.is_funding:
            on_offer = sum(level.amount for level in depth.asks)
            # fmt: off
            return [
                self._flash_return_rate(),
                bid.price / SCALE, bid.period, _total(bids),
                ask.price / SCALE, ask.period, _total(asks),
                *day, None, None, on_offer / SCALE,
            ]
            # fmt: on
        bid_price, ask_price = bid.price / SCALE, ask.price / SCALE
        return [bid_price, _total(bids), ask_price, _total(asks), *day, None]

    def _flash_return_rate(self) -> float:
        # The real one is the average of an hour of fixed-rate funding; ours, of the tape.
        amount = sum(abs(row[2]) for row in self.trades)
        weighted = sum(abs(row[2]) * row[3] for row in self.trades)
        return weighted / amount if amount else 0.0


def _best(levels: list[Entry]) -> Entry:
    return levels[0] if levels else Entry(0, 0, 0, 0)


def _total(levels: list[Entry]) -> float:
    return sum(level.amount for level in levels) / SCALE
