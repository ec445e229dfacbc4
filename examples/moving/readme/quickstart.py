"""Place an order by REST, and say what became of it."""

import os

from bfxsync import Client
from bfxsync.types import Notification, Order

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))

notification: Notification[Order] = bfx.rest.auth.submit_order(
    type="EXCHANGE LIMIT", symbol="tBTCUSD", amount=0.165212, price=30264.0
)
order: Order = notification.data

if notification.status == "SUCCESS":
    print(f"{order.symbol}: {order.amount} at {order.price} USD")
if notification.status == "ERROR":
    raise Exception(notification.text)
