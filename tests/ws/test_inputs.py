"""Inputs at the caller's line: checks, bodies, guards, and what a refusal leaves behind."""

from __future__ import annotations

import gc
import inspect
import json
import logging
from pathlib import Path

import pytest
from ports import CLOSED, NO_KEY, TODAY, Port, caps_for
from replies import order

from bfxsync import (
    AuthError,
    ClosedError,
    NetworkError,
    NotExecuted,
    OrderBlocked,
    OrderFlag,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
    UsageError,
)
from bfxsync.guards.funds import FundsCheck
from bfxsync.models import FundingOffer
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.wire.commands import Ping, SendCalc, SendMessage, SendOperations
from bfxsync.wire.operations import METHODS
from bfxsync.ws.inputs import Inputs

DATA = Path(__file__).parents[1] / "data" / "account-inputs.jsonl"
LIMIT = dict(type="EXCHANGE LIMIT", symbol="tBTCUSD", amount="0.1", price="30000")


@pytest.fixture
def port():
    port = Port()
    yield port
    port.close()


@pytest.fixture
def make():
    ports = []

    def make(**options):
        ports.append(Port(**options))
        return ports[-1]

    yield make
    for port in ports:
        port.close()


# --- the form of messages ---------------------------------------------------------------------


def samples():
    for line in DATA.read_text("utf-8").splitlines():
        record = json.loads(line)
        frame = json.loads(record["frame"])
        if isinstance(frame, list):
            yield pytest.param(*frame[1:], id=record["kind"])


def call(inputs, name, data):
    """Make the call that leads to a message with this content."""
    methods = {
        "on": inputs.submit_order,
        "ou": inputs.update_order,
        "oc": inputs.cancel_order,
        "oc_multi": inputs.cancel_order_multi,
        "fon": inputs.submit_funding_offer,
        "foc": inputs.cancel_funding_offer,
    }
    if name == "oc_multi" and data.get("all"):
        data = {"all": True}
    return methods[name](**data)


@pytest.mark.parametrize("name, message_id, data", list(samples()))
def test_message_has_the_documented_form(port, name, message_id, data):
    inputs = port.inputs
    if name == "ox_multi":
        inputs.submit_order_multi(data)
        sent = [[name, body] for name, body in port.frames()]
        assert len(port.commands) == 1
    elif name == "calc":
        inputs.calc(*(item for [item] in data))
        sent = [[item] for item in port.commands[0].names]
    elif name == "n":
        inputs.notify(data["info"], message_id, type=data["type"])
        (command,) = port.commands
        sent = {"type": command.type, "info": command.info}
        assert command.message_id == message_id
    else:
        call(inputs, name, data)
        ((sent_name, sent),) = port.frames()
        assert sent_name == name
    assert sent == data


@pytest.mark.parametrize(
    "name",
    [
        "submit_order",
        "update_order",
        "cancel_order",
        "cancel_order_multi",
        "submit_order_multi",
        "submit_funding_offer",
        "cancel_funding_offer",
    ],
)
def test_parameters_are_those_of_rest(name):
    here = inspect.signature(getattr(Inputs, name)).parameters
    there = inspect.signature(getattr(AuthEndpoints, name)).parameters
    shared = [parameter for parameter in here if parameter in there]
    assert shared == list(there)
    for parameter in shared[1:]:
        assert here[parameter].kind is there[parameter].kind
        assert here[parameter].default == there[parameter].default


def test_order_without_cid_gets_a_random_one(port):
    replies = [port.inputs.submit_order(**LIMIT) for _ in range(2)]
    assert [operation.is_random for operation in port.operations] == [True, True]
    assert [body["cid"] for _, body in port.frames()] == [it.cid for it in replies]
    assert replies[0].cid != replies[1].cid
    port.inputs.submit_order(**LIMIT, cid=5)
    assert not port.operations[-1].is_random


def test_affiliate_code_is_added(make):
    port = make(affiliate_code="AFF")
    port.inputs.submit_order(**LIMIT)
    assert port.frames()[0][1]["meta"] == {"aff_code": "AFF"}


# --- refused at the caller's line -------------------------------------------------------------

BAD = {
    "amount zero": lambda i: i.submit_order(**{**LIMIT, "amount": 0}),
    "six digits": lambda i: i.submit_order(**{**LIMIT, "price": "12345.6"}),
    "unknown type": lambda i: i.submit_order(**{**LIMIT, "type": "LIMIT ORDER"}),
    "currency": lambda i: i.submit_order(**{**LIMIT, "symbol": "fUSD"}),
    "large gid": lambda i: i.submit_order(**LIMIT, gid=2**32),
    "large cid": lambda i: i.submit_order(**LIMIT, cid=2**45),
    "cid_oco": lambda i: i.submit_order(**LIMIT, cid_oco=5),
    "on_fill": lambda i: i.submit_order(**LIMIT, on_fill=lambda: None),
    "on_done": lambda i: i.submit_order(**LIMIT, on_done=5),
    "queue_for_s": lambda i: i.submit_order(**LIMIT, queue_for_s=-1),
    "buffer_s": lambda i: i.submit_order(**LIMIT, buffer_s=0),
    "pair": lambda i: i.submit_funding_offer("LIMIT", "tBTCUSD", 50, "0.001", 2),
    "offer id": lambda i: i.cancel_funding_offer(0),
    "no id": lambda i: i.cancel_order(),
    "unknown cid": lambda i: i.cancel_order(cid=5),
    "amount and delta": lambda i: i.update_order(5, amount=1, delta=1),
    "an update without a change": lambda i: i.update_order(5),
    "no orders": lambda i: i.cancel_order_multi(),
    "no operations": lambda i: i.submit_order_multi([]),
    "operations": lambda i: i.submit_order_multi(5),
    "operation": lambda i: i.submit_order_multi([("fon", {})]),
    "argument": lambda i: i.submit_order_multi([("oc", {"order": 5})]),
    "callback": lambda i: i.submit_order_multi([("on", {**LIMIT, "on_done": 5})]),
    "same cid": lambda i: i.submit_order_multi([("on", {**LIMIT, "cid": 5})] * 2),
    "no names": lambda i: i.calc(),
    "name": lambda i: i.calc("wallets"),
    "pair of calc": lambda i: i.calc("margin_sym_fUSD"),
    "message": lambda i: i.notify(object()),
    "message id": lambda i: i.notify({}, "1"),
    "message type": lambda i: i.notify({}, type="on-req"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_argument_is_refused_before_anything_happens(port, name):
    with pytest.raises(UsageError):
        BAD[name](port.inputs)
    assert port.commands == [] and port.calls == [] and len(port.replies) == 0


CALLS = {
    "on": lambda i, **o: i.submit_order(**LIMIT, cid=5, **o),
    "ou": lambda i, **o: i.update_order(7, price="5", **o),
    "oc": lambda i, **o: i.cancel_order(id=7, **o),
    "oc_multi": lambda i, **o: i.cancel_order_multi(id=[7], **o),
    "ox_multi": lambda i, **o: i.submit_order_multi([("oc", {"id": 7})], **o),
    "fon": lambda i, **o: i.submit_funding_offer("LIMIT", "fUSD", 50, "0.001", 2, **o),
    "foc": lambda i, **o: i.cancel_funding_offer(7, **o),
}


@pytest.mark.parametrize("refusal", [NO_KEY, CLOSED, AuthError("apikey: invalid")])
@pytest.mark.parametrize("name", CALLS)
def test_account_that_cannot_be_used_raises_its_reason(port, name, refusal):
    port.refusal = refusal
    for options in ({}, {"queue_for_s": 5.0}):
        with pytest.raises(type(refusal)) as it:
            CALLS[name](port.inputs, **options)
        assert it.value is refusal
    assert port.commands == [] and len(port.replies) == 0


@pytest.mark.parametrize("name", CALLS)
def test_input_without_connection_is_proven_unsent(port, name):
    port.refusal = NetworkError("the connection was lost", phase="send")
    with pytest.raises(
        NotExecuted, match="was not sent: the connection was lost"
    ) as it:
        CALLS[name](port.inputs)
    assert (it.value.proof, it.value.retryable) == ("never_sent", True)
    assert it.value.__cause__ is port.refusal and port.commands == []
    assert str(it.value).split()[0] in METHODS.values()
    if name == "on":
        assert isinstance(it.value, OrderNotPlaced) and it.value.cid == 5


@pytest.mark.parametrize("name", CALLS)
def test_queued_input_does_not_wait_for_the_connection(port, name):
    CALLS[name](port.inputs, queue_for_s=60.0)
    (command,) = port.commands
    assert port.calls == ["open"] and command.may_queue
    assert command.buffer_until is None


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("given", ["orders", "funding"])
def test_permission_of_the_key_is_checked_first(port, name, given):
    port.caps = caps_for(given)
    needed = "funding" if name in ("fon", "foc") else "orders"
    if needed == given:
        CALLS[name](port.inputs)
    else:
        with pytest.raises(AuthError, match=f"no permission {needed}.write"):
            CALLS[name](port.inputs)
    assert len(port.commands) == (needed == given)


def test_permission_is_checked_again_when_a_queued_input_is_sent(port):
    reply = port.inputs.cancel_order(id=7, queue_for_s=5.0)
    port.caps = caps_for()
    assert port.send() == []
    with pytest.raises(AuthError):
        reply.result()


@pytest.mark.parametrize("send", [lambda i: i.calc("balance"), lambda i: i.notify({})])
def test_messages_need_a_connection_as_well(port, send):
    port.refusal = NetworkError("the connection was lost", phase="send")
    with pytest.raises(NetworkError):
        send(port.inputs)
    assert port.commands == [] and len(port.replies) == 0


# --- sending ----------------------------------------------------------------------------------


def test_inputs_of_a_thread_keep_their_order(port):
    for name in ("on", "ou", "oc", "oc_multi", "fon", "foc"):
        CALLS[name](port.inputs)
    assert [name for name, _ in port.frames()] == [
        "on",
        "ou",
        "oc",
        "oc_multi",
        "fon",
        "foc",
    ]


def test_many_operations_are_sent_in_parts_with_a_reply_each(port):
    ops = [("on", {**LIMIT, "cid": number}) for number in range(1, 77)]
    ops += [("oc", {"id": 7})]
    replies = port.inputs.submit_order_multi(ops)
    assert [len(command.operations) for command in port.commands] == [75, 2]
    assert [reply.cid for reply in replies[:-1]] == list(range(1, 77))
    assert [op.token.key for op in port.operations] == [r.key for r in replies]


def test_batch_is_sent_completely_or_not_at_all(make):
    port = make(max_order_value={"USD": 4000})
    dear = ("on", {**LIMIT, "amount": "1"})
    with pytest.raises(OrderBlocked):
        port.inputs.submit_order_multi([*[("oc", {"id": 7})] * 76, dear])
    assert port.commands == [] and len(port.replies) == 0


def test_batch_ends_its_admissions_if_a_later_part_is_refused(make):
    port = make(max_orders_per_minute=100)
    with pytest.raises(OrderBlocked):
        port.inputs.submit_order_multi([("on", LIMIT)] * 101)
    port.inputs.submit_order_multi([("on", LIMIT)] * 25)


def test_callbacks_of_a_batch_are_those_of_its_orders(port, record):
    done = record()
    ops = [("oc", {"id": 7}), ("on", {**LIMIT, "on_done": done})]
    replies = port.inputs.submit_order_multi(ops)
    port.send()
    port.settle(order("EXECUTED @ 1.0(2.0)", 0.0))
    assert done.wait_for(1) == [replies[1]] and "on_done" in ops[1][1]


def test_delays_are_times_of_the_session(port):
    port.inputs.submit_order(**LIMIT)
    port.inputs.submit_order(**LIMIT, queue_for_s=60.0, buffer_s=0.5)
    plain, delayed = port.commands
    assert isinstance(plain, SendOperations)
    assert (plain.may_queue, plain.buffer_until) == (False, None)
    assert delayed.expires - plain.expires > 59.0
    assert 0.0 < delayed.expires - delayed.buffer_until < 59.6


OFFER = ("LIMIT", "fUSD", 50, 0.0002, 7)


@pytest.mark.parametrize(
    "filters, refused",
    [
        (["wallet"], "on ou fon"),
        (["trading-tETHUSD"], "on fon"),
        (["trading-tBTCUSD"], "fon"),
        (["trading", "funding-fUST"], "fon"),
        (["notify", "funding-fUSD"], "on ou"),
        (["funding", "trading"], ""),
        ((), ""),
    ],
    ids=str,
)
def test_inputs_that_the_filters_hide_are_refused(make, filters, refused):
    port = make(filters=filters)
    calls = {
        "on": lambda i: i.submit_order(**LIMIT),
        "ou": lambda i: i.update_order(5, price="5"),
        "fon": lambda i: i.submit_funding_offer(*OFFER),
        "oc": lambda i: i.cancel_order(id=5),
        "oc_multi": lambda i: i.cancel_order_multi(all=True),
        "foc": lambda i: i.cancel_funding_offer(6),
    }
    sent = []
    for name, call in calls.items():
        before = list(port.calls)
        if name in refused.split():
            kind = "funding" if name == "fon" else "trading"
            with pytest.raises(UsageError, match=f"^filters .* include {kind}.* rest"):
                call(port.inputs)
            assert port.calls == before, "not even connected"
        else:
            call(port.inputs)
            sent.append(name)
    assert [name for name, _ in port.frames()] == sent


def test_cid_is_refused_twice_on_a_day(port):
    port.inputs.submit_order(**LIMIT, cid=5)
    port.send()
    port.settle(order("CANCELED", 2.0))
    for call in (
        lambda: port.inputs.submit_order(**LIMIT, cid=5),
        lambda: port.inputs.submit_order_multi([("on", {**LIMIT, "cid": 5})]),
    ):
        with pytest.raises(UsageError, match="cid must be unique .* not 5"):
            call()
    assert len(port.commands) == 1


def test_cid_of_a_stop_is_refused_twice_on_a_day(port):
    oco = {"flags": OrderFlag.OCO, "price_oco_stop": "90"}
    port.inputs.submit_order(**LIMIT, **oco, cid=5, cid_oco=6)
    port.send()
    for own in ({"cid": 6}, {**oco, "cid_oco": 5}, {**oco, "cid": 7, "cid_oco": 6}):
        with pytest.raises(UsageError, match="cid must be unique .* not"):
            port.inputs.submit_order(**LIMIT, **own)
    port.settle(None, OrderRejected("price: invalid", code=10001))
    port.inputs.submit_order(**LIMIT, **oco, cid=6, cid_oco=5)
    assert len(port.commands) == 2


def test_cid_is_free_again_after_a_rejection(port):
    port.inputs.submit_order(**LIMIT, cid=5)
    port.send()
    port.settle(None, OrderRejected("price: invalid", code=10001))
    port.inputs.submit_order(**LIMIT, cid=5)
    assert len(port.commands) == 2


def test_order_of_this_client_is_cancelled_by_its_cid_alone(port):
    port.inputs.submit_order(**LIMIT, cid=5)
    port.send()
    port.inputs.cancel_order(cid=5)
    assert port.frames()[-1] == ("oc", {"cid": 5, "cid_date": TODAY})


def test_order_sent_at_midnight_has_one_date_once_placed(port):
    port.services.creation_dates = lambda: ["2026-01-30", TODAY]
    port.inputs.submit_order(**LIMIT, cid=5)
    port.send()
    with pytest.raises(UsageError, match="cid_date must be given"):
        port.inputs.cancel_order(cid=5)
    placed = order()
    placed.mts_create = 1769817600000
    port.settle(placed)
    port.inputs.cancel_order(cid=5)
    assert port.frames()[-1] == ("oc", {"cid": 5, "cid_date": TODAY})


def test_order_in_flight_is_cancelled_by_its_reply(port):
    reply = port.inputs.submit_order(**LIMIT, cid=5)
    reply.cancel_order()
    assert port.frames()[-1] == ("oc", {"cid": 5, "cid_date": TODAY})


# --- guards -----------------------------------------------------------------------------------


def test_post_only_guard_adds_its_flag(make):
    port = make(post_only=True)
    port.inputs.submit_order(**LIMIT)
    port.inputs.submit_order_multi([("oc", {"id": 7}), ("on", LIMIT)])
    flags = [body.get("flags") for _, body in port.frames()]
    assert flags == [4096, None, 4096]
    with pytest.raises(OrderBlocked, match="post_only"):
        port.inputs.submit_order("EXCHANGE MARKET", "tBTCUSD", 1)


def test_halt_stops_orders_here_and_on_their_way(port):
    reply = port.inputs.submit_order(**LIMIT)
    cancel = port.inputs.cancel_order(id=7)
    port.services.guard.halt()
    sent = port.send()
    assert [operation.token.key for operation in sent] == [cancel.key]
    with pytest.raises(OrderBlocked, match="halt"):
        reply.result()
    with pytest.raises(OrderBlocked, match="halt"):
        port.inputs.submit_order(**LIMIT)


@pytest.mark.parametrize(
    "value, error",
    [(order(), None), (None, OrderRejected("no")), (None, OutcomeUnknown("?"))],
    ids=["placed", "rejected", "unknown"],
)
def test_admission_ends_with_the_reply(make, value, error):
    port = make(max_orders_per_minute=9)
    port.inputs.submit_order(**LIMIT)
    port.send()
    assert port.services.guard._state.get().counted_in_flight == 1
    port.settle(value, error)
    assert port.services.guard._state.get().counted_in_flight == 0


@pytest.mark.parametrize(
    "value, error, ids, cids",
    [
        (order(), None, [77], []),
        (None, OrderRejected("no"), [], []),
        (None, OutcomeUnknown("?"), [], [5]),
    ],
    ids=["placed", "rejected", "unknown"],
)
def test_placed_orders_are_known_at_exit(make, value, error, ids, cids):
    port = make(cancel_on_exit=True)
    port.inputs.submit_order(**LIMIT, cid=5)
    placed = port.services.guard.placed
    port.send()
    assert list(placed._cids) == [5]
    port.settle(value, error)
    assert (placed.newest(9), list(placed._cids)) == (ids, cids)


def test_batch_counts_until_its_last_operation_is_settled(make):
    port = make(max_orders_per_minute=9, cancel_on_exit=True)
    port.inputs.submit_order_multi([("on", LIMIT), ("oc", {"id": 7}), ("on", LIMIT)])
    port.send()
    guard = port.services.guard
    for index, left in ((0, 2), (1, 2), (2, 0)):
        assert guard._state.get().counted_in_flight == 2
        port.settle(order(id=80 + index), index=index)
        assert guard._state.get().counted_in_flight == left
    assert guard.placed.newest(9) == [80, 82]


def test_known_limits_are_checked_before_the_order_is_sent(port):
    port.funds = FundsCheck(None, {}, has_all_wallets=True)
    with pytest.raises(OrderBlocked, match="check_funds: 3000.0 USD is needed"):
        port.inputs.submit_order(**LIMIT)
    assert port.commands == []
    # A cancellation in the same message may free funds.
    port.inputs.submit_order_multi([("oc", {"id": 7}), ("on", LIMIT)])
    port.inputs.cancel_order(id=7)
    assert len(port.commands) == 2


def test_equal_offers_are_told_apart(port):
    for _ in range(2):
        CALLS["fon"](port.inputs)
    port.send()
    first, second = (operation.token.record for operation in port.operations)
    assert not port.services.recent_writes.is_alone(first, 5.0)
    port.settle(None, OrderRejected("no"))
    assert port.services.recent_writes.is_alone(first, 5.0)
    assert second.was_sent and second.ended_at < float("inf")


# --- dry run ----------------------------------------------------------------------------------


def test_dry_run_sends_nothing_and_is_done_at_once(make, record, caplog):
    port, done = make(is_dry_run=True), record()
    with caplog.at_level(logging.INFO):
        reply = port.inputs.submit_order(**LIMIT, cid=5, on_done=done)
    placed = reply.result(0)
    assert (placed.id, placed.cid, placed.price) == (None, 5, 30000.0)
    assert reply.wait_filled(0) is placed and reply.fills == []
    assert done.wait_for(1) == [reply]
    with pytest.raises(UsageError, match="in a dry run it cannot be changed"):
        reply.update_order(price=5)
    # It can be cancelled by its client id.
    assert reply.cancel_order().result(0).id is None
    assert port.commands == [] and "connect" not in port.calls
    assert "no input is sent" in caplog.text and "'cid': 5" in caplog.text


def test_dry_run_answers_every_input(make):
    port = make(is_dry_run=True)
    inputs = port.inputs
    assert inputs.update_order(7, price="5").result(0).price == 5.0
    assert inputs.cancel_order(id=7).result(0).id == 7
    assert [it.id for it in inputs.cancel_order_multi(id=[7, 8]).result(0)] == [7, 8]
    assert inputs.cancel_order_multi(all=True).result(0) == []
    ops = [("on", {**LIMIT, "cid": 9}), ("oc", {"id": 7})]
    assert [r.result(0).cid for r in inputs.submit_order_multi(ops)] == [9, None]
    assert CALLS["fon"](inputs).result(0).amount == 50.0
    assert inputs.cancel_funding_offer(7).result(0).id == 7
    assert inputs.notify({}).result(0) is None
    assert port.commands == []


def test_guards_hold_in_a_dry_run(make):
    port = make(is_dry_run=True, max_orders_per_minute=2)
    for _ in range(2):
        port.inputs.submit_order(**LIMIT)
    with pytest.raises(OrderBlocked):
        port.inputs.submit_order(**LIMIT)


# --- messages ---------------------------------------------------------------------------------


def test_messages_are_done_when_they_are_sent(port):
    inputs = port.inputs
    replies = [inputs.calc("balance"), inputs.notify({"a": 1}, 5), inputs.ping()]
    calc, message, ping = port.commands
    assert isinstance(calc, SendCalc) and calc.token is replies[0]
    assert isinstance(message, SendMessage) and message.type == "ucm-test"
    assert isinstance(ping, Ping) and ping.token is replies[2]
    assert len(port.replies) == 3
    for reply in replies[:2]:
        port.perform(port.replies.settle, reply)
        assert reply.result() is None
    port.perform(replies[2].resolve, None)
    assert replies[2].result() >= 0.0 and len(port.replies) == 0


def test_failed_ping_raises(port):
    reply = port.inputs.ping()
    reply.resolve(NetworkError("not connected", phase="send"))
    with pytest.raises(NetworkError):
        reply.result()


def test_failure_of_a_dropped_reply_is_reported_at_once(port):
    port.inputs.submit_order(**LIMIT)
    port.send()
    error = OrderRejected("no")
    gc.disable()
    try:
        # The session may still have the operation.
        port.settle(None, error)
        assert port.unread == [error] and len(port.operations) == 1
    finally:
        gc.enable()
    token = port.operations[0].token
    assert token.done() and token.needs_nothing and "None" in repr(token)
    token.mark_sent()
    token.observe(order())
    token.settle(order())


# --- the end ----------------------------------------------------------------------------------


def test_end_of_the_client_ends_every_reply(port):
    unsent, sent = CALLS["oc"](port.inputs), CALLS["fon"](port.inputs)
    port.operations[1].before_send()
    port.replies.end(CLOSED)
    with pytest.raises(ClosedError, match="cancel_order of 7 was not sent"):
        unsent.result()
    with pytest.raises(OutcomeUnknown, match="submit_funding_offer of fUSD"):
        sent.result()


def test_dropped_reply_lives_until_its_order_is_done(port, record):
    done = record()
    port.inputs.submit_order(**LIMIT, on_done=lambda reply: done(reply.order.id))
    port.send()
    gc.collect()
    port.settle(order())
    port.commands.clear()
    gc.collect()
    assert len(port.replies) == 1
    (token,) = port.replies._replies.values()
    port.perform(token.observe, order("CANCELED", 2.0))
    assert done.wait_for(1) == [77]


def test_repr_shows_how_many_replies_are_open(port):
    CALLS["oc"](port.inputs)
    assert repr(port.inputs) == "<Inputs: 1 open>"
    (token,) = port.replies._replies.values()
    assert repr(token) == "<ReplyToken: <Reply cancel_order of 7: not sent yet>>"


def test_result_of_an_offer_is_the_offer(port):
    reply = CALLS["fon"](port.inputs)
    port.send()
    row = [None] * 21
    row[0], row[1], row[2], row[3], row[4], row[5] = 9, "fUSD", 1, 1, 50, 50
    row[6], row[10], row[14], row[15] = "LIMIT", "ACTIVE", 0.001, 2
    port.settle(FundingOffer.from_row(row))
    assert reply.result().id == 9
