"""The table of public endpoints."""

from __future__ import annotations

from typing import Callable, NamedTuple

from bfxsync.paper.server.rest import calc, conf, market, samples, stats, status
from bfxsync.paper.server.rest.query import Query

# The exchange documents no limit.
_UNKNOWN = 90


class RestRoute(NamedTuple):
    """
    An endpoint.

    Attributes
    ----------
    method, path : str
        The path comes after ``/v2/``; names in braces are parameters.
    answer : callable
        Takes a `Query`; returns a JSON value, or an iterator over the items of a list.
    group : str
        Endpoints of one group share a rate limit, as on one page of the documentation.
    per_minute : int
        Rate limit of the group.
    """

    method: str
    path: str
    answer: Callable[[Query], object]
    group: str
    per_minute: int


ROUTES = (
    RestRoute("GET", "ticker/{symbol}", market.ticker, "ticker", 90),
    RestRoute("GET", "tickers", market.tickers, "tickers", 30),
    RestRoute("GET", "tickers/hist", market.tickers_hist, "tickers/hist", _UNKNOWN),
    RestRoute("GET", "trades/{symbol}/hist", market.trades_hist, "trades", 15),
    RestRoute("GET", "book/{symbol}/{precision}", market.book, "book", 240),
    RestRoute("GET", "candles/{candle}/hist", market.candles_hist, "candles", 30),
    RestRoute("GET", "candles/{candle}/last", market.candles_last, "candles", 30),
    RestRoute("GET", "platform/status", status.platform, "platform/status", 30),
    RestRoute("GET", "status/deriv", status.derivatives, "status/deriv", 90),
    RestRoute(
        "GET", "status/deriv/{key}/hist", status.derivative_hist, "status/hist", 90
    ),
    RestRoute("GET", "liquidations/hist", status.liquidations, "liquidations", 3),
    RestRoute(
        "GET", "funding/stats/{symbol}/hist", status.funding_stats, "funding", _UNKNOWN
    ),
    RestRoute("GET", "stats1/{key}/hist", stats.stats_hist, "stats1", 15),
    RestRoute("GET", "stats1/{key}/last", stats.stats_last, "stats1", 15),
    RestRoute("GET", "rankings/{key}/hist", stats.rankings_hist, "rankings", 90),
    RestRoute("GET", "rankings/{key}/last", stats.rankings_last, "rankings", 90),
    RestRoute("GET", "conf/{keys}", conf.conf, "conf", 90),
    RestRoute("POST", "calc/trade/avg", calc.trade_average, "calc/trade/avg", 90),
    RestRoute("POST", "calc/fx", calc.fx, "calc/fx", 90),
    RestRoute("GET", "posts/hist", samples.posts_hist, "posts", _UNKNOWN),
    RestRoute("GET", "pulse/hist", samples.pulse_hist, "pulse/hist", 90),
    RestRoute(
        "GET", "pulse/profile/{nickname}", samples.pulse_profile, "pulse/profile", 90
    ),
    RestRoute("GET", "ext/vasps", samples.vasps, "ext/vasps", _UNKNOWN),
    RestRoute(
        "GET",
        "ext/pay/invoice/currency/detailed",
        samples.pay_currencies,
        "ext/pay",
        _UNKNOWN,
    ),
)
