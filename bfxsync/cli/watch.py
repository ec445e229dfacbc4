"""
A client that watches some markets, and snapshots of their state.

Strategy: callbacks run on the client's dispatch thread and only assign whole values. The drawing
thread builds a `View` from these values and the books.
"""

from __future__ import annotations

import time
from collections import deque
from threading import Event, Thread
from typing import Any, Deque, Mapping

from bfxsync import (
    BfxError,
    BookSubscription,
    BookView,
    ChecksumMismatch,
    Client,
    Gap,
    NetworkError,
    Snapshot,
    Subscription,
    Ticker,
    Trade,
)
from bfxsync._base.shield import start_thread
from bfxsync.cli.summary import (
    ChannelSummary,
    FeedSummary,
    MarketView,
    Samples,
    View,
    total,
)
from bfxsync.cli.trading import Trading
from bfxsync.paper import PaperExchange

LEVELS = 25
TRADES = 50

_CHANNELS = ("ticker", "trades", "book")
_RATE_S = 1.0


class _Market:
    """The latest data of one symbol."""

    def __init__(self, symbol: str, source: str) -> None:
        self.symbol = symbol
        self.source = source
        self.ticker: Ticker | None = None
        self.trades: tuple[Trade, ...] = ()


class _Feed:
    """One subscription, and its callbacks."""

    def __init__(self, market: _Market, channel: str, lags: Samples) -> None:
        self._market = market
        self._channel = channel
        self._lags = lags
        self._gaps: tuple[str, ...] = ()
        self.recovered_count = 0
        # May be set after the first callbacks.
        self.subscription: Subscription[Any] | None = None

    @property
    def request(self) -> dict[str, Any]:
        """Arguments of the subscription."""
        request = {
            "channel": self._channel,
            "symbol": self._market.symbol,
            "callback": self._on_update,
            "on_event": self._on_event,
        }
        if self._channel == "book":
            request["len"] = 100  # as recorded
        return request

    @property
    def book(self) -> BookView | None:
        """The order book; None in other channels."""
        found = self.subscription
        return found.book if isinstance(found, BookSubscription) else None

    def summary(self) -> ChannelSummary:
        """Return the results so far."""
        name = f"{self._market.symbol} {self._channel}"
        subscription = self.subscription
        if subscription is None:
            return ChannelSummary(name, 0)
        # Gaps that the callback has not received yet, or never will.
        unseen = subscription.gap_count - len(self._gaps)
        gaps = (*self._gaps, *["the connection was lost"] * unseen)
        book = self.book
        return ChannelSummary(
            name,
            subscription.update_count,
            gaps,
            None if book is None else book.verified_count,
            None if book is None else book.mismatch_count,
        )

    def _on_update(self, update: Any) -> None:
        if self.subscription is not None:
            self._lags.add(self.subscription.lag_s)
        if isinstance(update, Ticker):
            self._market.ticker = update
        elif isinstance(update, Trade):
            self._market.trades = (update, *self._market.trades[: TRADES - 1])

    def _on_event(self, event: Any) -> None:
        if isinstance(event, Gap):
            self._gaps = (*self._gaps, event.reason)
        elif isinstance(event, Snapshot):
            self.recovered_count = len(self._gaps)
            if self._channel == "trades":
                self._market.trades = tuple(reversed(event.rows[-TRADES:]))


def _view(market: _Market, book: BookView) -> MarketView:
    bids, asks = book.levels(LEVELS)
    return MarketView(
        symbol=market.symbol,
        source=market.source,
        is_live=book.is_live,
        ticker=market.ticker,
        bids=bids,
        asks=asks,
        trades=market.trades,
    )


class Watch:
    """
    A client that watches the tickers, trades and books of some symbols.

    `sources` describes the source of the data by symbol; the round trip is measured every `ping_s`.
    With an exchange the client has a key of its first account, and trades there for `seconds`. The
    context manager subscribes at the start and closes the client at the end.
    """

    def __init__(
        self,
        host: str,
        sources: Mapping[str, str],
        ping_s: float,
        exchange: PaperExchange | None = None,
        seconds: float = 0.0,
    ) -> None:
        self._host = host
        self._ping_s = ping_s
        # As an ordered set of texts.
        self._errors: dict[str, None] = {}
        self._exchange = exchange
        self._seconds = seconds
        options: dict[str, Any] = {"wss_host": host, "on_error": self._on_error}
        self._bfx = (
            Client(**options) if exchange is None else exchange.client(**options)
        )
        self._wss = self._bfx.wss
        self._trading: Trading | None = None
        self._round_trips = Samples()
        self._lags = Samples()
        self._markets = [_Market(*item) for item in sources.items()]
        self._feeds = [
            _Feed(market, channel, self._lags)
            for market in self._markets
            for channel in _CHANNELS
        ]
        self._stopping = Event()
        self._pinger = Thread(target=self._ping, name="bfxsync-demo-ping", daemon=True)
        self._began_at = self._ended_at = 0.0
        self._marks: Deque[tuple[float, int]] = deque()

    def __enter__(self) -> Watch:
        try:
            self._subscribe()
            self._began_at = time.monotonic()
            start_thread(self._pinger)
        except BaseException:
            self._bfx.close()
            raise
        if self._trading is not None:
            self._trading.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended_at = time.monotonic()
        self._stopping.set()
        # Also ends a ping in progress.
        self._bfx.close()
        self._pinger.join()
        if self._trading is not None:
            self._trading.stop()

    @property
    def is_trading(self) -> bool:
        """Whether orders are left to place."""
        return self._trading is not None and self._trading.is_running

    @property
    def failure(self) -> BfxError | None:
        """The fatal error that ended the client, or None."""
        return self._wss.exception

    def view(self, left_s: float) -> View:
        """Return the current state; must be called from one thread only."""
        frame_count = self._wss.frame_count
        books = [feed.book for feed in self._feeds if feed.book is not None]
        return View(
            host=self._host,
            status=self._wss.status.value,
            left_s=left_s,
            markets=tuple(map(_view, self._markets, books)),
            frame_count=frame_count,
            frames_per_s=self._rate(frame_count),
            total=total(self._channels()),
            round_trip_s=self._round_trips.last,
            lag_s=self._lags.last,
            steps=() if self._trading is None else self._trading.steps,
        )

    def summary(self, was_interrupted: bool) -> FeedSummary:
        """Return the results, after the end."""
        if self.failure is not None:
            self._errors.setdefault(str(self.failure))
        return FeedSummary(
            elapsed_s=max(0.0, self._ended_at - self._began_at),
            frame_count=self._wss.frame_count,
            channels=self._channels(),
            round_trips=self._round_trips.percentiles(),
            lags=self._lags.percentiles(),
            errors=tuple(self._errors),
            steps=() if self._trading is None else self._trading.steps,
            trading_problem=None if self._trading is None else self._trading.problem,
            cut_count=0 if self._trading is None else 1,
            was_interrupted=was_interrupted,
        )

    def _channels(self) -> tuple[ChannelSummary, ...]:
        return tuple(feed.summary() for feed in self._feeds)

    def _subscribe(self) -> None:
        requests = [feed.request for feed in self._feeds]
        subscriptions = self._wss.subscribe_many(requests, wait=False)
        for feed, subscription in zip(self._feeds, subscriptions):
            feed.subscription = subscription
        self._wss.wait_ready()
        if self._exchange is not None:
            book = next(feed.book for feed in self._feeds if feed.book is not None)
            self._trading = Trading(
                self._bfx,
                self._exchange,
                book,
                self._seconds,
                lambda: min(feed.recovered_count for feed in self._feeds),
            )

    def _rate(self, frame_count: int) -> float:
        now = time.monotonic()
        self._marks.append((now, frame_count))
        while now - self._marks[0][0] > _RATE_S and len(self._marks) > 2:
            self._marks.popleft()
        since, count_then = self._marks[0]
        return (frame_count - count_then) / (now - since) if now > since else 0.0

    def _ping(self) -> None:
        while not self._stopping.is_set():
            try:
                self._round_trips.add(self._wss.ping())
            except BfxError:
                pass  # disconnected: the subscriptions report a gap
            self._stopping.wait(self._ping_s)

    def _on_error(self, error: BaseException) -> None:
        # The channels report these as wrong checksums and gaps.
        if not isinstance(error, (ChecksumMismatch, NetworkError)):
            self._errors.setdefault(str(error))
