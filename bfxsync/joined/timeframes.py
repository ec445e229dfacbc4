"""
Timeframes of candles: those of the exchange, and others that are made from them.

Intervals from one minute to a day start at multiples of their length since 1970 (UTC), months at
their first day; so do the others here. The exchange does not document on which day its weeks start,
so nothing but its own ``7D`` and ``14D`` is made of weeks.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone

import attrs

from bfxsync._base.aliases import Mts
from bfxsync._base.plain import plain_text
from bfxsync.checks.candles import TIMEFRAMES, check_timeframe
from bfxsync.errors import UsageError

_MINUTE_MS = 60_000
_DAY = 24 * 60
_WEEK_DAYS = 7
_MOST_DAYS = 31
_YEAR = 12

_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30}
_MINUTES.update({"1h": 60, "3h": 180, "6h": 360, "12h": 720, "1D": _DAY})
_NATIVE = {minutes: name for name, minutes in _MINUTES.items()}
_UNITS = {"m": 1, "h": 60}


@attrs.frozen
class Timeframe:
    """
    A length of candles.

    Attributes
    ----------
    name : str
        As `Candle.timeframe` has it: ``1m``, ``45m``, ``2h``, ``7D``, ``3M``.
    base : str
        The timeframe of the exchange whose candles it is made from.
    minutes : int
        0 for months.
    months : int
        0 for all others.
    """

    name: str
    base: str
    minutes: int
    months: int = 0

    @property
    def is_native(self) -> bool:
        """Whether the exchange has it."""
        return self.name == self.base

    @property
    def has_known_starts(self) -> bool:
        """Whether the starts are known without a candle; False for weeks."""
        return self.months > 0 or self.minutes % (_WEEK_DAYS * _DAY) != 0

    def floor(self, mts: Mts, anchor: Mts | None = None) -> Mts:
        """
        Return the start of the interval of a time.

        That of weeks follows from `anchor`, the start of another one; without one the time itself
        is returned.
        """
        if self.months:
            month = _month_of(mts)
            return _mts_of(month - month % self.months)
        if anchor is None:
            if not self.has_known_starts:
                return mts
            anchor = 0
        return mts - (mts - anchor) % (self.minutes * _MINUTE_MS)

    def following(self, start: Mts) -> Mts:
        """Return the start of the interval after the one that starts then."""
        if self.months:
            return _mts_of(_month_of(start) + self.months)
        return start + self.minutes * _MINUTE_MS

    def first_from(self, mts: Mts, anchor: Mts | None = None) -> Mts:
        """Return the first start at or after a time; `anchor` as for `floor`."""
        start = self.floor(mts, anchor)
        return start if start == mts else self.following(start)


def check_joined_timeframe(name: str, value: object) -> Timeframe:
    """Return a timeframe of the exchange, or one that can be made from one."""
    text = plain_text(value)
    if text in (*TIMEFRAMES, "1W"):
        native = check_timeframe(name, text)
        if native == "1M":
            return Timeframe(native, native, 0, 1)
        minutes = _MINUTES.get(native) or int(native[:-1]) * _DAY
        return Timeframe(native, native, minutes)
    match = re.fullmatch("([1-9][0-9]{0,3})([mhDM])", text or "")
    made = _made(int(match[1]), match[2]) if match is not None else None
    if made is None:
        raise UsageError(
            f"{name} must be one of {', '.join(TIMEFRAMES)} (or 1W), or minutes or hours that "
            "divide a day ('2m', '45m', '4h'), up to 31 days that are no weeks ('3D'), or months "
            f"that divide a year ('3M'), not {value!r}"
        )
    return made


def _made(count: int, unit: str) -> Timeframe | None:
    if unit == "M":
        return None if _YEAR % count else Timeframe(f"{count}M", "1M", 0, count)
    if unit == "D":
        if count > _MOST_DAYS or count % _WEEK_DAYS == 0:
            return None
        return Timeframe(f"{count}D", "1D", count * _DAY)
    minutes = count * _UNITS[unit]
    if _DAY % minutes:
        return None
    if minutes in _NATIVE:
        return Timeframe(_NATIVE[minutes], _NATIVE[minutes], minutes)
    base = max(own for own in _NATIVE if minutes % own == 0)
    name = f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"
    return Timeframe(name, _NATIVE[base], minutes)


def _month_of(mts: Mts) -> int:
    date = datetime.fromtimestamp(mts / 1000, timezone.utc)
    return date.year * _YEAR + date.month - 1


def _mts_of(month: int) -> Mts:
    year, index = divmod(month, _YEAR)
    return int(datetime(year, index + 1, 1, tzinfo=timezone.utc).timestamp()) * 1000
