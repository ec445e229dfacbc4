"""
What a channel sends, once for all its subscribers.

A feed turns the events of a market into the bodies of frames: the text between the channel id and
the suffixes, which are the subscriber's own. As all subscribers of a book share one window, the
late ones start from what the others hold already.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol, Sequence

from bfxsync.paper.engine.book import RAW, SIGNIFICANT_DIGITS
from bfxsync.paper.faults import Faults
from bfxsync.paper.markets.market import BookChanged, Event, Market, TickerCame, Traded
from bfxsync.paper.server.book_window import WholeBook, Window
from bfxsync.paper.text import encode

PRECISIONS = (*SIGNIFICANT_DIGITS, RAW)
FREQUENCIES = ("F0", "F1")
LENGTHS = (1, 25, 100, 250)
SLOW_S = 2.0
"""Between two updates of a book with frequency F1."""
_LOSS = "lost_book_update"


class Identity(NamedTuple):
    """
    What is subscribed to.

    Attributes
    ----------
    channel : str
    symbol : str
        What it belongs to, see `hub.Source`.
    prec, freq, length : str, str, int
        Of books.
    key : str
        Of candles and status.
    """

    channel: str
    symbol: str
    prec: str = ""
    freq: str = ""
    length: int = 0
    key: str = ""

    def facts(self) -> dict[str, str]:
        """Return what a fault may be limited to."""
        return {"channel": self.channel, "symbol": self.symbol, "key": self.key}


class FeedSubscriber(Protocol):
    """Who gets the frames of a feed: one channel of one socket."""

    def frame(self, body: str) -> None:
        """Send one frame with this body."""

    def rows(self, rows: Sequence[str]) -> None:
        """Send the rows of one iteration of a book, as one frame or as many."""

    def checksum(self, value: int) -> None:
        """Send a checksum, if the socket asked for them."""


class FeedIntervals(NamedTuple):
    """Seconds of market time between two checksums of a book, and between two tickers."""

    checksum_s: float = 2.5
    ticker_s: float = 1.0


class Feed(ABC):
    """Base of all kinds: who listens."""

    def __init__(self) -> None:
        # A dict, as it keeps the order and finds its members fast.
        self.subscribers: dict[FeedSubscriber, None] = {}

    @abstractmethod
    def first(self) -> str | None:
        """Return the body of the first data frame of a new subscriber, None if there is none."""

    @abstractmethod
    def take(self, event: Event) -> None:
        """Pass on what concerns this feed."""

    def tick(self) -> None:
        """Send what is due by the market's clock; nothing, unless a feed says otherwise."""

    def _send(self, body: str) -> None:
        for subscriber in self.subscribers:
            subscriber.frame(body)


class TradesFeed(Feed):
    """The tape, then each trade twice: as it happens and confirmed."""

    def __init__(self, market: Market) -> None:
        super().__init__()
        self._market = market

    def first(self) -> str:
        """Return the last trades, newest first."""
        return encode(self._market.trades)

    def take(self, event: Event) -> None:
        """Pass on trades and confirmations."""
        if isinstance(event, Traded):
            self._send(f'"{event.kind}",{encode(event.row)}')


class TickerFeed(Feed):
    """The ticker: as captured, else whenever it is due and has changed."""

    def __init__(self, market: Market, pace: FeedIntervals) -> None:
        super().__init__()
        self._market = market
        self._pace = pace
        self._told = encode(market.ticker())
        self._told_at = market.clock

    def first(self) -> str:
        """Return the ticker that the others know."""
        return self._told

    def take(self, event: Event) -> None:
        """Pass on captured tickers."""
        if isinstance(event, TickerCame):
            self._told = encode(event.row)
            self._send(self._told)

    def tick(self) -> None:
        """Send a derived ticker if it is time for one."""
        market = self._market
        if (
            market.captured_ticker is None
            and market.clock - self._told_at >= self._pace.ticker_s
        ):
            ticker = encode(market.ticker())
            if ticker != self._told:
                self._told, self._told_at = ticker, market.clock
                self._send(ticker)


class BookFeed(Feed):
    """
    A window on the book, its changes, and now and then its checksum.

    Attributes
    ----------
    window : Window
        What the subscribers have, unless a row of theirs was lost.
    """

    def __init__(
        self, market: Market, pace: FeedIntervals, identity: Identity, faults: Faults
    ) -> None:
        super().__init__()
        self._market = market
        self._pace = pace
        self._identity = identity
        self._faults = faults
        prec, length, self._freq = identity.prec, identity.length, identity.freq
        self._is_captured = market.captured_book == (prec, self._freq, length)
        window = WholeBook if self._is_captured else Window
        self.window = window(market.book.depth(prec), prec, length, market.is_funding)
        self._is_watching = False
        self._is_behind = False
        self._is_unchecked = False
        self._updated_at = self._checked_at = market.clock

    def first(self) -> str:
        """Return the window that the others know."""
        return f"[{','.join(self.window.snapshot())}]"

    def take(self, event: Event) -> None:
        """Pass on changes at once, unless they are to be gathered."""
        if not isinstance(event, BookChanged):
            return
        if self._is_captured and event.rows is not None:
            self._take_captured(event.rows)
        elif self._freq == "F0":
            self._update()
        else:
            self._is_behind = True

    def tick(self) -> None:
        """Send gathered changes and the checksum when they are due."""
        now = self._market.clock
        if self._is_behind and now - self._updated_at >= SLOW_S:
            self._is_behind, self._updated_at = False, now
            self._update()
        if self._is_unchecked and now - self._checked_at >= self._pace.checksum_s:
            self._send_checksum()

    def _take_captured(self, rows: Sequence[str]) -> None:
        # To lose one, the window must know what the book was before: one look ahead of the loss.
        was_watching = self._is_watching
        self._is_watching = self._may_lose()
        if was_watching and self._is_watching:
            self._update()
        else:
            self._send_rows(rows)
            if self._is_watching:
                self.window.update()

    def _update(self) -> None:
        if self._may_lose():
            rows = self.window.lossy_update()
            if rows is not None:
                self._faults.take(_LOSS, **self._identity.facts())
                self._send_rows(rows)
                # At once: another change of the same level would hide the loss.
                self._send_checksum()
                return
        self._send_rows(self.window.update())

    def _may_lose(self) -> bool:
        faults = self._faults
        return bool(faults.armed) and faults.is_armed(_LOSS, **self._identity.facts())

    def _send_checksum(self) -> None:
        self._is_unchecked, self._checked_at = False, self._market.clock
        # Those of funding books are known to be wrong on the real exchange: there are none.
        if not self._market.is_funding:
            checksum = self.window.checksum()
            for subscriber in self.subscribers:
                subscriber.checksum(checksum)

    def _send_rows(self, rows: Sequence[str]) -> None:
        if rows:
            self._is_unchecked = True
            for subscriber in self.subscribers:
                subscriber.rows(rows)
