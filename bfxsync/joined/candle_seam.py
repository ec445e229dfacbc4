"""
The seam of candles: pages of the past, snapshots and updates as one sequence.

Strategy: every snapshot is complete from its oldest candle on and newer than what came before it,
and updates follow in order. So only candles before a snapshot are read from REST, after it has
come, beginning with the last two known ones, which may have changed in the gap. The sources never
overlap, and no state of a candle can come after a later one.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Sequence

from bfxsync._base.aliases import Mts
from bfxsync.joined.closing import CandleRules, Closer
from bfxsync.joined.past import PastRange
from bfxsync.joined.resampling import Resampler
from bfxsync.models.status import Candle


class CandleSeam:
    """Joins the candles of one symbol and timeframe; see the module."""

    def __init__(self, rules: CandleRules) -> None:
        self._rules = rules
        self._resampler = Resampler(rules.timeframe)
        self._closer = Closer(rules)
        # The newest candle of the exchange, and the one before it.
        self._last: Mts | None = None
        self._before: Mts | None = None
        if rules.until is not None and rules.start > rules.until:
            self._closer.is_finished = True

    @property
    def is_finished(self) -> bool:
        """Whether nothing can follow."""
        return self._closer.is_finished

    @property
    def due(self) -> float | None:
        """The exchange's time in milliseconds at which `tick` has something to do, or None."""
        return self._closer.due

    def past(self) -> PastRange:
        """Return the range that is to be read without a stream."""
        start = self._rules.start if self._before is None else self._before
        return PastRange(start, self._end)

    def missing(self, rows: Sequence[Candle]) -> PastRange | None:
        """Return the range between the last candle and a snapshot (oldest first), if any."""
        wanted = self.past()
        if not rows:
            return wanted
        if rows[0].mts <= wanted.start:
            return None
        end = rows[0].mts - 1
        return PastRange(
            wanted.start, end if wanted.end is None else min(end, wanted.end)
        )

    def has_reached(self, rows: Sequence[Candle]) -> bool:
        """Return whether the past that was read reaches the snapshot: it always does."""
        return True

    def seed(self, candle: Candle) -> None:
        """Add the last candle before the start, for quiet intervals."""
        self._closer.seed(candle)

    def add_past(self, rows: Iterable[Candle]) -> Iterator[object]:
        """Yield what follows from candles of a missing range, oldest first."""
        for candle in rows:
            yield from self.add(candle)

    def join(self, rows: Sequence[Candle], now_mts: float) -> Iterator[object]:
        """Yield what follows from a snapshot whose missing range has been added."""
        for candle in rows:
            yield from self.add(candle)

    def add(self, candle: Candle, now_mts: float = 0.0) -> Iterator[object]:
        """Yield what follows from an update."""
        mts, last = candle.mts, self._last
        if last is None or mts > last:
            self._before, self._last = last, mts
        merged = self._resampler.add(candle)
        if merged is not None and not self._closer.is_finished:
            yield from self._closer.add(merged)

    def tick(self, now_mts: float) -> Iterator[object]:
        """Yield what is due at a time of the exchange, in ms, while nothing is missing."""
        return self._closer.tick(now_mts)

    def finish(self) -> Iterator[object]:
        """Yield what is left, once the whole past until the end was added."""
        return self._closer.finish()

    def lose(self) -> None:
        """Note that updates were lost: the next snapshot is to be joined."""

    @property
    def _end(self) -> Mts | None:
        rules = self._rules
        if rules.until is None or rules.timeframe.is_native:
            return rules.until
        # All parts of the last interval.
        return rules.timeframe.following(rules.timeframe.floor(rules.until)) - 1
