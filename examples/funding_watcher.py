"""Watch what lending US dollars pays, in per cent a year."""

from itertools import islice

from bfxsync.funding import yearly_rate
from bfxsync.paper import PaperExchange

ENOUGH = 0.0766

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    for trade in islice(bfx.wss.subscribe_trades("fUSD"), 10):
        a_year = yearly_rate(trade.rate)
        verdict = "lend" if a_year > ENOUGH else "wait"
        print(f"{a_year:.3%} for {trade.period} days: {verdict}")
