"""
Bars aggregate the trades of a time span; timeframes divide time into spans.

Times are integers here, in minutes since 1970.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Callable, Iterable, NamedTuple

MINUTE_MS = 60_000
HOUR = 60
DAY = 24 * HOUR


class Bar(NamedTuple):
    """
    Prices and volume of a time span; a span without trades has no bar.

    Attributes
    ----------
    open, close, high, low, volume : int
        In units.
    began, ended : int
        Ordinals of the first and last trade in the span, for merging the bars of several funding
        periods.
    """

    open: int
    close: int
    high: int
    low: int
    volume: int
    began: int = 0
    ended: int = 0


def chain(bars: Iterable[Bar | None]) -> Bar | None:
    """Merge consecutive bars."""
    found = [bar for bar in bars if bar is not None]
    return _merged(found[0], found[-1], found) if found else None


def overlay(bars: Iterable[Bar | None]) -> Bar | None:
    """Merge bars of the same span."""
    found = [bar for bar in bars if bar is not None]
    if len(found) < 2:
        return found[0] if found else None
    first = min(found, key=lambda bar: bar.began)
    return _merged(first, max(found, key=lambda bar: bar.ended), found)


def _merged(first: Bar, last: Bar, bars: list[Bar]) -> Bar:
    return Bar(
        first.open,
        last.close,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        sum(bar.volume for bar in bars),
        first.began,
        last.ended,
    )


class Timeframe(NamedTuple):
    """Functions that return the start of an interval: of a minute, and the one after a start."""

    floor: Callable[[int], int]
    following: Callable[[int], int]


def _even(minutes: int) -> Timeframe:
    return Timeframe(
        lambda minute: minute - minute % minutes, lambda begin: begin + minutes
    )


def _month(minute: int) -> int:
    day = datetime.fromtimestamp(minute * 60, timezone.utc).date()
    return int(datetime(day.year, day.month, 1, tzinfo=timezone.utc).timestamp() // 60)


# Weeks and fortnights start on Thursdays, counted from 1970-01-01: a guess.
TIMEFRAMES = {
    "1m": _even(1),
    "5m": _even(5),
    "15m": _even(15),
    "30m": _even(30),
    "1h": _even(HOUR),
    "3h": _even(3 * HOUR),
    "6h": _even(6 * HOUR),
    "12h": _even(12 * HOUR),
    "1D": _even(DAY),
    "7D": _even(7 * DAY),
    "14D": _even(14 * DAY),
    "1M": Timeframe(_month, lambda begin: _month(begin + 31 * DAY)),
}
