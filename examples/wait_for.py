"""Wait until half a bitcoin costs less than at first, buy it, and wait for the order."""

from bfxsync.paper import PaperExchange

AMOUNT = 0.5

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    book = bfx.wss.subscribe_book("BTC/USD", len=100).book
    first = book.cost(AMOUNT)
    print(f"{AMOUNT} BTC cost {first:,.2f} USD")
    bfx.wss.wait_for(lambda: (book.cost(AMOUNT) or first) < first, timeout=60)
    reply = bfx.wss.inputs.submit_order("EXCHANGE MARKET", "BTC/USD", AMOUNT)
    bfx.wss.wait_for(lambda: reply.is_closed, timeout=60)
    print(f"bought {reply.executed} BTC at {reply.order.price_avg:,.2f} USD")
