"""The latest states of an account's orders or offers, by which old and repeated frames are told."""

from __future__ import annotations

from typing import Any, Dict, Generic, Iterable, List, TypeVar

T = TypeVar("T", bound=Any)

MOST_CLOSED = 5_000
"""Number of closed orders that are kept; late frames about older ones are not recognised."""


class KnownOrders(Generic[T]):
    """
    Open orders or offers, and recently closed ones, by id.

    Attributes
    ----------
    open, closed : dict
        The latest state of each.
    gone : dict
        Those that were closed during an outage: only their final states may follow.
    is_complete : bool
        Whether the latest snapshot had all that were open.
    """

    def __init__(self) -> None:
        self.open: Dict[int, T] = {}
        self.closed: Dict[int, T] = {}
        self.gone: Dict[int, T] = {}
        self.is_complete: bool = False

    def get(self, id: int) -> T | None:
        """Return the latest state, None if it is not known."""
        return self.open.get(id) or self.closed.get(id)

    def update(self, order: T, is_closed: bool) -> bool:
        """Keep a state; return False without effect if it is not newer than the known one."""
        if order.id in self.closed:
            return False
        if is_closed:
            self.open.pop(order.id, None)
            self.gone.pop(order.id, None)
            self.closed[order.id] = order
            _trim(self.closed)
            return True
        if order.id in self.gone:
            return False
        last = self.open.get(order.id)
        if last is not None and (order.mts_update < last.mts_update or order == last):
            return False
        self.open[order.id] = order
        return True

    def keep(self, ids: Iterable[int]) -> None:
        """Note that no others are open."""
        for id in self.open.keys() - set(ids):
            self.gone[id] = self.open.pop(id)
            _trim(self.gone)

    def with_cid(self, cid: int) -> List[T]:
        """Return those with this client id, of any day."""
        states = [*self.open.values(), *self.closed.values()]
        return [order for order in states if order.cid == cid]


def _trim(orders: Dict[int, Any]) -> None:
    if len(orders) > MOST_CLOSED:
        del orders[next(iter(orders))]
