"""Follow the ticker of a pair."""

from bfxapi import Client
from bfxapi.types import TradingPairTicker
from bfxapi.websocket.subscriptions import Ticker

bfx = Client()


@bfx.wss.on("t_ticker_update")
def on_t_ticker_update(subscription: Ticker, ticker: TradingPairTicker):
    print(subscription["sub_id"], ticker.bid, ticker.ask)


@bfx.wss.on("open")
async def on_open():
    await bfx.wss.subscribe("ticker", symbol="tBTCUSD")


bfx.wss.run()
