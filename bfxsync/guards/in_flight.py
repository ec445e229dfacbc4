"""
The state of an order guard: its halt, and the orders that were sent or are in flight.

Strategy: an order counts for the minute from its admission until 60 seconds after it was sent, as
it may wait for long. An admission is referred to weakly: one that an interrupted thread left behind
ends when it is garbage collected.
"""

from __future__ import annotations

import weakref
from itertools import takewhile
from typing import FrozenSet, List, NamedTuple, Optional, Tuple

WINDOW_S = 60.0


class InFlight(NamedTuple):
    """
    The orders of an admission whose call has not ended.

    Attributes
    ----------
    owner : weakref.ref
        Weak reference to the admission.
    counted : int
        Number of orders and updates that count for the minute.
    new : int
        Number of orders that the exchange may not list as open yet.
    updated : frozenset of int
        Ids of the orders that are being updated.
    at : float
        When they were last sent, or admitted.
    """

    owner: weakref.ref[object]
    counted: int
    new: int
    updated: FrozenSet[Optional[int]]
    at: float


class GuardState(NamedTuple):
    """
    An immutable state; its methods return changed copies.

    Attributes
    ----------
    sent_at : tuple of float
        Times of orders whose calls have ended, ascending.
    in_flight : tuple of InFlight
        In order of admission.
    """

    is_halted: bool = False
    is_closed: bool = False
    sent_at: Tuple[float, ...] = ()
    in_flight: Tuple[InFlight, ...] = ()

    @property
    def counted_in_flight(self) -> int:
        """Number of orders in flight that count for the minute."""
        return sum(item.counted for item in self.in_flight)

    def new_before(self, owner: object) -> int:
        """Return the number of new orders in flight that were admitted before those of `owner`."""
        earlier = takewhile(lambda item: item.owner() is not owner, self.in_flight)
        return sum(item.new for item in earlier)

    def current(self, now: float) -> GuardState:
        """Drop orders older than a minute, and end the admissions of interrupted threads."""
        state = self.ended(None)
        sent_at = tuple(at for at in state.sent_at if at + WINDOW_S > now)
        return state._replace(sent_at=sent_at)

    def sent(self, owner: object, now: float) -> GuardState:
        """Record that the orders of an admission are sent now."""
        in_flight = tuple(
            item._replace(at=now) if item.owner() is owner else item
            for item in self.in_flight
        )
        return self._replace(in_flight=in_flight)

    def ended(self, owner: object) -> GuardState:
        """End the call of an admission; with None, those of admissions that no longer exist."""
        times: List[float] = [*self.sent_at]
        for item in self.in_flight:
            if item.owner() is owner:
                times += [item.at] * item.counted
        return self.without(owner)._replace(sent_at=tuple(sorted(times)))

    def without(self, owner: object) -> GuardState:
        """Drop an admission whose orders will not be sent."""
        left = tuple(item for item in self.in_flight if item.owner() is not owner)
        return self._replace(in_flight=left)
