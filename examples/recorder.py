"""Record trades in trades.csv, across lost connections, with a line for each gap."""

from bfxsync import Gap, Trade
from bfxsync.paper import PaperExchange

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    trades = bfx.wss.subscribe_trades("BTC/USD")
    with open("trades.csv", "w", buffering=1) as file:
        for number, item in zip(range(60), trades.events()):
            if isinstance(item, Trade):
                print(item.id, item.time, item.price, item.amount, sep=",", file=file)
            elif isinstance(item, Gap):
                print("gap since", item.since, sep=",", file=file)
            if number == 20:
                exchange.drop_connections()  # as a bad network does
