"""The trades of one symbol, historic and live."""

from __future__ import annotations

from collections import deque
from heapq import merge
from itertools import chain
from operator import itemgetter
from typing import Callable, Iterator, Sequence

from bfxsync.paper.engine.units import Row
from bfxsync.paper.markets.bars import MINUTE_MS
from bfxsync.paper.markets.history import History

LIVE_TRADES = 20_000
"""Live trades kept per symbol; the history is not limited."""


def rows_between(
    past: Callable[[int], Sequence[Row]],
    minutes: range,
    live: Sequence[Row],
    mts_at: int,
    start: int | None,
    end: int | None,
    newest_first: bool,
) -> Iterator[Row]:
    """
    Iterate over past and live rows between two times in ms, both included.

    Parameters
    ----------
    past : callable
        Returns the rows of a minute, oldest first.
    minutes : range
        The whole past.
    live : sequence of list
        Oldest first.
    mts_at : int
        Index of the time in a row.
    """
    step = -1 if newest_first else 1
    first = minutes.start if start is None else max(minutes.start, start // MINUTE_MS)
    stop = minutes.stop if end is None else min(minutes.stop, end // MINUTE_MS + 1)
    old = (row for at in range(first, stop)[::step] for row in past(at)[::step])
    rows: Iterator[Row]
    if not live or not minutes or live[0][mts_at] >= minutes.stop * MINUTE_MS:
        rows = chain(live[::step], old) if newest_first else chain(old, live)
    else:  # a market that was not watched for a while
        key = itemgetter(mts_at)
        rows = merge(old, live[::step], key=key, reverse=newest_first)
    for row in rows:
        if (start is None or row[mts_at] >= start) and (
            end is None or row[mts_at] <= end
        ):
            yield row


class Tape:
    """The trades of a market."""

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
        past, minutes = _nothing, range(0)
        if self._history is not None:
            past = self._history.trades
            minutes = range(self._history.begin, self._history.end)
        return rows_between(past, minutes, live, 1, start, end, newest_first)


def _nothing(minute: int) -> Sequence[Row]:
    return ()
