"""
The past of a simulated market, generated on demand.

Strategy: top down. A day is drawn around the fair prices of its hours; it is split into hours,
these into quarters, minutes and trades, and each time the parts add up exactly to the whole. So
every candle agrees with its trades, the markets agree with each other at every minute, a year of
days costs no more than as many minutes, and only recently used parts are cached. Each funding
period has a series of its own.

The first and last part of a whole always have trades; minutes between them may be empty.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from functools import lru_cache
from typing import Iterator, NamedTuple

from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.markets.bars import DAY, HOUR, MINUTE_MS, Bar, overlay
from bfxsync.paper.markets.recipes import Recipe
from bfxsync.paper.markets.values import FairPrice, Values

BEGIN = 18_262 * DAY
"""The first minute of the past: that of 2020."""

_SIZES = (DAY, HOUR, 15, 1)
# Enough for a page of 10,000 minutes that is requested twice.
_SPLITS_KEPT = 1_000
_DAYS_KEPT = 1_000
_LOT = SCALE // 10**8
_DAY_S = 86_400
_IDS_PER_MINUTE = 40
_MOST_TRADES = 8
_MINUTE_S = 60


class Series:
    """
    The past of one symbol, or of one period of a funding symbol.

    Parameters
    ----------
    index : int
        Index of the recipe's period; the trades of each have their own part of a minute.
    """

    def __init__(self, recipe: Recipe, seed: int, index: int, values: Values) -> None:
        self.period: int = recipe.periods[index]
        self._recipe = recipe
        self._fair = FairPrice(recipe, values)
        # Standard deviation of the price changes in a minute.
        self._sigma = recipe.ticks(recipe.volatility_bps) * math.sqrt(_MINUTE_S)
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
        points = self._points(minute, DAY, HOUR)
        wick = 1 + self._sigma * math.sqrt(HOUR) / 2
        high = max(points) + int(dice.expovariate(1 / wick)) + 1
        low = min(points) - int(dice.expovariate(1 / wick)) - 1
        traffic = self._recipe.traffic
        trades = traffic.rate * traffic.trade_ratio * _DAY_S / len(self._recipe.periods)
        mean = self._recipe.amount(traffic.trade_usd)
        mean *= math.exp(
            traffic.trade_sigma**2 / 2
        )  # that of a log-normal distribution
        lots = int(trades * mean * (0.5 + dice.random()) * 10**8)
        return self._bar(points[0], points[-1], high, low, lots)

    def _points(self, minute: int, size: int, part: int) -> list[int]:
        """Return the fair prices between the parts of a span of minutes."""
        return [self._fair.at_minute(minute + at) for at in range(0, size + part, part)]

    def _inner_points(self, minute: int, size: int) -> list[int]:
        """Return the fair prices between the parts that a span will be split into, if any."""
        finer = _SIZES[_SIZES.index(size) + 1 :][:1]
        return [price for part in finer for price in self._points(minute, size, part)]

    def _split(self, size: int, minute: int, part: int) -> list[Bar | None]:
        """Split a bar into parts that add up to it; some minutes are empty."""
        whole = self.bar(size, minute)
        assert whole is not None  # only minutes can be empty
        dice = self._dice("parts", minute * DAY + part)
        chance = dice.random
        emptiness = self._recipe.emptiness if part == 1 else 0.0
        count = size // part
        busy = [n for n in range(count) if n in (0, count - 1) or chance() >= emptiness]
        begin, end, high, low = (price // self._recipe.tick for price in whole[:4])
        points = [
            min(max(point, low), high) for point in self._points(minute, size, part)
        ]
        points[-1] = end
        opens, closes = [begin], [points[n + 1] for n in busy]
        for n in busy[1:]:
            opens.append(min(max(points[n] + int(chance() * 5) - 2, low), high))
        wick = self._sigma * math.sqrt(part) + 1
        highs, lows = [], []
        for n, first, final in zip(busy, opens, closes):
            # With its own parts, which would otherwise stick to its highest or lowest price.
            inner = (first, final, *self._inner_points(minute + n * part, part))
            highs.append(min(max(inner) + int(chance() ** 2 * wick), high))
            lows.append(max(min(inner) - int(chance() ** 2 * wick), low))
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

    def _dice(self, what: str, index: int) -> random.Random:
        # Text seeds are hashed alike in all processes.
        return random.Random(f"{self._seed} {what} {index}")


class Span(NamedTuple):
    """
    Minutes of the past without a gap.

    Attributes
    ----------
    id_offset : int
        Added to the ids of trades.
    """

    begin: int
    end: int
    id_offset: int


class History:
    """
    The past of a simulated market, and the times without subscribers.

    Parameters
    ----------
    end : int
        The first minute after the past.
    """

    def __init__(
        self, recipe: Recipe, seed: int, end: int, values: Values | None = None
    ) -> None:
        values = Values(seed, end * MINUTE_MS) if values is None else values
        self.begin: int = min(BEGIN, end)
        self._spans = [Span(self.begin, end, 0)]
        self._ends = [end]
        self._series = [
            Series(recipe, seed, index, values) for index in range(len(recipe.periods))
        ]

    @property
    def end(self) -> int:
        """The first minute after the last span."""
        return self._ends[-1]

    def add(self, begin: int, end: int, after_id: int) -> int:
        """Add minutes after all others, with ids above `after_id`; return the id after all."""
        offset = max(after_id + 1 - begin * _IDS_PER_MINUTE, 0)
        if begin < end:
            self._spans.append(Span(begin, end, offset))
            self._ends.append(end)
        return max(end * _IDS_PER_MINUTE + offset, after_id + 1)

    def spans(self, begin: int, end: int) -> list[Span]:
        """Return the spans that overlap a span of minutes, cut to it."""
        first = bisect_right(self._ends, begin)
        found = []
        for span in self._spans[first:]:
            if span.begin >= end:
                break
            cut = max(span.begin, begin), min(span.end, end)
            found.append(span._replace(begin=cut[0], end=cut[1]))
        return found

    def pieces(self, span: Span, periods: range) -> Iterator[Bar | None]:
        """Iterate over the largest possible bars that fill a span."""
        series = [each for each in self._series if each.period in periods]
        at, end = span.begin, span.end
        while at < end:
            size = next(s for s in _SIZES if not at % s and at + s <= end)
            if len(series) == 1:
                yield series[0].bar(size, at)
            else:
                yield overlay(each.bar(size, at) for each in series)
            at += size

    def trades(self, minute: int) -> list[list[float]]:
        """Return the trades of a minute, oldest first."""
        for span in self.spans(minute, minute + 1):
            rows = [row for each in self._series for row in each.trades(minute)]
            for row in rows:
                row[0] += span.id_offset
            return rows
        return []


def _shares(total: int, weights: list[int]) -> list[int]:
    """Divide a total by weights; each share is at least a tenth of an equal one."""
    least = total // (10 * len(weights))
    rest = total - least * len(weights)
    weight = sum(weights)
    shares = [least + rest * each // weight for each in weights]
    shares[-1] += total - sum(shares)
    return shares
