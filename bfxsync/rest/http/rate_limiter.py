"""
How many requests a minute the exchange takes, kept on our side.

Strategy: every request reserves a slot, a moment at which it may go out, in the order of asking;
then its thread waits for that moment. A slot is the earliest moment at which the last minute holds
fewer requests than the budget. So a thread that waits needs nobody to wake it, and nobody can
overtake it. All slots are one value that is replaced as a whole (`AtomicValue`): no thread that is
interrupted keeps others waiting, and a slot that one leaves behind is gone after a minute.
"""

from __future__ import annotations

import time
from typing import Callable, Mapping, NamedTuple, Optional, Tuple, TypeVar

from bfxsync._base.atomic import AtomicValue
from bfxsync._base.hosts import is_loopback
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import ClosedError, RateLimited

WINDOW_S = 61.0
"""A minute, and a second for threads that wake late and requests that are long on their way."""

LONGEST_REFUSAL_S = 3600.0
"""A refusal of the exchange that lasts longer is waited for only by who has said so."""

# Beyond half of the spare second: this thread, or the whole machine, has slept.
_TOO_LATE_S = 0.5
_WORTH_A_LOG_S = 2.0
# Ctrl-C does not end a wait that it comes just before, and none at all on Windows.
_LONGEST_NAP_S = 1.0
_MANY_GROUPS = 256

_log = get_logger(__name__)

R = TypeVar("R")

Wait = Callable[[Latch, float], bool]


def wait_in_naps(latch: Latch, seconds: float) -> bool:
    """Wait for the latch for so many seconds, or a part of them; true if it was set."""
    return latch.wait(min(seconds, _LONGEST_NAP_S))


class _Key(NamedTuple):
    """What is counted together."""

    host: str
    port: int
    group: str


class _Slot(NamedTuple):
    """
    A request that has gone out, or waits for that.

    Attributes
    ----------
    owner : object
        Who has reserved it.
    """

    owner: object
    at: float
    per_minute: Optional[int]
    is_taken: bool = False


class _Group(NamedTuple):
    """
    Requests that share a budget.

    Attributes
    ----------
    slots : tuple of _Slot
        Of the last minute and of those who wait, in the order of their times.
    closed_until : float
        The exchange has refused: nothing goes out before.
    logged_until : float
        Before this moment waiting is not worth another line.
    """

    slots: Tuple[_Slot, ...] = ()
    closed_until: float = float("-inf")
    logged_until: float = float("-inf")

    def current(self, now: float) -> _Group:
        """Return it without what is older than a minute."""
        slots = self.slots
        first = 0
        while first < len(slots) and slots[first].at + WINDOW_S <= now:
            first += 1
        return self._replace(slots=slots[first:]) if first else self

    def slot_of(self, owner: object) -> _Slot | None:
        """Return the slot of that owner, if it is still there."""
        for slot in self.slots:
            if slot.owner is owner:
                return slot
        return None

    def without(self, owner: object) -> _Group:
        """Return it without the slot of that owner."""
        slots = tuple(slot for slot in self.slots if slot.owner is not owner)
        return self._replace(slots=slots)

    def with_slot(self, slot: _Slot) -> _Group:
        """Return it with one more slot, which is the last one."""
        return self._replace(slots=(*self.slots, slot))

    def with_taken(self, owner: object) -> _Group:
        """Return it with the slot of that owner taken."""
        slots = tuple(
            slot._replace(is_taken=True) if slot.owner is owner else slot
            for slot in self.slots
        )
        return self._replace(slots=slots)

    def next_at(self, now: float, per_minute: int | None) -> float:
        """Return when one more request may go out; None is for no budget."""
        at = max(now, self.closed_until)
        slots = self.slots
        if per_minute is not None and slots:
            at = max(at, slots[-1].at)
            if len(slots) >= per_minute:
                at = max(at, slots[-per_minute].at + WINDOW_S)
        return at

    def closed(self, now: float, until: float) -> _Group:
        """Return it closed until that moment; who waits keeps his place."""
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
    Budgets of requests for each host, port and group of endpoints.

    Within any 60 seconds no more requests go out than the group's budget; after a pause all of
    it may go out at once. Threads that wait for the same group are served in the order in which
    they came. The exchange counts by address, so all clients of a process share one instance,
    `SHARED`; processes that share an address know nothing of each other.

    Parameters
    ----------
    clock : callable
        Seconds, never going back.
    wait : callable
        Waits for a latch for at most so many seconds, or less, and says whether it was set.
    exempt_loopback : bool
        Do not count requests to this machine itself, as in tests and benchmarks. Its refusals
        are heeded all the same.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wait: Wait = wait_in_naps,
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
        Return when one more request may go out; the time it took, in seconds.

        Parameters
        ----------
        host, group : str
            What is counted together, with the port.
        per_minute : int
            The budget.
        port : int
        max_wait_s : float, optional
            0 does not wait at all. Without it a budget is waited for as long as it takes, and a
            refusal of the exchange for `LONGEST_REFUSAL_S`.
        closed : Latch
            Ends the wait.

        Raises
        ------
        RateLimited
            The wait would be longer than that; known at once, unless the exchange refuses
            another request meanwhile.
        ClosedError
            The latch was set.
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
                raise _refusal(group, per_minute, at - now, is_refused)

        def reserve(state: _Group) -> tuple[_Group, tuple[float, str | None]]:
            at = state.next_at(began, budget)
            if at <= began:
                if budget is not None:
                    state = state.with_slot(_Slot(me, began, budget, is_taken=True))
                return state, (0.0, None)
            check(state, at, began)
            wait_s, text = at - began, None
            state = state.with_slot(_Slot(me, at, budget))
            if wait_s > _WORTH_A_LOG_S and state.logged_until <= began:
                state = state._replace(logged_until=began + WINDOW_S)
                text = _reason(group, per_minute, state.closed_until > began)
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
                # It may have been set to a later time while we waited, see `refuse`.
                check(self._groups.get()[key], at, now)
                if self._wait(closed, at - now):
                    raise ClosedError("the client was closed")
        except BaseException:
            # Those behind keep their times; who comes now may have this one.
            self._change(key, self._clock(), lambda state: (state.without(me), None))
            raise

    def refuse(
        self, host: str, group: str, retry_after_s: float, *, port: int = 443
    ) -> None:
        """Note that the exchange refuses more of these; nothing goes out for so long."""
        now = self._clock()
        self._change(
            _Key(host, port, group),
            now,
            lambda state: (state.closed(now, now + retry_after_s), None),
        )

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
    """Take a slot whose time has come; else return its time."""
    slot = state.slot_of(owner)
    if slot is None or slot.at + _TOO_LATE_S < now:
        # Requests of its minute are on their way already: back to the end of the line.
        state = state.without(owner)
        slot = _Slot(owner, state.next_at(now, budget), budget)
        state = state.with_slot(slot)
    if slot.at <= now:
        return state.with_taken(owner), None
    return state, slot.at


def _without_idle(groups: _Groups, now: float) -> _Groups:
    """Keep memory bounded where paths, and so groups, are made up without end."""
    current = {key: state.current(now) for key, state in groups.items()}
    return {
        key: state
        for key, state in current.items()
        if state.slots or state.closed_until > now
    }


SHARED = RequestRateLimiter(exempt_loopback=True)
"""What all clients of this process count with, unless they are given another one."""


def _reason(group: str, per_minute: int, is_refused: bool) -> str:
    if is_refused:
        return f"the exchange refuses requests for {group!r}"
    return f"the own limit of {per_minute} requests a minute for {group!r} is reached"


def _refusal(
    group: str, per_minute: int, wait_s: float, is_refused: bool
) -> RateLimited:
    return RateLimited(
        _reason(group, per_minute, is_refused),
        retry_after_s=wait_s,
        is_own_budget=not is_refused,
    )
