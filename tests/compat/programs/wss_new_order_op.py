import os

from bfxsync.compat import WssClient

key, secret = os.environ["BITFINEX_KEY"], os.environ["BITFINEX_SECRET"]

my_client = WssClient(key, secret)
my_client.authenticate()
my_client.start()
order_operation = my_client.new_order_op(
    order_type="LIMIT", symbol="BTCUSD", amount=0.004, price=1000.0
)
client_id = order_operation["cid"]
my_client.multi_order(operations=[order_operation])
