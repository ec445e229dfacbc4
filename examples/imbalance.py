"""Show which side of the book is heavier: 1 is bids only, -1 asks only."""

from itertools import islice

from bfxsync.paper import PaperExchange

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    changes = bfx.wss.subscribe_book("BTC/USD", len=25)
    for _ in islice(changes, 20):
        book = changes.book.snapshot()
        imbalance = book.imbalance(within_ratio="0.001")
        if imbalance is not None:
            print(f"{imbalance:+.3f}  mid {book.mid}, microprice {book.microprice:.2f}")
