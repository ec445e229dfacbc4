import os

from bfxsync.compat import WssClient, utils

key, secret = os.environ["BITFINEX_KEY"], os.environ["BITFINEX_SECRET"]

my_client = WssClient(key, secret)
my_client.authenticate()
my_client.start()
cid_to_cancel = 153925861909296
cancel_order_operation = {
    "cid": cid_to_cancel,
    "cid_date": utils.cid_to_date(cid_to_cancel),
}
new_order_operation = my_client.new_order_op(
    order_type="LIMIT", symbol="BTCUSD", amount="0.004", price="1000.0"
)
client_ids = my_client.multi_order([cancel_order_operation, new_order_operation])
