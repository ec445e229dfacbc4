"""Watch what lending US dollars pays, in per cent a year."""

from itertools import islice

from bfxsync.paper import PaperExchange

ENOUGH = 7.66

with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    for trade in islice(bfx.wss.subscribe_trades("fUSD"), 10):
        a_year = 365 * 100 * trade.rate
        verdict = "lend" if a_year > ENOUGH else "wait"
        print(f"{a_year:.3f} % for {trade.period} days: {verdict}")
