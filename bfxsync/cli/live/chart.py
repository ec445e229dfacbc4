"""
Candles in box characters, with a scale of prices, volumes and times.

Strategy: a row of the screen has two steps of the price. A column is a candle: its wick is a thin
line, its body a thick one, and one character shows both steps.
"""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any, Sequence

from rich.text import Text

from bfxsync import Candle
from bfxsync.cli.live.drawing import (
    DIM,
    DOWN,
    UP,
    Cell,
    Rows,
    aligned,
    filled,
    fit,
    line,
    places_of,
)

# By what is in the upper and in the lower step: nothing, the wick, or the body.
_GLYPHS = (" ╷╻", "╵│╽", "╹╿┃")
_VOLUMES = "▁▂▃▄▅▆▇█"
_TALL = 16
_LABEL_ROWS = 4
_TIME_COLUMNS = 12
_DAY_MS = 86_400_000


def chart(candles: Sequence[Candle], width: int, height: int) -> Rows:
    """Return the latest candles that fit as rows of this size, oldest first."""
    prices = [candle.close for candle in candles[-width:]]
    label_width = max(map(len, aligned(prices)), default=0)
    plot = width - label_width - 1
    if not candles or plot < 4 or height < 4:
        return filled([line(Cell("no candles", DIM), width=width)], height, width)
    shown = candles[-plot:]
    left = " " * (plot - len(shown))
    tones = [DOWN if candle.close < candle.open else UP for candle in shown]
    has_times = height >= 6
    volume_rows = 0 if height < 8 else 2 if height < _TALL else 3
    scale = _Scale(shown, height - volume_rows - has_times)
    labels = scale.labels(shown[-1].close, places_of(prices))
    drawn = []
    for number, glyphs in enumerate(scale.glyphs(shown)):
        row = line(left)
        _append(row, glyphs, tones)
        label, style = labels.get(number, ("", ""))
        if len(label) > label_width:
            label = ""  # of a wick, in a narrow chart
        row.append(" ").append(f"{label:>{label_width}}", style)
        drawn.append(row)
    for glyphs in _volumes([float(candle.volume) for candle in shown], volume_rows):
        row = line(left)
        _append(row, glyphs, tones)
        drawn.append(row)
    if has_times:
        drawn.append(line(Cell(left + _times(shown), DIM)))
    return filled([fit(row, width) for row in drawn], height, width)


def _append(row: Text, glyphs: Sequence[str], tones: Sequence[str]) -> None:
    """Append a character for each candle; neighbours of one colour together, which is faster."""
    begin = 0
    for at in range(1, len(tones) + 1):
        if at == len(tones) or tones[at] != tones[begin]:
            row.append("".join(glyphs[begin:at]), tones[begin])
            begin = at


class _Scale:
    """Steps of the price: two per row, counted from the lowest price upwards."""

    def __init__(self, candles: Sequence[Candle], rows: int) -> None:
        self._steps = 2 * rows
        ends = [
            float(price) for candle in candles for price in (candle.open, candle.close)
        ]
        low, high = min(ends), max(ends)
        # A single long wick must not flatten the bodies: it is cut off where it leaves the chart.
        reach = (high - low) or high / 1000 or 1.0
        self._low = max(low - reach, min(float(candle.low) for candle in candles))
        self._high = min(high + reach, max(float(candle.high) for candle in candles))
        if self._low >= self._high:
            self._low, self._high = low - reach, high + reach

    def _step(self, price: Any) -> int:
        ratio = (float(price) - self._low) / (self._high - self._low)
        return min(self._steps - 1, max(0, int(ratio * self._steps)))

    def glyphs(self, candles: Sequence[Candle]) -> list[list[str]]:
        """Return the characters of each row, the highest first."""
        columns = []
        for candle in candles:
            marks = [0] * self._steps
            for price, other, mark in (
                (candle.low, candle.high, 1),
                (candle.open, candle.close, 2),
            ):
                low, high = sorted((self._step(price), self._step(other)))
                marks[low : high + 1] = [mark] * (high + 1 - low)
            columns.append(marks)
        return [
            [_GLYPHS[marks[upper]][marks[upper - 1]] for marks in columns]
            for upper in range(self._steps - 1, 0, -2)
        ]

    def labels(self, last: float, places: int) -> dict[int, tuple[str, str]]:
        """Return labels with their styles by row: round prices, and the last price."""
        found = {}
        count = max(1, self._steps // 2 // _LABEL_ROWS)
        step = _round_step((self._high - self._low) / count)
        price = math.ceil(self._low / step) * step
        while price <= self._high:
            # The places of the prices suffice, unless the scale is of less than one of them.
            found[self._row(price)] = (f"{price:,.{places}f}", DIM)
            price += step
        found[self._row(last)] = (aligned([last], places)[0], "bold reverse")
        return found

    def _row(self, price: Any) -> int:
        return (self._steps - 1 - self._step(price)) // 2


def _round_step(least: float) -> float:
    """Return the next 1, 2 or 5, times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _volumes(volumes: Sequence[float], rows: int) -> list[list[str]]:
    """Return the characters of bars, the highest row first."""
    largest = max(volumes) or 1.0
    steps = [math.ceil(volume / largest * rows * 8) for volume in volumes]
    return [
        [(" " + _VOLUMES)[min(8, max(0, step - 8 * row))] for step in steps]
        for row in range(rows - 1, -1, -1)
    ]


def _times(candles: Sequence[Candle]) -> str:
    """Return the times of some candles below them, with dates if they are of several days."""
    has_dates = candles[-1].mts - candles[0].mts >= 2 * _DAY_MS
    text = ""
    for at in range(0, len(candles), _TIME_COLUMNS):
        time = datetime.fromtimestamp(candles[at].mts / 1000, timezone.utc)
        label = f"{time:%b %d}" if has_dates else f"{time:%H:%M}"
        if at + len(label) <= len(candles):
            text = text.ljust(at) + label
    return text
