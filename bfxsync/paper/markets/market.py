"""
The market of one symbol: book, trades, candles and ticker, and the events that change them.

Producers (`random`, `captured`) derive from `Market` and return events. Consumers (the feeds of the
server) read a `Market` and handle its events.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Callable, Iterator, Mapping, NamedTuple, Sequence, Union

from bfxsync.paper.engine.book import Book, Entry
from bfxsync.paper.engine.units import SCALE, Row, to_units
from bfxsync.paper.markets.bars import DAY, MINUTE_MS, Bar
from bfxsync.paper.markets.bars import chain as merge_in_turn
from bfxsync.paper.markets.chart import Chart
from bfxsync.paper.markets.history import History
from bfxsync.paper.markets.tape import Tape

SNAPSHOT_TRADES = 30
_ALL_PERIODS = range(1_000)
_NO_TRADES = Bar(0, 0, 0, 0, 0)
TICKER_LEVELS = 25


def now_mts() -> int:
    """Return the wall-clock time in ms."""
    return int(time.time() * 1000)


def is_derivative(symbol: str) -> bool:
    """Return whether a symbol is that of a derivative, such as ``tBTCF0:USTF0``."""
    base, colon, _ = symbol.partition(":")
    return bool(colon) and base.endswith("F0")


class BookChanged(NamedTuple):
    """One iteration of the book, with the recorded rows; None if rows must be derived."""

    rows: Sequence[Row] | None = None


class Traded(NamedTuple):
    """A trade (`te`, `fte`) or its confirmation (`tu`, `ftu`)."""

    kind: str
    row: Row


class TickerCame(NamedTuple):
    """A recorded ticker; others are derived when due."""

    row: Row


class Liquidated(NamedTuple):
    """Liquidations: positions taken over, or sold."""

    rows: list[Row]


Event = Union[BookChanged, Traded, TickerCame, Liquidated]


class Market:
    """
    The state of one symbol.

    Parameters
    ----------
    history : History, optional
        The past before the first recorded trade.

    Attributes
    ----------
    trades : collections.deque
        The rows of a snapshot, newest first.
    tape : Tape
        All trades.
    chart : Chart
        All candles.
    clock : float
        Seconds of market time, which for a recording depends on its speed.
    captured_book : tuple or None
        Precision, frequency and length of the book that `BookChanged.rows` update.
    captured_ticker : list or None
        The last recorded ticker, None if tickers are derived.
    """

    def __init__(self, symbol: str, history: History | None = None) -> None:
        self.symbol = symbol
        self.is_funding: bool = symbol.startswith("f")
        self.is_derivative: bool = is_derivative(symbol)
        self.book: Book = Book()
        self.tape: Tape = Tape(history)
        self.chart: Chart = Chart(history)
        self.trades: deque[Row] = deque(maxlen=SNAPSHOT_TRADES)
        self.clock: float = 0.0
        self.captured_book: tuple[str, str, int] | None = None
        self.captured_ticker: Row | None = None
        self._flash_return_rate = 0
        self._rate_minute = -1
        self._last = 0
        # The newest minute, and the bar of the day before it.
        self._minute = 0
        self._day: Bar | None = None

    def record(self, row: Row) -> None:
        """Add a trade to the tape and the chart, and to the ticker."""
        self.trades.appendleft(row)
        self.tape.record(row)
        self._last = to_units(row[3])
        amount = abs(to_units(row[2]))
        self.chart.record(row[1], self._last, amount, row[4] if self.is_funding else 0)
        minute = row[1] // MINUTE_MS
        self._advance(minute)
        if self.is_funding and minute != self._rate_minute:
            self._rate_minute = minute
            self._flash_return_rate = self._average_rate()

    def _advance(self, minute: int) -> None:
        """Note the minute of a trade, of which recorded ones may be late."""
        if minute != self._minute:
            self._minute = max(minute, self._minute)
            self._day = None

    def _last_day(self) -> Bar:
        """Return the bar of the last 24 hours, in whole minutes."""
        end = self._minute
        if self._day is None:
            self._day = self.chart.bar(end - DAY + 1, end, _ALL_PERIODS) or _NO_TRADES
        today = self.chart.bar(end, end + 1, _ALL_PERIODS)
        if self._day is _NO_TRADES:
            return today or _NO_TRADES
        return merge_in_turn((self._day, today)) or self._day

    @property
    def last_price(self) -> int:
        """Price of the last trade, in units; 0 before the first."""
        return self._last

    @property
    def flash_return_rate(self) -> int:
        """Average rate of funding per day, in units; 0 before the first trade."""
        if self.is_funding and self.captured_ticker is not None:
            return to_units(round(self.captured_ticker[0], 8))
        return self._flash_return_rate

    def ticker(self) -> Row:
        """Return the row of the current ticker."""
        if self.captured_ticker is not None:
            return self.captured_ticker
        last_day = self._last_day()
        change = last_day.close - last_day.open
        ratio = round(change / last_day.open, 8) if last_day.open else 0
        totals = (last_day.close, last_day.volume, last_day.high, last_day.low)
        day = [change / SCALE, ratio, *(units / SCALE for units in totals)]
        depth = self.book.depth("P0")
        bids = list(depth.bids.top(TICKER_LEVELS).values())
        asks = list(depth.asks.top(TICKER_LEVELS).values())
        bid, ask = _best(bids), _best(asks)
        if self.is_funding:
            on_offer = sum(level.amount for level in depth.asks)
            # fmt: off
            return [
                self.flash_return_rate / SCALE,
                bid.price / SCALE, bid.period, _total(bids),
                ask.price / SCALE, ask.period, _total(asks),
                *day, None, None, on_offer / SCALE,
            ]
            # fmt: on
        bid_price, ask_price = bid.price / SCALE, ask.price / SCALE
        return [bid_price, _total(bids), ask_price, _total(asks), *day, None]

    def _average_rate(self) -> int:
        # The real rate is an hourly average of fixed-rate funding; this one is the average of the
        # last trades.
        amount = sum(abs(row[2]) for row in self.trades)
        weighted = sum(abs(row[2]) * row[3] for row in self.trades)
        return to_units(round(weighted / amount, 8)) if amount else 0


class Markets(Mapping[str, Market]):
    """
    Markets by symbol.

    A simulated market is created by the first access, since that takes milliseconds; `in` and
    iteration over symbols create none.
    """

    def __init__(self) -> None:
        self._get: dict[str, Callable[[], Market]] = {}

    def __getitem__(self, symbol: str) -> Market:
        return self._get[symbol]()

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._get

    def __iter__(self) -> Iterator[str]:
        return iter(self._get)

    def __len__(self) -> int:
        return len(self._get)

    def add(self, symbol: str, get: Callable[[], Market]) -> None:
        """Add or replace a market, given by a function that returns it."""
        self._get[symbol] = get


def _best(levels: list[Entry]) -> Entry:
    return levels[0] if levels else Entry(0, 0, 0, 0)


def _total(levels: list[Entry]) -> float:
    return sum(level.amount for level in levels) / SCALE
