"""Download the one-minute candles of 30 days into candles.csv."""

import csv
from datetime import datetime, timedelta, timezone

from bfxsync.paper import PaperExchange

with PaperExchange() as exchange, exchange.client() as bfx:
    start = datetime.now(timezone.utc) - timedelta(days=30)
    candles = bfx.rest.public.iter_candles("BTC/USD", "1m", start=start)
    with open("candles.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "open", "high", "low", "close", "volume"])
        for c in candles:
            rows.writerow([c.time, c.open, c.high, c.low, c.close, c.volume])
