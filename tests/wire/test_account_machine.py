"""
The whole session of an account in any interleaving: from the user's call to the fate of an order.

Strategy: as `test_orders_machine`, but the exchange speaks JSON over a socket that must be opened
and authenticated, and operations wait in the session's queue before they are sent. So it is also
true that nothing is sent twice, nothing that has expired is sent, and every reply ends.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from account_peer import INFO, OK, AccountPeer
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from test_orders_machine import DATES, PAUSES, OrdersMachine

from bfxsync.errors import NotExecuted
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.notification import Notification
from bfxsync.wire.commands import SendAuth, SendOperations
from bfxsync.wire.in_flight import OrderUpdate
from bfxsync.wire.operations import Operation
from bfxsync.wire.outputs import (
    Authenticate,
    FetchMissed,
    Observe,
    Reconcile,
    Reopen,
    Report,
    Send,
    Settle,
)

pytestmark = pytest.mark.once

AUTH = {"event": "auth", "apiKey": "fake-key", "authNonce": 1, "authSig": "fake-sig"}
DAY_MS = 86_400_000
HEARTBEAT_S = 15.0
LONG_S = 1000.0
# The last one is longer than a day without any socket.
EXPIRE_IN_S = (2.0, 10.0, 10.0, 100.0, 100_000.0)
UNREADABLE = ["x"]


def row_of(model: Any) -> List[Any]:
    """Return the row of a model of the exchange, whole or partial."""
    row: List[Any] = [None] * model._layout.width
    for name, index, _ in model._layout.fields:
        value = getattr(model, name)
        row[index] = int(value) if isinstance(value, int) else value
    return row


def content_of(update: AccountUpdate) -> Any:
    """Return what an account message has after its code."""
    data = update.data
    if not isinstance(data, Notification):
        return row_of(data)
    info = data.data
    if isinstance(info, list):
        info = [row_of(each) for each in info]
    elif info is not None:
        info = row_of(info)
    row = [data.mts, data.type, data.message_id, None, info]
    return [*row, data.code, data.status, data.text]


class Socket:
    """The session, as `OrdersMachine` uses a tracker; its outputs go back there."""

    def __init__(self) -> None:
        self.peer = AccountPeer()
        self.session = self.peer.session
        self.peer.subscribe()
        self._table = self.session._tracker._table

    def handle(self, update: AccountUpdate, now: float) -> List[Any]:
        self.peer.now = now
        return self.peer.get(update.code, content_of(update))

    def lose(self) -> List[Any]:
        return list(self.session.lose("gone"))

    def reconciled(self, command: Any, now: float) -> List[Any]:
        return list(self.session.apply(command, now))

    restore = reconciled

    def tick(self, now: float) -> List[Any]:
        self.peer.now = now
        return list(self.session.tick(now))

    def deadline(self) -> Any:
        return self.session.next_deadline()


class AccountMachine(OrdersMachine):
    """Any interleaving of user, exchange, socket, REST and time, around the whole session."""

    steps = 0

    has_unreadable = False

    def __init__(self) -> None:
        super().__init__()
        self.socket = Socket()
        self.session = self.socket.session
        self.tracker: Any = self.socket
        # What is not sent yet, and when it expires.
        self.waiting: Dict[Operation, float] = {}
        self.just_sent: List[List[Operation]] = []
        self.asked_count = 0
        tracker = self.session._tracker
        note = tracker.sent

        def sent(operations: Any, now: float) -> None:
            self.just_sent.append(list(operations))
            note(operations, now)

        tracker.sent = sent  # type: ignore[method-assign]

    # --- what the outputs mean ----------------------------------------------------------------

    def perform(self, outputs: List[Any], by_rest: Any = None) -> None:
        is_over = False
        for output in outputs:
            if isinstance(output, (Settle, Observe, Reconcile, FetchMissed)):
                if isinstance(output, Settle):
                    self.check_unsent(output)
                super().perform([output], by_rest)
            elif isinstance(output, Send):
                self.take_sent(json.loads(output.text))
            elif isinstance(output, Authenticate):
                self.perform(self.socket.peer.apply(SendAuth(AUTH)))
            elif isinstance(output, Reopen):
                is_over = True
            else:
                assert not isinstance(output, Report) or self.has_unreadable
        if is_over:
            self.cut("accept", is_read=False)

    def check_unsent(self, fate: Settle) -> None:
        operation = fate.token
        assert isinstance(operation, Operation)
        if self.waiting.pop(operation, None) is not None:
            assert isinstance(fate.error, NotExecuted)
            assert fate.error.proof == "never_sent"

    def take_sent(self, message: Any) -> None:
        """Let the exchange have a message; it may be about operations."""
        assert self.exchange.is_open, "sent without a socket"
        if isinstance(message, dict):
            if message["event"] == "ping":
                pong = {"event": "pong", "ts": self.exchange.mts, "cid": message["cid"]}
                self.perform(self.socket.peer.feed(pong))
            return
        operations = self.just_sent.pop(0)
        bodies = [[operation.name, operation.body] for operation in operations]
        single = [0, operations[0].name, None, operations[0].body]
        assert message == (
            single if len(bodies) == 1 else [0, "ox_multi", None, bodies]
        )
        for operation in operations:
            assert operation not in self.sent, "sent twice"
            assert operation not in self.fates, "sent after its end"
            assert self.waiting.pop(operation) > self.now, "sent after it expired"
        self.exchange.inbox.append((self.now, operations))
        self.sent += operations
        self.doubtful.update(
            entry.operation
            for entry in self.socket._table
            if isinstance(entry, OrderUpdate) and entry.before is None
        )

    # --- the user -----------------------------------------------------------------------------

    def want(self, operations: List[Operation]) -> None:
        self.asked_count += 1
        expires = self.now + EXPIRE_IN_S[self.asked_count % len(EXPIRE_IN_S)]
        tokens = tuple(self.token(operation) for operation in operations)
        self.waiting.update(dict.fromkeys(tokens, expires))
        may_queue = self.asked_count % 2 == 0
        command = SendOperations(tokens, expires, may_queue=may_queue)
        self.socket.peer.now = self.now
        self.perform(self.socket.peer.apply(command))

    def send_held(self) -> None:
        """Do nothing: the session sends what it holds by itself."""

    # --- the socket ---------------------------------------------------------------------------

    @rule(is_complete=st.booleans())
    @precondition(lambda self: not self.exchange.is_open)
    def open(self, is_complete: bool) -> None:
        peer, exchange = self.socket.peer, self.exchange
        peer.now = self.now
        exchange.is_open = True
        orders = [row_of(order) for order in exchange.open_orders]
        offers = [row_of(offer) for offer in exchange.open_offers]
        if not is_complete:
            orders, offers = [UNREADABLE, *orders[1:]], offers[1:]
        self.has_unreadable = self.has_unreadable or not is_complete
        self.perform(peer.open())
        self.perform(peer.feed(INFO))
        self.perform(peer.feed({"event": "conf", "status": "OK", "flags": peer.flags}))
        self.perform(peer.feed(OK))
        if exchange.is_open:
            self.perform(peer.snapshots(os=orders, fos=offers))

    @rule()
    @precondition(lambda self: self.exchange.is_open)
    def pause_and_resume(self) -> None:
        """Let there be a maintenance, after which the socket is replaced."""
        peer = self.socket.peer
        self.perform(peer.feed({"event": "info", "code": 20060}))
        self.perform(peer.feed({"event": "info", "code": 20061}))
        assert not self.exchange.is_open

    # --- time ---------------------------------------------------------------------------------

    @rule(seconds=PAUSES)
    def wait(self, seconds: float) -> None:
        if seconds == 86_400.0 and self.exchange.mts // DAY_MS < max(DATES):
            self.exchange.mts += DAY_MS
        end = self.now + seconds
        while self.now < end:
            # For hours the exchange is silent.
            step_s = HEARTBEAT_S if seconds < LONG_S else seconds
            self.now = min(end, self.now + step_s)
            self.exchange.now = self.socket.peer.now = self.now
            if self.exchange.is_open and seconds < LONG_S:
                self.perform(self.socket.peer.get("hb"))
            self.perform(self.tracker.tick(self.now))
        # A second look may be due at once, but never for ever.
        self.perform(self.tracker.tick(self.now))
        deadline = self.tracker.deadline()
        assert deadline is None or deadline > self.now

    @invariant()
    def what_is_not_sent_expires(self) -> None:
        assert all(expires > self.now for expires in self.waiting.values())
        is_unsettled = any(operation not in self.fates for operation in self.sent)
        if self.waiting or is_unsettled:
            deadline = self.session.next_deadline()
            assert deadline is not None or self.asked or self.late, "nothing is due"

    def teardown(self) -> None:
        super().teardown()
        if self.waiting:
            self.wait(100_001.0)
        assert not self.waiting, "a reply without end"
        assert not self.just_sent


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_every_order_has_one_true_end_for_100_000_steps() -> None:
    AccountMachine.steps = 0
    limits = settings(stateful_step_count=50, max_examples=200)
    while AccountMachine.steps < 100_000:
        run_state_machine_as_test(AccountMachine, settings=limits)
    print(f"{AccountMachine.steps:,} steps")


TestAccountMachine = AccountMachine.TestCase
TestAccountMachine.settings = settings(
    stateful_step_count=50, max_examples=settings().max_examples
)
