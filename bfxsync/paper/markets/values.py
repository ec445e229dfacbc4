"""
The values of currencies over time, from which the prices of all simulated markets follow.

Strategy: the logarithm of each value is a bounded random walk that can be evaluated anywhere:
midnights are drawn from the seed and the date, hours between two midnights, minutes between two
hours, and seconds between two minutes. Pairs are quotients of values, so that cross rates agree.

The past depends on the seed and the date; at the beginning of an exchange it leads to the initial
values, during its last week. From there on the walk depends on the seed and the time since then,
so that the same seed has the same future whenever it begins.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache

from bfxsync.paper.markets.bars import DAY, HOUR, MINUTE_MS
from bfxsync.paper.markets.recipes import (
    USD_VALUES,
    VOLATILITIES_BPS,
    Recipe,
    currency_of,
)

# Maximum distance of a past value from its middle, as a logarithm; cross rates have twice that.
_BOUND = 0.09
_OCTAVES = 6
_WEEK = 7 * DAY
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60
# The hours of a page of 10,000 minutes, and the days of all years.
_DAYS_KEPT, _HOURS_KEPT, _MINUTES_KEPT = 4_000, 400, 50


class Walk:
    """
    A bounded random walk around zero.

    Parameters
    ----------
    seed : str
        The same text gives the same walk.
    volatility_bps : float
        Standard deviation of its changes in a second, in hundredths of a per cent; over longer
        times it grows with the square root of the seconds, up to a month.
    """

    def __init__(self, seed: str, volatility_bps: float) -> None:
        self._seed = seed
        self._sigma = volatility_bps / 10_000
        self._nodes = lru_cache(_DAYS_KEPT)(self._node)
        self._hours = lru_cache(_DAYS_KEPT)(self._day)
        self._minutes = lru_cache(_HOURS_KEPT)(self._hour)
        self._seconds = lru_cache(_MINUTES_KEPT)(self._minute)

    def at(self, mts: float) -> float:
        """Return the value of the walk at a time in ms."""
        minute, rest = divmod(mts, MINUTE_MS)
        second, part = divmod(rest / 1000, 1)
        points = self._seconds(int(minute))
        before = points[int(second)]
        return before + (points[int(second) + 1] - before) * part

    def at_minute(self, minute: int) -> float:
        """Return the value of the walk at the start of a minute."""
        if minute % HOUR:
            return self._minutes(minute // HOUR)[minute % HOUR]
        return self._hours(minute // DAY)[minute % DAY // HOUR]

    def _minute(self, minute: int) -> list[float]:
        ends = self.at_minute(minute), self.at_minute(minute + 1)
        return self._bridge(f"minute {minute}", *ends, 60, 1)

    def _hour(self, hour: int) -> list[float]:
        ends = self.at_minute(hour * HOUR), self.at_minute((hour + 1) * HOUR)
        return self._bridge(f"hour {hour}", *ends, 60, _MINUTE_S)

    def _day(self, day: int) -> list[float]:
        ends = self._midnight(day), self._midnight(day + 1)
        return self._bridge(f"day {day}", *ends, 24, _HOUR_S)

    def _bridge(
        self, name: str, begin: float, end: float, parts: int, part_s: int
    ) -> list[float]:
        """Return the points of a random walk between two given ones."""
        dice = random.Random(f"{self._seed} {name}")
        sigma = self._sigma * math.sqrt(part_s)
        walk = [0.0]
        for _ in range(parts):
            walk.append(walk[-1] + dice.gauss(0, sigma))
        slope = (end - begin - walk[-1]) / parts
        points = [begin + step + slope * n for n, step in enumerate(walk)]
        points[-1] = end
        return points

    def _midnight(self, day: int) -> float:
        # A sum of slower and slower waves moves like a random walk, but stays bounded.
        level = 0.0
        for octave in range(_OCTAVES):
            span = 1 << octave
            index, rest = divmod(day, span)
            left, right = self._nodes(octave, index), self._nodes(octave, index + 1)
            level += (left + (right - left) * rest / span) * math.sqrt(span / 6)
        return _BOUND * math.tanh(level * self._sigma * math.sqrt(_DAY_S) / _BOUND)

    def _node(self, octave: int, index: int) -> float:
        return random.Random(f"{self._seed} wave {octave} {index}").gauss(0, 1)


class Values:
    """
    The values of currencies, and of the interest rates of funding, relative to their middles.

    Parameters
    ----------
    begin_mts : int
        Beginning of the exchange, when all are at their middle, as in the minute before it.
    """

    def __init__(self, seed: int, begin_mts: int) -> None:
        self.begin_mts: int = begin_mts
        self._joint = begin_mts // MINUTE_MS
        self._seed = seed
        self._walks: dict[str, Walk] = {}

    def at(self, name: str, mts: float) -> float:
        """Return the logarithm of a value divided by its middle, at a time in ms."""
        if mts < self.begin_mts:
            return self.at_minute(name, int(mts // MINUTE_MS))
        walk = self._walk(name, " since the beginning")
        return walk.at(mts - self.begin_mts) - walk.at(0) if walk is not None else 0.0

    def at_minute(self, name: str, minute: int) -> float:
        """Return the logarithm of a value divided by its middle, at the start of a minute."""
        if minute > self._joint:
            return self.at(name, minute * MINUTE_MS)
        walk = self._walk(name)
        if walk is None:
            return 0.0
        share = 1 - (self._joint - minute) / _WEEK
        level = walk.at_minute(minute)
        return level - share * walk.at_minute(self._joint) if share > 0 else level

    def _walk(self, name: str, suffix: str = "") -> Walk | None:
        """Return a walk, made on first use; None for what does not move."""
        key = name + suffix
        if key not in self._walks:
            volatility_bps = VOLATILITIES_BPS.get(name)
            if volatility_bps is None:
                return None
            self._walks[key] = Walk(f"{self._seed} {key}", volatility_bps)
        return self._walks[key]

    def in_usd(self, code: str, mts: float) -> float | None:
        """Return the value of a currency in dollars, None if it is unknown."""
        name = currency_of(code)
        middle = USD_VALUES.get(name)
        return None if middle is None else middle * math.exp(self.at(name, mts))


class FairPrice:
    """The price, in ticks, around which a simulated market trades."""

    def __init__(self, recipe: Recipe, values: Values) -> None:
        self._legs = recipe.legs
        self._middle = recipe.middle / recipe.tick
        self._values = values

    def at(self, mts: float) -> float:
        """Return the price at a time in ms."""
        base, quote = self._legs
        return self._price(self._values.at(base, mts) - self._values.at(quote, mts))

    def at_minute(self, minute: int) -> int:
        """Return the price at the start of a minute, rounded."""
        base, quote = self._legs
        at = self._values.at_minute
        return round(self._price(at(base, minute) - at(quote, minute)))

    def _price(self, level: float) -> float:
        # The number of digits never changes.
        return self._middle * min(max(math.exp(level), 0.8), 1.2)
