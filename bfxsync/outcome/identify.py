"""
Finds the outcome of a write without client id among the rows of a history.

Strategy: a row is identified by its terms and its time. The exchange records whole seconds, and the
difference of the clocks is known to about one second, if at all: a matching row within that time of
the call is the result if it is the only one. A matching row slightly further away is a candidate,
and the write does not count as absent. If this process sent an equal write at about the same time,
both rows are candidates. If the clocks are not known, all matching rows are candidates, and the
write never counts as absent.
"""

from __future__ import annotations

from typing import Callable, List, Tuple, TypeVar

from bfxsync._base.aliases import Mts
from bfxsync.outcome.clocks import Clocks, Span
from bfxsync.outcome.resolve import Attempt, Candidates, Found

T = TypeVar("T")

NEAR_S = 2.5
FAR_S = 30.0


def identify(
    rows: List[T],
    mts_of: Callable[[T], Mts],
    attempt: Attempt,
    is_it: Callable[[T], bool] = lambda row: True,
) -> Found[T]:
    """
    Return the row that is certainly the outcome, or the candidates.

    Parameters
    ----------
    rows : list
        Rows that may be the outcome.
    is_it : callable
        Whether a row is certainly the outcome, provided that its time matches.
    """
    span = attempt.span()
    is_known = span.clocks is Clocks.KNOWN and attempt.is_alone(2 * NEAR_S)
    possible = [row for row in rows if span.is_possible(mts_of(row), FAR_S)]
    sure = [
        row
        for row in possible
        if is_known and is_it(row) and span.is_likely(mts_of(row), NEAR_S)
    ]
    if len(sure) == 1:
        return sure[0]
    return Candidates(sure or possible) if possible else None


def edges_of(span: Span) -> Tuple[Mts, Mts]:
    """Return the first and last possible time of the outcome."""
    return span.since_mts(FAR_S), span.until_mts(FAR_S)
