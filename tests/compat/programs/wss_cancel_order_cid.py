import os
from datetime import datetime, timezone

from bfxsync.compat import WssClient

key, secret = os.environ["BITFINEX_KEY"], os.environ["BITFINEX_SECRET"]

my_client = WssClient(key, secret)
my_client.authenticate(print)
my_client.start()
day = datetime.fromtimestamp(1538911910035 / 1000.0, timezone.utc).strftime("%Y-%m-%d")
my_client.cancel_order(order_cid=1538911910035, order_date=day)
