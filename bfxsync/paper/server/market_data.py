"""Everything there is to listen to, and who listens."""

from __future__ import annotations

from typing import Callable, Protocol, Sequence

from bfxsync.paper.faults import Faults
from bfxsync.paper.markets.chart import CandleKey
from bfxsync.paper.markets.market import Event, Market, now_mts
from bfxsync.paper.markets.status import LIQUIDATIONS, Derivative, Liquidations
from bfxsync.paper.server.book_window import Window
from bfxsync.paper.server.candle_feed import CandlesFeed
from bfxsync.paper.server.feeds import (
    BookFeed,
    Feed,
    FeedIntervals,
    FeedSubscriber,
    Identity,
    TickerFeed,
    TradesFeed,
)
from bfxsync.paper.server.status_feeds import DerivativeFeed, LiquidationsFeed


class Source(Protocol):
    """A market, or the liquidations of all: what feeds belong to."""

    @property
    def symbol(self) -> str:
        """The name under which its feeds are kept."""


class MarketData:
    """
    All markets, and the feeds that somebody listens to.

    Parameters
    ----------
    pace : FeedIntervals, optional
    now_mts : callable, optional
        Returns the time in ms.
    seed : int, optional
        Of the liquidations.
    faults : Faults, optional

    Attributes
    ----------
    faults : Faults
        What shall go wrong with books and sockets.
    markets : dict
        By symbol.
    derivatives : dict
        The status of those markets that are derivatives, by symbol.
    liquidations : Liquidations
    awake : set of str
        Symbols that count as listened to, though nobody does.
    listeners : list of callable
        Called with each source and its events, after the feeds.
    """

    def __init__(
        self,
        pace: FeedIntervals = FeedIntervals(),
        now_mts: Callable[[], int] = now_mts,
        seed: int = 1,
        faults: Faults | None = None,
    ) -> None:
        self.faults = Faults() if faults is None else faults
        self.now_mts = now_mts
        self.markets: dict[str, Market] = {}
        self.derivatives: dict[str, Derivative] = {}
        self.liquidations = Liquidations(self.markets, seed, now_mts())
        self.awake: set[str] = set()
        self.listeners: list[Callable[[Source, Sequence[Event]], None]] = []
        self._pace = pace
        self._feeds: dict[str, dict[Identity, Feed]] = {LIQUIDATIONS: {}}

    def add(self, market: Market) -> None:
        """Add a market, or put it in the place of one that nobody listens to."""
        assert not self._feeds.get(market.symbol)
        self.markets[market.symbol] = market
        self._feeds[market.symbol] = {}
        if market.is_derivative:
            self.derivatives[market.symbol] = Derivative(market, self.markets)

    def subscribe(self, identity: Identity, subscriber: FeedSubscriber) -> str | None:
        """
        Let a channel listen from now on.

        Returns
        -------
        str or None
            The body of its first data frame, None if there is none.
        """
        feeds = self._feeds[identity.symbol]
        feed = feeds.get(identity)
        if feed is None:
            feed = feeds[identity] = self._make(identity)
        feed.subscribers[subscriber] = None
        return feed.first()

    def unsubscribe(self, identity: Identity, subscriber: FeedSubscriber) -> None:
        """Let a channel listen no more."""
        feeds = self._feeds[identity.symbol]
        feed = feeds[identity]
        del feed.subscribers[subscriber]
        if not feed.subscribers:
            del feeds[identity]

    def is_watched(self, symbol: str) -> bool:
        """Say whether anybody listens to a symbol."""
        return bool(self._feeds[symbol]) or symbol in self.awake

    def window(self, identity: Identity) -> Window:
        """Return what the subscribers of a book have of it, or the next one would get."""
        feed = self._feeds[identity.symbol].get(identity) or self._make(identity)
        assert isinstance(feed, BookFeed)
        return feed.window

    def publish(self, source: Source, events: Sequence[Event]) -> None:
        """Pass on what has happened to a market, or to the liquidations."""
        feeds = self._feeds[source.symbol].values()
        for event in events:
            for feed in feeds:
                feed.take(event)
        for listener in self.listeners:
            listener(source, events)

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
            return TickerFeed(market, self._pace)
        if channel == "trades":
            return TradesFeed(market)
        if channel == "book":
            return BookFeed(market, self._pace, identity, self.faults)
        if channel == "candles":
            key = CandleKey.parse(identity.key)
            assert key is not None
            return CandlesFeed(market, key)
        return DerivativeFeed(market, self.derivatives[symbol], self.now_mts)
