"""
Feeds turn the events of a market into frames, once for all subscribers of a channel.

A feed formats the body of a frame: the text between the channel id and the suffixes, which differ
by subscriber. All subscribers of a book share one window, so later ones start from the state that
the others have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import islice
from typing import Callable, NamedTuple, Protocol, Sequence

from bfxsync.paper.engine.book import RAW, SIGNIFICANT_DIGITS
from bfxsync.paper.engine.units import Row
from bfxsync.paper.faults import Faults
from bfxsync.paper.markets.bars import MINUTE_MS, TIMEFRAMES
from bfxsync.paper.markets.chart import CandleKey, CandleRow
from bfxsync.paper.markets.market import (
    BookChanged,
    Event,
    Liquidated,
    Market,
    TickerCame,
    Traded,
)
from bfxsync.paper.markets.status import Derivative
from bfxsync.paper.server.book_window import WholeBook, Window
from bfxsync.paper.server.wire_json import encode

PRECISIONS = (*SIGNIFICANT_DIGITS, RAW)
FREQUENCIES = ("F0", "F1")
LENGTHS = (1, 25, 100, 250)
SNAPSHOT_CANDLES = 240
STATUS_S = 1.0
"""Interval of the rows of a derivative, by the market's clock; most repeat the last row."""
SLOW_S = 2.0
"""Interval of the updates of a book with frequency F1."""
_LOSS = "lost_book_update"


class Identity(NamedTuple):
    """
    A channel with its arguments.

    Attributes
    ----------
    symbol : str
        Of the market, or `LIQUIDATIONS`.
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
        """Return the fields that faults are matched with."""
        return {"channel": self.channel, "symbol": self.symbol, "key": self.key}


class FeedSubscriber(Protocol):
    """A channel of a socket, which gets the frames of a feed."""

    def frame(self, body: str) -> None:
        """Send one frame with this body."""

    def rows(self, rows: Sequence[str]) -> None:
        """Send the rows of one iteration of a book, in one frame or in one frame each."""

    def checksum(self, value: int) -> None:
        """Send a checksum, if the socket has enabled them."""


class Feed(ABC):
    """Base class: the subscribers of a channel."""

    def __init__(self) -> None:
        # A dict as an ordered set.
        self.subscribers: dict[FeedSubscriber, None] = {}

    @abstractmethod
    def first(self) -> str | None:
        """Return the body of the first data frame of a new subscriber, if any."""

    def handle(self, event: Event) -> None:
        """Send the effects of an event to the subscribers."""

    def tick(self) -> None:
        """Send the data that is due by the market's clock."""

    def _send(self, body: str) -> None:
        for subscriber in self.subscribers:
            subscriber.frame(body)


class TradesFeed(Feed):
    """A snapshot of trades, then each trade twice: executed and confirmed."""

    def __init__(self, market: Market) -> None:
        super().__init__()
        self._market = market

    def first(self) -> str:
        return encode(self._market.trades)

    def handle(self, event: Event) -> None:
        if isinstance(event, Traded):
            self._send(f'"{event.kind}",{encode(event.row)}')


class TickerFeed(Feed):
    """The ticker: as recorded, or otherwise whenever it is due and has changed."""

    def __init__(self, market: Market, interval_s: float) -> None:
        super().__init__()
        self._market = market
        self._interval_s = interval_s
        self._sent = encode(market.ticker())
        self._sent_at = market.clock

    def first(self) -> str:
        return self._sent

    def handle(self, event: Event) -> None:
        if isinstance(event, TickerCame):
            self._sent = encode(event.row)
            self._send(self._sent)

    def tick(self) -> None:
        market = self._market
        is_due = market.clock - self._sent_at >= self._interval_s
        if is_due and market.captured_ticker is None:
            ticker = encode(market.ticker())
            if ticker != self._sent:
                self._sent, self._sent_at = ticker, market.clock
                self._send(ticker)


class CandlesFeed(Feed):
    """
    The newest candles of a key, then each change of the current one.

    Nothing is sent for an interval without trades, nor at the end of an interval. Every second
    time that a new candle begins, the previous one is repeated.
    """

    def __init__(self, market: Market, key: CandleKey) -> None:
        super().__init__()
        self._chart = market.chart
        self._key = key
        # The last two candles as sent, by time.
        self._sent = {int(row[0]): encode(row) for row in reversed(self._newest(2))}
        self._repeats = False

    def first(self) -> str:
        return encode(self._newest(SNAPSHOT_CANDLES))

    def handle(self, event: Event) -> None:
        if not isinstance(event, Traded):
            return
        begin = TIMEFRAMES[self._key.timeframe].floor(event.row[1] // MINUTE_MS)
        row = self._chart.row(self._key, begin)
        if row is None:  # trades of other periods
            return
        mts, text = begin * MINUTE_MS, encode(row)
        if self._sent.get(mts) == text:
            return
        newest = max(self._sent, default=mts)
        self._send(text)
        if mts > newest:
            if self._repeats:
                self._send(self._sent[newest])
            self._repeats = not self._repeats
        self._sent[mts] = text
        while len(self._sent) > 2:
            del self._sent[min(self._sent)]

    def _newest(self, count: int) -> list[CandleRow]:
        return list(islice(self._chart.rows(self._key), count))


class DerivativeFeed(Feed):
    """The status of a derivative: a row every second, changed or not."""

    def __init__(
        self, market: Market, derivative: Derivative, now_mts: Callable[[], int]
    ) -> None:
        super().__init__()
        self._market = market
        self._derivative = derivative
        self._now_mts = now_mts
        self._sent_at = market.clock

    def first(self) -> str:
        return encode(self._derivative.row(self._now_mts()))

    def tick(self) -> None:
        clock = self._market.clock
        if clock - self._sent_at >= STATUS_S:
            self._sent_at = clock
            self._send(self.first())


class LiquidationsFeed(Feed):
    """All liquidations, in lists of rows as they happen, without a snapshot."""

    def first(self) -> None: ...

    def handle(self, event: Event) -> None:
        if isinstance(event, Liquidated):
            self._send(encode(event.rows))


class BookFeed(Feed):
    """
    A window of the book, its changes, and periodic checksums.

    Attributes
    ----------
    window : Window
        The book in the state of the subscribers, except for lost rows.
    """

    def __init__(
        self,
        market: Market,
        checksum_interval_s: float,
        identity: Identity,
        faults: Faults,
    ) -> None:
        super().__init__()
        self._market = market
        self._checksum_interval_s = checksum_interval_s
        self._identity = identity
        self._faults = faults
        prec, length, self._freq = identity.prec, identity.length, identity.freq
        self._is_recorded = market.captured_book == (prec, self._freq, length)
        window = WholeBook if self._is_recorded else Window
        self.window: WholeBook | Window = window(
            market.book.depth(prec), prec, length, market.is_funding
        )
        self._is_watching = False
        self._is_behind = False
        self._is_unchecked = False
        self._updated_at = self._checked_at = market.clock

    def first(self) -> str:
        return f"[{','.join(self.window.snapshot())}]"

    def handle(self, event: Event) -> None:
        if not isinstance(event, BookChanged):
            return
        if self._is_recorded and event.rows is not None:
            self._send_recorded(event.rows)
        elif self._freq == "F0":
            self._update()
        else:
            self._is_behind = True

    def tick(self) -> None:
        now = self._market.clock
        if self._is_behind and now - self._updated_at >= SLOW_S:
            self._is_behind, self._updated_at = False, now
            self._update()
        if self._is_unchecked and now - self._checked_at >= self._checksum_interval_s:
            self._send_checksum()

    def _send_recorded(self, recorded: Sequence[Row]) -> None:
        # To lose a row, the window must have the state before it: one update ahead of the loss.
        was_watching = self._is_watching
        self._is_watching = self._may_lose()
        if was_watching and self._is_watching:
            self._update()
        else:
            self._send_rows([encode(row) for row in recorded])
            if self._is_watching:
                self.window.update()

    def _update(self) -> None:
        if self._may_lose():
            rows = self.window.lossy_update()
            if rows is not None:
                self._faults.fire(_LOSS, **self._identity.facts())
                self._send_rows(rows)
                # Immediately, since another change of the same level would hide the loss.
                self._send_checksum()
                return
        self._send_rows(self.window.update())

    def _may_lose(self) -> bool:
        faults = self._faults
        return bool(faults.armed) and faults.is_armed(_LOSS, **self._identity.facts())

    def _send_checksum(self) -> None:
        self._is_unchecked, self._checked_at = False, self._market.clock
        # The real exchange sends wrong checksums of funding books; here there are none.
        if not self._market.is_funding:
            checksum = self.window.checksum()
            for subscriber in self.subscribers:
                subscriber.checksum(checksum)

    def _send_rows(self, rows: Sequence[str]) -> None:
        if rows:
            self._is_unchecked = True
            for subscriber in self.subscribers:
                subscriber.rows(rows)
