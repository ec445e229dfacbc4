"""Draws candlesticks with volumes."""

from __future__ import annotations

from typing import List, Sequence

from bfxsync.models.status import Candle
from bfxsync.notebook.drawing.axes import Scale, price_range, price_ticks, time_ticks
from bfxsync.notebook.drawing.numbers import (
    decimals_of,
    percent_text,
    price_text,
    rate_text,
)
from bfxsync.notebook.drawing.svg import (
    DOWN,
    GREY,
    UP,
    Svg,
    line,
    path,
    rect,
    text,
    text_width,
)

_WIDTH, _HEIGHT = 860, 330
_LEFT, _RIGHT = 4, 770
_TOP, _BOTTOM = 32, 236
_VOLUME_TOP, _VOLUME_BOTTOM = 250, 298
_TIMES_Y = 314

# Fewer candles are not drawn wider than this; the latest is always at the right.
_WIDEST = 16.0
_BODY_RATIO = 0.7
_LABEL_SPACE = 90
_LINE_SPACE = 12


def draw_candles(title: str, candles: Sequence[Candle], is_rate: bool = False) -> Svg:
    """
    Draw candles, oldest first, at even distances.

    Wicks far away from the others are cut, with a mark at the end; volumes too. With `is_rate` the
    prices are rates of funding.
    """
    heading = text(_LEFT, 14, title, weight="bold")
    if not candles:
        return Svg(_WIDTH, 60, heading + text(_LEFT, 40, "no candles yet"))
    return Svg(_WIDTH, _HEIGHT, heading + _Chart(title, candles, is_rate).draw())


def describe_candles(
    title: str, candles: Sequence[Candle], is_rate: bool = False
) -> str:
    """Return the last candle in words."""
    if not candles:
        return f"{title}: no candles yet"
    return f"{title}: {_summary(candles, is_rate)}"


def _summary(candles: Sequence[Candle], is_rate: bool) -> str:
    last, first = candles[-1], candles[0]
    decimals = None if is_rate else decimals_of(last.close)
    shown = [
        rate_text(price) if is_rate else price_text(price, decimals)
        for price in (last.open, last.high, last.low, last.close)
    ]
    named = "  ".join(f"{name} {price}" for name, price in zip("OHLC", shown))
    if not first.open:
        return named
    return f"{named}  {percent_text(float(last.close) / float(first.open) - 1)}"


class _Chart:
    """The parts of one drawing, from left to right."""

    def __init__(self, title: str, candles: Sequence[Candle], is_rate: bool) -> None:
        self._title = title
        self._candles = candles
        self._is_rate = is_rate
        self._last = candles[-1]
        self._factor = 100 if is_rate else 1
        self._slot = min((_RIGHT - _LEFT) / len(candles), _WIDEST)
        values = [self._value(each.high) for each in candles]
        values += [self._value(each.low) for each in candles]
        low, high = price_range(values)
        close = self._value(self._last.close)
        self._y = Scale(min(low, close), max(high, close), _BOTTOM, _TOP)
        largest = price_range([float(each.volume) for each in candles])[1]
        self._volume_y = Scale(0.0, max(largest, 1e-9), _VOLUME_BOTTOM, _VOLUME_TOP)

    def draw(self) -> str:
        """Return all elements."""
        summary = _summary(self._candles, self._is_rate)
        parts = [text(_LEFT + text_width(self._title, True) + 12, 14, summary)]
        parts += self._axis()
        for is_up, colour in ((True, UP), (False, DOWN)):
            shown = [
                (at, each)
                for at, each in enumerate(self._candles)
                if (each.close >= each.open) is is_up
            ]
            volumes = (self._volume(at, each) for at, each in shown)
            parts.append(path(volumes, fill=colour, opacity=0.4))
            bodies = (self._candle(at, each) for at, each in shown)
            parts.append(path(bodies, fill=colour, stroke=colour))
        parts += self._times()
        return "".join(parts)

    def _value(self, price: float) -> float:
        return float(price) * self._factor

    def _x(self, at: float) -> float:
        """Return the middle of a candle."""
        return _RIGHT - (len(self._candles) - at - 0.5) * self._slot

    def _candle(self, at: int, candle: Candle) -> str:
        """Return the wick and the body, and marks where the wick is cut."""
        x, y, width = self._x(at), self._y, max(1.0, self._slot * _BODY_RATIO)
        high, low = self._value(candle.high), self._value(candle.low)
        ends = sorted((y(self._value(candle.open)), y(self._value(candle.close))))
        height = max(ends[1] - ends[0], 0.5)
        drawn = f"M{x:.1f} {y(high):.1f}V{y(low):.1f}"
        drawn += (
            f"M{x - width / 2:.1f} {ends[0]:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}z"
        )
        if low < y.low:
            drawn += f"M{x - 3:.1f} {_BOTTOM}h6l-3 5z"
        if high > y.high:
            drawn += f"M{x - 3:.1f} {_TOP}h6l-3 -5z"
        return drawn

    def _volume(self, at: int, candle: Candle) -> str:
        width = max(1.0, self._slot * _BODY_RATIO)
        top = self._volume_y(float(candle.volume))
        x = self._x(at) - width / 2
        return f"M{x:.1f} {_VOLUME_BOTTOM}h{width:.1f}V{top:.1f}h{-width:.1f}z"

    def _axis(self) -> List[str]:
        """Return lines and labels of prices; the label of the last one is never hidden."""
        last = self._value(self._last.close)
        last_y = self._y(last)
        colour = UP if self._last.close >= self._last.open else DOWN
        parts = []
        for tick in price_ticks(self._y.low, self._y.high):
            y = self._y(tick.at)
            parts.append(line(_LEFT, y, _RIGHT, y, more='stroke-opacity="0.25"'))
            if abs(y - last_y) > _LINE_SPACE:
                parts.append(text(_RIGHT + 6, y + 4, tick.label))
        label = (
            rate_text(self._last.close)
            if self._is_rate
            else price_text(self._last.close)
        )
        width = min(text_width(label) + 12, _WIDTH - _RIGHT)
        return [
            *parts,
            line(_LEFT, last_y, _RIGHT, last_y, colour, 'stroke-dasharray="2 2"'),
            rect(_RIGHT, last_y - 8, width, 16, colour, radius=2),
            text(_RIGHT + 6, last_y + 4, label, fill="#fff"),
        ]

    def _times(self) -> List[str]:
        """Return the labels of times, without those that would be cut or touch another."""
        parts = [line(_LEFT, _VOLUME_BOTTOM, _RIGHT, _VOLUME_BOTTOM, GREY)]
        most = int((_RIGHT - _LEFT) / _LABEL_SPACE)
        end = 0.0
        for tick in time_ticks([each.mts for each in self._candles], most):
            x, half = self._x(tick.at), text_width(tick.label) / 2
            if x - half >= end and x + half <= _RIGHT:
                parts.append(text(x, _TIMES_Y, tick.label, anchor="middle"))
                end = x + half + 12
        return parts
