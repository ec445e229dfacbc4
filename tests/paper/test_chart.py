from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from bfxsync.paper.engine.units import SCALE, to_units
from bfxsync.paper.markets.bars import TIMEFRAMES
from bfxsync.paper.markets.chart import CandleKey, Chart
from bfxsync.paper.markets.history import BEGIN
from bfxsync.paper.markets.market import Market
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import RECIPES

pytestmark = pytest.mark.once

MTS = 1_700_000_000_000
MINUTE_MS = 60_000


def key(text: str) -> CandleKey:
    parsed = CandleKey.parse(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("text", "timeframe", "symbol", "periods"),
    [
        ("trade:1m:tBTCUSD", "1m", "tBTCUSD", range(1)),
        ("trade:1W:tBTCUSD", "7D", "tBTCUSD", range(1)),
        ("trade:14D:tBTCF0:USTF0", "14D", "tBTCF0:USTF0", range(1)),
        ("trade:1M:fUSD:p2", "1M", "fUSD", range(2, 3)),
        ("trade:1m:fUSD:a30:p2:p30", "1m", "fUSD", range(2, 31)),
        ("trade:1m:fUSD:a10:p2:p10", "1m", "fUSD", range(2, 11)),
    ],
)
def test_a_key_is_read(text: str, timeframe: str, symbol: str, periods: range) -> None:
    parsed = key(text)
    assert parsed == (timeframe, symbol, periods)
    assert key(parsed.text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        None,
        5,
        "",
        "trade",
        "trade:1m",
        "ticker:1m:tBTCUSD",
        "trade:2m:tBTCUSD",
        "trade:1d:tBTCUSD",
        "trade:1m:fUSD",
        "trade:1m:fUSD:2",
        "trade:1m:fUSD:p",
        "trade:1m:fUSD:p-2",
        "trade:1m:fUSD:p2:p30",
        "trade:1m:fUSD:a5:p2:p30",
        "trade:1m:fUSD:a30:p30:p2",
        "trade:1m:fUSD:a30:p2:p30:p60",
    ],
)
def test_what_is_no_key_is_none(text: object) -> None:
    parsed = CandleKey.parse(text)
    assert parsed is None or parsed.symbol == ""


def played(symbol: str) -> RandomMarket:
    """A market some minutes after its start."""
    market = RandomMarket(RECIPES[symbol], 1, MTS)
    for n in range(3_000):
        market.step(MTS + n * 197)
    return market


def candles_of(rows: list[Any], timeframe: str) -> list[list[float]]:
    """What candles of these trades, oldest first, must be."""
    candles: dict[int, list[Any]] = {}
    for row in rows:
        begin = TIMEFRAMES[timeframe].floor(row[1] // MINUTE_MS) * MINUTE_MS
        candles.setdefault(begin, []).append(row)
    found = []
    for begin, trades in candles.items():
        prices = [row[3] for row in trades]
        volume = sum(abs(to_units(row[2])) for row in trades) / SCALE
        found.append([begin, prices[0], prices[-1], max(prices), min(prices), volume])
    return found


@pytest.mark.parametrize("timeframe", ["1m", "5m", "15m", "30m", "1h", "3h"])
@pytest.mark.parametrize(
    ("symbol", "suffix", "periods"),
    [
        ("tBTCUSD", "", range(1)),
        ("tLTCBTC", "", range(1)),
        ("fUSD", ":p30", range(30, 31)),
        ("fUSD", ":a30:p2:p30", range(2, 31)),
    ],
)
def test_candles_are_made_of_the_trades_before_and_after_the_start(
    symbol: str, suffix: str, periods: range, timeframe: str
) -> None:
    market = played(symbol)
    start = MTS - MTS % (6 * 3_600_000)
    rows = [
        row
        for row in market.tape.rows(start, newest_first=False)
        if not market.is_funding or row[4] in periods
    ]
    assert rows[0][1] < MTS < rows[-1][1]
    candles = list(
        market.chart.rows(
            key(f"trade:{timeframe}:{symbol}{suffix}"), start, newest_first=False
        )
    )
    assert candles == candles_of(rows, timeframe)


@pytest.mark.parametrize("timeframe", list(TIMEFRAMES))
def test_larger_candles_are_made_of_smaller_ones(timeframe: str) -> None:
    market = played("tETHUSD")
    larger = list(islice(market.chart.rows(key(f"trade:{timeframe}:tETHUSD")), 3))
    smaller = "1h" if timeframe in ("7D", "14D", "1M", "1D") else "1m"
    for row in larger:
        begin = int(row[0]) // MINUTE_MS
        end = TIMEFRAMES[timeframe].following(begin)
        parts = list(
            market.chart.rows(
                key(f"trade:{smaller}:tETHUSD"),
                begin * MINUTE_MS,
                end * MINUTE_MS - 1,
                newest_first=False,
            )
        )
        volume = sum(to_units(part[5]) for part in parts)
        assert row[1:5] == [
            parts[0][1],
            parts[-1][2],
            max(part[3] for part in parts),
            min(part[4] for part in parts),
        ]
        assert to_units(row[5]) == pytest.approx(volume, rel=1e-12)


def test_a_page_includes_both_ends_in_both_orders() -> None:
    market = played("tBTCUSD")
    for timeframe in ("1m", "5m", "1D", "1M"):
        wanted = key(f"trade:{timeframe}:tBTCUSD")
        rows = list(islice(market.chart.rows(wanted), 50))
        times = [int(row[0]) for row in rows]
        assert times == sorted(times, reverse=True)
        start, end = times[20], times[5]
        assert list(market.chart.rows(wanted, start, end)) == rows[5:21]
        assert list(market.chart.rows(wanted, start, end, False)) == rows[5:21][::-1]
        assert list(market.chart.rows(wanted, start + 1, end - 1)) == rows[6:20]
        assert list(market.chart.rows(wanted, end, start)) == []
        oldest = next(market.chart.rows(wanted, newest_first=False))
        assert oldest[0] == BEGIN * MINUTE_MS
        assert list(market.chart.rows(wanted, end=BEGIN * MINUTE_MS)) == [oldest]


def test_impossible_times_bring_nothing() -> None:
    market = played("tBTCUSD")
    for timeframe in ("1m", "7D", "1M"):
        wanted = key(f"trade:{timeframe}:tBTCUSD")
        for newest_first in (True, False):
            for far in (10**16 - 1, -(10**16) + 1):
                rows = market.chart.rows(wanted, far, far, newest_first)
                assert list(rows) == []
            assert next(market.chart.rows(wanted, -(10**15), 10**15, newest_first))


def test_the_first_week_begins_before_the_history_does() -> None:
    market = played("tBTCUSD")
    wanted = key("trade:7D:tBTCUSD")
    first, second = islice(market.chart.rows(wanted, newest_first=False), 2)
    assert first[0] < BEGIN * MINUTE_MS < second[0] == first[0] + 7 * 86_400_000
    assert list(market.chart.rows(wanted, end=int(first[0]))) == [first]
    for newest_first in (True, False):
        page = (int(first[0]) + 1, BEGIN * MINUTE_MS, newest_first)
        assert list(market.chart.rows(wanted, *page)) == []


def test_without_history_there_are_only_the_trades() -> None:
    chart = Chart()
    wanted = key("trade:1m:tBTCUSD")
    assert list(chart.rows(wanted)) == []
    assert list(chart.rows(wanted, 0, MTS, False)) == []
    first = MTS - MTS % MINUTE_MS
    chart.record(first + 200_000, 7, 1, 0)
    chart.record(first, 5, 2, 0)
    chart.record(first + 1, 6, 3, 0)
    newest, oldest = chart.rows(wanted)
    assert (newest[0], oldest[0]) == (first + 180_000, first)
    assert chart.bar(first // MINUTE_MS, first // MINUTE_MS + 1, range(1)) == (
        *(5, 6, 6, 5, 5),
        *(2, 3),
    )


def test_a_trade_that_comes_late_belongs_to_its_own_candle() -> None:
    market = Market("tBTCUSD")
    for trade_id, mts, price in ((1, 0, 100), (3, 60_000, 103), (2, 59_999, 99)):
        market.record([trade_id, MTS - MTS % MINUTE_MS + mts, 1, price])
    newest, oldest = market.chart.rows(key("trade:1m:tBTCUSD"))
    assert oldest[1:] == [100, 99, 100, 99, 2]
    assert newest[1:] == [103, 103, 103, 103, 1]
    assert [row[0] for row in market.tape.rows()] == [3, 2, 1]
