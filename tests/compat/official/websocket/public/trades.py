"""Follow the candles of a pair, and each of its trades."""

from bfxapi import Client
from bfxapi.types import Candle, TradingPairTrade
from bfxapi.websocket.subscriptions import Candles, Trades

bfx = Client()


@bfx.wss.on("candles_update")
def on_candles_update(_: Candles, candle: Candle):
    print("candle", candle)


@bfx.wss.on("t_trade_execution")
def on_t_trade_execution(_: Trades, trade: TradingPairTrade):
    print("trade", trade)


@bfx.wss.on("open")
async def on_open():
    await bfx.wss.subscribe("candles", key="trade:1m:tBTCUSD")
    await bfx.wss.subscribe("trades", symbol="tBTCUSD")


bfx.wss.run()
