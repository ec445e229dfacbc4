"""Save the trades of the last hour and live ones, without a hole or a duplicate between them."""

from datetime import datetime, timedelta, timezone

from bfxsync.models import Trade
from bfxsync.paper import PaperExchange
from bfxsync.sinks import open_sink

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    start = datetime.now(timezone.utc) - timedelta(hours=1)
    with open_sink("trades.csv", Trade) as sink:
        # Live trades wait while the past is read, and are not stored twice.
        live = iter(bfx.wss.subscribe_trades("tBTCUSD"))
        since = sink.since(start)
        count = sink.write_all(bfx.rest.public.iter_trades("tBTCUSD", start=since))
        print("trades of the past:", count)
        for _ in range(20):
            sink.write(next(live))
        print("the last one:", sink.last)
    print("stored:", sink.count)
