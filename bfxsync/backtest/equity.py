"""The equity curve of a backtest, and what follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Iterable, List, Tuple

from bfxsync._base.aliases import Mts
from bfxsync.models.model import RestModel, at, model
from bfxsync.models.model_list import ModelList
from bfxsync.models.moments import Moment, moment
from bfxsync.paper.engine.units import SCALE

MAX_POINTS = 1_000

_STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)


@model
class EquityPoint(RestModel):
    """The value of an account at one time."""

    mts: Mts = at(0)
    """Milliseconds UTC."""
    equity: float = at(1)
    """Value of all wallets and positions, in the currency of the backtest."""
    drawdown_ratio: float = at(2)
    """Loss since the highest equity before: 0.01 means 1 %."""

    time: ClassVar[Moment[datetime]] = moment(mts)


def curve(samples: Iterable[Tuple[int, int]]) -> ModelList[EquityPoint]:
    """
    Return the curve of times and units.

    Of several samples of one time the last is taken.
    """
    points: List[EquityPoint] = []
    highest = 0
    for mts, units in dict(samples).items():
        highest = max(highest, units)
        drawdown = ratio(highest - units, highest)
        points.append(EquityPoint(mts, units / SCALE, drawdown))
    return ModelList(points, EquityPoint)


def ratio(part: int, whole: int) -> float:
    """Return a ratio of units, with six decimal places; 0 of nothing."""
    return round(part * 1_000_000 / whole) / 1_000_000 if whole > 0 else 0.0


def interval_s(duration_s: float) -> float:
    """Return a round interval, at which the time has no more than `MAX_POINTS` points."""
    for step in _STEPS_S:
        if duration_s / step <= MAX_POINTS:
            return step
    return _STEPS_S[-1]
