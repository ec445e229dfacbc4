"""
The fate of each order, offer, update and cancellation that was sent over the account's socket.

Strategy: a fate is what an event, a snapshot or REST shows, never what is missing. Each piece of
evidence is used in whatever order it arrives, and repetitions change nothing. What remains unknown
is searched for by REST: after a loss once the new snapshot does not show it, otherwise when it is
unanswered for ANSWER_S. Whatever comes first settles the operation, once.

``KnownOrders`` recognises old states, ``Acknowledgements`` the operation of a notification, the
classes of `in_flight` decide what settles it, and ``RepliedOrders`` finds the reply of an order.

https://docs.bitfinex.com/reference/ws-auth-input
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Sequence, Union

from bfxsync._base.aliases import Mts
from bfxsync.errors import BfxError, NotExecuted, OutcomeUnknown
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.funding import FundingOffer
from bfxsync.models.notification import Notification
from bfxsync.models.orders import Order
from bfxsync.wire.acknowledgements import ANSWER_S, Acknowledgements
from bfxsync.wire.commands import Reconciled, RestoreOrders, RestoreTrades
from bfxsync.wire.deadlines import Deadlines
from bfxsync.wire.in_flight import GRACE_S, Batch, InFlight, NewOrder, rejection
from bfxsync.wire.known_orders import KnownOrders
from bfxsync.wire.operation_table import OperationTable
from bfxsync.wire.operations import Operation
from bfxsync.wire.outputs import (
    AccountOutput,
    FetchMissed,
    Reconcile,
    Settle,
)
from bfxsync.wire.replied_orders import RepliedOrder, RepliedOrders

MOST_IN_FLIGHT = 10_000
"""Number of operations whose fate may be unknown; more are not sent."""

OVERLAP_MS = 10_000
"""How long before the last event the missed trades are fetched from."""

ASK_AGAIN_S = 300.0
"""Pause after a search without result; doubled after each, up to 80 minutes."""

_MOST_DOUBLINGS = 4
# Time for the fills of a closed order, and between requests for missing ones.
_FILLS_S = 10.0
_FETCH_PAUSE_S = 60.0


SeeOrder = Callable[[Order, bool], object]
"""Takes a new state of an order, and whether it is closed."""


class OrderTracker:
    """
    Tracks operations from their sending until their fate is known, and the orders of replies.

    `see_order` is called with every new state of an order of the account.
    """

    def __init__(self, see_order: SeeOrder = lambda order, is_closed: None) -> None:
        self._see_order = see_order
        self.forget()
        self._handlers: Dict[str, Callable[[str, Any, float], List[AccountOutput]]] = {
            **dict.fromkeys(("on", "ou", "oc"), self._on_order),
            **dict.fromkeys(("fon", "fou", "foc"), self._on_offer),
            **dict.fromkeys(("te", "tu"), self._on_trade),
            "n": self._on_notification,
        }

    def forget(self) -> None:
        """Forget everything: the connection belongs to another account now."""
        self._orders: KnownOrders[Order] = KnownOrders()
        self._offers: KnownOrders[FundingOffer] = KnownOrders()
        self._replied = RepliedOrders()
        self._acknowledgements = Acknowledgements()
        self._table = OperationTable(self._orders, self._offers, self._replied)
        self._deadlines: Deadlines[Union[InFlight, RepliedOrder]] = Deadlines()
        self._last_mts: Mts = 0
        # Since when trades may be missing, after a loss.
        self._since_mts: Mts | None = None
        self._has_lost = False
        self._fetch_at = 0.0

    # --- what is sent -------------------------------------------------------------------------

    def sendable(self, operations: Sequence[Operation], now: float) -> int:
        """
        Return how many of these, from the first, can be sent in one message now.

        Notifications do not tell some operations apart: two updates of one order, or two new
        offers. Of those one is in flight at a time. After each `handle` and `tick` the next one
        may be sendable.
        """
        room = max(0, MOST_IN_FLIGHT - len(self._table))
        return self._acknowledgements.sendable(operations[:room], now)

    def sent(self, operations: Sequence[Operation], now: float) -> None:
        """Track the operations of a message that is sent now."""
        batch = Batch()
        for operation in operations:
            entry = self._table.add(operation, batch, now, self._last_mts)
            self._deadlines.set(entry, now + ANSWER_S)
        self._acknowledgements.add(batch.members)

    # --- what the exchange sends --------------------------------------------------------------

    def handle(self, update: AccountUpdate, now: float) -> List[AccountOutput]:
        """Handle an update of the account channel; those of other kinds have no effect."""
        handler = self._handlers.get(update.code)
        return handler(update.code, update.data, now) if handler is not None else []

    def snapshot(
        self,
        orders: Iterable[Order],
        is_complete: bool,
        now: float,
        offers: Iterable[FundingOffer] = (),
    ) -> List[AccountOutput]:
        """
        Handle the snapshots of a new socket, once all have arrived.

        Parameters
        ----------
        is_complete : bool
            False if a row was unreadable, or a filter excludes some: then nothing is absent.
        """
        rows, outputs = list(orders), []
        for order in rows:
            outputs += self._see(order, False, now)
            entry = self._replied.of_order(order)
            if entry is not None:
                self._deadlines.set(entry, now + _FILLS_S)
        offer_rows = list(offers)
        for offer in offer_rows:
            outputs += self._see_offer(offer, False, now)
        ids = {order.id for order in rows}
        self._orders.is_complete = is_complete
        if is_complete:
            self._orders.keep(ids)
            self._offers.keep(offer.id for offer in offer_rows)
        if self._has_lost:
            self._has_lost = False
            lost = [e for e in self._table if e.is_lost and not e.is_asked]
            outputs += map(self._ask, lost)
            closed = tuple(id for id in self._replied.open_ids() if id not in ids)
            if self._since_mts is not None:
                outputs.append(FetchMissed(self._since_mts, closed))
                self._since_mts = None
        return outputs

    def _on_order(self, code: str, data: Any, now: float) -> List[AccountOutput]:
        return self._see(data, code == "oc", now) if isinstance(data, Order) else []

    def _on_offer(self, code: str, data: Any, now: float) -> List[AccountOutput]:
        if not isinstance(data, FundingOffer):
            return []
        return self._see_offer(data, code == "foc", now)

    def _on_trade(self, code: str, data: Any, now: float) -> List[AccountOutput]:
        if not isinstance(data, AccountTrade):
            return []
        self._last_mts = max(self._last_mts, data.mts_create)
        return list(self._replied.fill(data))

    def _on_notification(self, code: str, data: Any, now: float) -> List[AccountOutput]:
        if not isinstance(data, Notification):
            return []
        self._last_mts = max(self._last_mts, data.mts or 0)
        outputs: List[AccountOutput] = []
        if data.type == "ox_multi-req":
            self._acknowledgements.refuse(data, now)
        entry = self._acknowledgements.find(data, now)
        if entry is not None:
            error = rejection(data)
            if error is not None:
                outputs += self._refuse(entry, error, now)
            else:
                outputs += self._accept(entry, data.data, now)
        return outputs + self._refuse_batches(now)

    def _accept(self, entry: InFlight, data: Any, now: float) -> List[AccountOutput]:
        outputs: List[AccountOutput] = []
        id = getattr(data, "id", None)
        if isinstance(entry, NewOrder) and id is not None:
            outputs += self._identify(entry.replied, id, now)
        return (
            outputs
            if entry.is_settled
            else outputs + self._settle(entry, entry.accept(data))
        )

    def _refuse(
        self, entry: InFlight, error: BfxError, now: float
    ) -> List[AccountOutput]:
        if entry.is_settled:
            return []
        settled = self._settle(entry, entry.refuse(error))
        if not settled:
            self._deadlines.set(entry, now + GRACE_S)
        return settled

    def _refuse_batches(self, now: float) -> List[AccountOutput]:
        outputs: List[AccountOutput] = []
        for entry, error in self._acknowledgements.refused():
            outputs += self._refuse(entry, error, now)
        return outputs

    def _see(self, order: Order, is_closed: bool, now: float) -> List[AccountOutput]:
        """Handle a state of an order, wherever it comes from."""
        self._last_mts = max(self._last_mts, order.mts_update)
        if not self._orders.update(order, is_closed):
            return []
        self._see_order(order, is_closed)
        outputs: List[AccountOutput] = []
        replied = self._replied.of_order(order)
        if replied is not None:
            outputs += self._show(replied, order, is_closed, now)
        for entry in self._table.of_order(order):
            outputs += self._settle(entry, entry.show(order, is_closed))
        return outputs

    def _show(
        self, replied: RepliedOrder, order: Order, is_closed: bool, now: float
    ) -> List[AccountOutput]:
        outputs: List[AccountOutput] = [
            replied.observe(order, is_closed),
            *self._replied.identify(replied, order.id),
        ]
        if is_closed:
            self._replied.close(replied)
            self._deadlines.set(replied, now + _FILLS_S)
        entry = self._table.get(replied.operation)
        if entry is not None:
            self._acknowledgements.answered(entry)
            outputs += self._settle(entry, entry.show(order, is_closed))
            outputs += self._refuse_batches(now)
        return outputs

    def _see_offer(
        self, offer: FundingOffer, is_closed: bool, now: float
    ) -> List[AccountOutput]:
        self._last_mts = max(self._last_mts, offer.mts_update)
        if not self._offers.update(offer, is_closed):
            return []
        outputs: List[AccountOutput] = []
        for entry in self._table.of_offer(offer):
            outputs += self._settle(entry, entry.show(offer, is_closed))
        return outputs

    def _identify(
        self, replied: RepliedOrder, id: int, now: float
    ) -> List[AccountOutput]:
        """Note the id of an order, whose state may have come before."""
        outputs: List[AccountOutput] = [*self._replied.identify(replied, id)]
        order = self._orders.get(id)
        if replied.id == id and replied.order is None and order is not None:
            outputs += self._show(replied, order, id in self._orders.closed, now)
        return outputs

    # --- losses, and what REST says -----------------------------------------------------------

    def lose(self) -> List[AccountOutput]:
        """Handle the end of a socket: no more notifications about what was sent over it."""
        outputs: List[AccountOutput] = []
        for entry in self._table:
            entry.is_lost = True
            outputs += self._settle(entry, entry.expire())
        self._acknowledgements = Acknowledgements()
        self._has_lost = True
        if self._since_mts is None and self._last_mts:
            self._since_mts = self._last_mts - OVERLAP_MS
        return outputs

    def reconciled(self, command: Reconciled, now: float) -> List[AccountOutput]:
        """Handle the result of the search for an outcome."""
        entry, error = self._table.get(command.operation), command.error
        if entry is None:
            return []
        entry.is_asked = False
        outputs: List[AccountOutput] = []
        if error is None:
            outputs += self._find(entry, command.value, now)
        elif isinstance(error, NotExecuted):
            outputs += self._settle(entry, entry.fail(error))
        elif isinstance(error, OutcomeUnknown):
            outputs += self._settle(entry, entry.give_up(error))
        if not entry.is_settled and entry.due is None:
            pause_s = ASK_AGAIN_S * 2.0 ** min(entry.asks - 1, _MOST_DOUBLINGS)
            self._deadlines.set(entry, now + pause_s)
        return outputs

    def restore(
        self, command: Union[RestoreOrders, RestoreTrades], now: float
    ) -> List[AccountOutput]:
        """Handle what was missed during an outage."""
        outputs: List[AccountOutput] = []
        if isinstance(command, RestoreOrders):
            for order in command.orders:
                outputs += self._see(order, not order.status.is_open, now)
        else:
            for trade in command.trades:
                outputs += self._on_trade("tu", trade, now)
        return outputs

    def _find(self, entry: InFlight, value: Any, now: float) -> List[AccountOutput]:
        outputs: List[AccountOutput] = []
        if isinstance(value, (Order, FundingOffer)):
            is_closed = not value.status.is_open
            known: KnownOrders[Any] = self._offers
            if isinstance(value, Order):
                known = self._orders
                outputs += self._see(value, is_closed, now)
            else:
                outputs += self._see_offer(value, is_closed, now)
            if value.id in known.gone:
                # It was closed since, so there is a later state.
                self._deadlines.set(entry, now + ANSWER_S)
                return outputs
            # A later state may have come from the socket.
            value = known.get(value.id)
        if isinstance(entry, NewOrder):
            outputs += self._identify(entry.replied, value.id, now)
            self._deadlines.set(entry.replied, now + _FILLS_S)
        if not entry.is_settled:
            outputs += self._settle(entry, entry.find(value))
        return outputs

    # --- time ---------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Return when `tick` is due, None if never."""
        return self._deadlines.next()

    def tick(self, now: float) -> List[AccountOutput]:
        """Search for the outcome of what is unanswered, and for missing fills."""
        outputs: List[AccountOutput] = []
        lacking: List[RepliedOrder] = []
        for entry in self._deadlines.passed(now):
            if isinstance(entry, RepliedOrder):
                lacking += [entry] if entry.lacks_fills else []
            elif not entry.is_settled:
                outputs += self._settle(entry, entry.expire()) or [self._ask(entry)]
        if lacking and now < self._fetch_at:
            for replied in lacking:
                self._deadlines.set(replied, self._fetch_at)
        elif lacking:
            self._fetch_at = now + _FETCH_PAUSE_S
            times = [replied.order.mts_create for replied in lacking if replied.order]
            outputs.append(FetchMissed(min(times), ()))
        return outputs

    def _ask(self, entry: InFlight) -> Reconcile:
        entry.is_asked, entry.due = True, None
        entry.asks += 1
        return Reconcile(entry.operation)

    def _settle(self, entry: InFlight, fate: Settle | None) -> List[AccountOutput]:
        if fate is None:
            return []
        entry.is_settled = True
        if entry.is_answered:
            entry.due = None  # otherwise the next operation may be sendable then
        self._table.remove(entry)
        if isinstance(entry, NewOrder) and fate.error is not None:
            self._replied.forget(entry.replied)
        return [fate]
