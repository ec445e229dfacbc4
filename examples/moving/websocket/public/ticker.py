"""Follow the ticker of a pair."""

from bfxsync import Client
from bfxsync.types import TradingPairTicker
from bfxsync.websocket.subscriptions import Ticker

bfx = Client()


@bfx.wss.on("t_ticker_update")
def on_t_ticker_update(subscription: Ticker, ticker: TradingPairTicker):
    print(subscription["sub_id"], ticker.bid, ticker.ask)


@bfx.wss.on("open")
def on_open():
    bfx.wss.subscribe("ticker", symbol="tBTCUSD")


bfx.wss.run()
