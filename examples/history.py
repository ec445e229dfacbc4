"""Download one week of candles, with empty minutes filled."""

import time

from bfxsync import Client
from bfxsync.paper import PaperExchange

DAY_MS = 86_400_000

with PaperExchange() as exchange:
    with Client(wss_host=exchange.url, rest_host=exchange.rest_url) as bfx:
        now = int(time.time() * 1000)
        candles = list(
            bfx.rest.public.iter_candles(
                "tBTCUSD", "1m", start=now - 7 * DAY_MS, end=now, fill=True
            )
        )
        print(f"{len(candles)} candles")
        print("highest", max(candle.high for candle in candles))
        print("lowest", min(candle.low for candle in candles))
