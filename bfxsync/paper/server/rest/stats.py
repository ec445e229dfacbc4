"""Statistics (``stats1``) and rankings."""

from __future__ import annotations

from typing import Callable, Iterator, Mapping

from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.markets.bars import DAY, HOUR, MINUTE_MS, TIMEFRAMES
from bfxsync.paper.markets.history import BEGIN
from bfxsync.paper.markets.market import Market
from bfxsync.paper.markets.status import noise
from bfxsync.paper.server.rest.query import Query, Refused
from bfxsync.paper.server.rest.status import level

Value = Callable[[int], "float | None"]

GLOBAL = "tGLOBAL:USD"

_BEGIN_MS = BEGIN * MINUTE_MS
_STEPS_MS = {"1m": MINUTE_MS, "30m": 30 * MINUTE_MS, "1d": DAY * MINUTE_MS}
_SIZES = {"pos.size": 5_000.0, "funding.size": 4e8, "credits.size": 3e8}
_VOLUMES = {"vol.1d": 4e8, "vol.7d": 3e9, "vol.30d": 1.2e10}

# Rankings of one pair, and of all pairs together.
_OF_PAIRS = {("plu", "3h"), ("vol", "3h"), ("vol", "1w"), ("vol", "1M")}
_OF_ALL = {
    *(
        (key, timeframe)
        for key in ("plu_diff", "plu", "plr")
        for timeframe in ("1w", "1M")
    ),
    *(("vol", timeframe) for timeframe in ("3h", "1w", "1M")),
}
_TIMEFRAMES = {"3h": "3h", "1w": "7D", "1M": "1M"}
_NAMES = ("ada", "brahe", "curie", "dirac", "euler", "fermat", "gauss", "hopper")
_PLACES = 5


def stats_hist(query: Query) -> Iterator[Row]:
    """Iterate over a statistic."""
    page = query.page(100, 10_000)
    value, step_ms = _statistic(query.text("key"), query.market_data.markets)
    times = page.times(_BEGIN_MS, query.market_data.now_mts(), step_ms)
    values = ((mts, value(mts)) for mts in times)
    return page.cut([mts, number] for mts, number in values if number is not None)


def stats_last(query: Query) -> Row:
    """Return the newest value of a statistic, or an empty list."""
    value, step_ms = _statistic(query.text("key"), query.market_data.markets)
    now = query.market_data.now_mts()
    for mts in range(now - now % step_ms, _BEGIN_MS, -step_ms):
        number = value(mts)
        if number is not None:
            return [mts, number]
    return []


def rankings_hist(query: Query) -> Iterator[Row]:
    """Iterate over the top users of each interval."""
    page = query.page(125, 10_000)
    key, timeframe, symbol = _ranking(query)
    times = [mts for mts in _begins(query, timeframe) if page.covers(mts)]
    rows = (
        row
        for mts in (reversed(times) if page.newest_first else times)
        for row in _places(f"{key} {symbol}", mts)
    )
    return page.cut(rows)


def rankings_last(query: Query) -> Row:
    """Return the top user of the newest interval."""
    key, timeframe, symbol = _ranking(query)
    *_, newest = _begins(query, timeframe)
    return _places(f"{key} {symbol}", newest)[0]


def _statistic(text: str, markets: Mapping[str, Market]) -> tuple[Value, int]:
    """Return the function of time of a statistic, and its step in ms."""
    key, _, rest = text.partition(":")
    size, _, subject = rest.partition(":")

    def is_known(symbol: str, first: str) -> bool:
        return symbol in markets and symbol.startswith(first)

    step_ms = _STEPS_MS.get(size, 0)
    if key == "vwap" and size == "1d" and is_known(subject, "t"):
        market = markets[subject]
        return lambda mts: _average_price(market, mts), step_ms
    if key in _VOLUMES and (size, subject) == ("30m", "BFX"):
        return lambda mts: level(text, mts, _VOLUMES[key]), step_ms
    symbol, _, side = subject.rpartition(":")
    currency, _, pair = subject.partition(":")
    if size == "1m" and (
        (key == "pos.size" and is_known(symbol, "t") and side in ("long", "short"))
        or (key in ("funding.size", "credits.size") and is_known(subject, "f"))
        or (
            key == "credits.size.sym"
            and is_known(currency, "f")
            and is_known(pair, "t")
        )
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


def _ranking(query: Query) -> tuple[str, str, str]:
    key, _, rest = query.text("key").partition(":")
    timeframe, _, symbol = rest.partition(":")
    if symbol == GLOBAL:
        is_known = (key, timeframe) in _OF_ALL
    else:
        is_known = (
            symbol.startswith("t")
            and symbol in query.market_data.markets
            and (key, timeframe) in _OF_PAIRS
        )
    if not is_known:
        raise Refused("key: invalid")
    return key, _TIMEFRAMES[timeframe], symbol


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
