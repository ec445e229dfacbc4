"""
Estimates the exchange's time at which a write was sent, and the certainty of that time.

Strategy: the exchange's records have times of its own clock. There are three sources for it: the
``Date`` header of responses, which may be a gateway's; the time in the exchange's notifications;
and this machine's clock. Any of them may be wrong, and an unknown difference is never assumed to be
zero. A time counts as known if two sources agree. If they contradict each other, or if the clock
was set (or the machine suspended, which looks the same) between the write and a response, the time
of any source is possible. Monotonic times are kept as well, so that setting the wall clock
afterwards has no effect.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timezone
from enum import IntEnum
from functools import lru_cache
from typing import Deque, Iterable, List, Tuple

import attrs

from bfxsync._base.aliases import Mts
from bfxsync._base.headers import moment_of

AGREE_S = 5.0
"""Sources agree if their times differ by no more than this."""

STEADY_S = 0.5
"""Maximum drift between two clocks within hours, unless one is set."""

NEAR_S = 10.0
"""Usual maximum delay between the failure of a call and the execution."""

_DAY_S = 86_400.0
_DAY_MS = 86_400_000

# The years 1970 to 2096.
_SENSIBLE_S = (0.0, 4e9)

# Several gateways with different clocks may answer in turn.
_KEPT = 8


class Clocks(IntEnum):
    """Certainty of the exchange's time at which a write was sent."""

    UNKNOWN = 0
    """There is no source of the exchange's time, or the sources are days apart."""
    DOUBTFUL = 1
    """The sources contradict each other: any one may be right."""
    KNOWN = 2
    """Two sources agree."""


@attrs.frozen
class Reading:
    """
    A reading of the exchange's clock.

    Attributes
    ----------
    exchange_s : float
        Seconds since 1970.
    local_s, at : float
        The same moment by this machine's clock, and by `time.monotonic`.
    is_own : bool
        From a notification, so from the clock of the exchange's records; else from a header.
    """

    exchange_s: float
    local_s: float
    at: float
    is_own: bool = False

    def estimates(self, local_s: float, at: float) -> Tuple[float, float]:
        """Extrapolate the reading to another moment, by the monotonic and by the wall clock."""
        return self.exchange_s + at - self.at, self.exchange_s + local_s - self.local_s


class ExchangeClock:
    """The latest readings of the exchange's clock."""

    def __init__(self) -> None:
        # Calls of a deque are atomic. Headers are parsed only when needed, as that takes longer
        # than all other processing of a response's head.
        self._dates: Deque[Tuple[str, float, float]] = deque(maxlen=_KEPT)
        self._own: Deque[Reading] = deque(maxlen=1)

    def see_date(self, header: str, local_s: float, at: float) -> None:
        """Record the ``Date`` of a response, and the time at which its head was received."""
        self._dates.append((header, local_s, at))

    def see_own(self, exchange_s: float, local_s: float, at: float) -> None:
        """Record the time in a notification, and the time at which it was received."""
        if _is_sensible(exchange_s):
            self._own.append(Reading(exchange_s, local_s, at, is_own=True))

    def readings(self) -> List[Reading]:
        """Return the readable readings, newest last."""
        dates = map(_reading, list(self._dates))
        return [
            *list(self._own),
            *(reading for reading in dates if reading is not None),
        ]

    @property
    def skew_s(self) -> float | None:
        """Seconds by which this machine's clock is ahead of the last ``Date``; None without one."""
        for seen in list(self._dates)[::-1]:
            reading = _reading(seen)
            if reading is not None:
                return reading.local_s - reading.exchange_s
        return None


@attrs.frozen
class Span:
    """
    Possible times of the execution of a write, by the exchange's clock.

    Attributes
    ----------
    first_s, last_s : float
        Earliest and latest possible time of sending.
    estimates_s : tuple of float
        Time of sending according to each source.
    lasted_s : float
        Duration of the call.
    absence_s : float
        How long after the end of the call the write may still be executed.
    apart_s : float
        Largest difference between the sources.
    """

    clocks: Clocks
    first_s: float
    last_s: float
    estimates_s: Tuple[float, ...]
    lasted_s: float
    absence_s: float
    apart_s: float

    def since_mts(self, margin_s: float) -> Mts:
        """Return the earliest possible time of the outcome."""
        return max(int((self.first_s - margin_s) * 1000), 0)

    def until_mts(self, margin_s: float) -> Mts:
        """Return the latest possible time of the outcome."""
        end_s = self.last_s + self.lasted_s + self.absence_s + margin_s
        return max(int(end_s * 1000), 0)

    def is_possible(self, mts: Mts, margin_s: float) -> bool:
        """Return whether this time of the outcome is possible."""
        return self.since_mts(margin_s) <= mts <= self.until_mts(margin_s)

    def is_likely(self, mts: Mts, margin_s: float) -> bool:
        """Return whether one source gives this time, allowing for the usual delay."""
        if self.clocks is Clocks.UNKNOWN:
            return False
        after_s = self.lasted_s + min(self.absence_s, NEAR_S)
        return any(
            sent_s - margin_s <= mts / 1000 <= sent_s + after_s + margin_s
            for sent_s in self.estimates_s
        )

    def dates(self) -> List[str]:
        """Return the possible UTC dates of the execution, in the exchange's format."""
        first_s = max(self.first_s - AGREE_S, 0.0)
        last_s = self.last_s + self.lasted_s + self.absence_s + AGREE_S
        moments = [first_s, last_s]
        while moments[-2] + _DAY_S < last_s:
            moments.insert(-1, moments[-2] + _DAY_S)
        return list(dict.fromkeys(date_of(moment_s * 1000) for moment_s in moments))


def date_of(mts: float) -> str:
    """Return the UTC date of a time in milliseconds, in the exchange's format."""
    return _date_of_day(int(mts // _DAY_MS))


# Nearly all times are of today.
@lru_cache(maxsize=8)
def _date_of_day(day: int) -> str:
    return f"{datetime.fromtimestamp(day * _DAY_S, timezone.utc):%Y-%m-%d}"


def creation_dates(now_s: float, absence_s: float) -> List[str]:
    """
    Return the possible UTC creation dates of an order sent now: one, or two around midnight.

    `now_s` is an estimate of the exchange's time; after `absence_s` the order is no longer in
    flight.
    """
    first = date_of(max(now_s - AGREE_S, 0.0) * 1000)
    last = date_of((now_s + absence_s) * 1000)
    return [first] if first == last else [first, last]


def span_of(
    sent_s: float,
    sent_at: float,
    lasted_s: float,
    absence_s: float,
    readings: Iterable[Reading],
) -> Span:
    """
    Return the possible times of a write; `lasted_s` and `absence_s` are as for `Span`.

    Parameters
    ----------
    sent_s, sent_at : float
        Time of sending, by this machine's clock and by `time.monotonic`.
    readings : iterable of Reading
        From before and after the write, newest last.
    """
    own: List[float] = []
    dates: List[float] = []
    estimates: List[float] = []
    # Both interpretations of each header, as the clock may have been set in between.
    meant: List[Tuple[float, float]] = []
    for reading in readings:
        by_monotonic, by_wall = reading.estimates(sent_s, sent_at)
        estimates += [by_monotonic, by_wall]
        if not reading.is_own:
            meant.append((by_monotonic, by_wall))
        if abs(by_monotonic - by_wall) <= STEADY_S:
            (own if reading.is_own else dates).append(by_monotonic)
    known = _agreed(own, dates, meant, sent_s)
    if known:
        return _span(Clocks.KNOWN, known, lasted_s, absence_s)
    newest = estimates[-2] if estimates else sent_s
    estimates.append(sent_s)
    if len(estimates) > 1 and max(estimates) - min(estimates) <= _DAY_S:
        return _span(Clocks.DOUBTFUL, estimates, lasted_s, absence_s)
    found = _span(Clocks.UNKNOWN, estimates, lasted_s, absence_s)
    return attrs.evolve(found, first_s=newest - _DAY_S, last_s=newest + _DAY_S)


def _agreed(
    own: List[float],
    dates: List[float],
    meant: List[Tuple[float, float]],
    sent_s: float,
) -> List[float]:
    """Return the times of sending according to the sources that agree; none if they do not."""
    if own:
        # This is the clock of the exchange's records, so agreement with one other source, a header
        # or this machine's clock, is enough.
        anchor = own[-1]
        others = [time_s for time_s in (*dates, sent_s) if _agree(time_s, anchor)]
        return [anchor] if others else []
    if not dates:
        return []
    anchor = dates[-1]
    is_agreed = _agree(sent_s, anchor) and all(
        any(_agree(time_s, anchor) for time_s in both) for both in meant
    )
    return dates if is_agreed else []


def _reading(seen: Tuple[str, float, float]) -> Reading | None:
    """Return the reading of a header, if it is readable."""
    header, local_s, at = seen
    moment_s = moment_of(header)
    if moment_s is None or not _is_sensible(moment_s):
        return None
    # The header has no fraction: half a second is right on average.
    return Reading(moment_s + 0.5, local_s, at)


def _is_sensible(time_s: float) -> bool:
    return _SENSIBLE_S[0] <= time_s <= _SENSIBLE_S[1]


def _agree(one_s: float, other_s: float) -> bool:
    return abs(one_s - other_s) <= AGREE_S


def _span(
    clocks: Clocks, estimates: Iterable[float], lasted_s: float, absence_s: float
) -> Span:
    times = tuple(estimates)
    first_s, last_s = min(times), max(times)
    apart_s = last_s - first_s
    return Span(clocks, first_s, last_s, times, lasted_s, absence_s, apart_s)
