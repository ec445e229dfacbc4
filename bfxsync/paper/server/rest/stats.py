"""Status, liquidations, statistics and rankings."""

from __future__ import annotations

import math
from typing import Callable, Iterator

from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.markets.bars import DAY, HOUR, MINUTE_MS, TIMEFRAMES
from bfxsync.paper.markets.history import BEGIN
from bfxsync.paper.markets.market import Market
from bfxsync.paper.markets.status import noise
from bfxsync.paper.server.rest.query import Query, Refused

Value = Callable[[int], "float | None"]

GLOBAL = "tGLOBAL:USD"

_DAY_MS = DAY * MINUTE_MS
_ALL_PERIODS = range(1_000)
_BEGIN_MS = BEGIN * MINUTE_MS
_STEPS_MS = {"1m": MINUTE_MS, "30m": 30 * MINUTE_MS, "1d": _DAY_MS}
_SIZES = {"pos.size": 5_000.0, "funding.size": 4e8, "credits.size": 3e8}
_VOLUMES = {"vol.1d": 4e8, "vol.7d": 3e9, "vol.30d": 1.2e10}

# Symbols of rankings: a pair, or all pairs together.
_OF_PAIRS = {("plu", "3h"), ("vol", "3h"), ("vol", "1w"), ("vol", "1M")}
_OF_ALL = {("vol", "3h")} | {
    (key, timeframe)
    for key in ("plu_diff", "plu", "plr", "vol")
    for timeframe in ("1w", "1M")
}
_TIMEFRAMES = {"3h": "3h", "1w": "7D", "1M": "1M"}
_NAMES = ("ada", "brahe", "curie", "dirac", "euler", "fermat", "gauss", "hopper")
_PLACES = 5


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
    """Iterate over liquidations, each in its own list."""
    page = query.page(100, 500)
    rows = query.market_data.liquidations.rows(page.start, page.end, page.newest_first)
    return page.cut([row] for row in rows)


def funding_stats(query: Query) -> Iterator[Row]:
    """Iterate over the funding statistics of a currency, every five minutes."""
    page = query.page(100, 250)
    market = query.market()
    if not market.is_funding:
        raise Refused("symbol: invalid")
    times = page.times(_BEGIN_MS, query.market_data.now_mts(), 5 * MINUTE_MS)
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


def stats_hist(query: Query) -> Iterator[Row]:
    """Iterate over a statistic."""
    page = query.page(100, 10_000)
    value, step_ms = _statistic(query)
    times = page.times(_BEGIN_MS, query.market_data.now_mts(), step_ms)
    values = ((mts, value(mts)) for mts in times)
    return page.cut([mts, number] for mts, number in values if number is not None)


def stats_last(query: Query) -> Row:
    """Return the newest value of a statistic, or an empty list."""
    value, step_ms = _statistic(query)
    now = query.market_data.now_mts()
    for mts in range(now - now % step_ms, _BEGIN_MS, -step_ms):
        number = value(mts)
        if number is not None:
            return [mts, number]
    return []


def rankings_hist(query: Query) -> Iterator[Row]:
    """Iterate over the top users of each interval."""
    page = query.page(125, 10_000)
    name, timeframe = _ranking(query)
    times = [mts for mts in _begins(query, timeframe) if page.covers(mts)]
    rows = (
        row
        for mts in (reversed(times) if page.newest_first else times)
        for row in _places(name, mts)
    )
    return page.cut(rows)


def rankings_last(query: Query) -> Row:
    """Return the top user of the newest interval."""
    name, timeframe = _ranking(query)
    *_, newest = _begins(query, timeframe)
    return _places(name, newest)[0]


def _statistic(query: Query) -> tuple[Value, int]:
    """Return a function from time in ms to the value of a statistic, and its interval in ms."""
    markets, text = query.market_data.markets, query.text("key")
    key, size, subject = (*text.split(":", 2), "", "")[:3]
    pairs = {symbol for symbol in markets if symbol.startswith("t")}
    currencies = markets.keys() - pairs
    step_ms = _STEPS_MS.get(size, 0)
    if key == "vwap" and size == "1d" and subject in pairs:
        market = markets[subject]
        return lambda mts: _average_price(market, mts), step_ms
    if key in _VOLUMES and (size, subject) == ("30m", "BFX"):
        return lambda mts: level(text, mts, _VOLUMES[key]), step_ms
    symbol, _, side = subject.rpartition(":")
    currency, _, pair = subject.partition(":")
    if size == "1m" and (
        (key == "pos.size" and symbol in pairs and side in ("long", "short"))
        or (key in ("funding.size", "credits.size") and subject in currencies)
        or (key == "credits.size.sym" and currency in currencies and pair in pairs)
    ):
        return lambda mts: level(text, mts, _SIZES[key.replace(".sym", "")]), step_ms
    raise Refused("key: invalid")


def _average_price(market: Market, mts: int) -> float | None:
    """Return the volume-weighted average price of a day, estimated from hourly candles."""
    day = mts // MINUTE_MS
    bars = (
        market.chart.bar(at, at + HOUR, range(1)) for at in range(day, day + DAY, HOUR)
    )
    sums = [(bar.high + bar.low + bar.close, bar.volume) for bar in bars if bar]
    volume = sum(amount for _, amount in sums)
    if not volume:
        return None
    return sum(price * amount for price, amount in sums) / volume / 3 / SCALE


def _ranking(query: Query) -> tuple[str, str]:
    """Return the name of a ranking, and its timeframe."""
    key, timeframe, symbol = (*query.text("key").split(":", 2), "", "")[:3]
    is_pair = symbol.startswith("t") and symbol in query.market_data.markets
    known = _OF_ALL if symbol == GLOBAL else _OF_PAIRS if is_pair else ()
    if (key, timeframe) not in known:
        raise Refused("key: invalid")
    return f"{key} {symbol}", _TIMEFRAMES[timeframe]


def _begins(query: Query, timeframe: str) -> Iterator[int]:
    floor, following = TIMEFRAMES[timeframe]
    minute = floor(BEGIN)
    while minute * MINUTE_MS <= query.market_data.now_mts():
        yield minute * MINUTE_MS
        minute = following(minute)


def _places(name: str, mts: int) -> list[Row]:
    order = sorted(_NAMES, key=lambda user: noise(name, mts, user))
    empty: Row = [None]
    rows: list[Row] = []
    for place, user in enumerate(order[:_PLACES], 1):
        value = round(level(name, mts, 1e6) / place, 8)
        handle = user if user < "d" else None
        rows.append([mts, None, user, place, *empty * 2, value, *empty * 2, handle])
    return rows
