"""
Operations that were sent and whose fate is not known, one class for each kind.

Strategy: a notification says only that the exchange accepts or refuses a request. The fate is shown
by a state of the order, which may come before the notification. Each class says what settles its
operation; what it cannot decide for certain it leaves to the search by REST.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from typing import Any, Collection, Dict, List, Mapping, Tuple

import attrs

from bfxsync._base.numbers import EXACT, approximately, decimal_of
from bfxsync.errors import ApiError, BfxError, NotExecuted, OrderNotPlaced
from bfxsync.models.funding import FundingOffer
from bfxsync.models.notification import Notification
from bfxsync.models.orders import Order
from bfxsync.wire.known_orders import KnownOrders
from bfxsync.wire.operations import Operation
from bfxsync.wire.outputs import Settle
from bfxsync.wire.replied_orders import RepliedOrder

Key = Tuple[Any, ...]
"""What a notification and its operation have in common."""

GRACE_S = 1.0
"""How long the refusal of a cancellation may precede the state of its order that explains it."""

_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()

_PRICES = ("price", "price_aux_limit", "price_trailing")
# Fields of an update that can be compared with the order; the others cannot, or name the order.
_COMPARED = {*_PRICES, "amount", "delta", "id", "cid", "cid_date"}
# Fields of an offer, and of the request.
_OF_OFFERS = {
    "symbol": "symbol",
    "offer_type": "type",
    "amount": "amount",
    "rate": "rate",
    "period": "period",
}


def not_executed(operation: Operation, message: str, **details: Any) -> NotExecuted:
    """Build the error of an operation that was not executed."""
    if operation.name == "on":
        return OrderNotPlaced(message, cid=operation.body["cid"], **details)
    return NotExecuted(message, **details)


def never_sent(operation: Operation, reason: str) -> Settle:
    """Return the fate of an operation that was not sent."""
    message = f"{operation.name} was not sent: {reason}"
    error = not_executed(operation, message, phase="send", proof="never_sent")
    return Settle(operation.token, error=error)


def rejection(notification: Notification[Any]) -> ApiError | None:
    """Return the error that a notification tells of."""
    try:
        notification.raise_for_status()
    except ApiError as error:
        return error.with_traceback(None)
    return None


@attrs.define(eq=False)
class Batch:
    """Operations that were sent in one message."""

    members: List[InFlight] = attrs.field(factory=list)
    is_answered: bool = False
    """Whether the exchange has read them one by one, so that it did not refuse all."""


@attrs.define(eq=False)
class InFlight(ABC):
    """
    An operation that was sent.

    Attributes
    ----------
    batch : Batch
        The message in which it was sent.
    is_accepted, is_answered : bool
        Whether a notification accepted it, or came at all.
    is_lost : bool
        Whether the connection was lost since, so that no notification can follow.
    due : float or None
        Deadline after which its outcome is searched for.
    asks : int
        Number of searches so far.
    is_asked : bool
        Whether a search is in progress.
    """

    operation: Operation
    sent_at: float
    batch: Batch = attrs.field(repr=False)
    is_accepted: bool = False
    is_answered: bool = False
    is_lost: bool = False
    is_settled: bool = False
    due: float | None = None
    asks: int = 0
    is_asked: bool = False

    @property
    def body(self) -> Dict[str, Any]:
        """As sent."""
        return self.operation.body

    def accept(self, data: Any) -> Settle | None:
        """Handle its acceptance; `data` is the notification's."""
        self.is_accepted = True
        return None

    def refuse(self, error: BfxError) -> Settle | None:
        """Handle its refusal; None if it is held for GRACE_S."""
        return self.fail(error)

    @abstractmethod
    def show(self, order: Any, is_closed: bool) -> Settle | None:
        """Handle a new state of an order or offer that it names."""

    def find(self, value: Any) -> Settle:
        """Handle the result of the search for its outcome."""
        return self.succeed(value)

    def succeed(self, value: Any) -> Settle:
        """Return its fate."""
        return Settle(self.operation.token, value)

    def fail(self, error: BfxError) -> Settle:
        """Return its fate."""
        return Settle(self.operation.token, error=error)

    def expire(self) -> Settle | None:
        """Return the fate that the deadline decides, if it is not to be searched for."""
        return None


@attrs.define(eq=False)
class NewOrder(InFlight):
    """Settled by any state of the order: open, filled at once, or closed by the exchange."""

    replied: RepliedOrder = attrs.field(kw_only=True, repr=False)

    def show(self, order: Order, is_closed: bool) -> Settle:
        return self.succeed(order)


@attrs.define(eq=False)
class OrderUpdate(InFlight):
    """
    Settled by its acceptance and a state with the requested values, in any order.

    Without acceptance a closed order, or one with these values, may have another cause.

    Attributes
    ----------
    later : list of dict
        Bodies of updates that were sent after it and may be of the same order.
    """

    before: Order | None = attrs.field(default=None, kw_only=True)
    later: List[Dict[str, Any]] = attrs.field(factory=list)
    _shown: Order | None = None

    def accept(self, data: Any) -> Settle | None:
        self.is_accepted = True
        return self.succeed(self._shown) if self._shown is not None else None

    def show(self, order: Order, is_closed: bool) -> Settle | None:
        has_values = has_requested(order, self.body, self.before)
        if self.is_accepted:
            is_fate = is_closed or has_values is not False
            return self.succeed(order) if is_fate else None
        if is_closed or (has_values and self.body.keys() <= _COMPARED):
            self._shown = order
        return None

    def find(self, value: Order) -> Settle:
        is_other = has_requested(value, self.body, None, _PRICES) is False
        is_of_later = any(
            has_requested(value, body, None, _PRICES) for body in self.later
        )
        if value == self.before or (is_other and not is_of_later):
            # The search has waited until the request could not be in flight any longer.
            text = (
                f"{self.operation.name} was not executed: {value.id} has other values"
            )
            error = not_executed(self.operation, text, phase="receive", proof="absent")
            return self.fail(error)
        return self.succeed(value)


@attrs.define(eq=False)
class Cancellation(InFlight):
    """
    Settled by the end of the order or offer, whatever closed it.

    A refusal of one that is open is held for a moment: it may have just been filled.
    """

    known: KnownOrders[Any] = attrs.field(kw_only=True, repr=False)
    _refusal: BfxError | None = None

    def refuse(self, error: BfxError) -> Settle | None:
        if _named_in(self.known.open, self.body) is not None:
            self._refusal = error
            return None
        closed = _named_in(self.known.closed, self.body)
        return self.succeed(closed) if closed is not None else self.fail(error)

    def show(self, order: Any, is_closed: bool) -> Settle | None:
        return self.succeed(order) if is_closed else None

    def find(self, value: Any) -> Settle:
        if not value.status.is_open:
            return self.succeed(value)
        # The search has waited until the request could not be in flight any longer.
        text = f"{self.operation.name} was not executed: {value.id} is still open"
        error = not_executed(self.operation, text, phase="receive", proof="absent")
        return self.fail(error)

    def expire(self) -> Settle | None:
        return self.fail(self._refusal) if self._refusal is not None else None


@attrs.define(eq=False)
class MultiCancellation(InFlight):
    """Settled when all orders that its notification lists are closed; they may have been before."""

    known: KnownOrders[Order] = attrs.field(kw_only=True, repr=False)
    # The orders by id, None for open ones; None before the notification.
    _members: Dict[int, Order | None] | None = None

    def accept(self, data: Any) -> Settle | None:
        self.is_accepted = True
        ids = [getattr(item, "id", None) for item in data or ()]
        if None not in ids:
            closed = self.known.closed
            self._members = {id: closed.get(id) for id in ids if id is not None}
        return self._fate()

    def show(self, order: Order, is_closed: bool) -> Settle | None:
        members = self._members
        if not is_closed or members is None or order.id not in members:
            return None
        members[order.id] = order
        return self._fate()

    def find(self, value: Any) -> Settle:
        if value:
            text = f"{len(value)} orders of a cancellation are still open"
            error = not_executed(self.operation, text, phase="receive", proof="absent")
            return self.fail(error)
        closed = self.known.closed.values()
        return self.succeed([order for order in closed if is_named(order, self.body)])

    def _fate(self) -> Settle | None:
        members = self._members
        if members is None or None in members.values():
            return None
        return self.succeed(list(members.values()))


@attrs.define(eq=False)
class NewOffer(InFlight):
    """Settled by its acceptance, which has the id, and any state of the offer, in any order."""

    known: KnownOrders[FundingOffer] = attrs.field(kw_only=True, repr=False)
    id: int | None = None

    def accept(self, data: Any) -> Settle | None:
        self.is_accepted = True
        self.id = getattr(data, "id", None)
        offer = self.known.get(self.id) if self.id is not None else None
        return self.succeed(offer) if offer is not None else None

    def show(self, order: FundingOffer, is_closed: bool) -> Settle | None:
        return self.succeed(order) if order.id == self.id else None


def has_requested(
    order: Order,
    body: Mapping[str, Any],
    before: Order | None,
    names: Collection[str] = _COMPARED,
) -> bool | None:
    """Return whether an order has the requested values; None if they cannot be compared."""
    found: List[bool] = []
    for name in _PRICES:
        if name in body:
            found.append(_equals(getattr(order, name), body[name]))
    if "amount" in body and "amount" in names:
        # The documentation does not say which of them the exchange sets.
        values = (order.amount, order.amount_orig)
        found.append(any(_equals(value, body["amount"]) for value in values))
    if "delta" in body and before is not None:
        changed = EXACT.add(decimal_of(before.amount), decimal_of(body["delta"]))
        found.append(_equals(order.amount, str(changed)))
    return all(found) if found else None


def may_be_offer(body: Mapping[str, Any], data: Any) -> bool:
    """Return whether a notification has no other terms than a request for an offer."""
    for field, name in _OF_OFFERS.items():
        value = getattr(data, field, None)
        if value is None:
            continue
        is_number = name in ("amount", "rate")
        if not (_equals(value, body[name]) if is_number else value == body[name]):
            return False
    return True


def is_named(order: Order, body: Mapping[str, Any]) -> bool:
    """Return whether a cancellation of several orders includes this one."""
    return bool(body.get("all")) or (
        order.id in (body.get("id") or ())
        or order.gid in (body.get("gid") or ())
        or any(is_dated(order, cid, day) for cid, day in body.get("cid") or ())
    )


def is_dated(order: Order, cid: int, cid_date: str) -> bool:
    """Return whether an order has this client id and was created on this day, in UTC."""
    if order.cid != cid:
        return False
    day = date.fromisoformat(cid_date).toordinal() - _EPOCH
    return order.mts_create // _DAY_MS == day


def names(body: Mapping[str, Any], order: Any) -> bool:
    """Return whether an update or a cancellation names this order or offer."""
    if "id" in body:
        return bool(order.id == body["id"])
    return is_dated(order, body["cid"], body["cid_date"])


def _named_in(orders: Mapping[int, Any], body: Mapping[str, Any]) -> Any:
    # The latest of those that a request names.
    if "id" in body:
        return orders.get(body["id"])
    found = [order for order in orders.values() if names(body, order)]
    return found[-1] if found else None


def _equals(value: Any, sent: str) -> bool:
    return value is not None and approximately(value, sent)
