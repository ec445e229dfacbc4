"""Candles of a longer timeframe, made from those of a shorter one."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Dict, Sequence

from bfxsync._base.aliases import Mts
from bfxsync.joined.timeframes import Timeframe
from bfxsync.models.status import Candle

KEPT = 300
"""Intervals whose parts are kept, for corrections: more than the rows of a snapshot."""


def merged(parts: Sequence[Candle], start: Mts, timeframe: str) -> Candle:
    """Return the candle of an interval from its parts, oldest first."""
    first, last = parts[0], parts[-1]
    volumes = [part.volume for part in parts]
    # Sums of floats are rounded once; whole numbers may be `int` among floats.
    total: Any = sum if any(isinstance(v, Decimal) for v in volumes) else math.fsum
    return Candle(
        start,
        first.open,
        last.close,
        max(part.high for part in parts),
        min(part.low for part in parts),
        total(volumes),
        symbol=first.symbol,
        server_mts=last.server_mts,
        timeframe=timeframe,
    )


class Resampler:
    """Merges each candle with the others of its interval."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        # By start of an interval, then of a part.
        self._parts: Dict[Mts, Dict[Mts, Candle]] = {}

    def add(self, candle: Candle) -> Candle | None:
        """
        Return the candle of the interval with this part added or replaced.

        None for a part of an interval that is no longer kept.
        """
        timeframe = self._timeframe
        if timeframe.is_native:
            return candle
        start = timeframe.floor(candle.mts)
        parts = self._parts.get(start)
        if parts is None:
            if len(self._parts) >= KEPT:
                oldest = min(self._parts)
                if start < oldest:
                    return None
                del self._parts[oldest]
            parts = self._parts[start] = {}
        parts[candle.mts] = candle
        return merged([parts[mts] for mts in sorted(parts)], start, timeframe.name)
