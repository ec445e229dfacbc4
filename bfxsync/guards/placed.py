"""
The orders that a client has placed, so that open ones can be cancelled when it is closed.

Strategy: the client id is recorded before an order is sent, so that an order whose response was
lost, or whose call was interrupted, is cancelled as well. Once the order id is known it replaces
the client id, which other orders may have too. Every step is one atomic call of a dict or deque, so
no lock is needed.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, Iterable, List, Sequence

from bfxsync.models.notification import Notification

if TYPE_CHECKING:
    from bfxsync.models.orders import Order

MOST_KEPT = 50_000
"""Maximum number of order ids kept, and of client ids; the oldest are dropped."""

# Largest lag of the exchange's clock behind ours.
_CLOCK_DOUBT_MS = 3_600_000

_NEW = "on-req"


class PlacedOrders:
    """
    Placed orders: by order id, or by client id while the order id is unknown.

    `clock` is the wall clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ids: Deque[int] = deque(maxlen=MOST_KEPT)
        # With the time at which each was about to be sent.
        self._cids: Dict[int, float] = {}

    def __bool__(self) -> bool:
        return bool(self._ids or self._cids)

    def expect(self, cids: Iterable[int]) -> None:
        """Record the client ids of orders that are about to be sent."""
        for cid in cids:
            self._cids[cid] = self._clock() * 1000
            if len(self._cids) > MOST_KEPT:
                # Another thread may have removed it.
                with suppress(KeyError, RuntimeError, StopIteration):
                    del self._cids[next(iter(self._cids))]

    def forget(self, cids: Iterable[int]) -> None:
        """Drop orders that were not placed."""
        for cid in cids:
            self._cids.pop(cid, None)

    def confirm(self, cid: int, id: int) -> None:
        """Record the id of an order that was placed."""
        self._ids.append(id)
        self.forget([cid])

    def record(self, cids: Sequence[int], answer: object) -> None:
        """Record the order ids in a response; drop the client ids if none is missing."""
        if not isinstance(answer, Notification):
            return
        inner = answer.data if isinstance(answer.data, list) else []
        notes = [note for note in (answer, *inner) if _is_about_new_order(note)]
        accepted = [note for note in notes if note.is_success]
        for note in accepted:
            self._ids.extend(
                order.id for order in (note.data, *note.more) if order.id is not None
            )
        is_told = len(notes) == len(cids) or not answer.is_success
        if is_told and all(note.data.id is not None for note in accepted):
            self.forget(cids)

    def among(self, orders: Iterable[Order]) -> List[int]:
        """Return the ids of the open orders that this client has placed."""
        # In this order: `record` adds the ids before it drops the client ids.
        cids = self._cids.copy()
        ids = set(self._ids)

        def is_mine(order: Order) -> bool:
            since = None if order.cid is None else cids.get(order.cid)
            return since is not None and order.mts_create >= since - _CLOCK_DOUBT_MS

        return [order.id for order in orders if order.id in ids or is_mine(order)]

    def newest(self, count: int) -> List[int]:
        """Return the ids of the last orders, open or not."""
        return list(self._ids)[-count:]

    def _reset_after_fork(self) -> None:
        # In a forked child: the orders belong to the parent.
        self._ids.clear()
        self._cids.clear()


def _is_about_new_order(item: Any) -> bool:
    return isinstance(item, Notification) and item.type == _NEW
