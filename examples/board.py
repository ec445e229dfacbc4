"""Show the last prices of several symbols, redrawn with every ticker."""

from bfxsync.paper import PaperExchange

prices = dict.fromkeys(["tBTCUSD", "tETHUSD", "tLTCBTC"])
with PaperExchange() as exchange, exchange.client() as bfx:

    def show(ticker):
        prices[ticker.symbol] = ticker.last_price
        print("   ".join(f"{symbol} {price}" for symbol, price in prices.items()))

    for symbol in prices:
        bfx.wss.subscribe_ticker(symbol, show)
    bfx.wss.run()
