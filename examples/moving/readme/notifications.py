"""Check the permissions of a key, and send a notification to all programs of the account."""

import os
from typing import Any, Dict

from bfxsync import Client
from bfxsync.types import Notification

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))


@bfx.wss.on("authenticated")
def on_authenticated(data: Dict[str, Any]):
    print("user", data["userId"])
    if not data["caps"]["orders"]["read"]:
        raise Exception("the key may not read orders")
    if not data["caps"]["positions"]["write"]:
        raise Exception("the key may not change positions")
    bfx.wss.notify({"foo": 1})


@bfx.wss.on("notification")
def on_notification(notification: Notification[Any]):
    print("notified:", notification.data)
    bfx.wss.close()


bfx.wss.run()
