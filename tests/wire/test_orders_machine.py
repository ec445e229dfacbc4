"""
The tracker's belief equals the exchange's ledger, in any interleaving of messages, losses and cuts.

Strategy: `order_exchange` executes operations. Its messages are delivered in any order, twice, late
or never, and the socket is cut before or after it has read what was sent. Whatever is settled must
be what the ledger says, at that moment and for ever; in the end everything is settled, and each
reply has the last state and all fills of its order.
"""

from __future__ import annotations

from typing import Any, Dict, List, Set, Tuple

import pytest
from account_rows import DAY, TODAY, new_order, operation_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from order_exchange import LOTS, Exchange, Message

from bfxsync.errors import ApiError, BfxError, OutcomeUnknown
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.orders import Order
from bfxsync.wire.acknowledgements import LATE_S
from bfxsync.wire.commands import Reconciled, RestoreOrders, RestoreTrades
from bfxsync.wire.in_flight import OrderUpdate
from bfxsync.wire.operations import Operation
from bfxsync.wire.orders import OrderTracker
from bfxsync.wire.outputs import FetchMissed, Observe, Reconcile, Settle

pytestmark = pytest.mark.once

MOODS = st.sampled_from(
    ["refuse", "accept", "refuse batch", "accept", "fill", "close", "accept"]
)
DELIVERIES = st.sampled_from(["once"] * 6 + ["twice", "never"])
PAUSES = st.sampled_from(
    [0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 5.0, 10.0, 10.0, 60.0, 301.0, 86_400.0]
)
PLACES = st.integers(0, 30)
OWN_CIDS = (7, 8)
KINDS = st.sampled_from(
    ["ou", "fon", "foc", "oc", "on, own cid", "ou", "oc, cid", "oc_multi, ids"]
    + ["oc_multi, all", "fon", "on", "ou", "on", "on, own cid"]
)
DATES = {20_000: TODAY, 20_001: "2024-10-05", 20_002: "2024-10-06"}
"""The days on which client ids can be named."""


class OrdersMachine(RuleBasedStateMachine):
    """Any interleaving of user, exchange, socket, REST and time."""

    steps = 0
    """Steps of all machines so far."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = OrderTracker()
        self.exchange = Exchange()
        self.now = 0.0
        self.held: List[List[Operation]] = []  # not sendable yet
        self.sent: List[Operation] = []
        self.fates: Dict[Operation, Settle] = {}
        self.by_rest: Set[Operation] = set()
        self.asked: List[Operation] = []
        self.wanted: List[FetchMissed] = []
        self.late: List[Any] = []  # answers of REST on their way
        self.states: Dict[int, List[Order]] = {}
        self.fills: Dict[int, List[AccountTrade]] = {}
        self.used: Set[Tuple[int, int]] = set()
        self.changed: Set[int] = set()  # by other programs
        # Updates of orders that were not known when they were sent.
        self.doubtful: Set[Operation] = set()
        self.count = 0

    @initialize(others=st.lists(st.sampled_from(OWN_CIDS), max_size=2))
    def begin(self, others: List[int]) -> None:
        for cid in others:
            self.exchange.place_for_others(cid)
        self.open(is_complete=True)

    # --- what the outputs mean ----------------------------------------------------------------

    def perform(self, outputs: List[Any], by_rest: Any = None) -> None:
        for output in outputs:
            if isinstance(output, Settle):
                operation = output.token
                assert isinstance(operation, Operation)
                assert operation not in self.fates, "settled twice"
                self.fates[operation] = output
                if operation is by_rest:
                    self.by_rest.add(operation)
                self.judge(operation, output)
            elif isinstance(output, Observe):
                assert isinstance(output.token, Operation)
                token = id(output.token)
                verdict = self.exchange.ledger[output.token]
                if output.order is not None:
                    assert [output.order.id] == verdict.ids, "another order"
                    states = self.states.setdefault(token, [])
                    if states:
                        assert output.order.mts_update > states[-1].mts_update, "old"
                    states.append(output.order)
                if output.trade is not None:
                    order_id = output.trade.order_id
                    assert verdict.ids == [order_id], "another order's fill"
                    fills = self.fills.setdefault(token, [])
                    assert output.trade not in fills, "a fill came twice"
                    fills.append(output.trade)
            elif isinstance(output, Reconcile):
                assert output.operation not in self.asked, "asked while it is asked"
                assert output.operation not in self.fates
                self.asked.append(output.operation)
            else:
                assert isinstance(output, FetchMissed)
                self.wanted.append(output)
        self.send_held()

    def judge(self, operation: Operation, fate: Settle) -> None:
        """Compare a fate with the ledger."""
        verdict = self.exchange.ledger.get(operation)
        if isinstance(fate.error, ApiError):
            assert verdict is not None and not verdict.is_accepted, "not refused"
            return
        if isinstance(fate.error, OutcomeUnknown):
            assert operation in self.doubtful or operation.body["id"] in self.changed
            assert fate.error.candidates
            return
        if fate.error is not None:
            context = operation.name, operation.body, fate.error
            assert self.exchange.is_absent(operation, fate.error), context
            return
        value = fate.value
        if operation.name == "oc_multi":
            assert all(not order.status.is_open for order in value)
            if operation not in self.by_rest:
                assert verdict is not None and verdict.is_accepted
                assert [order.id for order in value] == verdict.ids
            return
        if operation.name in ("on", "fon"):
            assert verdict is not None and verdict.ids == [value.id], "another one"
        elif operation.name == "ou":
            assert value.id == operation.body["id"]
            has_price = value.price == float(operation.body["price"])
            if operation not in self.by_rest and not has_price:
                is_accepted = verdict is not None and verdict.is_accepted
                others = (each.body for each in self.sent if each.name == "ou")
                prices = [float(b["price"]) for b in others if b["id"] == value.id]
                assert is_accepted or value.price in prices, "not accepted"
                assert not value.status.is_open, "not updated"
        else:
            assert not value.status.is_open, "not closed"
            assert value.id in self.exchange.closed
            if "id" in operation.body:
                assert value.id == operation.body["id"]
            else:
                assert value.cid == operation.body["cid"]
                date = DATES[value.mts_create // DAY]
                assert date == operation.body["cid_date"], "of another day"

    # --- the user -----------------------------------------------------------------------------

    def token(self, operation: Operation) -> Operation:
        operation.token = operation
        return operation

    @rule(kind=KINDS, place=PLACES)
    def operate(self, kind: str, place: int) -> None:
        """Send one operation; it may be about any order or offer, open or closed."""
        orders = self.exchange.open_orders if place % 4 else []
        orders = orders or list(self.exchange.orders.values())
        offers = list(self.exchange.offers)
        if kind == "on":
            self.submit(None)
        elif kind == "on, own cid":
            self.submit(OWN_CIDS[place % 2])
        elif kind == "fon":
            body = {"type": "LIMIT", "symbol": "fUSD", "amount": "50", "rate": "0.0002"}
            self.want([operation_of("fon", {**body, "period": 2 + place % 2})])
        elif kind == "foc" and offers:
            self.want([operation_of("foc", {"id": offers[place % len(offers)]})])
        elif kind == "oc_multi, all" and place % 3 == 0:
            self.want([operation_of("oc_multi", {"all": 1})])
        elif orders and kind == "oc_multi, ids":
            some = [order.id for order in orders[place % len(orders) :][:3]]
            self.want([operation_of("oc_multi", {"id": some})])
        elif orders and kind == "ou":
            id = orders[place % len(orders)].id
            self.want([operation_of("ou", {"id": id, "price": str(90 + place % 7)})])
        elif orders and kind == "oc":
            self.want([operation_of("oc", {"id": orders[place % len(orders)].id})])
        elif orders and kind == "oc, cid":
            order = orders[place % len(orders)]
            if order.mts_create // DAY in DATES:
                date = DATES[order.mts_create // DAY]
                self.want([operation_of("oc", {"cid": order.cid, "cid_date": date})])

    def submit(self, cid: Any) -> None:
        """Submit an order, with a client id that is used once a day at most."""
        day = self.exchange.mts // DAY
        if cid is not None and (cid, day) in self.used:
            return
        self.used.add((cid, day))
        self.count += 1
        is_random = cid is None
        self.want([new_order("", cid or 1000 + self.count, is_random=is_random)])

    @rule(size=st.integers(2, 3), place=PLACES)
    def batch(self, size: int, place: int) -> None:
        operations = []
        for _ in range(size):
            self.count += 1
            operations.append(new_order("", 1000 + self.count))
        ids = list(self.exchange.orders)
        if ids:
            operations.append(operation_of("oc", {"id": ids[place % len(ids)]}))
        self.want(operations)

    def want(self, operations: List[Operation]) -> None:
        self.held.append([self.token(operation) for operation in operations])
        self.send_held()

    def send_held(self) -> None:
        left = []
        for operations in self.held if self.exchange.is_open else ():
            count = self.tracker.sendable(operations, self.now)
            if count:
                self.tracker.sent(operations[:count], self.now)
                self.exchange.inbox.append((self.now, operations[:count]))
                self.sent += operations[:count]
                self.doubtful.update(
                    entry.operation
                    for entry in self.tracker._table
                    if isinstance(entry, OrderUpdate) and entry.before is None
                )
            if operations[count:]:
                left.append(operations[count:])
        if self.exchange.is_open:
            self.held = left

    # --- the exchange -------------------------------------------------------------------------

    @rule(mood=MOODS, is_prompt=st.booleans())
    @precondition(lambda self: self.exchange.inbox)
    def receive(self, mood: str, is_prompt: bool) -> None:
        """Let the exchange process a message; a prompt one delivers what it sends, in order."""
        self.exchange.receive(mood)
        if is_prompt:
            self.deliver_all()

    @rule(place=PLACES, lots=st.integers(1, LOTS))
    @precondition(lambda self: self.exchange.open_orders)
    def trade(self, place: int, lots: int) -> None:
        orders = self.exchange.open_orders
        self.exchange.fill(orders[place % len(orders)], lots)

    @rule(place=PLACES, what=st.sampled_from(["price", "cancel"]))
    @precondition(lambda self: self.exchange.open_orders)
    def change_elsewhere(self, place: int, what: str) -> None:
        """Let another program change an order."""
        orders = self.exchange.open_orders
        order = orders[place % len(orders)]
        if what == "price":
            self.changed.add(order.id)
            self.exchange.change(order, price=float(80 + place))
        else:
            self.exchange.cancel(order)

    # --- the socket ---------------------------------------------------------------------------

    @rule(place=PLACES, how=DELIVERIES)
    @precondition(lambda self: self.exchange.outbox)
    def deliver(self, place: int, how: str) -> None:
        outbox = self.exchange.outbox
        message = outbox[place % len(outbox)]
        if how != "twice":
            outbox.remove(message)
        if how != "never":
            self.hand_over(message)

    def deliver_all(self) -> None:
        while self.exchange.outbox:
            self.hand_over(self.exchange.outbox.pop(0))

    def hand_over(self, message: Message) -> None:
        is_notice = message.update.code == "n"
        if not (is_notice and self.now - message.time >= LATE_S):
            self.perform(self.tracker.handle(message.update, self.now))

    @rule(mood=MOODS, is_read=st.booleans())
    @precondition(lambda self: self.exchange.is_open and self.exchange.inbox)
    def cut(self, mood: str, is_read: bool) -> None:
        """Cut the socket, before or after the exchange has read what was sent."""
        self.exchange.is_open = False
        self.exchange.outbox.clear()
        self.perform(self.tracker.lose())
        if is_read:
            while self.exchange.inbox:
                self.exchange.receive(mood)
        self.exchange.inbox.clear()

    @rule(place=PLACES)
    @precondition(lambda self: self.exchange.is_open and self.exchange.outbox)
    def cut_after_some(self, place: int) -> None:
        """Cut the socket after some of what was sent has arrived."""
        for message in self.exchange.outbox[: place % 4]:
            self.hand_over(message)
        self.cut("accept", is_read=False)

    @rule(is_complete=st.booleans())
    @precondition(lambda self: not self.exchange.is_open)
    def open(self, is_complete: bool) -> None:
        self.exchange.is_open = True
        orders, offers = self.exchange.open_orders, self.exchange.open_offers
        if not is_complete:
            orders, offers = orders[1:], offers[1:]
        found = self.tracker.snapshot(orders, is_complete, self.now, offers)
        self.perform(found)

    # --- REST ---------------------------------------------------------------------------------

    @rule(place=PLACES)
    @precondition(lambda self: self.asked)
    def search(self, place: int) -> None:
        operation = self.asked[place % len(self.asked)]
        found = self.exchange.search(operation)
        error = found if isinstance(found, BfxError) else None
        value = None if error is not None else found
        self.late.append(Reconciled(operation, value, error))
        self.asked.remove(operation)

    @rule()
    @precondition(lambda self: self.wanted)
    def fetch(self) -> None:
        wanted, exchange = self.wanted.pop(0), self.exchange
        trades = [t for t in exchange.trades if t.mts_create >= wanted.since_mts]
        self.late.append(RestoreTrades(trades))
        ids = set(wanted.order_ids) & exchange.closed
        self.late.append(RestoreOrders([exchange.orders[id] for id in sorted(ids)]))

    @rule(place=PLACES)
    @precondition(lambda self: self.late)
    def restore(self, place: int) -> None:
        command = self.late.pop(place % len(self.late))
        if isinstance(command, Reconciled):
            found = self.tracker.reconciled(command, self.now)
            self.perform(found, by_rest=command.operation)
        else:
            self.perform(self.tracker.restore(command, self.now))

    # --- time ---------------------------------------------------------------------------------

    @rule(seconds=PAUSES)
    def wait(self, seconds: float) -> None:
        if seconds == 86_400.0 and self.exchange.mts // DAY < max(DATES):
            self.exchange.mts += DAY
        self.now += seconds
        self.exchange.now = self.now
        self.perform(self.tracker.tick(self.now))
        deadline = self.tracker.deadline()
        assert deadline is None or deadline > self.now

    # --- what always holds --------------------------------------------------------------------

    @invariant()
    def operations_are_open_until_they_are_settled(self) -> None:
        type(self).steps += 1
        open_ones = [
            operation for operation in self.sent if operation not in self.fates
        ]
        assert [entry.operation for entry in self.tracker._table] == open_ones

    @invariant()
    def what_is_open_is_looked_at_again(self) -> None:
        if self.exchange.is_open and any(each not in self.fates for each in self.sent):
            is_searched = self.asked or self.late
            assert is_searched or self.tracker.deadline() is not None, "nothing is due"

    def answer_all(self) -> None:
        while self.asked or self.wanted or self.late:
            if self.asked:
                self.search(0)
            if self.wanted:
                self.fetch()
            while self.late:
                self.restore(0)

    def settle_down(self) -> None:
        for _ in range(200):
            if not self.exchange.is_open:
                self.open(is_complete=True)
            self.send_held()
            while self.exchange.inbox:
                self.exchange.receive("accept")
            while self.exchange.outbox:
                self.hand_over(self.exchange.outbox.pop(0))
            self.answer_all()
            if not (self.held or self.exchange.inbox):
                break
            self.wait(1.0)
        for _ in range(4):
            self.wait(3601.0)
            self.answer_all()

    def teardown(self) -> None:
        """Let everything arrive, and compare."""
        self.settle_down()
        # What was lost without any trace is found after a reconnect.
        self.cut("accept", is_read=True)
        self.settle_down()
        assert not self.held and not self.exchange.inbox
        assert list(self.tracker._table) == [], "open for ever"
        for operation in self.fates:
            self.judge(operation, self.fates[operation])
            verdict = self.exchange.ledger.get(operation)
            if operation.name != "on" or verdict is None or not verdict.is_accepted:
                continue
            assert self.fates[operation].error is None
            order = self.exchange.orders[verdict.ids[0]]
            assert self.states[id(operation)][-1] == order, "not the last state"
            expected = [t for t in self.exchange.trades if t.order_id == order.id]
            fills = self.fills.get(id(operation), [])
            with_fee = [trade for trade in fills if trade.fee is not None]
            assert sorted(t.id for t in with_fee) == [t.id for t in expected]
            assert sum(trade.fee is None for trade in fills) <= len(expected)


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_fates_equal_the_ledger_for_100_000_steps() -> None:
    OrdersMachine.steps = 0
    limits = settings(stateful_step_count=50, max_examples=200)
    while OrdersMachine.steps < 100_000:
        run_state_machine_as_test(OrdersMachine, settings=limits)
    print(f"{OrdersMachine.steps:,} steps")


TestOrdersMachine = OrdersMachine.TestCase
TestOrdersMachine.settings = settings(
    stateful_step_count=50, max_examples=2 * settings().max_examples
)
