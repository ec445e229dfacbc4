"""Write best bid, best ask and spread to spread.csv, with every change of the book."""

import csv
from datetime import datetime, timezone
from itertools import islice

from bfxsync.paper import PaperExchange

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    changes = bfx.wss.subscribe_book("BTC/USD", len=1)
    with open("spread.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "bid", "ask", "spread"])
        for _ in islice(changes, 50):
            (bid,), (ask,) = changes.book.levels(1)
            now = datetime.now(timezone.utc)
            rows.writerow([now, bid.price, ask.price, ask.price - bid.price])
