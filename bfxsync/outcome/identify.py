"""
Identifies the outcome of a write without an id of ours among the rows of a history.

Strategy: a row is identified by its terms and its time. The books have whole seconds, and the
difference of the clocks is known to about one second, if at all: a matching row so close to the
call is taken if it is the only one. A matching row a little further off may or may not be it: it is
a candidate, and never a sign that nothing was executed. Where this process sent an equal write at
about the same time, both are candidates; and so is everything where the clocks are not known, and
then nothing counts as absent.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any, Callable, List, Tuple, TypeVar

from bfxsync._base.aliases import Mts
from bfxsync._base.numbers import EXACT
from bfxsync.outcome.clocks import Clocks, Span
from bfxsync.outcome.resolve import Attempt, Candidates, Found

T = TypeVar("T")

NEAR_S = 2.5
FAR_S = 30.0

# The exchange's rounding, and the precision of a float.
_PLACE = Decimal("1e-8")
_PRECISION = Decimal("1e-15")


def identify(
    rows: List[T],
    mts_of: Callable[[T], Mts],
    attempt: Attempt,
    is_it: Callable[[T], bool] = lambda row: True,
) -> Found[T]:
    """
    Return the one row that must be it, or the candidates.

    Parameters
    ----------
    rows : list
        Rows that may be it.
    is_it : callable
        Tells whether a row must be it, provided that its time fits.
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


def approximately(found: Any, amount: str) -> bool:
    """Tell whether a number of the books is the amount that was sent as this text."""
    with localcontext(EXACT):
        wanted = Decimal(amount)
        return abs(Decimal(str(found)) - wanted) <= _PLACE + abs(wanted) * _PRECISION
