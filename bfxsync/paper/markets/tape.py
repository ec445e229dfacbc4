"""The trades of one symbol, historic and live."""

from __future__ import annotations

from collections import deque
from typing import Iterable, Iterator

from bfxsync.paper.engine.units import Row
from bfxsync.paper.markets.bars import MINUTE_MS
from bfxsync.paper.markets.history import History

LIVE_TRADES = 20_000
"""Live trades kept per symbol; the history is not limited."""


class Tape:
    """
    The trades of a market.

    Parameters
    ----------
    history : History, optional
        The past before the first recorded trade.
    """

    def __init__(self, history: History | None = None) -> None:
        self._history = history
        self._live: deque[Row] = deque(maxlen=LIVE_TRADES)

    def record(self, row: Row) -> None:
        """Add a trade."""
        self._live.append(row)

    def rows(
        self,
        start: int | None = None,
        end: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Row]:
        """Iterate over the trades between two times in ms, both included."""
        # Only recorded trades may come out of order.
        live = sorted(self._live, key=lambda row: (row[1], row[0]))
        if newest_first:
            live.reverse()
            parts: tuple[Iterable[Row], ...] = (live, self._past(start, end, -1))
        else:
            parts = (self._past(start, end, 1), live)
        for part in parts:
            for row in part:
                if (start is None or row[1] >= start) and (
                    end is None or row[1] <= end
                ):
                    yield row

    def _past(self, start: int | None, end: int | None, step: int) -> Iterator[Row]:
        if self._history is None:
            return
        first, last = self._history.begin, self._history.end - 1
        if start is not None:
            first = max(first, start // MINUTE_MS)
        if end is not None:
            last = min(last, end // MINUTE_MS)
        minutes = range(first, last + 1)
        for minute in minutes[::step]:
            yield from self._history.trades(minute)[::step]
