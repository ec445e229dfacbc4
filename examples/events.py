"""Use the official client's event names; stop after ten trades."""

from bfxsync.paper import PaperExchange

seen = []

with PaperExchange(speed=20) as exchange, exchange.client() as bfx:

    @bfx.wss.on("open")
    def on_open():
        print("open")

    @bfx.wss.on("t_trades_snapshot")
    def on_snapshot(subscription, trades):
        print(f"{subscription['symbol']}: {len(trades)} trades so far")

    @bfx.wss.on("t_trade_execution")
    def on_trade(subscription, trade):
        print(f"{subscription['symbol']}: {trade.price} x {trade.amount}")
        seen.append(trade)
        if len(seen) == 10:
            bfx.wss.close()

    bfx.wss.subscribe("trades", symbol="tBTCUSD")
    bfx.wss.run()
