"""Print tickers and trades as they arrive, until Ctrl-C."""

from bfxsync.paper import PaperExchange


def on_ticker(ticker):
    print(f"ticker  {ticker.bid} / {ticker.ask}")


def on_trade(trade):
    print(f"trade   {trade.price} x {trade.amount}")


with PaperExchange() as exchange, exchange.client() as bfx:
    bfx.wss.subscribe_ticker("tBTCUSD", on_ticker)
    bfx.wss.subscribe_trades("tBTCUSD", on_trade)
    try:
        bfx.wss.run()
    except KeyboardInterrupt:
        print("bye")
