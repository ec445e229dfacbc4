"""
When candles close, what fills quiet intervals, and corrections.

Strategy: the exchange does not announce that a candle is closed. It counts as closed when a candle
of a later interval comes, or when its interval has ended by the exchange's clock and a grace period
has passed. What changes it afterwards is a correction. An interval without trades has no candle
there; if these are wanted, one without volume at the last close is added when a later candle comes,
or when the interval would be closed by time.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator

import attrs

from bfxsync._base.aliases import Mts
from bfxsync.joined.timeframes import Timeframe
from bfxsync.models.status import Candle
from bfxsync.models.stream import CandleCorrected

KEPT = 1_000
"""Closed candles that are remembered, to recognize corrections."""


@attrs.frozen
class ClosedCandle:
    """A closed candle for `on_close`, where a callback gets the candles as well."""

    candle: Candle


def _itself(candle: Candle) -> Candle:
    return candle


@attrs.frozen(kw_only=True)
class CandleRules:
    """
    Which candles a history delivers, and when.

    Attributes
    ----------
    until : int or None
        The last start of an interval.
    grace_ms : float
        Time after the end of an interval until its candle is closed.
    wants_states : bool
        Yield a candle at each change.
    wants_closes : bool
        Yield a candle when it closes.
    fills : bool
        Add candles for quiet intervals.
    zero : float or Decimal
        The volume of these.
    """

    timeframe: Timeframe
    start: Mts
    until: Mts | None = None
    grace_ms: float = 2_000.0
    wants_states: bool = True
    wants_closes: bool = False
    fills: bool = False
    zero: Any = 0.0

    @property
    def wrap(self) -> Callable[[Candle], object]:
        """Makes the item of a closed candle: to be told apart only if states are wanted too."""
        return ClosedCandle if self.wants_states else _itself


class Closer:
    """The candles of one timeframe, in order; see the module."""

    def __init__(self, rules: CandleRules) -> None:
        self.is_finished: bool = False
        self._rules = rules
        self._wrap = rules.wrap
        # The newest candle, at first perhaps one from before the start.
        self._newest: Candle | None = None
        self._is_closed = True
        # The latest candles by start, and the first start that is not forgotten.
        self._known: Dict[Mts, Candle] = {}
        self._floor = rules.start

    def seed(self, candle: Candle) -> None:
        """Set the last candle before the start, whose close fills quiet intervals."""
        self._newest = candle

    def add(self, candle: Candle) -> Iterator[object]:
        """Yield the effects of a candle; the states of one candle must come in order."""
        rules, newest, mts = self._rules, self._newest, candle.mts
        if mts < rules.start:
            return
        if newest is not None and mts <= newest.mts:
            yield from self._change(candle)
            return
        if rules.until is not None and mts > rules.until:
            yield from self.finish()
            return
        yield from self._close()
        if rules.fills:
            yield from self._fill(mts)
        self._keep(candle)
        self._newest, self._is_closed = candle, False
        if rules.wants_states:
            yield candle

    def tick(self, now_mts: float) -> Iterator[object]:
        """Yield what closes by time."""
        while self.due is not None and now_mts >= self.due:
            if not self._is_closed:
                yield from self._close()
            elif self._rules.fills and self._newest is not None:
                yield from self._fill(self._next_start() + 1)
            else:
                self.is_finished = True
            self.is_finished = self.is_finished or self._is_over()

    def finish(self) -> Iterator[object]:
        """Yield what is left, as no candle follows until the last wanted start."""
        yield from self._close()
        if self._rules.fills and self._rules.until is not None:
            yield from self._fill(self._rules.until + 1)
        self.is_finished = True

    @property
    def due(self) -> float | None:
        """The exchange's time at which `tick` has something to do; None without one."""
        newest, until = self._newest, self._rules.until
        if self.is_finished:
            return None
        if newest is not None and not self._is_closed:
            return self._end_of(newest.mts)
        if newest is not None and self._rules.fills:
            return self._end_of(self._next_start())
        return None if until is None else self._end_of(self._last_start(until))

    def _change(self, candle: Candle) -> Iterator[object]:
        """Yield the effects of a candle that is not newer than the newest."""
        newest, mts = self._newest, candle.mts
        assert newest is not None
        is_newest = mts == newest.mts
        previous = self._known.get(mts)
        if previous == candle or mts < self._floor:
            return
        self._keep(candle)
        if is_newest:
            self._newest = candle
        if not is_newest or self._is_closed:
            yield CandleCorrected(candle, previous)
        elif self._rules.wants_states:
            yield candle

    def _close(self) -> Iterator[object]:
        newest = self._newest
        if newest is not None and not self._is_closed:
            self._is_closed = True
            if self._rules.wants_closes:
                yield self._wrap(newest)

    def _fill(self, end: Mts) -> Iterator[object]:
        """Yield a candle for each interval after the newest candle that starts before `end`."""
        newest, rules = self._newest, self._rules
        if newest is None:
            return
        start, price = self._next_start(), newest.close
        while start < end:
            quiet = Candle(
                *(start, price, price, price, price, rules.zero),
                symbol=newest.symbol,
                timeframe=rules.timeframe.name,
            )
            self._keep(quiet)
            self._newest = quiet
            if rules.wants_states:
                yield quiet
            if rules.wants_closes:
                yield self._wrap(quiet)
            start = rules.timeframe.following(start)

    def _keep(self, candle: Candle) -> None:
        known = self._known
        known[candle.mts] = candle
        if len(known) > KEPT:
            oldest = next(iter(known))
            del known[oldest]
            self._floor = max(self._floor, oldest + 1)

    def _is_over(self) -> bool:
        until = self._rules.until
        return (
            until is not None
            and self._newest is not None
            and self._is_closed
            and self._next_start() > until
        )

    def _next_start(self) -> Mts:
        """Return the first start after the newest candle, within the range."""
        newest, timeframe = self._newest, self._rules.timeframe
        assert newest is not None
        following = timeframe.following(newest.mts)
        return max(following, timeframe.first_from(self._rules.start, newest.mts))

    def _last_start(self, until: Mts) -> Mts:
        """Return the start of the last wanted interval."""
        newest = self._newest
        return self._rules.timeframe.floor(
            until, None if newest is None else newest.mts
        )

    def _end_of(self, start: Mts) -> float:
        return self._rules.timeframe.following(start) + self._rules.grace_ms
