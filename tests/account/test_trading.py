"""Orders over the account's connection, from the call to their fate."""

from __future__ import annotations

import gc
import threading
from typing import Any, Callable

import pytest

from bfxsync import (
    AuthError,
    Client,
    ClosedError,
    NetworkError,
    NotExecuted,
    OrderRejected,
    OutcomeUnknown,
    UsageError,
    WebSocketClient,
)
from bfxsync.paper import PaperExchange

from .conftest import DEADLINE_S, READER

Connect = Callable[..., Client]

RESTING = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "100")


def test_order_is_followed_from_submission_to_its_end(connect: Connect) -> None:
    client = connect()
    done = threading.Event()
    reply = client.wss.inputs.submit_order(*RESTING, on_done=lambda _: done.set())
    order = reply.result(DEADLINE_S)
    assert order.status.is_open and order.cid == reply.cid
    assert client.wss.account.orders[order.id] is reply.order
    assert reply.update_order(price="101").result(DEADLINE_S).price == 101
    assert reply.cancel_order().result(DEADLINE_S).id == order.id
    assert reply.wait_done(DEADLINE_S).status.word == "CANCELED"
    assert done.wait(DEADLINE_S)
    assert order.id not in client.wss.account.orders


def test_key_of_another_account_ends_what_is_about_the_former_one(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    inputs = client.wss.inputs
    placed = inputs.submit_order(*RESTING)
    order = placed.result(DEADLINE_S)
    exchange.inject("refuse_handshake", times=None)
    exchange.inject("cut_after_input", input="on")
    unknown = inputs.submit_order(*RESTING)
    while not client.wss.account.is_stale:
        client.wss.wait_on_update(0.1)
    queued = inputs.cancel_order(id=order.id, queue_for_s=DEADLINE_S)
    assert client.rotate(READER.api_key, READER.api_secret)
    exchange.clear_faults()
    with pytest.raises(ClosedError, match="may still be open: .* another account"):
        placed.wait_done(DEADLINE_S)
    with pytest.raises(OutcomeUnknown, match="another account") as caught:
        unknown.result(DEADLINE_S)
    assert caught.value.cid == unknown.cid and not caught.value.can_resolve
    with pytest.raises(NotExecuted, match="another account") as dropped:
        queued.result(DEADLINE_S)
    assert dropped.value.proof == "never_sent"
    for act in (placed.cancel_order, unknown.cancel_order):
        with pytest.raises(ClosedError, match="another account"):
            act()
    with pytest.raises(UsageError, match="cid_date must be given"):
        inputs.cancel_order(cid=placed.cid)
    client.wss.account.wait_ready(DEADLINE_S)
    assert not client.wss.account.orders and len(client.wss._core.account.replies) == 0
    assert not exchange.journal.find(account=READER.api_key, kind="request", name="oc")


def test_r06_rest_and_socket_agree_on_an_order(connect: Connect) -> None:
    client = connect()
    order = client.wss.inputs.submit_order(*RESTING).result(DEADLINE_S)
    (listed,) = client.rest.auth.get_orders()
    assert (listed.id, listed.cid) == (order.id, order.cid)
    # The date of its client id is known to REST as well.
    client.rest.auth.cancel_order(cid=order.cid).raise_for_status()


def test_market_order_is_filled(connect: Connect) -> None:
    fills: list[Any] = []
    done = threading.Event()
    reply = connect().wss.inputs.submit_order(
        *("EXCHANGE MARKET", "tBTCUSD", "0.01"),
        on_fill=fills.append,
        on_done=lambda _: done.set(),
    )
    assert reply.wait_filled(DEADLINE_S).amount == 0
    assert sum(fill.exec_amount for fill in reply.fills) == 0.01
    assert done.wait(DEADLINE_S)
    # Those after the last state of the order follow.
    assert {fill.id for fill in fills} <= {fill.id for fill in reply.fills}


def test_rejection_has_its_code(connect: Connect) -> None:
    reply = connect().wss.inputs.submit_order(
        "EXCHANGE LIMIT", "tBTCUSD", "9999", "50000"
    )
    with pytest.raises(OrderRejected) as caught:
        reply.result(DEADLINE_S)
    assert caught.value.code == 10001


@pytest.mark.parametrize(
    "fault", ["cut_after_input", "cut_after_notification", "cut_after_on"]
)
def test_r07_order_of_a_lost_link_is_found(
    exchange: PaperExchange, connect: Connect, fault: str
) -> None:
    client = connect()
    client.wss.wait_authenticated(DEADLINE_S)
    exchange.inject(fault)
    reply = client.wss.inputs.submit_order(*RESTING)
    order = reply.result(DEADLINE_S)
    (placed,) = exchange.account.orders
    assert (order.id, order.cid) == (placed["id"], reply.cid)


def test_r07_order_that_never_arrived_is_proven_absent(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect(absence_s=0.3)
    client.wss.wait_authenticated(DEADLINE_S)
    exchange.inject("cut_before_input")
    reply = client.wss.inputs.submit_order(*RESTING)
    with pytest.raises(OutcomeUnknown):
        reply.result(0)
    with pytest.raises(NotExecuted) as caught:
        reply.result(DEADLINE_S)
    assert caught.value.proof == "absent"
    assert exchange.account.orders == []


def test_fill_of_an_outage_arrives_once(
    exchange: PaperExchange, connect: Connect
) -> None:
    client, other = connect(), connect()
    fills: list[Any] = []
    reply = client.wss.inputs.submit_order(*RESTING, on_fill=fills.append)
    order = reply.result(DEADLINE_S)
    exchange.inject("refuse_handshake", times=2, status=503)
    exchange.drop_connections()
    other.rest.auth.update_order(id=order.id, price="100000").raise_for_status()
    assert reply.wait_filled(DEADLINE_S).id == order.id
    client.wss.wait_authenticated(DEADLINE_S)
    client.close()
    assert [fill.order_id for fill in fills] == [order.id]


def test_input_is_refused_while_the_link_is_down(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    gone = threading.Event()
    client.wss.on("disconnected", lambda code, reason: gone.set())
    client.wss.wait_authenticated(DEADLINE_S)
    exchange.inject("refuse_handshake", times=3, status=503)
    exchange.drop_connections()
    assert gone.wait(DEADLINE_S)
    with pytest.raises(NotExecuted) as caught:
        client.wss.inputs.submit_order(*RESTING)
    assert (caught.value.proof, caught.value.phase) == ("never_sent", "send")
    with pytest.raises(NetworkError) as refused:
        client.wss.inputs.calc("balance")
    assert refused.value.phase == "send"
    queued = client.wss.inputs.submit_order(*RESTING, queue_for_s=DEADLINE_S)
    assert queued.result(DEADLINE_S).status.is_open
    assert len(exchange.account.orders) == 1


def test_unread_rejection_is_reported(connect: Connect) -> None:
    reported = threading.Event()
    errors: list[BaseException] = []
    client = connect(on_error=lambda exc: (errors.append(exc), reported.set()))
    client.wss.inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "9999", "50000")
    # Its notification comes before the order of this one.
    client.wss.inputs.submit_order(*RESTING).result(DEADLINE_S)
    gc.collect()
    assert reported.wait(DEADLINE_S)
    assert isinstance(errors[0], OrderRejected)


def test_unread_failure_is_logged_after_the_end(
    exchange: PaperExchange, caplog: pytest.LogCaptureFixture
) -> None:
    with exchange.client() as client:
        client.wss.account.wait_ready(DEADLINE_S)
        exchange.inject("lost_notification")
        exchange.inject("lost_event", event="on")
        client.wss.inputs.submit_order(*RESTING)
        client.wss.inputs.ping().result(DEADLINE_S)
    del client
    gc.collect()
    assert "OutcomeUnknown: submit_order of cid" in caplog.text


def test_permission_is_checked_before_an_order_is_sent(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect(account=exchange.accounts[1])
    with pytest.raises(AuthError, match="orders.write"):
        client.wss.inputs.submit_order(*RESTING)


def test_inputs_and_state_need_a_key(exchange: PaperExchange) -> None:
    with Client(wss_host=exchange.url) as client:
        for name in ("inputs", "account", "caps"):
            with pytest.raises(UsageError, match="needs a key"):
                getattr(client.wss, name)
    with WebSocketClient(exchange.url) as wss:
        for name in ("inputs", "account", "caps"):
            with pytest.raises(UsageError, match="has no key"):
                getattr(wss, name)


def test_dry_run_opens_no_connection(connect: Connect) -> None:
    client = connect(dry_run=True)
    reply = client.wss.inputs.submit_order(*RESTING)
    assert reply.result(0).id is None
    assert client.wss.stats()["connections"] == []


def test_callback_may_trade_and_wait(connect: Connect) -> None:
    client = connect()
    found: list[Any] = []
    done = threading.Event()

    def trade(_: Any) -> None:
        found.append(client.wss.inputs.submit_order(*RESTING).result(DEADLINE_S))
        done.set()

    client.wss.on("authenticated", trade)
    assert done.wait(DEADLINE_S)
    assert found[0].status.is_open


def test_close_settles_what_is_in_flight(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    client.wss.account.wait_ready(DEADLINE_S)
    exchange.inject("lost_notification")
    exchange.inject("lost_event", event="on")
    reply = client.wss.inputs.submit_order(*RESTING)
    client.wss.inputs.ping().result(DEADLINE_S)
    client.close()
    with pytest.raises(OutcomeUnknown):
        reply.result(0)
    with pytest.raises(ClosedError):
        client.wss.inputs.submit_order(*RESTING)


def test_calculated_balance_becomes_known(connect: Connect) -> None:
    client = connect()
    account = client.wss.account
    updates = client.wss.subscribe_account().events()
    next(updates)
    assert account.wallets["margin", "USD"].available is None
    account.refresh().result(DEADLINE_S)
    while account.wallets["margin", "USD"].available is None:
        next(updates)
