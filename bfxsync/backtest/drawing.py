"""
The equity curve as a picture: SVG, or box characters for a terminal.

Plain functions of plain values. The SVG has no colour of its own behind it, and middle greys, so
that it can be read on light and dark pages.
"""

from __future__ import annotations

import math
from datetime import datetime, timezone
from html import escape
from typing import List, Sequence, Tuple

Point = Tuple[int, float]
"""Time in ms since 1970, and equity."""
Mark = Tuple[int, bool]
"""Time of a fill, and whether it bought."""

WIDTH, HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 12, 92, 44, 30
_GREY, _FAINT, _LINE = "#808488", "#80848840", "#3b82f6"
_BUY, _SELL = "#26a269", "#e5484d"
_MAX_MARKS = 500

_TIMES_S = (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200)
_DAY_S = 86_400

_BARS, _PLAIN_BARS = " ▁▂▃▄▅▆▇█", " ....:::#"
_FRAME, _PLAIN_FRAME = ("│", "└", "─", "┬"), ("|", "+", "-", "+")


def equity_svg(
    points: Sequence[Point], currency: str, marks: Sequence[Mark] = ()
) -> str:
    """Return the picture of an equity curve, with a mark at each fill."""
    low, high = _range([equity for _, equity in points])
    begin, end = (points[0][0], points[-1][0]) if points else (0, 0)
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM

    def x(mts: int) -> float:
        return _LEFT + (right - _LEFT) * (mts - begin) / max(end - begin, 1)

    def y(equity: float) -> float:
        return bottom - (bottom - _TOP) * (equity - low) / (high - low)

    parts = [_text(_LEFT, 20, title(points, currency), size=14, weight=600)]
    parts.append(_text(_LEFT, 35, span(begin, end), size=11))
    levels = ticks(low, high, 5)
    for level in levels:
        at = y(level)
        parts.append(
            f'<path d="M{_LEFT} {at:.1f}H{right}" stroke="{_FAINT}" stroke-width="1"/>'
        )
        label = amount_text(level, levels)
        parts.append(_text(right + 8, at + 4, label, size=11))
    for mts, label in time_labels(begin, end, 6):
        anchor = "start" if x(mts) < _LEFT + 30 else "middle"
        anchor = "end" if x(mts) > right - 30 else anchor
        parts.append(_text(x(mts), HEIGHT - 10, label, size=11, anchor=anchor))
    path = "L".join(f"{x(mts):.1f} {y(equity):.1f}" for mts, equity in points)
    if points:
        parts.append(
            f'<path d="M{path}L{x(end):.1f} {bottom}L{x(begin):.1f} {bottom}Z"'
            f' fill="{_LINE}" fill-opacity="0.12"/>'
        )
        parts.append(
            f'<path d="M{path}" fill="none" stroke="{_LINE}" stroke-width="1.6"'
            ' stroke-linejoin="round"/>'
        )
    for mts, is_buy in marks[:_MAX_MARKS]:
        at = y(_at(points, mts))
        colour = _BUY if is_buy else _SELL
        parts.append(
            f'<circle cx="{x(mts):.1f}" cy="{at:.1f}" r="2.6" fill="{colour}"/>'
        )
    if marks:
        parts.append(_legend(right))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" fill="{_GREY}">'
        f"{''.join(parts)}</svg>\n"
    )


def equity_text(
    points: Sequence[Point],
    currency: str,
    width: int = 80,
    height: int = 12,
    *,
    is_plain: bool = False,
) -> str:
    """
    Return an equity curve in box characters, without a line end; `is_plain`: in ASCII.

    It has no more than `width` columns and `height` lines, at least 24 and 5.
    """
    width, height = max(width, 24), max(height, 5)
    bars = _PLAIN_BARS if is_plain else _BARS
    side, corner, line, tick = _PLAIN_FRAME if is_plain else _FRAME
    rows = height - 3
    low, high = _range([equity for _, equity in points])
    levels = [high, (low + high) / 2, low]
    labels = [amount_text(level, levels) for level in levels]
    margin = max(map(len, labels))
    columns = width - margin - 2
    steps = [
        0 if value is None else 1 + round((value - low) / (high - low) * (8 * rows - 1))
        for value in _columns(points, columns)
    ]
    shown = {0: labels[0], rows // 2: labels[1], rows - 1: labels[2]}
    lines = [title(points, currency)[:width]]
    for row in range(rows):
        base = 8 * (rows - 1 - row)
        cells = "".join(bars[min(max(step - base, 0), 8)] for step in steps)
        lines.append(f"{shown.get(row, ''):>{margin}} {side}{cells}".rstrip())
    begin, end = (points[0][0], points[-1][0]) if points else (0, 0)
    axis, under = [line] * columns, [" "] * columns
    free_from = 0
    for mts, label in time_labels(begin, end, max(columns // 14, 2)):
        at = int((mts - begin) / max(end - begin, 1) * (columns - 1))
        first = min(max(at - len(label) // 2, 0), columns - len(label))
        if first >= free_from:
            axis[at] = tick
            under[first : first + len(label)] = label
            free_from = first + len(label) + 1
    lines.append(f"{'':>{margin}} {corner}{''.join(axis)}")
    lines.append(f"{'':>{margin}}  {''.join(under)}".rstrip())
    return "\n".join(lines)


def title(points: Sequence[Point], currency: str) -> str:
    """Return what the curve shows, in one line."""
    if not points:
        return f"Equity in {currency}: no data"
    first, last = points[0][1], points[-1][1]
    change = f", {percent((last - first) / first, 2)}" if first else ""
    return f"Equity {last:,.2f} {currency}{change}"


def percent(ratio: float, places: int) -> str:
    """Return a change in percent, with its sign unless it is nothing."""
    rounded = round(ratio, places + 2)
    return f"{rounded:+.{places}%}".replace("%", " %") if rounded else "0 %"


def span(begin: int, end: int) -> str:
    """Return a range of time in UTC."""
    first, last = _utc(begin), _utc(end)
    same_day = first.date() == last.date()
    until = f"{last:%H:%M:%S}" if same_day else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"{first:%Y-%m-%d %H:%M:%S} to {until} UTC"


def ticks(low: float, high: float, count: int) -> List[float]:
    """Return round values between two others, about as many as `count`."""
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def amount_text(amount: float, others: Sequence[float]) -> str:
    """Return an amount with as many decimal places as tell it from the others."""
    gaps = [abs(a - b) for a, b in zip(others, others[1:]) if a != b]
    places = max(0, -math.floor(math.log10(min(gaps)))) if gaps else 2
    return f"{amount:,.{min(places, 8)}f}"


def time_labels(begin: int, end: int, count: int) -> List[Tuple[int, str]]:
    """Return times at round steps, and their texts: the date at midnight or over days."""
    duration_s = max(end - begin, 1) / 1000
    steps = [*_TIMES_S, *(_DAY_S * n for n in (1, 2, 7, 14, 30, 90, 365))]
    step_ms = 1000 * next((s for s in steps if duration_s / s <= count), steps[-1])
    first = -(-begin // step_ms) * step_ms
    return [
        (mts, _time_text(mts, step_ms)) for mts in range(first, end + 1, step_ms)
    ] or [(begin, _time_text(begin, 1000))]


def _time_text(mts: int, step_ms: int) -> str:
    moment = _utc(mts)
    if step_ms >= 1000 * _DAY_S or mts % (1000 * _DAY_S) == 0:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%H:%M:%S}" if step_ms < 60_000 else f"{moment:%H:%M}"


def _utc(mts: int) -> datetime:
    return datetime.fromtimestamp(mts // 1000, timezone.utc)


def _range(values: Sequence[float]) -> Tuple[float, float]:
    """Return the range of an axis, with some room, which is never empty."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    room = (high - low) * 0.04 or abs(high) * 0.001 or 1.0
    return low - room, high + room


def _at(points: Sequence[Point], mts: int) -> float:
    """Return the equity at a time: that of the last point until then."""
    found = points[0][1]
    for at, equity in points:
        if at > mts:
            break
        found = equity
    return found


def _columns(points: Sequence[Point], count: int) -> "List[float | None]":
    """Return the last equity of each column; None before the first point."""
    if not points:
        return [None] * count
    begin, end = points[0][0], points[-1][0]
    found: "List[float | None]" = []
    index = 0
    for column in range(count):
        until = begin + (end - begin) * (column + 1) / count
        while index + 1 < len(points) and points[index + 1][0] <= until:
            index += 1
        found.append(points[index][1])
    return found


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    weight: int = 400,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )


def _legend(right: int) -> str:
    return (
        f'<circle cx="{right - 88}" cy="16" r="2.6" fill="{_BUY}"/>'
        f"{_text(right - 81, 20, 'bought', size=11)}"
        f'<circle cx="{right - 32}" cy="16" r="2.6" fill="{_SELL}"/>'
        f"{_text(right - 25, 20, 'sold', size=11)}"
    )
