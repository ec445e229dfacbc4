"""
The figures of a market by its messages: of the recordings, and of the simulated markets.

``python tests/paper/market_figures.py`` prints those that ``bfxsync/paper/markets/recipes.py`` has
in its table, and beside them those of the simulated markets.
"""

from __future__ import annotations

import json
import math
import statistics
from functools import lru_cache
from typing import Any, Iterable, Iterator, NamedTuple

from bfxsync.paper.markets.captured import load
from bfxsync.paper.markets.market import Traded
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.server.book_window import Window

RECORDED = {
    "tBTCUSD": "btcusd-20181112",
    "tIOTETH": "public-20210417",
    "tTESTBTC:TESTUSD": "public-20210417",
}
SIMULATED = ("tBTCUSD", "tLTCUSD", "tTESTBTC:TESTUSD")
MTS = 1_700_000_000_000
LENGTH = 100


class Update(NamedTuple):
    """One iteration of a book, or a trade."""

    at: float
    rows: list[Any]
    is_trade: bool = False


class Figures(NamedTuple):
    """Distances in hundredths of a per cent of the middle, sizes in the base currency."""

    iterations_per_s: float
    new: int
    gone: int
    other: int
    trades_per_s: float
    spread_bps: float
    distance_bps: float
    order_size: float
    order_sigma: float
    trade_size: float
    trade_sigma: float
    volatility_1s_bps: float
    volatility_10s_bps: float


def measure(
    first: list[Any], trades: list[Any], updates: Iterable[Update], seconds: float
) -> Figures:
    """Measure a market from its first snapshots, and what followed in so many seconds."""
    sides: tuple[dict[float, Any], dict[float, Any]] = ({}, {})
    for row in first:
        sides[row[2] < 0][row[0]] = row
    counts = {"iterations": 0, "trades": 0, "new": 0, "gone": 0, "other": 0}
    spreads, distances, sizes = [], [], []
    trade_sizes = [abs(row[2]) for row in trades]
    middles: dict[int, float] = {}
    for at, rows, is_trade in updates:
        if is_trade:
            counts["trades"] += 1
            trade_sizes += [abs(row[2]) for row in rows]
            continue
        counts["iterations"] += 1
        middle = (max(sides[0]) + min(sides[1])) / 2
        for price, count, amount in rows:
            side = sides[amount < 0]
            if not count:
                counts["gone"] += 1
                side.pop(price, None)
                continue
            counts["other" if price in side else "new"] += 1
            if price not in side:
                distances.append(abs(price / middle - 1) * 10_000)
            sizes.append(abs(amount))
            side[price] = amount
        bid, ask = max(sides[0]), min(sides[1])
        spreads.append((ask - bid) / middle * 10_000)
        middles[int(at)] = (ask + bid) / 2
    filled, last = [], next(iter(middles.values()))
    for second in range(int(seconds)):
        last = middles.get(second, last)
        filled.append(math.log(last))
    return Figures(
        counts["iterations"] / seconds,
        counts["new"],
        counts["gone"],
        counts["other"],
        counts["trades"] / seconds,
        statistics.median(spreads),
        statistics.median(distances),
        *_distribution(sizes),
        *_distribution(trade_sizes),
        _volatility(filled, 1),
        _volatility(filled, 10),
    )


@lru_cache(maxsize=None)
def recorded(symbol: str) -> Figures:
    """Measure a recorded market."""
    recording = load(RECORDED[symbol])
    first = recording.first[symbol]
    updates = (
        Update(step.at, step.rows, step.kind == "te")
        for step in recording.steps
        if step.symbol == symbol and step.kind in ("book", "te")
    )
    seconds = recording.steps[-1].at
    return measure(first["book"], first["trades"], updates, seconds)


def simulated(symbol: str, seconds: float, seed: int = 1) -> Figures:
    """Measure a simulated market."""
    market = RandomMarket(RECIPES[symbol], seed, MTS)
    window = Window(market.book.depth("P0"), "P0", LENGTH)
    first = [json.loads(row) for row in window.snapshot()]
    rate = RECIPES[symbol].traffic.rate

    def updates() -> Iterator[Update]:
        for n in range(1, int(seconds * rate) + 1):
            at = n / rate
            for event in market.step(MTS + int(at * 1000)):
                if isinstance(event, Traded):
                    yield Update(at, [event.row], True)
            rows = [json.loads(row) for row in window.update()]
            if rows:
                yield Update(at, rows)

    return measure(first, [], updates(), seconds)


def _distribution(sizes: list[float]) -> tuple[float, float]:
    """Return the median, and the standard deviation of the logarithms."""
    logs = [math.log(size) for size in sizes]
    return math.exp(statistics.median(logs)), statistics.pstdev(logs)


def _volatility(logs: list[float], lag: int) -> float:
    changes = [after - before for before, after in zip(logs, logs[lag:])]
    return statistics.pstdev(changes) * 10_000


def main() -> None:
    print(f"{'':20}", *(f"{symbol:>20}" for symbol in (*RECORDED, *SIMULATED)))
    found = [recorded(symbol) for symbol in RECORDED]
    found += [simulated(symbol, 1_000) for symbol in SIMULATED]
    for name, values in zip(Figures._fields, zip(*found)):
        print(f"{name:20}", *(f"{value:20.6g}" for value in values))


if __name__ == "__main__":
    main()
