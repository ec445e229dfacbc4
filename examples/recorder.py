"""Record trades in trades.csv; after a lost connection it goes on, with a line for the gap."""

import csv
from itertools import islice

from bfxsync import Gap, Trade
from bfxsync.paper import PaperExchange

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    trades = bfx.wss.subscribe_trades("BTC/USD")
    with open("trades.csv", "w", newline="", buffering=1) as file:
        for number, item in enumerate(islice(trades.events(), 60)):
            if isinstance(item, Trade):
                csv.writer(file).writerow([item.id, item.time, item.price, item.amount])
            elif isinstance(item, Gap):
                csv.writer(file).writerow(["gap", item.reason])
            if number == 20:
                exchange.drop_connections()  # as a bad network does
