"""
Operations that were sent and whose fate is not known, one class for each kind.

Strategy: a notification says only that the exchange accepts or refuses a request. The fate is shown
by a state of the order, which may come before the notification. Each class says what settles its
operation; what it cannot decide for certain it leaves to the search by REST.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Dict, List, Tuple

import attrs

from bfxsync._base.aliases import Mts
from bfxsync.errors import ApiError, BfxError, NotExecuted, OutcomeUnknown
from bfxsync.models.funding import FundingOffer
from bfxsync.models.notification import Notification
from bfxsync.models.orders import Order
from bfxsync.wire.known_orders import KnownOrders
from bfxsync.wire.operations import METHODS, Operation
from bfxsync.wire.order_terms import is_named, named_in
from bfxsync.wire.outputs import Settle
from bfxsync.wire.replied_orders import RepliedOrder
from bfxsync.wire.update_evidence import Evidence, Verdict, compare, is_replaced

Key = Tuple[Any, ...]
"""What a notification and its operation have in common."""

GRACE_S = 1.0
"""How long the refusal of a cancellation may precede the state of its order that explains it."""

MOST_SEARCHES = 3
"""Searches for the fate of an update, after which it remains unknown."""

# Number of later updates that are compared with the outcome of one.
_MOST_LATER = 100

_COMPARE = (
    "compare the order with the values that you want, and update it again if they differ, with "
    "amount= rather than delta="
)
_CLOSED = "the order is closed, so only its fills matter"


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

    def find(self, value: Any) -> Settle | None:
        """Handle the result of the search for its outcome; None if it proves nothing."""
        return self.succeed(value)

    def succeed(self, value: Any) -> Settle:
        """Return its fate."""
        return Settle(self.operation.token, value)

    def fail(self, error: BfxError) -> Settle:
        """Return its fate."""
        return Settle(self.operation.token, error=error)

    def give_up(self, error: OutcomeUnknown) -> Settle | None:
        """Return its fate after a search without result; None to search again."""
        return None

    def infer_absence(self, message: str) -> Settle:
        """Return its fate as an inference from what the exchange lists."""
        return self.fail(NotExecuted(message, phase="receive", proof="absent"))

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

    Without acceptance such a state may have another cause, so the notification is waited for, which
    may refuse it. If it does not come, the states decide, see `update_evidence`. What they leave
    open remains unknown: nothing that comes later could tell.

    Attributes
    ----------
    before : Order or None
        State when it was sent, if it was known.
    latest_mts : int
        Latest time of the exchange that was known when it was sent.
    earlier, later : list of dict
        Bodies of other updates in flight that may be of the same order.
    """

    before: Order | None = attrs.field(kw_only=True)
    latest_mts: Mts = attrs.field(kw_only=True)
    earlier: List[Dict[str, Any]] = attrs.field(factory=list)
    later: List[Dict[str, Any]] = attrs.field(factory=list)
    _shown: Order | None = None
    _is_closed: bool = False
    # Whether the latest state may be that of a fill alone.
    _is_filled: bool = True

    def accept(self, data: Any) -> Settle | None:
        self.is_accepted = True
        return self._effect()

    def show(self, order: Order, is_closed: bool) -> Settle | None:
        last = self._shown or self.before
        self._is_filled = last is None or last.status.fills != order.status.fills
        self._shown, self._is_closed = order, is_closed
        return self._effect() if self.is_accepted else None

    def expire(self) -> Settle | None:
        order = self._shown
        if order is None:
            return None
        if self._is_closed:
            # Nothing can change it any more.
            return self.find(order)
        is_executed = self._evidence(order).verdict is Verdict.EXECUTED
        return self.succeed(order) if is_executed else None

    def add_later(self, body: Dict[str, Any]) -> None:
        """Add an update that is sent after it."""
        if len(self.later) < _MOST_LATER:
            self.later.append(body)

    def find(self, value: Order) -> Settle:
        # The search has waited until the request could not be in flight any longer.
        method = METHODS[self.operation.name]
        evidence = self._evidence(value)
        verdict = evidence.verdict
        is_over = not evidence.is_untouched and (
            len(self.later) == _MOST_LATER
            or is_replaced(value, self.body, self.before, self.later)
        )
        if verdict is Verdict.EXECUTED or is_over:
            return self.succeed(value)
        if verdict is Verdict.ABSENT:
            what = "was not changed" if evidence.is_untouched else "has other values"
            text = f"{method} was not executed: order {value.id} {what}"
            return self.infer_absence(text)
        if self.is_accepted:
            return self.succeed(value)
        return self.fail(self._unknown(value, evidence.reason))

    def give_up(self, error: OutcomeUnknown) -> Settle | None:
        if self.asks < MOST_SEARCHES:
            return None
        error.hint = _COMPARE
        return self.fail(error)

    def _effect(self) -> Settle | None:
        """Return its fate once it is accepted."""
        order = self._shown
        if order is None:
            return None
        evidence = self._evidence(order)
        is_effect = evidence.is_hidden and not self._is_filled
        if self._is_closed or is_effect or evidence.verdict is Verdict.EXECUTED:
            return self.succeed(order)
        return None

    def _evidence(self, order: Order) -> Evidence:
        return compare(
            order, self.body, self.before, self.latest_mts, self.earlier, self.later
        )

    def _unknown(self, order: Order, reason: str) -> OutcomeUnknown:
        method = METHODS[self.operation.name]
        error = OutcomeUnknown(
            f"{method} of order {order.id} may or may not have been executed, and that will not "
            f"become known: {reason}",
            known=self.body,
            hint=_COMPARE if order.status.is_open else _CLOSED,
        )
        error.endpoint = method
        error.candidates = [order]
        return error


@attrs.define(eq=False)
class Cancellation(InFlight):
    """
    Settled by the end of the order or offer, whatever closed it.

    A refusal of one that is open is held for a moment: it may have just been filled.
    """

    known: KnownOrders[Any] = attrs.field(kw_only=True, repr=False)
    _refusal: BfxError | None = None

    def refuse(self, error: BfxError) -> Settle | None:
        if named_in(self.known.open, self.body) is not None:
            self._refusal = error
            return None
        closed = named_in(self.known.closed, self.body)
        return self.succeed(closed) if closed is not None else self.fail(error)

    def show(self, order: Any, is_closed: bool) -> Settle | None:
        return self.succeed(order) if is_closed else None

    def find(self, value: Any) -> Settle:
        if not value.status.is_open:
            return self.succeed(value)
        # The search has waited until the request could not be in flight any longer.
        text = (
            f"{METHODS[self.operation.name]} was not executed: {value.id} is still open"
        )
        return self.infer_absence(text)

    def expire(self) -> Settle | None:
        return self.fail(self._refusal) if self._refusal is not None else None


@attrs.define(eq=False)
class MultiCancellation(InFlight):
    """
    Settled when all orders that its notification lists are closed; they may have been before.

    Attributes
    ----------
    latest_mts : int
        Latest time of the exchange that was known when it was sent. A cancellation of all orders,
        or of a group, says nothing about later ones.
    """

    known: KnownOrders[Order] = attrs.field(kw_only=True, repr=False)
    latest_mts: Mts = attrs.field(kw_only=True)
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
        listed = {name: self.body.get(name) for name in ("id", "cid")}
        left = [
            order
            for order in value
            if order.mts_create <= self.latest_mts or is_named(order, listed)
        ]
        if left:
            text = f"{len(left)} orders of a cancellation are still open"
            return self.infer_absence(text)
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
