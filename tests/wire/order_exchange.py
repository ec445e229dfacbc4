"""A small exchange with one account, whose ledger judges what a tracker of orders believes."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Set, Tuple

import attrs
from account_rows import (
    DAY,
    START,
    event,
    notice,
    offer_of,
    order_of,
    partial_row,
    trade_of,
)

from bfxsync.errors import NotExecuted, OutcomeUnknown
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.funding import FundingOffer
from bfxsync.models.orders import Order
from bfxsync.outcome.operations import not_executed
from bfxsync.wire.operations import Operation
from bfxsync.wire.order_terms import is_named, names

LOTS = 3


@attrs.define
class Message:
    """A message to the client; `time` is that of the request that it answers, or its own."""

    update: AccountUpdate
    time: float


@attrs.define
class Verdict:
    """What became of an operation."""

    is_accepted: bool
    mts: int
    """When it was processed."""
    ids: List[int] = attrs.field(factory=list)
    """The order or offer that was created, changed or cancelled."""


class Exchange:
    """
    The matching engine, its ledger, and one socket of the account.

    Attributes
    ----------
    inbox, outbox : list
        Messages on their way: frames of operations, and `Message`.
    ledger : dict
        The verdicts by operation; none for one that was not received.
    """

    def __init__(self) -> None:
        self.mts = START
        self.now = 0.0
        self.is_open = False
        self.inbox: List[Tuple[float, List[Operation]]] = []
        self.request_time = 0.0
        self.outbox: List[Message] = []
        self.ledger: Dict[Operation, Verdict] = {}
        self.orders: Dict[int, Order] = {}
        self.offers: Dict[int, FundingOffer] = {}
        self.closed: Set[int] = set()
        self.trades: List[AccountTrade] = []
        self.last_id = 100

    # --- the account --------------------------------------------------------------------------

    @property
    def open_orders(self) -> List[Order]:
        return [order for order in self.orders.values() if order.id not in self.closed]

    @property
    def open_offers(self) -> List[FundingOffer]:
        return [offer for offer in self.offers.values() if offer.id not in self.closed]

    def tick(self) -> int:
        self.mts += 1
        return self.mts

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def emit(self, code: str, data: Any) -> None:
        if self.is_open:
            self.outbox.append(Message(event(code, data), self.now))

    def notify(self, *args: Any) -> None:
        if self.is_open:
            update = notice(*args, mts=self.tick())
            self.outbox.append(Message(update, self.request_time))

    def change(self, order: Order, code: str = "ou", **changes: Any) -> None:
        """Change an order, and tell the client."""
        changed = attrs.evolve(order, mts_update=self.tick(), **changes)
        self.orders[order.id] = changed
        if code == "oc":
            self.closed.add(order.id)
        self.emit(code, changed)

    def fill(self, order: Order, lots: int) -> None:
        """Execute a part of an order, or the rest."""
        lots = min(lots, round(order.amount))
        left = order.amount - lots
        self.change(
            order,
            "ou" if left else "oc",
            amount=left,
            order_status=f"{'PARTIALLY FILLED' if left else 'EXECUTED'} @ 100.0({LOTS - left})",
        )
        for _ in range(lots):
            mts, id = self.tick(), self.new_id()
            trade = trade_of(id, order.id, order.cid, fee=-0.1, mts=mts)
            self.trades.append(trade)
            self.emit("te", trade_of(id, order.id, order.cid, mts=mts))
            self.emit("tu", trade)

    def cancel(self, order: Order) -> None:
        before = order.order_status
        self.change(order, "oc", order_status=f"CANCELED was: {before}")

    def cancel_offer(self, offer: FundingOffer) -> None:
        closed = attrs.evolve(offer, mts_update=self.tick(), offer_status="CANCELED")
        self.offers[offer.id] = closed
        self.closed.add(offer.id)
        self.emit("foc", closed)

    def place_for_others(self, cid: int) -> None:
        """Let another program have an order of yesterday with this client id."""
        order = order_of(
            self.new_id(),
            cid,
            amount=LOTS,
            orig=LOTS,
            created=self.mts - DAY,
            mts=self.tick(),
        )
        self.orders[order.id] = order
        self.emit("ou", order)

    # --- operations ---------------------------------------------------------------------------

    def receive(self, mood: str) -> None:
        """Process the next message; the mood says what happens to it."""
        self.request_time, operations = self.inbox.pop(0)
        if mood == "refuse batch" and len(operations) > 1:
            for operation in operations:
                self.ledger[operation] = Verdict(False, self.tick())
            self.notify("ox_multi-req", None, "ops: invalid")
            return
        for operation in operations:
            is_refused = mood == "refuse"
            getattr(self, "_" + operation.name)(operation, is_refused, mood)

    def _answer(
        self, operation: Operation, is_accepted: bool, info: Any, ids: List[int]
    ) -> None:
        self.ledger[operation] = Verdict(is_accepted, self.tick(), ids)
        error = None if is_accepted else "refused"
        self.notify(f"{operation.name}-req", info, error)

    def _on(self, operation: Operation, is_refused: bool, mood: str) -> None:
        cid = operation.body["cid"]
        if is_refused:
            self._answer(operation, False, partial_row(id=0, cid=cid), [])
            return
        order = order_of(
            self.new_id(),
            cid,
            amount=LOTS,
            orig=LOTS,
            created=self.tick(),
            mts=self.mts,
        )
        self.orders[order.id] = order
        self._answer(operation, True, partial_row(id=order.id, cid=cid), [order.id])
        if mood == "fill":
            self.fill(order, LOTS)
        elif mood == "close":
            self.change(order, "oc", order_status="POSTONLY CANCELED")
        else:
            self.emit("on", order)

    def _named(self, operation: Operation) -> Optional[Order]:
        found = [o for o in self.open_orders if names(operation.body, o)]
        return found[0] if found else None

    def _ou(self, operation: Operation, is_refused: bool, mood: str) -> None:
        order = self._named(operation)
        info = partial_row(id=operation.body["id"])
        if order is None or is_refused:
            self._answer(operation, False, info, [])
            return
        self._answer(operation, True, info, [order.id])
        self.change(order, price=float(operation.body["price"]))
        if mood == "fill":
            self.fill(self.orders[order.id], LOTS)

    def _oc(self, operation: Operation, is_refused: bool, mood: str) -> None:
        order = self._named(operation)
        body = operation.body
        info = partial_row(id=body.get("id"), cid=body.get("cid"))
        if order is None or is_refused:
            self._answer(operation, False, info, [])
            return
        self._answer(operation, True, info, [order.id])
        self.cancel(order)

    def _oc_multi(self, operation: Operation, is_refused: bool, mood: str) -> None:
        if is_refused:
            self._answer(operation, False, [], [])
            return
        found = [o for o in self.open_orders if is_named(o, operation.body)]
        rows = [partial_row(id=order.id) for order in found]
        self._answer(operation, True, rows, [order.id for order in found])
        for order in found:
            self.cancel(order)

    def _fon(self, operation: Operation, is_refused: bool, mood: str) -> None:
        terms = {"amount": 50.0, "rate": 0.0002, "period": operation.body["period"]}
        if is_refused:
            self._answer(operation, False, partial_row(21, **terms), [])
            return
        offer = attrs.evolve(offer_of(self.new_id()), period=terms["period"])
        self.offers[offer.id] = offer
        self._answer(operation, True, partial_row(21, id=offer.id, **terms), [offer.id])
        self.emit("fon", offer)

    def _foc(self, operation: Operation, is_refused: bool, mood: str) -> None:
        id = operation.body["id"]
        found = [offer for offer in self.open_offers if offer.id == id]
        if not found or is_refused:
            self._answer(operation, False, partial_row(21, id=id), [])
            return
        self._answer(operation, True, partial_row(21, id=id), [id])
        self.cancel_offer(found[0])

    # --- REST ---------------------------------------------------------------------------------

    def search(self, operation: Operation) -> Any:
        """Return what a search finds, or the error that it raises."""
        verdict, body = self.ledger.get(operation), operation.body
        if any(operation in frame for _, frame in self.inbox):
            return OutcomeUnknown("it may still be in flight")
        absent = not_executed(operation)("not there", phase="receive", proof="absent")
        if operation.name in ("on", "fon"):
            known: Dict[int, Any] = {**self.orders, **self.offers}
            return known[verdict.ids[0]] if verdict and verdict.ids else absent
        if operation.name == "oc_multi":
            return [order for order in self.open_orders if is_named(order, body)]
        if operation.name == "foc":
            return self.offers.get(body["id"], absent)
        found = [order for order in self.orders.values() if names(body, order)]
        return found[-1] if found else absent

    def is_absent(self, operation: Operation, error: BaseException) -> bool:
        """Return whether an operation was not executed, as an error says."""
        verdict = self.ledger.get(operation)
        is_executed = verdict is not None and verdict.is_accepted
        return isinstance(error, NotExecuted) and not is_executed
