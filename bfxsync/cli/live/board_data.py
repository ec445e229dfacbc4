"""
What the board shows: data of some markets, and the orders of an account.

Strategy: callbacks run on the dispatch thread and only assign whole values, which the drawing
thread reads. Tickers are subscribed for all symbols; book, trades and candles for those that were
selected once, so that going back to one is immediate.
"""

from __future__ import annotations

import time
from typing import Any, Mapping, Sequence

import attrs

from bfxsync import BookSubscription, Candle, Client, Snapshot
from bfxsync.cli.live.stream import request_of

_TRADES, _CANDLES, _LEVELS = 60, 240, 25


@attrs.frozen
class BoardView:
    """The board at one moment."""

    mts: int
    host: str
    status: str
    """Of the connection."""
    symbols: Sequence[str]
    selected: str
    tickers: Mapping[str, Any]
    """By symbol, as far as they are known."""
    timeframe: str
    is_live: bool
    """False while the book may be outdated."""
    bids: Sequence[Any] = ()
    asks: Sequence[Any] = ()
    trades: Sequence[Any] = ()
    """Newest first."""
    candles: Sequence[Candle] = ()
    """Oldest first."""
    orders: Sequence[Any] | None = None
    """Open orders of the account; None without a key."""
    are_orders_live: bool = True
    """False while the orders may be outdated, or are not known yet."""


class _Market:
    """Book, trades and candles of one symbol."""

    def __init__(self) -> None:
        self.book: BookSubscription[Any] | None = None
        self.trades: tuple[Any, ...] = ()
        self._candles: dict[int, Candle] = {}

    @property
    def candles(self) -> list[Candle]:
        """The candles, oldest first."""
        return [candle for _, candle in sorted(self._candles.copy().items())][
            -_CANDLES:
        ]

    def on_trade(self, trade: Any) -> None:
        self.trades = (trade, *self.trades[: _TRADES - 1])

    def on_trades_event(self, event: Any) -> None:
        if isinstance(event, Snapshot):
            self.trades = tuple(reversed(event.rows[-_TRADES:]))

    def on_candle(self, candle: Candle) -> None:
        self._candles[candle.mts] = candle
        if len(self._candles) > 2 * _CANDLES:
            self._candles = {item.mts: item for item in self.candles}

    def on_candles_event(self, event: Any) -> None:
        if isinstance(event, Snapshot):
            self._candles = {candle.mts: candle for candle in event.rows}


class BoardData:
    """
    Subscribes to what a board shows.

    Parameters
    ----------
    bfx : Client
    symbols : sequence of str
    timeframe : str
        Of the candles.
    host : str
        Name of the exchange for the view.
    has_key : bool
        Whether the client has a key: then open orders are shown.
    """

    def __init__(
        self,
        bfx: Client,
        symbols: Sequence[str],
        timeframe: str,
        host: str,
        has_key: bool,
    ) -> None:
        self._wss = bfx.wss
        self._timeframe = timeframe
        self._host = host
        self._has_key = has_key
        self._tickers: dict[str, Any] = {}
        self._markets: dict[str, _Market] = {}
        handles = self._wss.subscribe_many(
            [
                {"channel": "ticker", "symbol": symbol, "callback": self._on_ticker}
                for symbol in symbols
            ]
        )
        self.symbols: list[str] = [*dict.fromkeys(handle.symbol for handle in handles)]
        if has_key:
            self._wss.subscribe_account(wait=False)
        self.selected: str = self.symbols[0]
        self.select(self.selected)

    def _on_ticker(self, ticker: Any) -> None:
        self._tickers[ticker.symbol] = ticker

    def select(self, symbol: str) -> None:
        """Show this symbol; returns at once."""
        self.selected = symbol
        if symbol in self._markets:
            return
        market = self._markets[symbol] = _Market()
        callbacks: dict[str, dict[str, Any]] = {
            "book": {},
            "trades": {"callback": market.on_trade, "on_event": market.on_trades_event},
            "candles": {
                "callback": market.on_candle,
                "on_event": market.on_candles_event,
            },
        }
        requests = [
            {**request_of(channel, symbol, self._timeframe, _LEVELS), **more}
            for channel, more in callbacks.items()
        ]
        book, *_ = self._wss.subscribe_many(requests, wait=False)
        assert isinstance(book, BookSubscription)
        market.book = book

    def move(self, count: int) -> None:
        """Select a symbol so many places further in the list."""
        at = self.symbols.index(self.selected) + count
        self.select(self.symbols[at % len(self.symbols)])

    def view(self) -> BoardView:
        """Return the current state; raise the error that ended the client."""
        if self._wss.exception is not None:
            raise self._wss.exception
        market = self._markets[self.selected]
        assert market.book is not None
        book = market.book.book
        bids, asks = book.levels(_LEVELS)
        orders: list[Any] | None = None
        are_orders_live = False
        if self._has_key:
            table = self._wss.account.orders
            orders = [*table.values()] if table.is_ready else []
            are_orders_live = table.is_ready and not table.is_stale
        return BoardView(
            mts=round(time.time() * 1000),
            host=self._host,
            status=self._wss.status.value,
            symbols=self.symbols,
            selected=self.selected,
            tickers=self._tickers,
            timeframe=self._timeframe,
            is_live=book.is_live,
            bids=bids,
            asks=asks,
            trades=market.trades,
            candles=market.candles,
            orders=orders,
            are_orders_live=are_orders_live,
        )
