"""
The session of an account against the exchange's own engine, without sockets and time.

Strategy: what is in transit in both directions waits in two lists, and chance decides what happens
next: a message arrives, a search by REST is done, the user does something, another program cancels
an order, time passes, or the link is cut, where the exchange may still read some of what was sent.
In the end everything arrives, and all that the user was told must be what the engine has done.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from typing import Any, Sequence

import pytest

from bfxsync.errors import OrderNotPlaced, OutcomeUnknown
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.orders import Order
from bfxsync.paper.faults import check_fault
from bfxsync.wire.account_session import AccountSession
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.commands import (
    Reconciled,
    RestoreOrders,
    RestoreTrades,
    SendAuth,
    SendOperations,
    Subscribe,
)
from bfxsync.wire.operations import Operation
from bfxsync.wire.outputs import (
    Authenticate,
    Deliver,
    Fail,
    FetchMissed,
    Observe,
    Reconcile,
    Reopen,
    Send,
    Settle,
)

from .channel import ChannelSession, auth_message
from .support import MTS, EngineHarness

STEPS = 400

FAULTS: list[tuple[str, float, dict[str, Any]]] = [
    ("lost_notification", 0.05, {}),
    ("late_notification", 0.1, {"delay_s": 0.5}),
    ("duplicate_notification", 0.1, {}),
    ("notification_after_events", 0.2, {}),
    ("lost_event", 0.05, {"event": "te"}),
    ("lost_event", 0.05, {"event": "tu"}),
    ("duplicate_event", 0.1, {}),
    ("reject_order", 0.05, {}),
    ("partial_fill", 0.1, {}),
]

LIMIT, MARKET = "EXCHANGE LIMIT", "EXCHANGE MARKET"
ORDERS: list[dict[str, Any]] = [
    {"type": LIMIT, "price": "20000"},
    {"type": LIMIT, "price": "99000"},
    {"type": LIMIT, "price": "99000", "flags": 4096},
    {"type": LIMIT, "price": "0"},
    {"type": MARKET},
    {"type": "EXCHANGE FOK", "price": "20000"},
    {"type": "EXCHANGE IOC", "price": "99000"},
]


class Simulation:
    """
    A user, their session, the exchange, and what is between them.

    Attributes
    ----------
    operations : dict
        All of the user, by their tokens.
    fates : dict
        Of each token.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.harness = EngineHarness()
        self.account = self.harness.account
        faults = self.harness.market_data.faults
        for name, chance, options in FAULTS:
            faults.arm(check_fault(name, None, options, chance))
        self.rows: list[list[Any]] = []
        self.updates: list[Any] = []
        update = self.harness.engine.update

        def note_update(account: Any, order: Any, body: Any) -> None:
            update(account, order, body)
            self.updates.append(body)

        self.harness.engine.update = note_update  # type: ignore[method-assign]
        self.account.listeners.append(self._note_event)
        self.operations: dict[Any, Operation] = {}
        self.fates: dict[Any, Settle] = {}
        self._observed: dict[Any, list[Observe]] = {}
        self._delivered: list[Any] = []
        self._sent: Counter[str] = Counter()
        self._searches: list[Any] = []
        self._numbers = itertools.count(1)
        self._now = 0.0
        self._is_open = False
        self._up: list[str] = []
        self._down: list[Any] = []
        self._server = ChannelSession(self.harness)
        self._session = AccountSession(AccountChannel())
        self._perform(self._session.apply(Subscribe("", self._session.channel), 0.0))

    # --- what happens ---------------------------------------------------------------------------

    def run(self) -> None:
        for _ in range(STEPS):
            self._wait(self.chance.choice([0, 0, 0.001, 0.01, 0.1]))
            if not self._is_open and self.chance.random() < 0.3:
                self._connect()
            weights = [30, 30, 10, 2, 10, 8, 1]
            happen = [self._arrive, self._receive, self._pass_time, self._cut]
            happen += [self._act, self._search, self._meddle]
            self.chance.choices(happen, weights)[0]()
        self.harness.market_data.faults.clear()
        self._cut()
        # Longer than a fill, or a search, may take.
        for _ in range(400):
            if not self._is_open:
                self._connect()
            while self._up:
                self._arrive()
            self._pass_time()
            while self._down:
                self._receive()
            while self._searches:
                self._search()
            self._server.session.heartbeat()
            self._wait(0.5)

    def _connect(self) -> None:
        self._server = ChannelSession(self.harness)
        self._server.session.open()
        self._is_open = True
        self._take()
        self._perform(self._session.open(self._now))

    def _cut(self) -> None:
        if self._is_open:
            if self.chance.random() < 0.5:
                for _ in range(self.chance.randrange(len(self._up) + 1)):
                    self._arrive()
            self._lose("cut")

    def _lose(self, reason: str) -> None:
        self._server.session.close()
        self._is_open = False
        self._up, self._down = [], []
        self._perform(self._session.lose(reason))

    def _arrive(self) -> None:
        """The exchange reads what was sent first."""
        if self._up:
            self._server.session.receive(self._up.pop(0))
            self._take()

    def _receive(self) -> None:
        """The client reads some of what the exchange has sent."""
        if self._down:
            count = self.chance.randint(1, len(self._down))
            texts = [json.dumps(message).encode() for message in self._down[:count]]
            del self._down[:count]
            self._perform(self._session.feed(texts, self._now))

    def _pass_time(self) -> None:
        """The exchange does what it has put off."""
        due, self._server.later[:] = self._server.later[:], []
        for _, call in due:
            call()
        self._take()

    def _wait(self, seconds: float) -> None:
        self._now += seconds
        self.harness.now = MTS + int(self._now * 1000)
        deadline = self._session.next_deadline()
        if deadline is not None and deadline <= self._now:
            self._perform(self._session.tick(self._now))

    def _take(self) -> None:
        sent = self._server.take()
        self._down += sent if self._is_open else []

    def _meddle(self) -> None:
        """Another program cancels an order."""
        if self.account.orders:
            order = self.chance.choice([*self.account.orders.values()])
            self.harness.engine.cancel(self.account, [order])
            self._take()

    def _act(self) -> None:
        """The user sends one operation, or several in one message."""
        if self.chance.random() < 0.8:
            operations = [self._operation(self.chance.choice(("on", "on", "ou", "oc")))]
        else:
            count = self.chance.randrange(2, 5)
            operations = [self._operation("on") for _ in range(count)]
        for operation in operations:
            self.operations[operation.token] = operation
        may_queue = self.chance.random() < 0.2
        command = SendOperations(tuple(operations), self._now + 5.0, may_queue)
        self._perform(self._session.apply(command, self._now))

    def _operation(self, name: str) -> Operation:
        number = next(self._numbers)
        ids = [f.value.id for f in self.fates.values() if isinstance(f.value, Order)]
        left = [id for id in ids[-6:] if ("oc", id) not in self.operations]
        if name == "oc" and left:
            id = self.chance.choice(left)
            return Operation(("oc", id), "oc", {"id": id})
        if name == "ou" and ids:
            # Each with a value of its own.
            changes = [
                {"price": str(30_000 + number)},
                {"amount": f"0.02{number:05}"},
                {"delta": f"0.001{number:05}"},
                {"gid": number, "flags": 524_288},
                {"price": str(30_000 + number), "meta": {"aff_code": str(number)}},
            ]
            body = {"id": self.chance.choice(ids[-4:]), **self.chance.choice(changes)}
            return Operation(("ou", number), "ou", body)
        body = {"symbol": "tBTCUSD", "amount": "0.01", "cid": number}
        body.update(self.chance.choice(ORDERS))
        is_random = self.chance.random() < 0.5
        return Operation(("on", number), "on", body, is_random=is_random)

    # --- outputs --------------------------------------------------------------------------------

    def _perform(self, outputs: Sequence[Any]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self._send(output.text)
            elif isinstance(output, Authenticate):
                event = SendAuth(auth_message())
                self._perform(self._session.apply(event, self._now))
            elif isinstance(output, Settle):
                assert output.token not in self.fates, "settled twice"
                self.fates[output.token] = output
            elif isinstance(output, Observe):
                self._observed.setdefault(output.token, []).append(output)
            elif isinstance(output, (Reconcile, FetchMissed)):
                self._searches.append(output)
            elif isinstance(output, Deliver):
                self._delivered += output.updates
            elif isinstance(output, Reopen):
                self._lose(output.reason)
                return
            else:
                assert not isinstance(output, Fail), output

    def _send(self, text: str) -> None:
        assert self._is_open
        self._up.append(text)
        message = json.loads(text)
        if isinstance(message, list):
            _, name, _, body = message
            operations = body if name == "ox_multi" else [[name, body]]
            self._sent.update(map(json.dumps, operations))

    def _search(self) -> None:
        """REST finds out what the engine has done."""
        if not self._searches:
            return
        search = self._searches.pop(self.chance.randrange(len(self._searches)))
        apply, now = self._session.apply, self._now
        if isinstance(search, FetchMissed):
            rows = [row for row in self.account.trades if row[2] >= search.since_mts]
            trades = [AccountTrade.from_row(list(row)) for row in rows]
            self._perform(apply(RestoreTrades(trades), now))
            found = [self._order(id) for id in search.order_ids]
            orders = [order for order in found if order.id in self.account.closed]
            self._perform(apply(RestoreOrders(orders), now))
            return
        operation = search.operation
        id = operation.body.get("id") or self._id_of(operation.body["cid"])
        command = Reconciled(operation, self._order(id) if id is not None else None)
        if id is None:
            cid = operation.body["cid"]
            error = OrderNotPlaced("?", phase="receive", proof="absent", cid=cid)
            command = Reconciled(operation, error=error)
        self._perform(apply(command, now))

    def _id_of(self, cid: int) -> int | None:
        id, *more = {row[0] for row in self.rows if row[2] == cid} or {None}
        assert not more, "placed twice"
        return id

    def _order(self, id: int) -> Order:
        orders = self.account.orders
        return Order.from_row((orders.get(id) or self.account.closed[id]).row())

    def _note_event(self, code: str, row: Sequence[Any]) -> None:
        if code in ("on", "ou", "oc"):
            self.rows.append(list(row))

    # --- the end --------------------------------------------------------------------------------

    def check(self) -> Counter[tuple[Any, ...]]:
        """Compare all that the user was told with the engine; count what became of operations."""
        assert set(self.fates) == set(self.operations)
        assert not self._sent or set(self._sent.values()) == {1}, "sent twice"
        counts: Counter[tuple[Any, ...]] = Counter()
        for token, operation in self.operations.items():
            fate = self.fates[token]
            check = {"on": self._check_new, "ou": self._check_update}
            check.get(operation.name, self._check_cancel)(operation, fate)
            word = getattr(fate.error, "proof", type(fate.error).__name__)
            counts[operation.name, word] += 1
        held = self._session.channel.state.orders.items
        assert held == {id: self._order(id) for id in self.account.orders}
        executions = [
            (update.data.order_id, update.data.id)
            for update in self._delivered
            if getattr(update, "code", "") == "te"
        ]
        assert len(set(executions)) == len(executions), "a fill twice"
        return counts

    def _check_new(self, operation: Operation, fate: Settle) -> None:
        id = self._id_of(operation.body["cid"])
        assert (fate.error is None) == (id is not None), (operation, fate)
        if id is None:
            return
        seen = self._observed[operation.token]
        states = [each.order for each in seen if each.order is not None]
        assert fate.value.id == id and states[-1] == self._order(id)
        trades = [each.trade.id for each in seen if each.trade is not None]
        executed = {row[0] for row in self.account.trades if row[3] == id}
        # Once without fee, and once with it.
        assert set(trades) == executed and max(Counter(trades).values(), default=0) < 3

    def _check_update(self, operation: Operation, fate: Settle) -> None:
        is_executed = operation.body in self.updates
        if isinstance(fate.error, OutcomeUnknown) or (
            not fate.error and not is_executed
        ):
            # Another update has changed it, so nobody can know; a result shows the order.
            id = operation.body["id"]
            others = [each for each in self.updates if each["id"] == id]
            assert [each for each in others if each != operation.body], (
                operation,
                fate,
            )
            return
        assert (fate.error is None) == is_executed, (operation, fate)

    def _check_cancel(self, operation: Operation, fate: Settle) -> None:
        id = operation.body["id"]
        if fate.error is None:
            assert id in self.account.closed and fate.value == self._order(id)


@pytest.mark.parametrize(
    ("first", "count"), [(0, 12), pytest.param(100, 500, marks=pytest.mark.long)]
)
def test_what_a_session_says_is_what_the_engine_did(first: int, count: int) -> None:
    counts: Counter[tuple[Any, ...]] = Counter()
    for seed in range(first, first + count):
        simulation = Simulation(seed)
        try:
            simulation.run()
            counts += simulation.check()
        except BaseException:
            print(f"seed {seed}")
            raise
    for key, number in sorted(counts.items()):
        print(*key, number)
    words = ["NoneType", "OrderRejected", "never_sent", "absent"]
    assert set(itertools.product(("on", "ou"), words)) <= set(counts)
    assert {("oc", word) for word in words if word != "OrderRejected"} <= set(counts)
