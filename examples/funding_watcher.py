"""Watch what lending US dollars pays, in per cent a year."""

from itertools import islice

from bfxsync.paper import PaperExchange

ENOUGH = 7.66


def a_year(rate):
    return 365 * 100 * rate


with PaperExchange(rate=100) as exchange, exchange.client() as bfx:
    for trade in islice(bfx.wss.subscribe_trades("fUSD"), 10):
        verdict = "lend" if a_year(trade.rate) > ENOUGH else "wait"
        print(f"{a_year(trade.rate):.3f} % for {trade.period} days: {verdict}")
