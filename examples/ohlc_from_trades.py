"""Build bars of one second from live trades: open, high, low, close, volume."""

from itertools import groupby, islice

from bfxsync.paper import PaperExchange

BAR_MS = 1000

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    trades = bfx.wss.subscribe_trades("BTC/USD")
    for number, bar in islice(groupby(trades, lambda t: t.mts // BAR_MS), 3):
        prices, amounts = zip(*((trade.price, abs(trade.amount)) for trade in bar))
        ohlc = prices[0], max(prices), min(prices), prices[-1]
        print(number * BAR_MS, *ohlc, f"{sum(amounts):.8f}")
