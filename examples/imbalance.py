"""Show which side of the book is heavier: 1 is bids only, -1 asks only."""

from itertools import islice

from bfxsync.paper import PaperExchange

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    changes = bfx.wss.subscribe_book("BTC/USD", len=25)
    for _ in islice(changes, 20):
        depth = changes.book.depth(within_ratio="0.001")
        if depth is not None:
            imbalance = (depth.bids - depth.asks) / (depth.bids + depth.asks)
            print(
                f"{imbalance:+.3f}  {depth.bids:.4f} to buy, {depth.asks:.4f} to sell"
            )
