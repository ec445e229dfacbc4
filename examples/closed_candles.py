"""Moving average of closed candles: first those of the last hours, then live ones."""

from collections import deque
from datetime import timedelta
from itertools import islice

from bfxsync.paper import PaperExchange

LENGTH = 20

# A minute of this exchange passes in a second.
with PaperExchange(speed=60) as exchange, exchange.client() as bfx:
    closes = deque(maxlen=LENGTH)
    candles = bfx.candles(
        "BTC/USD", "2m", since=timedelta(hours=2), closed=True, fill=True
    )
    for candle in islice(candles, 61):
        closes.append(candle.close)
        if len(closes) == LENGTH:
            side = "above" if candle.close > sum(closes) / LENGTH else "below"
            print(f"{candle.time:%H:%M} {candle.close:,.1f} {side} its average")
