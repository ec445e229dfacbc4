"""The markets of the exchange, and the feeds that publish their events to subscribers."""

from __future__ import annotations

from typing import Callable, Sequence, Union

from bfxsync.paper.faults import Faults
from bfxsync.paper.markets.chart import CandleKey
from bfxsync.paper.markets.market import Event, Market, Markets, is_derivative, now_mts
from bfxsync.paper.markets.status import LIQUIDATIONS, Derivative, Liquidations
from bfxsync.paper.server.book_window import Window
from bfxsync.paper.server.feeds import (
    BookFeed,
    CandlesFeed,
    DerivativeFeed,
    Feed,
    FeedIntervals,
    FeedSubscriber,
    Identity,
    LiquidationsFeed,
    TickerFeed,
    TradesFeed,
)

Source = Union[Market, Liquidations]


class MarketData:
    """
    All markets, and the feeds that have subscribers.

    Parameters
    ----------
    now_mts : callable, optional
        Returns the time in ms.
    seed : int, optional
        Of the liquidations.

    Attributes
    ----------
    faults : Faults
        The armed faults of books and sockets.
    derivatives : dict
        Status of the derivatives, by symbol.
    listeners : list of callable
        Called with the source of each published event, after the feeds.
    """

    def __init__(
        self,
        intervals: FeedIntervals = FeedIntervals(),
        now_mts: Callable[[], int] = now_mts,
        seed: int = 1,
        faults: Faults | None = None,
    ) -> None:
        self.faults: Faults = Faults() if faults is None else faults
        self.now_mts = now_mts
        self.markets: Markets = Markets()
        self.derivatives: dict[str, Derivative] = {}
        self.liquidations: Liquidations = Liquidations(self.markets, seed, now_mts())
        self.listeners: list[Callable[[Source], None]] = []
        self._intervals = intervals
        self._feeds: dict[str, dict[Identity, Feed]] = {LIQUIDATIONS: {}}

    def add(self, market: Market) -> None:
        """Add a market, or replace one without subscribers."""
        self.add_later(market.symbol, lambda: market)

    def add_later(self, symbol: str, get: Callable[[], Market]) -> None:
        """Add a market that a function returns, always the same."""
        assert not self._feeds.get(symbol)
        self.markets.add(symbol, get)
        self._feeds[symbol] = {}
        if is_derivative(symbol):
            self.derivatives[symbol] = Derivative(symbol, self.markets)

    def subscribe(self, identity: Identity, subscriber: FeedSubscriber) -> str | None:
        """Add a subscriber, and return the body of its first data frame, if any."""
        feeds = self._feeds[identity.symbol]
        feed = feeds.get(identity)
        if feed is None:
            feed = feeds[identity] = self._make(identity)
        feed.subscribers[subscriber] = None
        return feed.first()

    def unsubscribe(self, identity: Identity, subscriber: FeedSubscriber) -> None:
        """Remove a subscriber."""
        feeds = self._feeds[identity.symbol]
        feed = feeds[identity]
        del feed.subscribers[subscriber]
        if not feed.subscribers:
            del feeds[identity]

    def is_watched(self, symbol: str) -> bool:
        """Say whether a symbol has subscribers."""
        return bool(self._feeds[symbol])

    def window(self, identity: Identity) -> Window:
        """Return the window of a book's subscribers, or the one that the next would get."""
        feed = self._feeds[identity.symbol].get(identity) or self._make(identity)
        assert isinstance(feed, BookFeed)
        return feed.window

    def publish(self, source: Source, events: Sequence[Event]) -> None:
        """Publish events of a market, or of the liquidations."""
        feeds = self._feeds[source.symbol].values()
        for event in events:
            for feed in feeds:
                feed.handle(event)
        for listener in self.listeners:
            listener(source)

    def tick(self, market: Market) -> None:
        """Send what has become due by the market's clock."""
        for feed in self._feeds[market.symbol].values():
            feed.tick()

    def _make(self, identity: Identity) -> Feed:
        channel, symbol = identity.channel, identity.symbol
        if symbol == LIQUIDATIONS:
            return LiquidationsFeed()
        market = self.markets[symbol]
        if channel == "ticker":
            return TickerFeed(market, self._intervals.ticker_s)
        if channel == "trades":
            return TradesFeed(market)
        if channel == "book":
            return BookFeed(market, self._intervals.checksum_s, identity, self.faults)
        if channel == "candles":
            key = CandleKey.parse(identity.key)
            assert key is not None
            return CandlesFeed(market, key)
        return DerivativeFeed(market, self.derivatives[symbol], self.now_mts)
