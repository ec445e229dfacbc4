"""The channel `candles`: the newest ones, then each change of the current one."""

from __future__ import annotations

from itertools import islice

from bfxsync.paper.markets.bars import MINUTE_MS, TIMEFRAMES
from bfxsync.paper.markets.chart import CandleKey
from bfxsync.paper.markets.market import Event, Market, Traded
from bfxsync.paper.server.feeds import Feed
from bfxsync.paper.text import encode

SNAPSHOT_CANDLES = 240


class CandlesFeed(Feed):
    """
    Candles of one key.

    Nothing is sent for an interval without trades, and nothing says that one has ended. Every
    second time that another begins, the one before comes once more.
    """

    def __init__(self, market: Market, key: CandleKey) -> None:
        super().__init__()
        self._market = market
        self._key = key
        # What the subscribers have of the last two, by time.
        self._told = {
            int(row[0]): encode(row)
            for row in reversed(list(islice(market.chart.rows(key), 2)))
        }
        self._repeats = False

    def first(self) -> str:
        """Return the newest candles, newest first."""
        rows = islice(self._market.chart.rows(self._key), SNAPSHOT_CANDLES)
        return encode(list(rows))

    def take(self, event: Event) -> None:
        """Pass on the candle that a trade has changed."""
        if not isinstance(event, Traded):
            return
        begin = TIMEFRAMES[self._key.timeframe].floor(event.row[1] // MINUTE_MS)
        row = self._market.chart.row(self._key, begin)
        if row is None:  # trades of other periods
            return
        mts, text = begin * MINUTE_MS, encode(row)
        if self._told.get(mts) == text:
            return
        newest = max(self._told, default=mts)
        self._send(text)
        if mts > newest:
            if self._repeats:
                self._send(self._told[newest])
            self._repeats = not self._repeats
        self._told[mts] = text
        while len(self._told) > 2:
            del self._told[min(self._told)]
