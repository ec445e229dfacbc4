"""Read an order book that is kept up to date in the background."""

from bfxsync.paper import PaperExchange

with PaperExchange() as exchange, exchange.client() as bfx:
    subscription = bfx.wss.subscribe_book("tBTCUSD", prec="P0", len=25)
    book = subscription.book
    for _ in range(5):
        subscription.get(timeout=5.0)  # wait for the next change
        bids, asks = book.levels(3)
        print("bids", *(f"{level.price}" for level in bids), end="   ")
        print("asks", *(f"{level.price}" for level in asks))
