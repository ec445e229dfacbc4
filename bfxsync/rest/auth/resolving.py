"""
What became of a write whose outcome is not known: asking the exchange until that can be told.

Strategy: finding what must be it settles the matter. What may be it or may not, and a row that
cannot be read and may be it, are candidates: they settle nothing. That nothing is found proves
nothing either: the request may still be on its way, or be somewhere else than where it was looked
for. It counts as absent only when it was looked for at least twice, the last time so long after the
call had failed as the client was told to wait (`absence_s`), but not so long that the exchange may
have forgotten it, and with clocks that are known as well as that search needs. Even then it is an
inference, and its error says so. The table of ``docs/accounts.rst`` is the whole of it.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING, Any, Callable, Generic, List, Tuple, TypeVar, Union

import attrs

from bfxsync._base.plain import plain_real
from bfxsync.checks.options import MAX_TIMEOUT_S
from bfxsync.errors import NotExecuted, OutcomeUnknown, UsageError
from bfxsync.outcome.clocks import Clocks, Reading, Span, span_of
from bfxsync.outcome.writes import WriteRecord

if TYPE_CHECKING:
    from bfxsync.rest.http.transport import RestTransport

T = TypeVar("T")

ASKING_S = 30.0
"""What `resolve` has for asking by default, on top of `absence_s`."""

# Between the first two times that it is asked; then twice as long each time.
_PAUSE_S = 5.0
_DAY_S = 86_400.0


@attrs.define
class Attempt:
    """
    A write that may or may not have been executed: where to look for it.

    Attributes
    ----------
    passage : Passage
        When it left and when it failed.
    was_looked_for : bool
        The exchange has answered once.
    """

    record: WriteRecord
    _transport: RestTransport = attrs.field(repr=False)
    was_looked_for: bool = attrs.field(default=False, init=False)
    # What was known of the exchange's clock when it had failed.
    _before: Tuple[Reading, ...] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._before = tuple(self._transport.clock.readings())

    @property
    def absence_s(self) -> float:
        """So long after its call has failed a request is no longer on its way."""
        return self._transport.absence_s

    @property
    def is_over(self) -> bool:
        """True when it is no longer on its way: what is not there now may count as absent."""
        return time.monotonic() >= self.record.over_at + self.absence_s

    @property
    def after_s(self) -> float:
        """
        How long ago its call has failed, in seconds.

        By the clock that says more, as the monotonic one may stand still in a machine that sleeps.
        """
        record = self.record
        return max(time.monotonic() - record.over_at, time.time() - record.over_s)

    def span(self) -> Span:
        """Return when it can have been executed, by all that is known now."""
        record = self.record
        # A wall clock that was set by years is no time on the way.
        longest_s = record.over_at - record.left_at + _DAY_S
        return span_of(
            record.left_s,
            record.left_at,
            min(record.lasted_s, longest_s),
            self.absence_s,
            [*self._before, *self._transport.clock.readings()],
        )

    def is_alone(self, margin_s: float) -> bool:
        """Tell whether nothing like it was sent by this process at about the same time."""
        return self._transport.sent.is_alone(self.record, self.absence_s + margin_s)


@attrs.define
class Pending(Generic[T]):
    """
    What is there now and may still change: it counts once the request cannot come any more.

    Attributes
    ----------
    value : T
    infers_absence : bool
        It says of something that it was not executed.
    """

    value: T
    infers_absence: bool = False


@attrs.define
class Candidates:
    """What may have come of it, or may not: rows, also such as cannot be read."""

    values: List[Any]


Found = Union[T, Pending[T], Candidates, None]
"""What was looked for; None if it is not there."""


@attrs.frozen
class Search(Generic[T]):
    """
    How to look for what became of a write.

    Attributes
    ----------
    find : callable
        Takes an `Attempt`, asks the exchange, and returns `Found`. What it raises ends the asking.
    places : str
        Where it looks, in words.
    needs : Clocks
        How well the time must be known before it means anything that nothing is there.
    kept_s : float
        So long the places certainly show it; what is missing later may have been forgotten.
    """

    find: Callable[[Attempt], Found[T]]
    places: str
    needs: Clocks = Clocks.UNKNOWN
    kept_s: float = float("inf")


class Verdict(Enum):
    """What follows from what was found."""

    FOUND = "it is returned"
    WAIT = "it is asked again"
    CANDIDATES = "it stays unknown: what is there may be it or not"
    CLOCKS = "it stays unknown: the clocks are not known well enough"
    FORGOTTEN = "it stays unknown: the exchange may list it no longer"
    ABSENT = "it was not executed, as far as can be inferred"


def decide(
    found: Found[Any],
    *,
    is_last: bool,
    clocks: Clocks,
    needs: Clocks,
    is_kept: bool = True,
) -> Verdict:
    """
    Return what follows from what was found.

    Parameters
    ----------
    found : object
    is_last : bool
        It was asked before, and the request is no longer on its way.
    clocks, needs : Clocks
        How well the time of the write is known, and how well it must be.
    is_kept : bool
        The exchange would still list it.
    """
    is_certain = found is not None and not isinstance(found, (Pending, Candidates))
    if is_certain:
        return Verdict.FOUND
    if not is_last:
        return Verdict.WAIT
    if isinstance(found, Candidates):
        return Verdict.CANDIDATES
    if isinstance(found, Pending) and not found.infers_absence:
        return Verdict.FOUND
    if not is_kept:
        return Verdict.FORGOTTEN
    if clocks < needs:
        return Verdict.CLOCKS
    return Verdict.ABSENT if found is None else Verdict.FOUND


def resolve(
    error: OutcomeUnknown,
    attempt: Attempt,
    search: Search[Any],
    absent: Callable[..., NotExecuted],
    pause: Callable[[float], None],
    timeout: float | None,
) -> Any:
    """
    Ask until it can be told what became of a write; see `OutcomeUnknown.resolve`.

    Parameters
    ----------
    error : OutcomeUnknown
    attempt : Attempt
    search : Search
    absent : callable
        Makes the error that says that nothing was executed.
    pause : callable
        Waits for so many seconds.
    timeout : float or None
        Seconds for all of it; None: enough for an answer.
    """
    absence_s = attempt.absence_s
    deadline = time.monotonic() + _check_timeout(timeout, absence_s + ASKING_S)
    settled_at = attempt.record.over_at + absence_s
    pause_s = min(_PAUSE_S, absence_s)
    while True:
        asked_at = time.monotonic()
        found = search.find(attempt)
        is_again, attempt.was_looked_for = attempt.was_looked_for, True
        span = attempt.span()
        verdict = decide(
            found,
            is_last=is_again and asked_at >= settled_at,
            clocks=span.clocks,
            needs=search.needs,
            is_kept=attempt.after_s <= search.kept_s,
        )
        if verdict is Verdict.FOUND:
            return found.value if isinstance(found, Pending) else found
        after_s = asked_at - attempt.record.over_at
        if verdict is Verdict.ABSENT:
            error.candidates, error.reason = [], ""
            raise _absence(error, absent, search.places, after_s)
        is_found = isinstance(found, Candidates)
        error.candidates = list(found.values) if isinstance(found, Candidates) else []
        if verdict is not Verdict.WAIT:
            if is_found:
                error.reason = _MAYBE
            elif verdict is Verdict.FORGOTTEN:
                error.reason = _forgotten(attempt.after_s, search.places)
            else:
                error.reason = _of_clocks(span)
            raise error
        now = time.monotonic()
        # At last just when it counts.
        wait_s = pause_s if now >= settled_at else min(pause_s, settled_at - now)
        if now + wait_s > deadline:
            error.reason = _MAYBE if is_found else _too_early(after_s, absence_s)
            raise error
        pause(wait_s)
        pause_s *= 2


_MAYBE = "what was found may be it or may not: see its candidates"


def _absence(
    error: OutcomeUnknown,
    absent: Callable[..., NotExecuted],
    places: str,
    after_s: float,
) -> NotExecuted:
    found = absent(
        f"{error.endpoint} was not executed, as far as can be inferred: {after_s:.0f} s after the "
        f"call failed {places} showed nothing of it. That is no proof: look at the account before "
        "it is sent again",
        phase=error.phase,
        proof="absent",
    )
    found.endpoint = error.endpoint
    return found


def _of_clocks(span: Span) -> str:
    if len(span.told_s) == 1:
        why = "no answer of the exchange had a readable Date"
    else:
        why = (
            "this machine's clock was set, or it and the times in the exchange's answers differ by "
            f"{span.apart_s:.0f} s"
        )
    return f"nothing of it was found, but that says nothing: {why}"


def _forgotten(after_s: float, places: str) -> str:
    return (
        f"{places} show nothing of it {after_s / _DAY_S:.0f} days after the call failed, which "
        "says nothing: the exchange does not list for that long what is closed"
    )


def _too_early(after_s: float, absence_s: float) -> str:
    return (
        f"nothing of it was found {after_s:.0f} s after the call failed, which says nothing before "
        f"{absence_s:g} s (absence_s), and before it was asked twice"
    )


def _check_timeout(timeout: object, default_s: float) -> float:
    if timeout is None:
        return default_s
    seconds = plain_real(timeout)
    # NaN is in no range.
    if seconds is not None and 0 <= seconds <= MAX_TIMEOUT_S:
        return seconds
    raise UsageError(
        f"timeout must be a number of seconds, at most a day, not {timeout!r}"
    )
