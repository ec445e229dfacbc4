"""The `candles` channel: the newest candles, then each change of the current one."""

from __future__ import annotations

from itertools import islice

from bfxsync.paper.markets.bars import MINUTE_MS, TIMEFRAMES
from bfxsync.paper.markets.chart import CandleKey
from bfxsync.paper.markets.market import Event, Market, Traded
from bfxsync.paper.server.feeds import Feed
from bfxsync.paper.server.wire_json import encode

SNAPSHOT_CANDLES = 240


class CandlesFeed(Feed):
    """
    Candles of one key.

    Nothing is sent for an interval without trades, nor at the end of an interval. Every second
    time that a new candle begins, the previous one is repeated.
    """

    def __init__(self, market: Market, key: CandleKey) -> None:
        super().__init__()
        self._market = market
        self._key = key
        # The last two candles as sent, by time.
        self._sent = {
            int(row[0]): encode(row)
            for row in reversed(list(islice(market.chart.rows(key), 2)))
        }
        self._repeats = False

    def first(self) -> str:
        rows = islice(self._market.chart.rows(self._key), SNAPSHOT_CANDLES)
        return encode(list(rows))

    def handle(self, event: Event) -> None:
        if not isinstance(event, Traded):
            return
        begin = TIMEFRAMES[self._key.timeframe].floor(event.row[1] // MINUTE_MS)
        row = self._market.chart.row(self._key, begin)
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
