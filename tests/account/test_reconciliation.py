"""What becomes of orders that were in flight when the connection of the account was lost (R07)."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

import pytest
from patience import at_most

from bfxsync import Client, NotExecuted, OrderNotPlaced, OutcomeUnknown
from bfxsync.errors import ClosedError
from bfxsync.paper import PaperExchange
from bfxsync.rest.http import retry_policy
from bfxsync.ws.core.reconciler import THREAD_NAME

from .conftest import DEADLINE_S

Connect = Callable[..., Client]

RESTING = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.01"}
RESTING["price"] = "1000"
MARKET = {"type": "EXCHANGE MARKET", "symbol": "tBTCUSD", "amount": "0.01"}

CHANGES: list[dict[str, Any]] = [
    {"price": "1001"},
    {"amount": "0.02"},
    {"delta": "0.005"},
    {"gid": 9},
    {"post_only": True},
    {"tif": "2040-01-01 00:00:00"},
]

ABSENCE_S = 0.4


@pytest.fixture
def bfx(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> Client:
    monkeypatch.setattr(retry_policy, "_FIRST_DELAY_S", 0.0)
    client = connect(absence_s=ABSENCE_S)
    client.wss.wait_authenticated(DEADLINE_S)
    return client


def worker() -> bool:
    return any(thread.name == THREAD_NAME for thread in threading.enumerate())


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + at_most(DEADLINE_S)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def sent(exchange: PaperExchange, cid: int | None) -> list[Any]:
    return exchange.journal.find(kind="request", name="on", cid=cid)


@pytest.mark.parametrize("order", [RESTING, MARKET], ids=["resting", "market"])
def test_r07_order_without_an_answer_is_found_by_resolve(
    exchange: PaperExchange, bfx: Client, order: dict[str, Any]
) -> None:
    exchange.inject("lost_notification", input="on")
    exchange.inject("lost_event", event="on")
    exchange.inject("lost_event", event="oc")
    reply = bfx.wss.inputs.submit_order(**order)
    with pytest.raises(OutcomeUnknown) as unknown:
        reply.result(0)
    began = time.monotonic()
    found = unknown.value.resolve()
    # Not when the client asks by itself.
    assert time.monotonic() - began < at_most(5.0)
    assert found.cid == reply.cid and reply.result(0).id == found.id
    assert len(sent(exchange, reply.cid)) == 1


def test_r07_resolve_says_when_it_is_too_early(
    exchange: PaperExchange, connect: Connect
) -> None:
    bfx = connect(absence_s=60.0)
    bfx.wss.wait_authenticated(DEADLINE_S)
    # The exchange has got it, and executes it later.
    exchange.inject("cut_before_input", input="on")
    reply = bfx.wss.inputs.submit_order(**RESTING)
    with pytest.raises(OutcomeUnknown) as unknown:
        reply.result(0)
    with pytest.raises(OutcomeUnknown) as again:
        unknown.value.resolve(0.5)
    assert again.value is unknown.value and not reply.done()


def test_r07_order_that_was_cut_off_is_absent(
    exchange: PaperExchange, bfx: Client
) -> None:
    exchange.inject("cut_before_input", input="on")
    reply = bfx.wss.inputs.submit_order(**RESTING)
    with pytest.raises(OrderNotPlaced) as absent:
        reply.result(at_most(DEADLINE_S))
    assert (absent.value.proof, absent.value.cid) == ("absent", reply.cid)
    assert exchange.account.orders == []


@pytest.mark.parametrize(
    "fault, options",
    [
        ("late_history", {"delay_s": 0.3, "times": 2}),
        ("lost_answer", {"times": 5}),
        ("lost_request", {"times": 5}),
        ("late_answer", {"delay_s": 0.3, "times": 2}),
        ("wrong_date", {"offset_s": 3600, "times": None}),
        ("missing_date", {"times": None}),
        ("small_nonce", {"times": 3}),
    ],
)
def test_r07_executed_order_is_found_whatever_rest_does(
    exchange: PaperExchange, bfx: Client, fault: str, options: dict[str, Any]
) -> None:
    before = exchange.fault_counts.get(fault, 0)
    for path in ("auth/r/orders", "auth/r/orders/hist"):
        exchange.inject(fault, path=path, **options)
    exchange.inject("cut_after_input", input="on")
    fills: list[Any] = []
    reply = bfx.wss.inputs.submit_order(**MARKET, on_fill=fills.append)
    order = reply.result(at_most(DEADLINE_S))
    assert order.order_status.startswith("EXECUTED")
    assert reply.wait_filled(at_most(DEADLINE_S)).id == order.id
    amounts = {fill.id: fill.exec_amount for fill in reply.fills}
    assert len(amounts) == len(reply.fills)
    assert sum(amounts.values()) == pytest.approx(0.01)
    assert len(sent(exchange, reply.cid)) == 1
    assert exchange.fault_counts[fault] > before


def test_r07_order_cancelled_during_an_outage_is_done(
    exchange: PaperExchange, bfx: Client
) -> None:
    reply = bfx.wss.inputs.submit_order(**RESTING)
    order = reply.result(at_most(DEADLINE_S))
    exchange.inject("refuse_handshake", times=2)
    exchange.drop_connections()
    with exchange.client() as other:
        other.rest.auth.cancel_order(id=order.id).raise_for_status()
    done = reply.wait_done(at_most(DEADLINE_S))
    assert done.id == order.id and done.order_status.startswith("CANCELED")


def test_r07_updates_that_were_cut_off_have_a_fate(
    exchange: PaperExchange, bfx: Client
) -> None:
    inputs = bfx.wss.inputs
    new: Any = inputs.submit_order_multi([("on", RESTING)] * len(CHANGES))
    orders = [reply.result(DEADLINE_S) for reply in new]
    ids = [order.id for order in orders]
    ops = [("ou", {"id": id, **change}) for id, change in zip(ids, CHANGES)]
    exchange.inject("cut_before_input")
    last = exchange.journal.last_number
    for reply in inputs.submit_order_multi(ops):
        with pytest.raises(NotExecuted, match="was not changed") as lost:
            reply.result(DEADLINE_S)
        assert lost.value.proof == "absent"
    exchange.inject("cut_after_input")
    # Not sent again: these are others.
    changed = [reply.result(DEADLINE_S) for reply in inputs.submit_order_multi(ops)]
    assert changed == [bfx.wss.account.orders[id] for id in ids]
    assert all(new != old for new, old in zip(changed, orders))
    sent_after = exchange.journal.find(kind="request", name="ox_multi", after=last)
    assert len(sent_after) == 1


def test_r07_update_that_nobody_can_know_remains_unknown(
    exchange: PaperExchange, bfx: Client
) -> None:
    inputs = bfx.wss.inputs
    stop = {**RESTING, "type": "EXCHANGE STOP", "amount": "-0.01"}
    order = inputs.submit_order(**stop).result(DEADLINE_S)
    exchange.inject("refuse_handshake", times=None)
    exchange.inject("cut_before_input", input="ou")
    reply = inputs.update_order(order.id, price="1001")
    wait_until(lambda: bfx.wss.account.is_stale)
    bfx.rest.auth.update_order(order.id, price="1000000")  # triggers it
    exchange.clear_faults()
    with pytest.raises(OutcomeUnknown, match="stop was triggered") as unknown:
        reply.result(DEADLINE_S)
    (closed,) = unknown.value.candidates
    assert closed.id == order.id and closed.status.is_executed
    assert "is closed" in str(unknown.value) and reply.done()
    assert not unknown.value.can_resolve
    wait_until(lambda: not worker())


def test_r10_close_ends_a_reconciliation(
    exchange: PaperExchange, connect: Connect
) -> None:
    bfx = connect(absence_s=60.0)
    bfx.wss.wait_authenticated(DEADLINE_S)
    exchange.inject("late_answer", path="auth/r/orders", delay_s=60.0)
    exchange.inject("cut_before_input", input="on")
    reply = bfx.wss.inputs.submit_order(**RESTING)
    wait_until(worker)
    began = time.monotonic()
    bfx.close()
    assert time.monotonic() - began < at_most(2.0) and not worker()
    with pytest.raises((OutcomeUnknown, ClosedError)):
        reply.result(0)
