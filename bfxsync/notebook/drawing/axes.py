"""Ranges and round labels of axes."""

from __future__ import annotations

import math
from typing import Callable, List, NamedTuple, Sequence, Tuple

from bfxsync.notebook.drawing.numbers import utc_of

# Of this many values the extreme ones may be left out, at each end as many as 1 %, but two.
_MANY = 20
_LEAST_LEFT_OUT = 2
# An extreme value this near to the others, relative to their range, still counts.
_NEAR = 0.25
_MARGIN = 0.04
# Of a single value.
_FLAT_RATIO = 0.001

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000


class Scale(NamedTuple):
    """Converts values of a range to pixels; values beyond it are moved to its ends."""

    low: float
    high: float
    at_low: float
    at_high: float

    def __call__(self, value: float) -> float:
        """Return the position of a value."""
        share = (min(max(value, self.low), self.high) - self.low) / (
            self.high - self.low
        )
        return self.at_low + share * (self.at_high - self.at_low)


def price_range(values: Sequence[float]) -> Tuple[float, float]:
    """
    Return the range of an axis for some values, with a margin.

    A few extreme values are left out, so that a single trade far away does not flatten the rest.
    """
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    if len(ordered) >= _MANY:
        left_out = max(_LEAST_LEFT_OUT, len(ordered) // 100)
        inner_low, inner_high = ordered[left_out], ordered[-1 - left_out]
        near = (inner_high - inner_low) * _NEAR
        low = low if inner_low - low <= near else inner_low
        high = high if high - inner_high <= near else inner_high
    margin = (high - low) * _MARGIN
    # Below that a float has no digits left for the labels between.
    least = max(abs(low), abs(high)) * _FLAT_RATIO * 1e-6
    if margin <= least:
        margin = max(abs(high) * _FLAT_RATIO, 1e-9)
    return low - margin, high + margin


class Tick(NamedTuple):
    """A label of an axis and its value; of a time axis the index of its candle."""

    at: float
    label: str


def price_ticks(low: float, high: float, most: int = 7) -> List[Tick]:
    """Return the round prices of a range, at most `most`, with as many decimals as they need."""
    rough = (high - low) / most
    exponent = math.floor(math.log10(rough))
    step = next(
        factor * 10.0**exponent
        for factor in (1, 2, 5, 10, 20)
        if factor * 10.0**exponent >= rough
    )
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [
        # Adding 0 makes a zero of -0.
        Tick(index * step, f"{round(index * step, decimals) + 0:,.{decimals}f}")
        for index in range(math.ceil(low / step), math.floor(high / step) + 1)
    ]


def _even(step: int) -> Tuple[Callable[[int], object], str]:
    return (lambda mts: mts // step), "%d %b" if step >= _DAY else "%H:%M"


def _months(count: int) -> Tuple[Callable[[int], object], str]:
    def key(mts: int) -> object:
        utc = utc_of(mts)
        return (utc.year * 12 + utc.month - 1) // count

    return key, "%Y" if count >= 12 else "%b %Y"


_STEPS = [
    *(_even(count * _MINUTE) for count in (1, 2, 5, 10, 15, 30)),
    *(_even(count * _HOUR) for count in (1, 2, 3, 6, 12)),
    *(_even(count * _DAY) for count in (1, 2, 7)),
    *(_months(count) for count in (1, 3, 6, 12, 60)),
]


def time_ticks(times: Sequence[int], most: int) -> List[Tick]:
    """
    Return the indices and labels of the first times after round ones, at most `most`.

    Parameters
    ----------
    times : sequence of int
        Unix milliseconds, ascending.
    """
    for key, form in _STEPS:
        keys = [key(mts) for mts in times]
        found = [at for at in range(1, len(times)) if keys[at] != keys[at - 1]]
        if len(found) <= most:
            return [Tick(at, _time_label(times, at, form)) for at in found]
    return []


def _time_label(times: Sequence[int], at: int, form: str) -> str:
    """Return a time of day, or the date at the first time of a day."""
    is_new_day = times[at] // _DAY != times[at - 1] // _DAY
    return f"{utc_of(times[at]):{'%d %b' if is_new_day and form == '%H:%M' else form}}"
