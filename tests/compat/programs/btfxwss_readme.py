import time

from bfxsync.compat import BtfxWss

wss = BtfxWss()
wss.start()
while not wss.conn.connected.is_set():
    time.sleep(0.01)
wss.subscribe_to_ticker("BTCUSD")
wss.subscribe_to_order_book("BTCUSD")
t = time.time()
while time.time() - t < 0.5:
    time.sleep(0.01)
ticker_q = wss.tickers("BTCUSD")
while not ticker_q.empty():
    print(ticker_q.get())
wss.unsubscribe_from_ticker("BTCUSD")
wss.unsubscribe_from_order_book("BTCUSD")
wss.stop()
