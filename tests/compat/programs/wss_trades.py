import os

from bfxsync.compat import WssClient

key, secret = os.environ["BITFINEX_KEY"], os.environ["BITFINEX_SECRET"]


def on_message(message):
    print(message)


my_client = WssClient(key, secret)
my_client.authenticate(print)
my_client.subscribe_to_trades(symbol="BTCUSD", callback=on_message)
my_client.start()
