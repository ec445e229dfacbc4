"""
A reserving window: schedules requests so that no window of time has more of them than the limit.

Strategy: every request books a slot, the time at which it may be sent, behind all others. A slot is
at least one window after the slot that is as many places before it as the limit, so no window
contains more slots than the limit, also right after a pause. A token bucket would allow twice as
many. A waiting request asks again when its slot is due, because a block may have moved it.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

LATE_S = 0.5
"""A slot that is claimed later than this is lost, as other slots rely on its time."""

SPARE_S = 1.0
"""Added to each window, as requests are sent late and take a while to arrive."""


LONGEST_WINDOW_S = 120.0
"""No window is longer, so older slots are not kept."""


class Limit(NamedTuple):
    """Maximum number of requests in a window of time."""

    requests: int
    window_s: float
    """Including `SPARE_S`."""


class Answer(NamedTuple):
    """The result of asking for a slot."""

    wait_s: float
    """0: send now. Otherwise ask again after this time."""
    is_booked: bool = True
    """False: the wait is too long for the caller, and nothing was booked."""
    used: int = 0
    """Slots of the last window, and coming ones."""
    blocked_s: float = 0.0
    """Seconds until the end of the block; 0 if there is none."""
    processes: int = 0
    """Processes that have asked in the last minute, this one included."""
    is_away: bool = False
    """The shared store was not reached: a part of the limit applies; ask again soon."""


class Slot(NamedTuple):
    """The time at which its owner may send a request."""

    at: float
    owner: str


class Window(NamedTuple):
    """The slots of a limit, ordered by time, and the end of a block."""

    slots: Tuple[Slot, ...] = ()
    blocked_until: float = 0.0

    def current(self, now: float, window_s: float) -> Window:
        """Drop slots older than the window."""
        slots = tuple(slot for slot in self.slots if slot.at + window_s > now)
        return self if len(slots) == len(self.slots) else self._replace(slots=slots)

    def without(self, owner: str) -> Window:
        """Give a slot back; slots after it keep their times."""
        slots = tuple(slot for slot in self.slots if slot.owner != owner)
        return self._replace(slots=slots)

    def with_slots(self, *slots: Slot) -> Window:
        """Add slots, unless their owners have one."""
        owners = {slot.owner for slot in self.slots}
        new = [slot for slot in slots if slot.owner not in owners]
        return self._replace(slots=tuple(sorted((*self.slots, *new))))

    def blocked(self, now: float, until: float) -> Window:
        """Block until then; waiting slots move behind the block and keep their order."""
        until = max(until, self.blocked_until)
        waiting = [slot for slot in self.slots if slot.at > now]
        later_s = max(until - waiting[0].at, 0.0) if waiting else 0.0
        slots = tuple(
            slot._replace(at=slot.at + later_s) if slot.at > now else slot
            for slot in self.slots
        )
        return Window(slots, until)

    def shifted(self, seconds: float) -> Window:
        """Move all times, after a step of the clock."""
        slots = tuple(slot._replace(at=slot.at + seconds) for slot in self.slots)
        return Window(slots, self.blocked_until + seconds)

    def request(
        self, owner: str, limit: Limit, now: float, longest_s: float
    ) -> Tuple[Window, Answer]:
        """
        Claim the slot of an owner if it is due, or book one.

        Returns the new window and the answer. A wait of more than `longest_s` is not booked.
        """
        window = self.current(now, limit.window_s)
        mine = next((slot for slot in window.slots if slot.owner == owner), None)
        if mine is not None:
            wait_s = mine.at - now
            if wait_s > longest_s:
                # A block has moved it.
                return window._refused(owner, wait_s, now)
            if wait_s > 0:
                return window, window._answer(wait_s, now)
            if wait_s >= -LATE_S and window.blocked_until <= now:
                return window, window._answer(0.0, now)
            window = window.without(owner)
        at = window._next_at(limit, now)
        if at - now > longest_s:
            return window._refused(owner, at - now, now)
        window = window.with_slots(Slot(at, owner))
        return window, window._answer(at - now, now)

    def _next_at(self, limit: Limit, now: float) -> float:
        at, slots = max(now, self.blocked_until), self.slots
        if slots:
            at = max(at, slots[-1].at)
        if len(slots) >= limit.requests:
            at = max(at, slots[-limit.requests].at + limit.window_s)
        return at

    def _refused(self, owner: str, wait_s: float, now: float) -> Tuple[Window, Answer]:
        window = self.without(owner)
        return window, window._answer(wait_s, now)._replace(is_booked=False)

    def _answer(self, wait_s: float, now: float) -> Answer:
        blocked_s = max(self.blocked_until - now, 0.0)
        return Answer(wait_s, used=len(self.slots), blocked_s=blocked_s)
