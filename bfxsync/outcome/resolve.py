"""
Finds the outcome of a write by asking the exchange until it can be decided.

Strategy: a certain match settles the matter. Rows that may or may not match, unreadable ones among
them, are candidates and settle nothing. Finding nothing is no proof either: the request may still
be on its way, or be recorded somewhere else. It counts as absent only after at least two looks, the
last one `absence_s` after the call failed, while the exchange is certain to list it still, and with
clocks known as well as the search needs. Even then absence is an inference, and its error says so.
The table of ``docs/accounts.rst`` has all cases.
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

ASKING_S = 30.0
"""Time that `resolve` has for requests by default, on top of `absence_s`."""

# Between the first two looks; it doubles each time.
_PAUSE_S = 5.0
_DAY_S = 86_400.0


class WriteTransport(Protocol):
    """What is known of the transport by which a write was sent."""

    absence_s: float
    """Seconds after its call failed from which a write is no longer on its way."""
    clock: ExchangeClock

    @property
    def sent(self) -> RecentWrites:
        """The last writes of the account."""
        ...

    @property
    def identity(self) -> str | None:
        """The key of the next call."""
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
        When it was sent and when its call failed.
    was_looked_for : bool
        The exchange has answered a search at least once.
    identity : str or None
        The key with which it was sent; None if the transport has only one.
    """

    record: WriteRecord
    transport: WriteTransport = attrs.field(repr=False)
    was_looked_for: bool = attrs.field(default=False, init=False)
    identity: Optional[str] = attrs.field(default=None, repr=False, kw_only=True)
    # What was known of the exchange's clock when the call failed.
    _before: Tuple[Reading, ...] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._before = tuple(self.transport.clock.readings())

    @property
    def is_over(self) -> bool:
        """True once the request is no longer on its way, so that absence may count."""
        return time.monotonic() >= self.record.ended_at + self.transport.absence_s

    @property
    def after_s(self) -> float:
        """
        Seconds since its call failed.

        The larger one of two clocks, as the monotonic one may stop while a machine is suspended.
        """
        record = self.record
        return max(time.monotonic() - record.ended_at, time.time() - record.ended_s)

    def span(self) -> Span:
        """Return when it can have been executed, by all that is known now."""
        record = self.record
        # A wall clock that was set by years is not time in transit.
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
        """Whether the exchange is asked with the key of the write."""
        return self.identity is None or self.transport.identity == self.identity

    def is_alone(self, margin_s: float) -> bool:
        """Tell whether this process sent no equal write at about the same time."""
        margin_s += self.transport.absence_s
        return self.transport.sent.is_alone(self.record, margin_s)


@attrs.define
class Pending(Generic[T]):
    """
    A state that may still change; it counts once the request is no longer on its way.

    With `infers_absence`, part of the value says that something was not executed.
    """

    value: T
    infers_absence: bool = False


@attrs.define
class Candidates:
    """Rows that may or may not be the outcome, unreadable ones among them."""

    values: List[Any]


Found = Union[T, Pending[T], Candidates, None]
"""The result of a search; None: there is nothing."""


@attrs.frozen
class Search(Generic[T]):
    """
    How to look for the outcome of a write.

    Attributes
    ----------
    find : callable
        Takes an `Attempt`, asks the exchange, and returns `Found`. Its errors end `resolve`.
    places : str
        Where it looks, in words.
    needs : Clocks
        How well the time of the write must be known for absence to count.
    kept_s : float
        For how long the exchange certainly lists it; later, absence means nothing.
    """

    find: Callable[[Attempt], Found[T]]
    places: str
    needs: Clocks = Clocks.UNKNOWN
    kept_s: float = float("inf")


class Verdict(Enum):
    """What follows from the result of a search."""

    FOUND = "it is returned"
    WAIT = "it is asked again"
    CANDIDATES = "it stays unknown: what is there may or may not be it"
    CLOCKS = "it stays unknown: the clocks are not known well enough"
    FORGOTTEN = "it stays unknown: the exchange may list it no longer"
    OTHER_KEY = "it stays unknown: another key may be one of another account"
    ABSENT = "it was not executed, as far as can be inferred"


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
    Return what follows from the result of a search.

    Parameters
    ----------
    is_last : bool
        This is not the first look, and the request is no longer on its way.
    clocks, needs : Clocks
        How well the time of the write is known, and how well it must be.
    is_kept : bool
        The exchange would still list it.
    is_same_key : bool
        It was asked with the key of the write.
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


def resolve(
    attempt: Attempt,
    search: Search[Any],
    absent: Callable[..., NotExecuted],
    error: OutcomeUnknown,
    timeout: float | None,
) -> Any:
    """
    Ask until the outcome of a write can be decided; see `OutcomeUnknown.resolve`.

    Parameters
    ----------
    absent : callable
        Builds the error for a write that was not executed; takes what `NotExecuted` takes.
    timeout : float or None
        Seconds in all; None: enough for an answer.
    """
    absence_s = attempt.transport.absence_s
    if timeout is None:
        timeout_s = absence_s + ASKING_S
    else:
        timeout_s = check_seconds_or_zero("timeout", timeout)
    deadline = time.monotonic() + timeout_s
    settled_at = attempt.record.ended_at + absence_s
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
            is_same_key=attempt.is_same_key,
        )
        if verdict is Verdict.FOUND:
            return found.value if isinstance(found, Pending) else found
        error.candidates = list(found.values) if isinstance(found, Candidates) else []
        if verdict is Verdict.WAIT:
            now = time.monotonic()
            # The last look is not before absence counts.
            wait_s = pause_s if now >= settled_at else min(pause_s, settled_at - now)
            if now + wait_s <= deadline:
                attempt.transport.pause(wait_s)
                pause_s *= 2
                continue
        after_s = asked_at - attempt.record.ended_at
        if verdict is Verdict.ABSENT:
            error.reason = ""
            raise _absence(error, absent, search.places, after_s)
        if verdict is Verdict.FORGOTTEN:
            error.reason = _forgotten(attempt.after_s, search.places)
        elif verdict is Verdict.OTHER_KEY:
            error.reason = _OTHER_KEY
        elif verdict is Verdict.CLOCKS:
            error.reason = _of_clocks(span)
        elif isinstance(found, Candidates):
            error.reason = _MAYBE
        else:
            error.reason = _too_early(after_s, absence_s)
        raise error


_MAYBE = "what was found may be it or may not: see its candidates"

_OTHER_KEY = (
    "nothing of it was found, but the key was replaced since: that it is of the same account is "
    "not known"
)


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
    if len(span.estimates_s) == 1:
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
