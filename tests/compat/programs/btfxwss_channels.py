import logging

from bfxsync.compat import BtfxWss

wss = BtfxWss(log_level=logging.DEBUG)
wss.start()
wss.subscribe_to_ticker("BTCUSD")
wss.subscribe_to_candles("BTCUSD")
wss.subscribe_to_order_book("BTCUSD")
wss.subscribe_to_raw_order_book("BTCUSD")
wss.subscribe_to_trades("BTCUSD")
print(wss.tickers("BTCUSD").get(timeout=20))
print(wss.candles("BTCUSD", "1m").get(timeout=20))
print(wss.books("BTCUSD").get(timeout=20))
print(wss.raw_books("BTCUSD").get(timeout=20))
print(wss.trades("BTCUSD").get(timeout=20))
wss.stop()
