"""The replies to new orders, from the first state of the order to the last."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from patience import at_most
from replies import Owner, fill, order

from bfxsync import (
    ClosedError,
    OrderNotFilled,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
    RequestTimeout,
    UsageError,
)
from bfxsync.models import Order
from bfxsync.ws import order_replies
from bfxsync.ws.order_replies import OrderReply
from bfxsync.ws.replies import Request

LIMIT_S = at_most(5.0)
CLOSED = ClosedError("the client was closed")

ENDS = {
    "executed": ("EXECUTED @ 100.0(2.0)", 0.0),
    "cancelled": ("CANCELED", 2.0),
    "partly": ("CANCELED was: PARTIALLY FILLED @ 100.0(1.0)", 1.0),
    "refused": ("INSUFFICIENT BALANCE (G1)", 2.0),
}


class Calls:
    """Notes the inputs about an order."""

    def __init__(self):
        self.made = []

    def update_order(self, id, **changes):
        self.made.append(("ou", id, changes))

    def cancel_order(self, **named):
        self.made.append(("oc", named))


@pytest.fixture
def owner():
    owner = Owner()
    yield owner
    owner.close()


def new(owner, **callbacks):
    request = Request("submit_order of cid 5", {}, 5, "2026-01-31")
    return OrderReply(owner, request, Calls(), **callbacks)


def test_result_is_the_order_and_follows_it(owner):
    reply = new(owner)
    assert (reply.cid, reply.order, reply.fills) == (5, None, [])
    owner.perform(reply.settle, order())
    assert reply.result() is reply.order
    owner.perform(reply.observe, order("PARTIALLY FILLED @ 100.0(1.0)", 1.0))
    assert reply.result().amount == 2.0 and reply.order.amount == 1.0


def test_each_fill_counts_once_and_gets_its_fee(owner, record):
    got = record()
    reply = new(owner, on_fill=got)
    trades = [fill(1), fill(1, fee=-0.1), fill(2, fee=-0.2), fill(2), fill(1)]
    for trade in trades:
        owner.perform(reply.observe, trade=trade)
    assert [(trade.id, trade.fee) for trade in reply.fills] == [(1, -0.1), (2, -0.2)]
    assert [trade.id for trade in got.wait_for(2)] == [1, 2]
    reply.fills.clear()
    assert len(reply.fills) == 2


@pytest.mark.parametrize("end", ENDS)
def test_closed_order_is_done_once(owner, record, end):
    done = record()
    reply = new(owner, on_done=done)
    owner.perform(reply.settle, order())
    assert not reply.needs_nothing
    for _ in range(2):
        owner.perform(reply.observe, order(*ENDS[end]))
    assert reply.needs_nothing and reply.wait_done().status.text == ENDS[end][0]
    owner.close()
    assert done.items == [reply]


def test_order_that_is_closed_at_first_sight_is_done(owner, record):
    done = record()
    reply = new(owner, on_done=done)
    owner.perform(reply.settle, order(*ENDS["refused"]))
    assert done.wait_for(1) == [reply]
    assert reply.result().status.word == "INSUFFICIENT BALANCE (G1)"


def seen(reply):
    """Return what a program sees without waiting."""
    return reply.executed, reply.remaining, reply.is_open, reply.is_closed


@pytest.mark.parametrize(
    "status, left, orig, expected",
    [
        ("ACTIVE", 2.0, 2.0, (0.0, 2.0, True, False)),
        ("ACTIVE", -0.3, -0.3, (0.0, -0.3, True, False)),
        # Without the rounding error of floats.
        ("PARTIALLY FILLED @ 9.0(0.2)", 0.1, 0.3, (0.2, 0.1, True, False)),
        ("PARTIALLY FILLED @ 9.0(-0.2)", -0.1, -0.3, (-0.2, -0.1, True, False)),
        ("EXECUTED @ 100.0(2.0)", 0.0, 2.0, (2.0, 0.0, False, True)),
        (*ENDS["cancelled"], 2.0, (0.0, 2.0, False, True)),
        (*ENDS["partly"], 2.0, (1.0, 1.0, False, True)),
        (*ENDS["refused"], 2.0, (0.0, 2.0, False, True)),
        # An update has changed the amount, but not the original one.
        ("ACTIVE", 5.0, 2.0, (0.0, 5.0, True, False)),
        ("PARTIALLY FILLED @ 100.0(1.0)", 4.0, 2.0, (1.0, 4.0, True, False)),
    ],
)
def test_amounts_are_those_of_the_latest_state(owner, status, left, orig, expected):
    reply = new(owner)
    owner.perform(reply.settle, order())
    owner.perform(reply.observe, order(status, left, orig))
    assert seen(reply) == expected


def test_fills_count_where_the_status_lists_less(owner):
    reply = new(owner)
    owner.perform(reply.observe, trade=fill(1))
    assert seen(reply) == (1.0, None, False, False)
    owner.perform(reply.settle, order("PARTIALLY FILLED @ 100.0(1.0)", 6.0))
    owner.perform(reply.observe, trade=fill(2))
    assert seen(reply) == (2.0, 6.0, True, False)


def test_partial_order_has_the_amounts_that_are_known(owner):
    row = [77, *[None] * 5, 2.0, None]
    reply = new(owner)
    owner.perform(reply.simulate, Order.from_partial_row(row))
    assert seen(reply) == (0.0, 2.0, False, True)


def test_decimals_stay_decimals(owner):
    reply = new(owner, numbers=Decimal)
    assert type(reply.executed) is Decimal
    state = order("PARTIALLY FILLED @ 9.0(0.2)", 0.1, 0.3, number=Decimal)
    owner.perform(reply.settle, state)
    assert (reply.executed, reply.remaining) == (Decimal("0.2"), Decimal("0.1"))


UNTOUCHED = (0.0, None, False)


@pytest.mark.parametrize(
    "was_sent, error, is_closed",
    [
        (True, None, False),
        (False, CLOSED, True),
        (True, OrderRejected("price: invalid", code=10001), True),
        (True, OrderNotPlaced("none", proof="absent", phase="receive"), True),
        (True, OutcomeUnknown("no answer", phase="receive"), False),
    ],
)
def test_order_that_never_was_is_closed(owner, was_sent, error, is_closed):
    reply = new(owner)
    assert seen(reply) == (*UNTOUCHED, False)
    if was_sent:
        reply.mark_sent()
    if error is not None:
        owner.perform(reply.settle, None, error)
        assert reply.exception() is error
    assert seen(reply) == (*UNTOUCHED, is_closed)


def test_order_left_open_by_the_client_is_not_closed(owner):
    reply = new(owner)
    owner.perform(reply.settle, order())
    reply.end(CLOSED)
    assert seen(reply) == (0.0, 2.0, True, False)


def test_thread_waits_for_the_end_of_an_order(owner):
    reply, results = new(owner), []
    thread = threading.Thread(target=lambda: results.append(reply.wait_filled(LIMIT_S)))
    thread.start()
    owner.perform(reply.settle, order())
    for trade in (fill(1), fill(2)):
        owner.perform(reply.observe, trade=trade)
    owner.perform(reply.observe, order(*ENDS["executed"]))
    thread.join(LIMIT_S)
    assert results == [reply.order]


def test_filled_order_has_its_fills_although_they_come_last(owner):
    reply, counts = new(owner), []
    owner.perform(reply.settle, order(*ENDS["executed"]))
    thread = threading.Thread(
        target=lambda: counts.append((reply.wait_filled(), len(reply.fills)))
    )
    thread.start()
    for trade in (fill(1), fill(2)):
        owner.perform(reply.observe, trade=trade)
    thread.join(LIMIT_S)
    assert counts == [(reply.order, 2)]


@pytest.mark.parametrize(
    "status, orig, count",
    [
        # An update has changed the amount, but not the original one.
        ("EXECUTED @ 100.0(2.0)", 5.0, 2),
        ("EXECUTED @ 100.0(2.0): was PARTIALLY FILLED @ 100.0(1.0)", 2.0, 3),
        ("EXECUTED", 3.0, 3),
    ],
)
def test_filled_order_has_all_fills_that_were_made(
    owner, monkeypatch, status, orig, count
):
    monkeypatch.setattr(order_replies, "FILLS_S", 20 * LIMIT_S)
    reply, counts = new(owner), []
    owner.perform(reply.settle, order(status, 0.0, orig))
    thread = threading.Thread(
        target=lambda: counts.append((reply.wait_filled(), len(reply.fills)))
    )
    thread.start()
    for number in range(count):
        assert not counts
        owner.perform(reply.observe, trade=fill(number))
    thread.join(LIMIT_S)
    assert counts == [(reply.order, count)]


@pytest.mark.parametrize("end", ["cancelled", "partly", "refused"])
def test_order_closed_before_it_is_filled_raises(owner, end):
    reply = new(owner)
    owner.perform(reply.settle, order(*ENDS[end]))
    with pytest.raises(OrderNotFilled, match="was closed before it was") as it:
        reply.wait_filled()
    assert ENDS[end][0] in str(it.value)
    assert it.value.order is reply.order and not it.value.retryable


@pytest.mark.parametrize("method", ["result", "wait_done", "wait_filled"])
def test_rejection_ends_every_wait(owner, record, method):
    done = record()
    reply = new(owner, on_done=done)
    owner.perform(reply.settle, None, OrderRejected("price: invalid", code=10001))
    with pytest.raises(OrderRejected, match="submit_order of cid 5: price: invalid"):
        getattr(reply, method)()
    assert done.wait_for(1) == [reply] and reply.order is None


@pytest.mark.parametrize("method", ["wait_done", "wait_filled"])
def test_wait_for_an_open_order_ends_in_time(owner, method):
    reply = new(owner)
    with pytest.raises(OutcomeUnknown):
        getattr(reply, method)(0)
    reply.settle(order())
    with pytest.raises(RequestTimeout, match="77 is still open after 0.01 s") as late:
        getattr(reply, method)(0.01)
    assert not late.value.retryable and late.value.phase == "receive"
    with pytest.raises(UsageError, match="timeout must be"):
        getattr(reply, method)(-1)


def test_end_of_the_client_ends_the_wait_for_an_open_order(owner):
    reply, errors = new(owner), []

    def wait():
        with pytest.raises(ClosedError, match="order 77 may still be open") as it:
            reply.wait_done()
        errors.append(it.value)

    owner.perform(reply.settle, order())
    thread = threading.Thread(target=wait)
    thread.start()
    reply.end(CLOSED)
    thread.join(LIMIT_S)
    assert [error.__cause__ for error in errors] == [CLOSED]
    # The result stays.
    assert reply.result().id == 77


def test_order_in_flight_at_the_end_stays_unknown(owner):
    reply = new(owner)
    reply.mark_sent()
    reply.end(CLOSED)
    for method in (reply.result, reply.wait_done, reply.wait_filled):
        with pytest.raises(OutcomeUnknown) as it:
            method()
        assert (it.value.cid, it.value.cid_date) == (5, "2026-01-31")


def test_dry_run_is_done_at_once(owner, record):
    done = record()
    reply = new(owner, on_done=done)
    pretended = order("")
    owner.perform(reply.simulate, pretended)
    assert repr(reply).endswith(": dry run>")
    for wait in (reply.result, reply.wait_done, reply.wait_filled):
        assert wait(0) is pretended
    assert reply.needs_nothing and done.wait_for(1) == [reply]
    assert seen(reply) == (0.0, 2.0, False, True)


def test_callback_may_wait_for_its_own_order(owner, record):
    results, replies = record(), []
    reply = new(owner, on_fill=lambda trade: results(replies[0].result(LIMIT_S)))
    replies.append(reply)
    owner.perform(reply.observe, trade=fill())
    owner.perform(reply.settle, order())
    assert results.wait_for(1) == [reply.order]


def test_order_is_cancelled_by_what_is_known_of_it(owner):
    reply = new(owner)
    reply.cancel_order()
    owner.perform(reply.settle, order())
    reply.cancel_order()
    assert reply._inputs.made == [
        ("oc", {"cid": 5, "cid_date": "2026-01-31"}),
        ("oc", {"id": 77}),
    ]


def test_update_needs_an_order_that_is_known(owner):
    reply = new(owner)
    with pytest.raises(UsageError, match="call result()"):
        reply.update_order(price="5")
    owner.perform(reply.settle, order())
    reply.update_order(price="5")
    assert reply._inputs.made == [("ou", 77, {"price": "5"})]


def test_repr_shows_the_latest_state(owner):
    reply = new(owner)
    assert repr(reply) == "<OrderReply submit_order of cid 5: not sent yet>"
    owner.perform(reply.settle, order())
    assert repr(reply) == "<OrderReply submit_order of cid 5: order 77 ACTIVE>"
