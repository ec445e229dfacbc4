"""Iterate over trades; gaps are reported between them."""

from itertools import islice

from bfxsync import Gap, Snapshot, Trade
from bfxsync.paper import PaperExchange

with PaperExchange(rate=50) as exchange, exchange.client() as bfx:
    with bfx.wss.subscribe_trades("tBTCUSD") as trades:
        for item in islice(trades.events(), 10):
            if isinstance(item, Snapshot):
                print(f"snapshot of {len(item.rows)} trades")
            elif isinstance(item, Gap):
                print(f"gap: {item.reason}")
            elif isinstance(item, Trade):
                print(f"{item.mts} {item.price} x {item.amount}")
