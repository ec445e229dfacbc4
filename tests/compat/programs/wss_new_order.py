import os

from bfxsync.compat import WssClient

key, secret = os.environ["BITFINEX_KEY"], os.environ["BITFINEX_SECRET"]

my_client = WssClient(key, secret)
my_client.authenticate()
my_client.start()
client_id = my_client.new_order(
    order_type="LIMIT", symbol="BTCUSD", amount=0.004, price=1000.0
)
