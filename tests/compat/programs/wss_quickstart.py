import os
import time

from bfxsync.compat import WssClient

key, secret = os.environ["BITFINEX_KEY"], os.environ["BITFINEX_SECRET"]


def on_candle(message):
    print(message)


my_client = WssClient(key, secret)
my_client.authenticate(print)
my_client.subscribe_to_candles(symbol="BTCUSD", timeframe="1m", callback=on_candle)
my_client.subscribe_to_candles(symbol="ETHUSD", timeframe="5m", callback=on_candle)
my_client.start()
time.sleep(0.01)
order_client_id = my_client.new_order(
    order_type="LIMIT", pair="BTCUSD", amount=0.004, price=1000.0
)
