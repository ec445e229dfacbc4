"""
How many requests a minute the exchange takes, kept on our side.

Strategy: every request reserves a slot, a moment at which it may go out, in the order of asking;
then its thread waits for that moment, outside of all locks. A slot is the earliest moment at
which the last minute holds fewer requests than the budget. So a thread that waits needs nobody
to wake it, and nobody can overtake it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Deque, Dict, Optional, Tuple

import attrs

from bfxsync.errors import ClosedError, RateLimited
from bfxsync.forks import renew_after_fork
from bfxsync.hosts import is_loopback
from bfxsync.logs import get_logger

WINDOW_S = 61.0
"""A minute, and a second for threads that wake late and requests that are long on their way."""

# Beyond half of the spare second: this thread, or the whole machine, has slept.
_TOO_LATE_S = 0.5
_WORTH_A_LOG_S = 2.0
# Ctrl-C does not end a wait that it comes just before, and none at all on Windows.
_LONGEST_NAP_S = 1.0
_MANY_GROUPS = 256

_log = get_logger(__name__)

Wait = Callable[[threading.Event, float], bool]


def wait_in_naps(event: threading.Event, seconds: float) -> bool:
    """Wait for the event for so many seconds, or a part of them; true if it was set."""
    return event.wait(min(seconds, _LONGEST_NAP_S))


@attrs.define(eq=False)
class _Slot:
    at: float
    per_minute: Optional[int]
    is_taken: bool = False


@attrs.define(eq=False)
class _Group:
    """
    Requests that share a budget.

    Attributes
    ----------
    slots : deque of _Slot
        Of the last minute and of those who wait, in the order of their times.
    closed_until : float
        The exchange has refused: nothing goes out before.
    logged_until : float
        Before this moment waiting is not worth another line.
    """

    slots: Deque[_Slot] = attrs.field(factory=deque)
    closed_until: float = float("-inf")
    logged_until: float = float("-inf")

    def forget(self, now: float) -> None:
        """Drop what is older than a minute."""
        slots = self.slots
        while slots and slots[0].at + WINDOW_S <= now:
            slots.popleft()

    def drop(self, slot: _Slot) -> None:
        """Take a slot away if it is still there."""
        if slot in self.slots:
            self.slots.remove(slot)

    def next_at(self, now: float, per_minute: int | None) -> float:
        """Return when one more request may go out; None is for no budget."""
        at = max(now, self.closed_until)
        slots = self.slots
        if per_minute is not None and slots:
            at = max(at, slots[-1].at)
            if len(slots) >= per_minute:
                at = max(at, slots[-per_minute].at + WINDOW_S)
        return at

    def close(self, now: float, until: float) -> None:
        """Let nothing out before that moment; who waits keeps his place."""
        self.closed_until = max(self.closed_until, until)
        slots, self.slots = self.slots, deque(s for s in self.slots if s.is_taken)
        for slot in slots:
            if not slot.is_taken:
                slot.at = self.next_at(now, slot.per_minute)
                self.slots.append(slot)


class Limits:
    """
    Budgets of requests for each host and group of endpoints.

    Within any 60 seconds no more requests go out than the group's budget; after a pause all of
    it may go out at once. Threads that wait for the same group are served in the order in which
    they came. The exchange counts by address, so all clients of a process share one instance,
    `SHARED`; processes that share an address know nothing of each other.

    Parameters
    ----------
    clock : callable
        Seconds, never going back.
    wait : callable
        Waits for an event for at most so many seconds, or less, and says whether it was set.
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
        # Protects _groups and all that is in them.
        self._lock = threading.Lock()
        self._groups: Dict[Tuple[str, str], _Group] = {}
        renew_after_fork(self)

    def acquire(
        self,
        host: str,
        group: str,
        per_minute: int,
        *,
        max_wait_s: float,
        closed: threading.Event,
    ) -> float:
        """
        Return when one more request may go out; the time it took, in seconds.

        Parameters
        ----------
        host, group : str
            What is counted together.
        per_minute : int
            The budget.
        max_wait_s : float
            0 does not wait at all.
        closed : threading.Event
            Ends the wait.

        Raises
        ------
        RateLimited
            The wait would be longer than that; known at once, unless the exchange refuses
            another request meanwhile.
        ClosedError
            The event was set.
        """
        budget: int | None = per_minute
        if self._exempt_loopback and is_loopback(host):
            budget = None
        with self._lock:
            now = self._clock()
            state = self._group(host, group, now)
            at = state.next_at(now, budget)
            if at <= now:
                if budget is not None:
                    state.slots.append(_Slot(now, budget, is_taken=True))
                return 0.0
            wait_s = at - now
            if wait_s > max_wait_s:
                raise _refusal(group, per_minute, wait_s)
            slot = _Slot(at, budget)
            state.slots.append(slot)
            is_worth_a_log = wait_s > _WORTH_A_LOG_S and state.logged_until <= now
            if is_worth_a_log:
                state.logged_until = now + WINDOW_S
        try:
            if is_worth_a_log:
                _log.warning(
                    "the limit of %d requests a minute for %r is reached: waiting %.1f s",
                    per_minute,
                    group,
                    wait_s,
                )
            while True:
                # It may be set to a later time while we wait, see `refuse`.
                rest_s = slot.at - self._clock()
                if slot.at - now > max_wait_s:
                    raise _refusal(group, per_minute, rest_s)
                if rest_s > 0:
                    if self._wait(closed, rest_s):
                        raise ClosedError("the client was closed")
                elif self._take(host, group, slot):
                    return self._clock() - now
        except BaseException:
            # Those behind keep their times; who comes now may have this one.
            with self._lock:
                self._group(host, group, self._clock()).drop(slot)
            raise

    def refuse(self, host: str, group: str, retry_after_s: float) -> None:
        """Note that the exchange refuses more of these; nothing goes out for so long."""
        with self._lock:
            now = self._clock()
            self._group(host, group, now).close(now, now + retry_after_s)

    def _reset_after_fork(self) -> None:
        """Start anew in a child process: another thread may have held the lock at the fork."""
        self._lock = threading.Lock()

    def _take(self, host: str, group: str, slot: _Slot) -> bool:
        with self._lock:
            now = self._clock()
            state = self._group(host, group, now)
            if slot.at + _TOO_LATE_S < now:
                # Requests of its minute are on their way already: back to the end of the line.
                state.drop(slot)
                slot.at = state.next_at(now, slot.per_minute)
                state.slots.append(slot)
            slot.is_taken = slot.at <= now
            return slot.is_taken

    def _group(self, host: str, group: str, now: float) -> _Group:
        assert self._lock.locked()
        key = (host, group)
        state = self._groups.get(key)
        if state is None:
            if len(self._groups) >= _MANY_GROUPS:
                self._forget_idle_groups(now)
            state = self._groups[key] = _Group()
        state.forget(now)
        return state

    def _forget_idle_groups(self, now: float) -> None:
        """Keep memory bounded where paths, and so groups, are made up without end."""
        for key, state in list(self._groups.items()):
            state.forget(now)
            if not state.slots and state.closed_until <= now:
                del self._groups[key]


SHARED = Limits(exempt_loopback=True)
"""What all clients of this process count with, unless they are given another one."""


def _refusal(group: str, per_minute: int, wait_s: float) -> RateLimited:
    return RateLimited(
        f"the limit of {per_minute} requests a minute for {group!r} is reached; "
        f"try again in {wait_s:.1f} s",
        retry_after_s=wait_s,
    )
