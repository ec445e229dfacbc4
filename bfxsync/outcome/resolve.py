"""
Finds the outcome of a write by querying the exchange until it is certain.

Strategy: a certain match is the outcome. Rows that may match, including unreadable ones, are
candidates and prove nothing. Finding no row proves nothing either: the request may still be in
flight, or be recorded somewhere else. The write counts as absent only after at least two searches,
the last one `absence_s` after the call failed, while the exchange certainly still lists it, and
with clocks as certain as the search requires. Even then absence is an inference, and its error says
so. The table in ``docs/reference/accounts.rst`` has all cases.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import (
    Any,
    Callable,
    Generic,
    List,
    Optional,
    Protocol,
    Tuple,
    TypeVar,
    Union,
)

import attrs

from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.errors import NotExecuted, OutcomeUnknown
from bfxsync.outcome.clocks import Clocks, ExchangeClock, Reading, Span, span_of
from bfxsync.outcome.writes import RecentWrites, WriteRecord

T = TypeVar("T")

QUERY_S = 30.0
"""Time for the requests of `resolve` by default, in addition to `absence_s`."""

# Between the first two searches; doubled after each.
_PAUSE_S = 5.0
_DAY_S = 86_400.0


class WriteTransport(Protocol):
    """The transport by which a write was sent."""

    absence_s: float
    """Seconds after a failed call until its write is no longer in flight."""
    clock: ExchangeClock

    @property
    def sent(self) -> RecentWrites:
        """Recent writes of the account."""
        ...

    @property
    def identity(self) -> str | None:
        """Identity of the key that signs the next call."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait; raises `ClosedError` when the client is closed."""


@attrs.define
class Attempt:
    """
    A write that may or may not have been executed.

    Attributes
    ----------
    record : WriteRecord
        Times at which the write was sent and its call failed.
    was_searched : bool
        The exchange has answered a search at least once.
    identity : str or None
        Identity of the key with which it was sent; None if the transport has only one.
    """

    record: WriteRecord
    transport: WriteTransport = attrs.field(repr=False)
    was_searched: bool = attrs.field(default=False, init=False)
    identity: Optional[str] = attrs.field(default=None, repr=False, kw_only=True)
    # The readings of the exchange's clock when the call failed.
    _before: Tuple[Reading, ...] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._before = tuple(self.transport.clock.readings())

    @property
    def is_over(self) -> bool:
        """Whether the request is no longer in flight, so that absence may count."""
        return time.monotonic() >= self.record.ended_at + self.transport.absence_s

    @property
    def after_s(self) -> float:
        """
        Seconds since the call failed.

        The larger value of two clocks, as the monotonic clock may stop during a suspend.
        """
        record = self.record
        return max(time.monotonic() - record.ended_at, time.time() - record.ended_s)

    def span(self) -> Span:
        """Return the possible times of the execution, by all readings so far."""
        record = self.record
        # A wall clock that was set forward by years does not prolong the call.
        longest_s = record.ended_at - record.sent_at + _DAY_S
        return span_of(
            record.sent_s,
            record.sent_at,
            min(record.lasted_s, longest_s),
            self.transport.absence_s,
            [*self._before, *self.transport.clock.readings()],
        )

    @property
    def is_same_key(self) -> bool:
        """Whether the searches use the key of the write."""
        return self.identity is None or self.transport.identity == self.identity

    def is_alone(self, margin_s: float) -> bool:
        """Return whether this process sent no equal write at about the same time."""
        margin_s += self.transport.absence_s
        return self.transport.sent.is_alone(self.record, margin_s)


@attrs.define
class Pending(Generic[T]):
    """
    A result that may still change; it is final once the request is no longer in flight.

    With `infers_absence`, the value includes an inference that something was not executed.
    """

    value: T
    infers_absence: bool = False


@attrs.define
class Candidates:
    """Rows that may or may not be the outcome, including unreadable ones."""

    values: List[Any]


Found = Union[T, Pending[T], Candidates, None]
"""The result of a search; None if no row was found."""


@attrs.frozen
class Search(Generic[T]):
    """
    A search for the outcome of a write.

    Attributes
    ----------
    find : callable
        Takes an `Attempt`, queries the exchange, and returns `Found`. Its errors end `resolve`.
    searched : str
        The lists searched, for messages.
    needs : Clocks
        Certainty of the time of the write that is required to infer absence.
    kept_s : float
        How long the exchange certainly lists the outcome; later, absence proves nothing.
    """

    find: Callable[[Attempt], Found[T]]
    searched: str
    needs: Clocks = Clocks.UNKNOWN
    kept_s: float = float("inf")


class Verdict(Enum):
    """Conclusion from the result of a search."""

    FOUND = "return the row"
    WAIT = "search again later"
    CANDIDATES = "unknown: the rows may or may not be the outcome"
    CLOCKS = "unknown: the clocks are not certain enough"
    FORGOTTEN = "unknown: the exchange may not list it any longer"
    OTHER_KEY = "unknown: the new key may belong to another account"
    ABSENT = "inferred that it was not executed"


def decide(
    found: Found[Any],
    *,
    is_last: bool,
    clocks: Clocks,
    needs: Clocks,
    is_kept: bool = True,
    is_same_key: bool = True,
) -> Verdict:
    """
    Return the conclusion from the result of a search.

    Parameters
    ----------
    is_last : bool
        This is not the first search, and the request is no longer in flight.
    clocks, needs : Clocks
        Actual and required certainty of the time of the write.
    is_kept : bool
        The exchange would still list the outcome.
    is_same_key : bool
        The search used the key of the write.
    """
    if found is not None and not isinstance(found, (Pending, Candidates)):
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
    if not is_same_key:
        return Verdict.OTHER_KEY
    return Verdict.ABSENT if found is None else Verdict.FOUND


@attrs.define(eq=False)
class Resolution:
    """
    The search for the outcome of one write, one step at a time; it never waits itself.

    Attributes
    ----------
    absent : callable
        Builds the error for a write that was not executed; takes the arguments of `NotExecuted`.
    error : OutcomeUnknown
        Raised while the outcome is not certain; every step updates its `candidates`.
    verdict : Verdict
        Conclusion from the searches so far.
    """

    attempt: Attempt
    search: Search[Any]
    absent: Callable[..., NotExecuted]
    error: OutcomeUnknown
    verdict: Verdict = attrs.field(default=Verdict.WAIT, init=False)
    _found: Found[Any] = attrs.field(default=None, init=False)
    _asked_at: float = attrs.field(init=False)
    _pause_s: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._asked_at = time.monotonic()
        self._pause_s = min(_PAUSE_S, self.attempt.transport.absence_s)

    @property
    def settled_at(self) -> float:
        """Time from which absence may count, by `time.monotonic`."""
        return self.attempt.record.ended_at + self.attempt.transport.absence_s

    def step(self, asked_at: float | None = None) -> Verdict:
        """
        Search once; if the search raises, the step does not count.

        `asked_at` is the earliest time (`time.monotonic`) at which the search may have requested
        what it reads; by default now.
        """
        attempt = self.attempt
        asked_at = time.monotonic() if asked_at is None else asked_at
        found = self.search.find(attempt)
        is_again, attempt.was_searched = attempt.was_searched, True
        self._asked_at, self._found = asked_at, found
        self.verdict = decide(
            found,
            is_last=is_again and asked_at >= self.settled_at,
            clocks=attempt.span().clocks,
            needs=self.search.needs,
            is_kept=attempt.after_s <= self.search.kept_s,
            is_same_key=attempt.is_same_key,
        )
        if self.verdict is not Verdict.FOUND:
            rows = found.values if isinstance(found, Candidates) else []
            self.error.candidates = list(rows)
        return self.verdict

    def next_pause_s(self) -> float:
        """Return the seconds before the next step, after the verdict `WAIT`; longer every time."""
        pause_s, self._pause_s = self._pause_s, 2 * self._pause_s
        left_s = self.settled_at - time.monotonic()
        # The last search must not be before absence counts.
        return pause_s if left_s <= 0 else min(pause_s, left_s)

    def result(self) -> Any:
        """Return the outcome; raises `NotExecuted`, or `error` if it is not certain."""
        found, verdict, error = self._found, self.verdict, self.error
        if verdict is Verdict.FOUND:
            return found.value if isinstance(found, Pending) else found
        attempt, searched = self.attempt, self.search.searched
        after_s = self._asked_at - attempt.record.ended_at
        if verdict is Verdict.ABSENT:
            error.reason = ""
            raise _absence(error, self.absent, searched, after_s)
        if verdict is Verdict.FORGOTTEN:
            error.reason = _forgotten(attempt.after_s, searched)
        elif verdict is Verdict.OTHER_KEY:
            error.reason = _OTHER_KEY
        elif verdict is Verdict.CLOCKS:
            error.reason = _of_clocks(attempt.span())
        elif isinstance(found, Candidates):
            error.reason = _MAYBE
        else:
            error.reason = _too_early(after_s, attempt.transport.absence_s)
        raise error


def resolve(
    attempt: Attempt,
    search: Search[Any],
    absent: Callable[..., NotExecuted],
    error: OutcomeUnknown,
    timeout: float | None,
) -> Any:
    """
    Search until the outcome of a write is certain; see `OutcomeUnknown.resolve`.

    Parameters
    ----------
    absent : callable
        As for `Resolution`.
    timeout : float or None
        Seconds in total; None for long enough to be certain.
    """
    if timeout is None:
        timeout_s = attempt.transport.absence_s + QUERY_S
    else:
        timeout_s = check_seconds_or_zero("timeout", timeout)
    deadline = time.monotonic() + timeout_s
    resolution = Resolution(attempt, search, absent, error)
    while resolution.step() is Verdict.WAIT:
        pause_s = resolution.next_pause_s()
        if time.monotonic() + pause_s > deadline:
            break
        attempt.transport.pause(pause_s)
    return resolution.result()


_MAYBE = "the rows found may or may not be its outcome: see candidates"

_OTHER_KEY = (
    "nothing was found, but the key has been replaced since, and the new one may belong to another "
    "account"
)


def _absence(
    error: OutcomeUnknown,
    absent: Callable[..., NotExecuted],
    searched: str,
    after_s: float,
) -> NotExecuted:
    found = absent(
        f"{error.endpoint} was not executed, as far as can be inferred: {after_s:.0f} s after the "
        f"call failed, {searched} did not contain it. This is not a proof: check the account "
        "before sending it again",
        phase=error.phase,
        proof="absent",
    )
    found.endpoint = error.endpoint
    return found


def _of_clocks(span: Span) -> str:
    if len(span.estimates_s) == 1:
        why = "no response of the exchange had a readable Date"
    else:
        why = (
            "this machine's clock was set, or differs from the times in the exchange's responses "
            f"by {span.apart_s:.0f} s"
        )
    return f"nothing was found, but that proves nothing: {why}"


def _forgotten(after_s: float, searched: str) -> str:
    return (
        f"{searched} do not contain it {after_s / _DAY_S:.0f} days after the call failed, but that "
        "proves nothing: the exchange lists closed ones for a limited time only"
    )


def _too_early(after_s: float, absence_s: float) -> str:
    return (
        f"nothing was found {after_s:.0f} s after the call failed, but that proves nothing before "
        f"{absence_s:g} s (absence_s) and two searches"
    )
