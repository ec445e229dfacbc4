"""
Client-side rate limits: requests per minute and group of endpoints.

Strategy: every request reserves a slot, the time at which it may be sent, in order of arrival, and
its thread sleeps until then. A slot is the earliest time at which the last minute holds fewer
requests than the limit, so threads do not wake each other and cannot be overtaken. All slots are
one value that is replaced atomically (`AtomicValue`): an interrupted thread never blocks others,
and a slot that it leaves behind expires after a minute.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, NamedTuple, Optional, Tuple, TypeVar

import attrs

from bfxsync._base.atomic import AtomicValue
from bfxsync._base.hosts import is_loopback
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import ClosedError, RateLimited

WINDOW_S = 61.0
"""A minute, plus a second for late wake-ups and network latency."""

LONGEST_REFUSAL_S = 3600.0
"""Maximum wait after a refusal by the exchange, unless `max_wait_s` is longer."""

# A wake-up that late has used up half of the spare second: the thread or the machine was suspended.
_TOO_LATE_S = 0.5
WORTH_A_LOG_S = 2.0
# Ctrl-C just before a wait does not end it, and on Windows it never does.
_LONGEST_NAP_S = 1.0
_MANY_GROUPS = 256

_log = get_logger(__name__)

R = TypeVar("R")


def wait_in_naps(latch: Latch, seconds: float) -> bool:
    """Wait for the latch for up to `seconds`, possibly less; return whether it was set."""
    return latch.wait(min(seconds, _LONGEST_NAP_S))


@attrs.frozen
class RateLimit:
    """
    The state of a rate limit group.

    Attributes
    ----------
    per_minute : int or None
        None if no request was counted in the last minute.
    used : int
        Requests of the last minute, and waiting ones.
    left : int or None
        Number of requests that can be sent now; None as for `per_minute`.
    wait_s : float
        Seconds until the next request can be sent.
    is_refused : bool
        The exchange has refused a request; none is sent before `wait_s` have passed.
    """

    per_minute: Optional[int]
    used: int
    left: Optional[int]
    wait_s: float
    is_refused: bool


class _Key(NamedTuple):
    """Identifies a rate limit group of a host."""

    host: str
    port: int
    group: str


class _Slot(NamedTuple):
    """A request, identified by its owner, that was sent or is waiting."""

    owner: object
    at: float
    per_minute: Optional[int]
    is_taken: bool = False


class _Group(NamedTuple):
    """
    Requests that share a rate limit.

    Attributes
    ----------
    slots : tuple of _Slot
        Sent in the last minute, and waiting, ordered by time.
    closed_until : float
        End of the block after a refusal by the exchange.
    logged_until : float
        Further waits are not logged before this time.
    """

    slots: Tuple[_Slot, ...] = ()
    closed_until: float = float("-inf")
    logged_until: float = float("-inf")

    def current(self, now: float) -> _Group:
        """Drop slots older than a minute."""
        slots = self.slots
        first = 0
        while first < len(slots) and slots[first].at + WINDOW_S <= now:
            first += 1
        return self._replace(slots=slots[first:]) if first else self

    def without(self, owner: object) -> _Group:
        slots = tuple(slot for slot in self.slots if slot.owner is not owner)
        return self._replace(slots=slots)

    def with_slot(self, slot: _Slot) -> _Group:
        return self._replace(slots=(*self.slots, slot))

    def with_taken(self, owner: object) -> _Group:
        """Mark the slot of an owner as used."""
        slots = tuple(
            slot._replace(is_taken=True) if slot.owner is owner else slot
            for slot in self.slots
        )
        return self._replace(slots=slots)

    def next_at(self, now: float, per_minute: int | None) -> float:
        """Return when another request may be sent; None means no limit."""
        at = max(now, self.closed_until)
        slots = self.slots
        if per_minute is not None and slots:
            at = max(at, slots[-1].at)
            if len(slots) >= per_minute:
                at = max(at, slots[-per_minute].at + WINDOW_S)
        return at

    def state(self, now: float) -> RateLimit:
        used, is_refused = len(self.slots), self.closed_until > now
        # The limit of the newest slot: a group with several limits uses that of the last call.
        per_minute = self.slots[-1].per_minute if self.slots else None
        left = None if per_minute is None else max(per_minute - used, 0)
        wait_s = self.next_at(now, per_minute) - now
        return RateLimit(
            per_minute, used, 0 if is_refused else left, wait_s, is_refused
        )

    def closed(self, now: float, until: float) -> _Group:
        """Block the group until then; waiters keep their position."""
        group = self._replace(
            slots=tuple(slot for slot in self.slots if slot.is_taken),
            closed_until=max(self.closed_until, until),
        )
        for slot in self.slots:
            if not slot.is_taken:
                at = group.next_at(now, slot.per_minute)
                group = group.with_slot(slot._replace(at=at))
        return group


_Groups = Mapping[_Key, _Group]


class RequestRateLimiter:
    """
    Rate limits by host, port and group of endpoints.

    In any 60 seconds no more requests are sent than the limit of the group; after a pause they may
    all be sent in a burst. Waiting threads of a group are served in order of arrival. The exchange
    counts by IP address, so all clients of a process share one instance, `SHARED`; processes with
    the same address share one with `SharedRequestLimiter`.

    Parameters
    ----------
    clock : callable
        Monotonic seconds.
    wait : callable
        Waits for a latch, for at most the given seconds, and returns whether it was set.
    exempt_loopback : bool
        Do not limit requests to loopback hosts, as in tests and benchmarks. Refusals are respected.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[Latch, float], bool] = wait_in_naps,
        *,
        exempt_loopback: bool = False,
    ) -> None:
        self._clock = clock
        self._wait = wait
        self._exempt_loopback = exempt_loopback
        self._groups: AtomicValue[_Groups] = AtomicValue({})

    def acquire(
        self,
        host: str,
        group: str,
        per_minute: int,
        *,
        port: int = 443,
        max_wait_s: float | None = None,
        closed: Latch,
    ) -> float:
        """
        Wait until another request may be sent; return the seconds waited.

        By default it waits indefinitely for the limit, and at most `LONGEST_REFUSAL_S` after a
        refusal by the exchange.

        Raises
        ------
        RateLimited
            The wait would be longer than `max_wait_s`. Raised immediately, or when the exchange
            refuses another request during the wait.
        ClosedError
            `closed` was set.
        """
        key = _Key(host, port, group)
        budget: int | None = per_minute
        if self._exempt_loopback and is_loopback(host):
            budget = None
        me, began = object(), self._clock()

        def check(state: _Group, at: float, now: float) -> None:
            is_refused = state.closed_until > now
            longest_s = max_wait_s
            if longest_s is None:
                longest_s = LONGEST_REFUSAL_S if is_refused else float("inf")
            if at - began > longest_s:
                raise refusal_of(group, per_minute, at - now, is_refused)

        def reserve(state: _Group) -> tuple[_Group, tuple[float, str | None]]:
            at = state.next_at(began, budget)
            if at <= began:
                if budget is not None:
                    state = state.with_slot(_Slot(me, began, budget, is_taken=True))
                return state, (0.0, None)
            check(state, at, began)
            wait_s, text = at - began, None
            state = state.with_slot(_Slot(me, at, budget))
            if wait_s > WORTH_A_LOG_S and state.logged_until <= began:
                state = state._replace(logged_until=began + WINDOW_S)
                text = reason_of(group, per_minute, state.closed_until > began)
            return state, (wait_s, text)

        try:
            wait_s, text = self._change(key, began, reserve)
            if wait_s <= 0:
                return 0.0
            if text is not None:
                _log.warning("%s: waiting %.1f s", text, wait_s)
            while True:
                now = self._clock()
                at = self._change(key, now, lambda state: _take(state, me, budget, now))
                if at is None:
                    return now - began
                # `refuse` may have moved it to a later time.
                check(self._groups.get()[key], at, now)
                if self._wait(closed, at - now):
                    raise ClosedError("the client was closed")
        except BaseException:
            # Later slots keep their times; the next request may get this one.
            self._change(key, self._clock(), lambda state: (state.without(me), None))
            raise

    def limits(self, host: str, port: int = 443) -> dict[str, RateLimit]:
        """Return the groups of a host that had requests in the last minute or are blocked."""
        now = self._clock()
        return {
            key.group: state.state(now)
            for key, state in _without_idle(self._groups.get(), now).items()
            if (key.host, key.port) == (host, port)
        }

    def refuse(
        self, host: str, group: str, retry_after_s: float, *, port: int = 443
    ) -> None:
        """Block a group after a refusal by the exchange."""
        now = self._clock()
        until = now + retry_after_s
        key = _Key(host, port, group)
        self._change(key, now, lambda state: (state.closed(now, until), None))

    def stats(self) -> dict[str, Any] | None:
        """Return the state of the shared budget; None without one."""
        return None

    def _change(
        self, key: _Key, now: float, change: Callable[[_Group], Tuple[_Group, R]]
    ) -> R:
        """Replace one group, as `AtomicValue.update` does."""

        def change_all(groups: _Groups) -> tuple[_Groups, R]:
            before = groups.get(key)
            after, result = change((before or _Group()).current(now))
            if after is before:
                return groups, result
            if before is None and len(groups) >= _MANY_GROUPS:
                groups = _without_idle(groups, now)
            return {**groups, key: after}, result

        return self._groups.update(change_all)


def _take(
    state: _Group, owner: object, budget: int | None, now: float
) -> tuple[_Group, float | None]:
    """Use a slot if it is due; otherwise return its time."""
    slot = next((slot for slot in state.slots if slot.owner is owner), None)
    if slot is None or slot.at + _TOO_LATE_S < now:
        # The minute is already used by other requests: move to the end of the queue.
        state = state.without(owner)
        slot = _Slot(owner, state.next_at(now, budget), budget)
        state = state.with_slot(slot)
    if slot.at <= now:
        return state.with_taken(owner), None
    return state, slot.at


def _without_idle(groups: _Groups, now: float) -> _Groups:
    """Drop idle groups, as callers may use any number of paths and thus groups."""
    current = {key: state.current(now) for key, state in groups.items()}
    return {
        key: state
        for key, state in current.items()
        if state.slots or state.closed_until > now
    }


SHARED = RequestRateLimiter(exempt_loopback=True)
"""The default of all clients of this process."""


def reason_of(group: str, per_minute: int, is_refused: bool) -> str:
    if is_refused:
        return f"the exchange refuses requests for {group!r}"
    return (
        f"bfxsync's limit of {per_minute} requests per minute for {group!r} is reached"
    )


def refusal_of(
    group: str, per_minute: int, wait_s: float, is_refused: bool
) -> RateLimited:
    return RateLimited(
        reason_of(group, per_minute, is_refused),
        retry_after_s=wait_s,
        is_own_budget=not is_refused,
    )
