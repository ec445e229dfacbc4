"""The markets of the exchange, and the feeds that publish their events to subscribers."""

from __future__ import annotations

from typing import Callable, Sequence, Union

from bfxsync.paper.engine.units import Row
from bfxsync.paper.faults import Faults
from bfxsync.paper.markets.chart import CandleKey
from bfxsync.paper.markets.market import Event, Market, Markets, is_derivative, now_mts
from bfxsync.paper.markets.status import LIQUIDATIONS, Derivative, Liquidations
from bfxsync.paper.markets.values import Values
from bfxsync.paper.server import feeds
from bfxsync.paper.server.book_window import Window
from bfxsync.paper.server.feeds import Feed, FeedSubscriber, Identity

Source = Union[Market, Liquidations]


class MarketData:
    """
    All markets, and the feeds that have subscribers.

    Parameters
    ----------
    checksum_s, ticker_s : float, optional
        Seconds of market time between checksums of a book, and between tickers.
    seed : int, optional
        Seed of the liquidations.

    Attributes
    ----------
    faults : Faults
        The armed faults of books and sockets.
    values : Values
        The values of currencies, with and without markets.
    derivatives : dict
        Status of the derivatives, by symbol.
    listeners : list of callable
        Called with the source of each published event, after the feeds.
    """

    def __init__(
        self,
        checksum_s: float = 2.5,
        ticker_s: float = 1.0,
        now_mts: Callable[[], int] = now_mts,
        seed: int = 1,
        faults: Faults | None = None,
        values: Values | None = None,
    ) -> None:
        self.faults: Faults = Faults() if faults is None else faults
        self.now_mts = now_mts
        self.values: Values = Values(seed, now_mts()) if values is None else values
        self.markets: Markets = Markets()
        self.derivatives: dict[str, Derivative] = {}
        self.liquidations: Liquidations = Liquidations(self.markets, seed, now_mts())
        self.listeners: list[Callable[[Source], None]] = []
        self._checksum_s = checksum_s
        self._ticker_s = ticker_s
        self._feeds: dict[str, dict[Identity, Feed]] = {LIQUIDATIONS: {}}

    def add(self, market: Market) -> None:
        """Add a market, or replace one without subscribers."""
        self.add_later(market.symbol, lambda: market)

    def add_later(self, symbol: str, get: Callable[[], Market]) -> None:
        """Add a market that the first call of `get` creates, and later calls return."""
        assert not self._feeds.get(symbol)
        self.markets.add(symbol, get)
        self._feeds[symbol] = {}
        if is_derivative(symbol):
            self.derivatives[symbol] = Derivative(symbol, self.markets)

    def subscribe(self, identity: Identity, subscriber: FeedSubscriber) -> str | None:
        """Add a subscriber, and return the body of its first data frame, if any."""
        known = self._feeds[identity.symbol]
        feed = known.get(identity)
        if feed is None:
            feed = known[identity] = self._make(identity)
        feed.subscribers[subscriber] = None
        return feed.first()

    def unsubscribe(self, identity: Identity, subscriber: FeedSubscriber) -> None:
        """Remove a subscriber."""
        known = self._feeds[identity.symbol]
        del known[identity].subscribers[subscriber]
        if not known[identity].subscribers:
            del known[identity]

    def is_watched(self, symbol: str) -> bool:
        """Return whether a symbol has subscribers."""
        return bool(self._feeds[symbol])

    def window(self, identity: Identity) -> Window:
        """Return the window of a book's subscribers, or that of the next subscriber."""
        feed = self._feeds[identity.symbol].get(identity) or self._make(identity)
        assert isinstance(feed, feeds.BookFeed)
        return feed.window

    def publish(self, source: Source, events: Sequence[Event]) -> None:
        """Publish events of a market, or of the liquidations."""
        for event in events:
            for feed in self._feeds[source.symbol].values():
                feed.handle(event)
        for listener in self.listeners:
            listener(source)

    def liquidate(self, row: Row) -> None:
        """Publish that a position of an account was liquidated."""
        self.publish(self.liquidations, [self.liquidations.add(row)])

    def tick(self, market: Market) -> None:
        """Send the data that is due by the market's clock."""
        for feed in self._feeds[market.symbol].values():
            feed.tick()

    def _make(self, identity: Identity) -> Feed:
        channel, symbol = identity.channel, identity.symbol
        if symbol == LIQUIDATIONS:
            return feeds.LiquidationsFeed()
        market = self.markets[symbol]
        if channel == "ticker":
            return feeds.TickerFeed(market, self._ticker_s)
        if channel == "trades":
            return feeds.TradesFeed(market)
        if channel == "book":
            return feeds.BookFeed(market, self._checksum_s, identity, self.faults)
        if channel == "candles":
            key = CandleKey.parse(identity.key)
            assert key is not None
            return feeds.CandlesFeed(market, key)
        return feeds.DerivativeFeed(market, self.derivatives[symbol], self.now_mts)
