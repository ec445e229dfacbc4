"""The operations in flight, by what their evidence names: an order, a client id, an offer."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Sequence, Tuple

from bfxsync._base.aliases import Mts
from bfxsync.models.funding import FundingOffer
from bfxsync.models.orders import Order
from bfxsync.wire.in_flight import (
    Batch,
    Cancellation,
    InFlight,
    MultiCancellation,
    NewOffer,
    NewOrder,
    OrderUpdate,
)
from bfxsync.wire.known_orders import KnownOrders
from bfxsync.wire.operations import Operation
from bfxsync.wire.order_terms import names
from bfxsync.wire.replied_orders import RepliedOrders


class OperationTable:
    """
    The operations whose fate is not known.

    Parameters
    ----------
    orders, offers : KnownOrders
    replied : RepliedOrders
        Gets the new orders.
    """

    def __init__(
        self,
        orders: KnownOrders[Order],
        offers: KnownOrders[FundingOffer],
        replied: RepliedOrders,
    ) -> None:
        self._orders = orders
        self._offers = offers
        self._replied = replied
        self._entries: Dict[Operation, InFlight] = {}
        # Updates and cancellations by the id or client id that they name.
        self._named: Dict[Tuple[str, int], List[InFlight]] = {}
        self._multi: List[InFlight] = []
        self._new_offers: List[InFlight] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[InFlight]:
        return iter(list(self._entries.values()))

    def get(self, operation: Operation) -> InFlight | None:
        """Return the entry of an operation, None if its fate is known."""
        return self._entries.get(operation)

    def add(self, operation: Operation, batch: Batch, now: float, mts: Mts) -> InFlight:
        """Add an operation; `mts` is the latest known time of the exchange."""
        entry = self._entry(operation, batch, now, mts)
        batch.members.append(entry)
        self._entries[operation] = entry
        group = self._group_of(operation)
        if group is not None:
            group.append(entry)
        if isinstance(entry, OrderUpdate):
            self._note_others(entry)
        return entry

    def remove(self, entry: InFlight) -> None:
        """Remove an operation, as its fate is known."""
        operation = entry.operation
        del self._entries[operation]
        group = self._group_of(operation)
        if group is not None:
            group.remove(entry)
        if not group and operation.name in ("ou", "oc", "foc"):
            del self._named[_name_of(operation)]

    def of_order(self, order: Order) -> List[InFlight]:
        """Return the updates and cancellations that an order may settle."""
        named = [*self._about("order", order.id), *self._about("cid", order.cid)]
        return [e for e in named if names(e.body, order)] + self._multi

    def of_offer(self, offer: FundingOffer) -> List[InFlight]:
        """Return the operations that an offer may settle."""
        return [*self._about("offer", offer.id), *self._new_offers]

    def _note_others(self, entry: OrderUpdate) -> None:
        """Note which updates may be of the same order, and in which order they were sent."""
        name = "id" if "id" in entry.body else "cid"
        for other in self._entries.values():
            if isinstance(other, OrderUpdate) and other is not entry:
                # One may have the id and the other the client id.
                if other.body.get(name) in (None, entry.body[name]):
                    other.add_later(entry.body)
                    entry.earlier.append(other.body)

    def _about(self, kind: str, id: int | None) -> Sequence[InFlight]:
        return () if id is None else self._named.get((kind, id), ())

    def _entry(
        self, operation: Operation, batch: Batch, now: float, mts: Mts
    ) -> InFlight:
        name, body = operation.name, operation.body
        if name == "on":
            is_unique = operation.is_random
            known = [] if is_unique else self._orders.with_cid(body["cid"])
            is_certain = self._orders.is_complete or mts > 0
            replied = self._replied.add(operation, known, mts, is_certain)
            return NewOrder(operation, now, batch, replied=replied)
        if name == "oc_multi":
            return MultiCancellation(
                operation, now, batch, known=self._orders, latest_mts=mts
            )
        if name == "fon":
            return NewOffer(operation, now, batch, known=self._offers)
        if name == "ou":
            id = body.get("id", 0)
            # One that was closed during an outage was in this state before.
            before = self._orders.get(id) or self._orders.gone.get(id)
            return OrderUpdate(operation, now, batch, before=before, latest_mts=mts)
        known_ones: KnownOrders[Any] = self._orders if name == "oc" else self._offers
        return Cancellation(operation, now, batch, known=known_ones)

    def _group_of(self, operation: Operation) -> List[InFlight] | None:
        # The list of an operation, except for new orders, which their replies find.
        if operation.name == "on":
            return None
        if operation.name == "oc_multi":
            return self._multi
        if operation.name == "fon":
            return self._new_offers
        return self._named.setdefault(_name_of(operation), [])


def _name_of(operation: Operation) -> Tuple[str, int]:
    # The order or offer that an operation names.
    name, body = operation.name, operation.body
    if "id" not in body:
        return ("cid", body["cid"])
    return ("offer" if name == "foc" else "order", body["id"])
