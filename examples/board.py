"""Show the last prices of several symbols, with every ticker of any of them."""

from functools import partial

from bfxsync.paper import PaperExchange

prices = dict.fromkeys(["BTC/USD", "ETH/USD", "LTC/BTC"])


def show(symbol, ticker):
    prices[symbol] = ticker.last_price
    print("   ".join(f"{symbol} {price}" for symbol, price in prices.items()))


with PaperExchange() as exchange, exchange.client() as bfx:
    for symbol in prices:
        bfx.wss.subscribe_ticker(symbol, partial(show, symbol))
    bfx.wss.run()
