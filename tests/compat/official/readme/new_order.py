"""Place an order over the WebSocket, and report it or what was wrong with it."""

import os

from bfxapi import Client
from bfxapi.types import Notification, Order

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))


@bfx.wss.on("authenticated")
async def on_authenticated(_):
    await bfx.wss.inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", 0.165212, 30264.0)


@bfx.wss.on("order_new")
def on_order_new(order: Order):
    print(f"{order.symbol}: {order.amount} at {order.price} USD")


@bfx.wss.on("on-req-notification")
def on_notification(answer: Notification[Order]):
    if answer.status == "ERROR":
        raise Exception(answer.text)


bfx.wss.run()
