"""Place a limit order one per cent below the market, and cancel it."""

from bfxsync.paper import PaperExchange

SYMBOL = "BTC/USD"

with PaperExchange() as exchange, exchange.client() as bfx:
    auth, ticker = bfx.rest.auth, bfx.rest.public.get_t_ticker(SYMBOL)
    price = bfx.symbols.round_price(SYMBOL, 0.99 * ticker.bid)
    note = auth.submit_order("EXCHANGE LIMIT", SYMBOL, "0.01", price, post_only=True)
    order = note.raise_for_status().data
    print(f"order {order.id} of {order.amount} at {order.price}: {order.status.word}")
    print(auth.cancel_order(id=order.id).raise_for_status().text)
    print("open orders:", len(auth.get_orders(symbol=SYMBOL)))
