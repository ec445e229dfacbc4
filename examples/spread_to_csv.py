"""Write best bid, best ask and spread to spread.csv, with every change of the book."""

from datetime import datetime, timezone

from bfxsync.paper import PaperExchange

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    changes = bfx.wss.subscribe_book("BTC/USD", len=1)
    with open("spread.csv", "w") as file:
        print("time", "bid", "ask", "spread", sep=",", file=file)
        for _ in zip(range(50), changes):
            for bid, ask in zip(*changes.book.levels(1)):  # none while a side is empty
                prices = bid.price, ask.price, ask.price - bid.price
                print(datetime.now(timezone.utc), *prices, sep=",", file=file)
