"""Subscribe, with an id of the program's own, unsubscribe, and close the connection."""

from bfxapi import Client
from bfxapi.types import Candle
from bfxapi.websocket import subscriptions

bfx = Client()


@bfx.wss.on("open")
async def on_open():
    await bfx.wss.subscribe("ticker", symbol="tBTCUSD")
    await bfx.wss.subscribe("candles", key="trade:1m:tBTCUSD", sub_id="minutes")


@bfx.wss.on("subscribed")
def on_subscribed(subscription: subscriptions.Subscription):
    if subscription["channel"] == "ticker":
        print(subscription["symbol"], "has the id", subscription["sub_id"])


async def on_candles_update(sub: subscriptions.Candles, candle: Candle):
    print(sub["key"], candle.close)
    await bfx.wss.unsubscribe(sub_id="minutes")
    await bfx.wss.close(code=1001, reason="Going Away")


bfx.wss.on("candles_update", callback=on_candles_update)


@bfx.wss.on("disconnected")
def on_disconnected(code: int, reason: str):
    if code == 1000 or code == 1001:
        print("closed:", code, reason)


bfx.wss.run()
