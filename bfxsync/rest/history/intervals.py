"""
Candle intervals, and candles for intervals without trades.

The exchange sends no candle for an interval without trades. Intervals from one minute to a day
start at multiples of their length since 1970 (UTC), months at their first day. The first day of
weeks is not documented, so each interval is assumed to start one length after the previous one,
beginning with a candle of the exchange.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Callable, Iterable, Iterator, Sequence

from bfxsync._base.aliases import Mts
from bfxsync.models.status import Candle
from bfxsync.rest.history.history import Iteration
from bfxsync.rest.history.unreadable import strictly

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

_UNITS = {"m": _MINUTE, "h": _HOUR, "D": _DAY, "W": 7 * _DAY}

_MONTH = "1M"


def interval_begins(candle_mts: Mts, tf: str, low: Mts, high: Mts) -> Sequence[Mts]:
    """Return the start times, from `low` to `high`, of the intervals after that of a candle."""
    if tf == _MONTH:
        return _month_begins(max(candle_mts + 1, low), high)
    step = int(tf[:-1]) * _UNITS[tf[-1]]
    skipped = max(-(-(low - candle_mts) // step), 1)
    return range(candle_mts + skipped * step, high + 1, step)


def last_over(now_mts: Mts, tf: str) -> Mts:
    """Return the latest possible start of an interval that has ended."""
    if tf == _MONTH:
        return _month_begins(now_mts - 32 * _DAY, now_mts)[-1] - 1
    return now_mts - int(tf[:-1]) * _UNITS[tf[-1]]


def _month_begins(low: Mts, high: Mts) -> list[Mts]:
    date = datetime.fromtimestamp(low / 1000, timezone.utc)
    months = date.year * 12 + date.month - 1
    begins: list[Mts] = []
    while True:
        year, month = divmod(months, 12)
        begin = datetime(year, month + 1, 1, tzinfo=timezone.utc)
        mts = int(begin.timestamp()) * 1000
        if mts > high:
            return begins
        if mts >= low:
            begins.append(mts)
        months += 1


def fill_intervals(
    candles: Iterable[Candle],
    tf: str,
    *,
    start: Mts | None,
    end: Mts | None,
    sort: int,
    before: Callable[[], Candle | None],
    zero: Any,
) -> Iterator[Candle]:
    """
    Yield the candles, and one without volume for each interval between them.

    Such a candle opens and closes at the previous close.

    Parameters
    ----------
    candles : iterable of Candle
        In the order of `sort`, from `start` to `end`.
    start, end : int or None
        The range to fill, which may be wider than the range of the candles. None for the first or
        last candle.
    before : callable
        Returns the last candle before `start`, or None; called at most once, when needed.
    zero : float or Decimal
        The volume of an added candle.
    """

    def between(older: Candle, high: Mts) -> Iterator[Candle]:
        low = older.mts if start is None else start
        begins = interval_begins(older.mts, tf, low, high)
        price = older.close
        for mts in begins if sort == 1 else reversed(begins):
            yield Candle(
                *(mts, price, price, price, price, zero),
                symbol=older.symbol,
                timeframe=older.timeframe,
            )

    if sort == 1:
        older = before()
        for candle in candles:
            if older is not None:
                yield from between(older, candle.mts - 1)
            yield candle
            older = candle
        if older is not None and end is not None:
            yield from between(older, end)
        return
    high = end
    for candle in candles:
        if high is not None:
            yield from between(candle, high)
        yield candle
        high = candle.mts - 1
    if high is not None and start is not None:
        oldest = before()
        if oldest is not None:
            yield from between(oldest, high)


def filled(
    candles: Iterator[Candle],
    get: Callable[..., list[Candle]],
    tf: str,
    iteration: Iteration[Candle],
    zero: Any,
) -> Iterator[Candle]:
    """
    Return the candles of an iteration, and one without volume for each interval without trades.

    `get` requests a page; it is called at most once, for the candle before the start.
    """
    start, end, sort = iteration.start, iteration.end, iteration.sort
    last = iteration.resume_after
    if last is not None and sort == -1:
        # The interval before a returned candle has ended, even if this clock is slow.
        end = last.mts - 1 if end is None else min(end, last.mts - 1)
    elif end is not None:
        end = min(end, last_over(iteration.now_mts, tf))

    def before() -> Candle | None:
        if last is not None and sort == 1:
            return last
        if not start:
            return None
        with strictly():
            found = get(end=start - 1, limit=1, sort=-1)
        return found[0] if found else None

    return fill_intervals(
        candles, tf, start=start, end=end, sort=sort, before=before, zero=zero
    )
