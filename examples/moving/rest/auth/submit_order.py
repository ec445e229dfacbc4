"""Place, change and cancel an order by REST."""

import os

from bfxsync import Client
from bfxsync.types import Notification, Order

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))

placed: Notification[Order] = bfx.rest.auth.submit_order(
    type="EXCHANGE LIMIT", symbol="tBTCUST", amount=0.015, price=10000
)
print("placed", placed.data)

changed: Notification[Order] = bfx.rest.auth.update_order(
    id=placed.data.id, amount=0.020, price=10150
)
print("changed", changed.data)

cancelled: Notification[Order] = bfx.rest.auth.cancel_order(id=placed.data.id)
print("cancelled", cancelled.data)
