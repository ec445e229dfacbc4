"""Platform and derivatives status, liquidations, and funding statistics."""

from __future__ import annotations

import math
from typing import Iterator

from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.markets.bars import DAY, HOUR, MINUTE_MS
from bfxsync.paper.markets.history import BEGIN
from bfxsync.paper.markets.market import Market
from bfxsync.paper.markets.status import noise
from bfxsync.paper.server.rest.query import Query, Refused

_FIVE_MINUTES_MS = 5 * MINUTE_MS
_DAY_MS = DAY * MINUTE_MS
_BEGIN_MS = BEGIN * MINUTE_MS
_ALL_PERIODS = range(1_000)


def platform(query: Query) -> Row:
    """Return the platform status: operative."""
    return [1]


def derivatives(query: Query) -> Iterator[Row]:
    """Iterate over the status of derivatives, as in the channel, each with its key."""
    known = query.market_data.derivatives
    keys = query.text("keys", "tBTCF0:USTF0,tETHF0:USTF0").split(",")
    for key in known if "ALL" in keys else keys:
        if key in known:
            yield [key, *known[key].row(query.market_data.now_mts())]


def derivative_hist(query: Query) -> Iterator[Row]:
    """Iterate over the status of a derivative at each minute that follows a trade."""
    page = query.page(100, 5_000)
    derivative = query.market_data.derivatives.get(query.text("key"))
    if derivative is None:
        raise Refused("key: invalid")
    times = page.times(_BEGIN_MS, query.market_data.now_mts(), MINUTE_MS)
    rows = (derivative.past(mts // MINUTE_MS) for mts in times)
    return page.cut(row for row in rows if row is not None)


def liquidations(query: Query) -> Iterator[list[Row]]:
    """Iterate over liquidations, each in a list of its own."""
    page = query.page(100, 500)
    rows = query.market_data.liquidations.rows(page.start, page.end, page.newest_first)
    return page.cut([row] for row in rows)


def funding_stats(query: Query) -> Iterator[Row]:
    """Iterate over the funding statistics of a currency, every five minutes."""
    page = query.page(100, 250)
    market = query.market()
    if not market.is_funding:
        raise Refused("symbol: invalid")
    times = page.times(_BEGIN_MS, query.market_data.now_mts(), _FIVE_MINUTES_MS)
    rows = (_funding_stat(market, mts) for mts in times)
    return page.cut(row for row in rows if row is not None)


def _funding_stat(market: Market, mts: int) -> Row | None:
    minute = mts // MINUTE_MS
    bar = market.chart.bar(minute - HOUR, minute, _ALL_PERIODS)
    if bar is None:
        return None
    rate = bar.close / SCALE / 365
    period = round(60 + 20 * noise(market.symbol, "period", mts), 2)
    provided = level(f"{market.symbol} provided", mts, 3e9)
    used = round(provided * (0.9 + 0.05 * noise(market.symbol, "used", mts)), 8)
    cheap = level(f"{market.symbol} cheap", mts, 1e9)
    # fmt: off
    return [
        mts, None, None, round(rate, 12), period, None, None,
        provided, used, None, None, cheap,
    ]
    # fmt: on


def level(name: str, mts: int, size: float) -> float:
    """Return a number around `size`, with a daily wave and noise."""
    wave = math.sin(mts / _DAY_MS * 2 * math.pi) / 20
    return round(size * (1 + wave + noise(name, mts) / 100), 8)
