"""Place an order over the WebSocket, and see what the exchange says of it."""

import os

from bfxapi import Client
from bfxapi.types import Notification, Order

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))


@bfx.wss.on("authenticated")
async def on_authenticated(event):
    print("user", event["userId"])
    await bfx.wss.inputs.submit_order(
        type="EXCHANGE LIMIT", symbol="tBTCUSD", amount=0.165212, price=30264.0
    )
    print("sent")


@bfx.wss.on("on-req-notification")
def on_notification(notification: Notification[Order]):
    print("answered:", notification.status, notification.text)


@bfx.wss.on("order_new")
def on_order_new(order: Order):
    print("new:", order)


@bfx.wss.on("subscribed")
def on_subscribed(subscription):
    print("subscribed:", subscription["channel"])


bfx.wss.run()
