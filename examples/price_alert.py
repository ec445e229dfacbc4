"""Sound the bell when the price of bitcoin leaves a band."""

from bfxsync.paper import PaperExchange

BAND = 3.0

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    with bfx.wss.subscribe_trades("BTC/USD") as trades:
        start = trades.get(timeout=60).price
        print(f"watching {start - BAND} to {start + BAND} USD")
        for trade in trades:
            if abs(trade.price - start) > BAND:
                print(f"\a{trade.time:%H:%M:%S} BTC/USD is at {trade.price}")
                break
