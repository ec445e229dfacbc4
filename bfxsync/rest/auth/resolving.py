"""
What became of a write whose outcome is not known: asking the exchange, until it is certain.

Strategy: that something is there proves that it was executed. That it is not there proves nothing
at first, as the request may still be on its way: it has to be absent twice, the second time ten
seconds or more after the call had failed.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Callable, Generic, List, Tuple, TypeVar, Union

import attrs

from bfxsync.errors import BfxError, OutcomeUnknown
from bfxsync.rest.sent import Passage
from bfxsync.types import Mts

if TYPE_CHECKING:
    from bfxsync.rest.transport import RestTransport

T = TypeVar("T")

SETTLED_S = 10.0
"""So long after its call has failed a request is no longer on its way."""

_PAUSE_S = 1.0
# Of the guess how far the two clocks are apart, and of the way to the exchange.
_MARGIN_S = 5.0
_DAY_S = 86_400.0
# Clocks that are steady go apart by less than this in hours.
_STEADY_S = 0.5


@attrs.define
class Attempt:
    """
    A write that may or may not have been executed: where to look for it.

    Attributes
    ----------
    passage : Passage
        When it left and when it failed.
    """

    passage: Passage
    _transport: RestTransport = attrs.field(repr=False)

    @property
    def is_clock_steady(self) -> bool:
        """True if nobody has set this machine's clock since it left."""
        return abs(self.passage.clock_shift_s) <= _STEADY_S

    def is_alone(self, margin_s: float) -> bool:
        """Tell whether nothing like it was sent by this process at about the same time."""
        return self._transport.sent.is_alone(self.passage, SETTLED_S + margin_s)

    def since_mts(self, margin_s: float = _MARGIN_S) -> Mts:
        """
        Return the first time that what came of it can have, by the exchange's clock.

        Known as soon as any answer has come: so ask for something first where that matters. The
        margin is what the two clocks may still be apart.
        """
        return max(int((self._span()[0] - margin_s) * 1000), 0)

    def until_mts(self, margin_s: float = _MARGIN_S) -> Mts:
        """Return the last time that what came of it can have, as `since_mts`."""
        return max(int((self._span()[1] + margin_s) * 1000), 0)

    def dates(self) -> List[str]:
        """Return the UTC dates on which it can have been executed, as the exchange writes them."""
        first, last = self._span()
        moments = [first - _MARGIN_S, last]
        while moments[-2] + _DAY_S < last:
            moments.insert(-1, moments[-2] + _DAY_S)
        texts = [
            f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d}"
            for moment in moments
        ]
        return list(dict.fromkeys(texts))

    def _span(self) -> Tuple[float, float]:
        """Return the first and the last moment, by the exchange's clock."""
        passage = self.passage
        first = passage.left_s - (self._transport.clock_skew_s or 0.0)
        last = first + passage.lasted_s + SETTLED_S
        # How far the clocks are apart may have been seen before the clock was set, or after.
        shift_s = 0.0 if self.is_clock_steady else passage.clock_shift_s
        return first + min(shift_s, 0.0), last + max(shift_s, 0.0)


@attrs.define
class Pending(Generic[T]):
    """What is there now and may still change: it counts once the request cannot come any more."""

    value: T


@attrs.define
class Candidates(Generic[T]):
    """Several things, each of which may have come of it."""

    values: List[T]


Found = Union[T, Pending[T], Candidates[T], None]
"""What was looked for; None if it is not there."""

Find = Callable[[Attempt], Found[T]]


def one_of(rows: List[T]) -> Found[T]:
    """Return the only row, or what says that there is none, or that there are several."""
    if len(rows) > 1:
        return Candidates(rows)
    return rows[0] if rows else None


def resolve(
    error: OutcomeUnknown,
    attempt: Attempt,
    find: Find[Any],
    absent: Callable[[str], BfxError],
    pause: Callable[[float], None],
    timeout: float,
) -> Any:
    """
    Ask until it is certain what became of a write; see `OutcomeUnknown.resolve`.

    Parameters
    ----------
    error : OutcomeUnknown
    attempt : Attempt
    find : callable
        Asks the exchange; what it raises ends this.
    absent : callable
        Makes the error that says that nothing was executed.
    pause : callable
        Waits for so many seconds.
    timeout : float
        Seconds for all of it.
    """
    deadline = time.monotonic() + timeout
    is_second = False
    while True:
        asked_at = time.monotonic()
        found = find(attempt)
        if isinstance(found, Candidates):
            error.candidates = list(found.values)
            raise error
        if found is not None and not isinstance(found, Pending):
            return found
        settled_at = attempt.passage.over_at + SETTLED_S
        if is_second and asked_at >= settled_at:
            if found is not None:
                return found.value
            raise absent(
                f"{error.endpoint} was not executed: the exchange knows nothing of it"
            )
        is_second = True
        now = time.monotonic()
        # Not before the second answer can count.
        wait_s = max(settled_at - now, _PAUSE_S)
        if now + wait_s > deadline:
            raise error
        pause(wait_s)
