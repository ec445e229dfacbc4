"""
The past of a simulated market, generated on demand.

Strategy: top down. A day is drawn from the seed and its date alone; it is split into hours, these
into quarters, minutes and trades, and each time the parts add up exactly to the whole. So every
candle agrees with its trades, a year of days costs no more than as many minutes, and only recently
used parts are cached. Each funding period has a series of its own.

The first and last part of a whole always have trades; minutes between them may be empty.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache
from typing import Iterator

import attrs

from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.markets.bars import DAY, HOUR, MINUTE_MS, Bar, overlay

BEGIN = 18_262 * DAY
"""The first minute of the past: that of 2020."""

_SIZES = (DAY, HOUR, 15, 1)
# Enough for a page of 10,000 minutes that is requested twice.
_SPLITS_KEPT = 1_000
_DAYS_KEPT = 1_000
_LOT = SCALE // 10**8
_TRADES_PER_DAY = 1440 * 5
_IDS_PER_MINUTE = 40
_MOST_TRADES = 8
_WANDER_TICKS = 220
_WICK_TICKS = 120
_MEAN_OF_LOGNORMAL = 1.65


@attrs.frozen
class Recipe:
    """
    The parameters of a simulated market.

    Attributes
    ----------
    middle, tick : int
        The price around which it wanders, and the price step, in units.
    amount : float
        Median amount of a trade.
    periods : tuple of int
        Of funding, in days.
    emptiness : float
        Ratio of the past minutes that have no trades.
    """

    symbol: str
    middle: int
    tick: int
    amount: float
    periods: tuple[int, ...] = (0,)
    emptiness: float = 0.05


class Series:
    """
    The past of one symbol, or of one period of a funding symbol.

    Parameters
    ----------
    index : int
        Index of the recipe's period; the trades of each have their own part of a minute.
    """

    def __init__(self, recipe: Recipe, seed: int, index: int) -> None:
        self.period: int = recipe.periods[index]
        self._recipe = recipe
        self._index = index
        self._seed = f"{seed} {recipe.symbol} {self.period}"
        self._days = lru_cache(_DAYS_KEPT)(self._day)
        self._parts = lru_cache(_SPLITS_KEPT)(self._split)

    def bar(self, size: int, minute: int) -> Bar | None:
        """Return the bar of a day, hour, quarter or minute that starts at `minute`."""
        if size == DAY:
            return self._days(minute)
        whole = _SIZES[_SIZES.index(size) - 1]
        begin = minute - minute % whole
        return self._parts(whole, begin, size)[(minute - begin) // size]

    def trades(self, minute: int) -> list[list[float]]:
        """Return the trades of a minute, oldest first."""
        bar = self.bar(1, minute)
        if bar is None:
            return []
        dice = self._dice("minute", minute)
        prices = self._prices(bar, dice)
        weights = [1 + int(dice.random() ** 2 * 100) for _ in prices]
        amounts = _shares(bar.volume // _LOT, weights)
        slot = MINUTE_MS // len(self._recipe.periods)
        offset = self._index * slot
        # One order often fills several others, and these trades have the same time.
        times = sorted(int(dice.random() * slot) for _ in prices)
        rows: list[list[float]] = []
        for n, (price, lots) in enumerate(zip(prices, amounts)):
            is_same_order = n > 0 and dice.random() < 0.5
            if is_same_order:
                times[n] = times[n - 1]
                sign = 1 if rows[-1][2] > 0 else -1
            else:
                sign = 1 if dice.random() < 0.5 else -1
            id = minute * _IDS_PER_MINUTE + self._index * _MOST_TRADES + n
            mts = minute * MINUTE_MS + offset + times[n]
            row = [id, mts, sign * lots * _LOT / SCALE, price / SCALE]
            rows.append(row + [self.period] if self.period else row)
        return rows

    def _prices(self, bar: Bar, dice: random.Random) -> list[int]:
        """Return prices of trades: those of the bar, and some between."""
        between = [price for price in (bar.high, bar.low) if price != bar.open]
        ticks = (bar.high - bar.low) // self._recipe.tick
        for _ in range(int(dice.random() * (_MOST_TRADES - 3))):
            price = bar.low + int(dice.random() * (ticks + 1)) * self._recipe.tick
            between.append(price)
        dice.shuffle(between)
        if not between and bar.open == bar.close:
            return [bar.open]
        return [bar.open, *between, bar.close]

    def _day(self, minute: int) -> Bar:
        dice = self._dice("day", minute)
        begin, end = self._price(minute), self._price(minute + DAY)
        high = max(begin, end) + int(dice.expovariate(1 / _WICK_TICKS)) + 1
        low = min(begin, end) - int(dice.expovariate(1 / _WICK_TICKS)) - 1
        mean = _TRADES_PER_DAY * self._recipe.amount * _MEAN_OF_LOGNORMAL
        lots = int(mean * (0.5 + dice.random()) * 10**8)
        return self._bar(begin, end, high, low, lots)

    def _split(self, size: int, minute: int, part: int) -> list[Bar | None]:
        """Split a bar into parts that add up to it; some minutes are empty."""
        whole = self.bar(size, minute)
        assert whole is not None  # only minutes can be empty
        dice = self._dice("parts", minute * DAY + part)
        chance = dice.random
        emptiness = self._recipe.emptiness if part == 1 else 0.0
        count = size // part
        busy = [n for n in range(count) if n in (0, count - 1) or chance() >= emptiness]
        steps = len(busy)
        begin, end, high, low = (price // self._recipe.tick for price in whole[:4])
        reach = (high - low) / math.sqrt(steps)
        # A random walk from the first price to the last.
        walk = [0.0]
        for _ in busy:
            walk.append(walk[-1] + (chance() - 0.5) * 2 * reach)
        slope = (end - begin - walk[-1]) / steps
        points = [
            min(max(round(begin + step + slope * n), low), high)
            for n, step in enumerate(walk)
        ]
        opens, closes = [begin], points[1:]
        for point in points[1:-1]:
            opens.append(min(max(point + int(chance() * 5) - 2, low), high))
        wick = reach / 2 + 1
        highs, lows = [], []
        for first, final in zip(opens, closes):
            highs.append(min(max(first, final) + int(chance() ** 2 * wick), high))
            lows.append(max(min(first, final) - int(chance() ** 2 * wick), low))
        highs[highs.index(max(highs))] = high
        lows[lows.index(min(lows))] = low
        weights = [1 + int(chance() ** 2 * 1000) for _ in busy]
        volumes = _shares(whole.volume // _LOT, weights)
        parts: list[Bar | None] = [None] * count
        for n, *values in zip(busy, opens, closes, highs, lows, volumes):
            parts[n] = self._bar(*values)
        return parts

    def _bar(self, begin: int, end: int, high: int, low: int, lots: int) -> Bar:
        """Create a bar from prices in ticks."""
        tick = self._recipe.tick
        # Each period trades in its own part of a minute, so their order is always the same.
        index = self._index
        return Bar(
            begin * tick, end * tick, high * tick, low * tick, lots * _LOT, index, index
        )

    def _price(self, minute: int) -> int:
        """Return the first price of a day, in ticks."""
        dice = self._dice("price", minute)
        away = max(min(dice.gauss(0, 1), 3), -3) * _WANDER_TICKS
        return self._recipe.middle // self._recipe.tick + round(away)

    def _dice(self, what: str, index: int) -> random.Random:
        # Text seeds are hashed alike in all processes.
        return random.Random(f"{self._seed} {what} {index}")


class History:
    """
    The past of a simulated market.

    Parameters
    ----------
    end : int
        The minute that follows it.
    """

    def __init__(self, recipe: Recipe, seed: int, end: int) -> None:
        self.begin: int = min(BEGIN, end)
        self.end = end
        self._series = [
            Series(recipe, seed, index) for index in range(len(recipe.periods))
        ]

    def pieces(self, begin: int, end: int, periods: range) -> Iterator[Bar | None]:
        """Iterate over the largest possible bars that fill a span of minutes."""
        series = [each for each in self._series if each.period in periods]
        at, end = max(begin, self.begin), min(end, self.end)
        while at < end:
            size = next(s for s in _SIZES if not at % s and at + s <= end)
            if len(series) == 1:
                yield series[0].bar(size, at)
            else:
                yield overlay(each.bar(size, at) for each in series)
            at += size

    def trades(self, minute: int) -> list[list[float]]:
        """Return the trades of a minute, oldest first."""
        if not self.begin <= minute < self.end:
            return []
        return [row for each in self._series for row in each.trades(minute)]


def _shares(total: int, weights: list[int]) -> list[int]:
    """Divide a total by weights; each share is at least a tenth of an equal one."""
    least = total // (10 * len(weights))
    rest = total - least * len(weights)
    weight = sum(weights)
    shares = [least + rest * each // weight for each in weights]
    shares[-1] += total - sum(shares)
    return shares
