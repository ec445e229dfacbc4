"""Check the permissions of a key, and send a notification to all programs of the account."""

import os
from typing import Any, Dict

from bfxapi import Client
from bfxapi.types import Notification

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))


@bfx.wss.on("authenticated")
async def on_authenticated(data: Dict[str, Any]):
    print("user", data["userId"])
    if not data["caps"]["orders"]["read"]:
        raise Exception("the key may not read orders")
    if not data["caps"]["positions"]["write"]:
        raise Exception("the key may not change positions")
    await bfx.wss.notify({"foo": 1})


@bfx.wss.on("notification")
async def on_notification(notification: Notification[Any]):
    print("notified:", notification.data)
    await bfx.wss.close()


bfx.wss.run()
