"""The session of an account: its handshake, its channel, its inputs, and its losses."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from account_peer import (
    AUTH,
    CLOSED_INFO,
    INFO,
    MTS,
    OK,
    OPEN,
    PERMITS,
    SEQ,
    SEQ_MTS,
    TOKEN,
    AccountPeer,
    cancel,
    new_order,
    notification_row,
    of,
    order_row,
    reported,
    sent,
    settled,
    told,
    trade_row,
    wallet_row,
)

from bfxsync._base.enums import ConnectionStatus, LossCause, SubscriptionStatus
from bfxsync.errors import (
    ApiError,
    AuthError,
    NetworkError,
    NotExecuted,
    OrderNotPlaced,
    OrderRejected,
    RemoteError,
    UsageError,
)
from bfxsync.models import Gap, Snapshot, Status
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.orders import Order
from bfxsync.models.stream import AccountMessage
from bfxsync.wire.commands import (
    AuthUnavailable,
    Ping,
    Reconciled,
    RestoreOrders,
    RestoreTrades,
    Resubscribe,
    SendAuth,
    SendCalc,
    SendMessage,
    Subscribe,
    Unsubscribe,
)
from bfxsync.wire.input_queue import MOST_OVERTAKEN
from bfxsync.wire.operations import Operation
from bfxsync.wire.outputs import (
    AccountReplaced,
    Authenticate,
    Authenticated,
    Change,
    Deliver,
    Fail,
    FetchMissed,
    KeyPermissions,
    Observe,
    Reconcile,
    Reopen,
    Report,
    Requested,
    Resolve,
    Send,
    Settle,
)
from bfxsync.wire.websocket import Binary

PAUSE = {"event": "info", "code": 20060, "msg": "pause"}
RESUME = {"event": "info", "code": 20061, "msg": "resume"}
STOP = {"event": "info", "code": 20051, "msg": "stop"}


@pytest.fixture
def peer() -> AccountPeer:
    peer = AccountPeer()
    peer.subscribe()
    return peer


def shape(updates: List[Any]) -> List[Any]:
    """Return the class of each event, and the code of each update."""
    return [
        each.code if isinstance(each, AccountUpdate) else type(each) for each in updates
    ]


def reopen_of(outputs: List[Any]) -> Reopen:
    (reopen,) = of(Reopen, outputs)
    return reopen


# --- the handshake ----------------------------------------------------------------------------


def test_a_socket_authenticates_after_info_and_conf(peer):
    assert sent(peer.open()) == [{"event": "conf", "flags": SEQ}]
    assert peer.feed(INFO) == []
    conf = {"event": "conf", "status": "OK", "flags": SEQ}
    assert peer.feed(conf) == [Authenticate()]
    outputs = peer.apply(SendAuth(AUTH))
    assert sent(outputs) == [AUTH] and of(Requested, outputs) == [Requested(TOKEN)]
    # Whoever waits until it is open is checked by the permissions.
    permissions, opened, done, ping = peer.feed(OK)
    assert permissions == KeyPermissions(PERMITS)
    assert (opened, done) == (OPEN, Authenticated(OK))
    assert isinstance(ping, Send)


def test_without_flags_it_authenticates_after_info():
    peer = AccountPeer(flags=0)
    assert sent(peer.open()) == []
    assert peer.feed(INFO) == [Authenticate()]


def test_refused_flags_do_not_keep_it_from_authenticating(peer):
    peer.open()
    peer.feed(INFO)
    report, asked = peer.feed({"event": "error", "code": 10050, "msg": "no"})
    assert isinstance(report, Report) and asked == Authenticate()
    peer.apply(SendAuth(AUTH))
    (opened,) = of(Change, peer.feed(OK))
    assert opened.trouble is report.error


def test_another_version_is_not_authenticated(peer):
    peer.open()
    (failure,) = peer.feed({"event": "info", "version": 3})
    assert isinstance(failure, Fail)


def test_every_socket_gets_a_nonce_of_its_own(peer):
    peer.live()
    peer.session.lose("cut")
    peer.greet()
    assert sent(peer.apply(SendAuth({**AUTH, "authNonce": 2})))[0]["authNonce"] == 2


def test_a_wrong_key_ends_the_client_and_its_inputs(peer):
    peer.submit(new_order())
    peer.greet()
    peer.apply(SendAuth(AUTH))
    body = {"event": "auth", "status": "FAILED", "code": 10100, "msg": "no"}
    outputs = peer.feed(body)
    (failure,) = of(Fail, outputs)
    assert isinstance(failure.error, AuthError)
    error = settled(outputs)["order"]
    assert isinstance(error, OrderNotPlaced) and error.__cause__ is failure.error
    assert str(failure.error) in str(error)


def test_a_refusal_may_come_as_an_error(peer):
    peer.greet()
    peer.apply(SendAuth(AUTH))
    body = {"event": "error", "code": 10114, "msg": "nonce: small"}
    assert reopen_of(peer.feed(body)).cause is LossCause.AUTHENTICATION


def test_without_a_key_the_client_ends(peer):
    peer.greet()
    error = UsageError("no key")
    assert peer.apply(AuthUnavailable(error)) == [Fail(error)]


def test_an_unanswered_step_costs_the_socket(peer):
    peer.open()
    assert reopen_of(peer.after(10.0)).cause is LossCause.HANDSHAKE
    peer.session.lose("cut")
    peer.greet()
    assert peer.session.next_deadline() == peer.now + 10.0
    assert reopen_of(peer.after(10.0)).cause is LossCause.AUTHENTICATION


def test_the_end_of_an_authentication_costs_the_socket(peer):
    peer.live()
    body = {"event": "unauth", "status": "OK", "chanId": 0}
    assert reopen_of(peer.feed(body)).cause is LossCause.AUTHENTICATION
    peer.session.lose("cut")
    peer.greet()
    assert isinstance(reported(peer.feed(body))[0], RemoteError)


# --- the channel ------------------------------------------------------------------------------


def test_all_snapshots_are_one_event(peer):
    peer.authenticate()
    outputs = peer.snapshots(os=[order_row(1)], ws=[wallet_row("BTC", 1.0)])
    assert shape(told(outputs)) == [Snapshot]
    assert outputs[-1] == Resolve(TOKEN)
    assert list(peer.channel.state.orders.items) == [1]
    assert peer.session.is_proven


def test_snapshots_that_do_not_come_are_not_waited_for(peer):
    peer.authenticate()
    assert told(peer.get("ws", [])) == []
    assert peer.session.next_deadline() == peer.now + 1.0
    assert shape(told(peer.after(1.0))) == [Snapshot]


def test_a_filter_without_snapshots_is_live_at_once():
    peer = AccountPeer(filters=("balance",))
    peer.subscribe()
    outputs = peer.authenticate()
    assert shape(told(outputs)) == [Snapshot] and Resolve(TOKEN) in outputs


def test_updates_are_delivered_as_they_come(peer):
    peer.live()
    outputs = peer.feed(
        peer.frame("on", order_row(1)),
        peer.frame("te", trade_row(9, 1)),
        peer.frame("tu", trade_row(9, 1, fee=True)),
        peer.frame("hb"),
        peer.frame("oc", order_row(1, status="EXECUTED @ 100.0(1.0)")),
    )
    assert len(of(Deliver, outputs)) == 1
    assert shape(told(outputs)) == ["on", "te", "tu", "oc"]


@pytest.mark.parametrize("flags", [0, SEQ, SEQ_MTS])
def test_blocks_and_single_frames_mean_the_same(flags):
    together, single = AccountPeer(flags), AccountPeer(flags)
    updates = []
    for peer in (together, single):
        peer.subscribe()
        peer.live()
    frames = [together.frame("on", order_row(1)), together.frame("hb")]
    frames += [together.frame("wu", wallet_row("BTC", 2.0))]
    updates.append(told(together.feed(*frames)))
    updates.append([])
    for message in frames:
        # An event makes each block an unusual one.
        pong = {"event": "pong", "cid": 99}
        updates[1] += told(single.feed(message, pong))
    assert updates[0] == updates[1] and len(updates[0]) == 2
    assert updates[0][0].server_mts == (MTS if flags == SEQ_MTS else None)


def test_data_before_the_authentication_is_ignored_but_counts(peer):
    peer.greet()
    assert peer.get("os", []) == []
    peer.apply(SendAuth(AUTH))
    peer.feed(OK)
    assert shape(told(peer.snapshots())) == [Snapshot]


@pytest.mark.parametrize("is_in_block", [True, False])
def test_a_missing_number_costs_the_socket(peer, is_in_block):
    peer.live()
    next(peer.seq)
    frame = peer.frame("wu", wallet_row("BTC", 1.0))
    outputs = peer.feed(frame, frame) if is_in_block else peer.feed(frame)
    assert reopen_of(outputs).cause is LossCause.SEQUENCE
    assert told(outputs) == []


def test_notifications_need_no_number(peer):
    peer.live()
    row = notification_row("uca", None)
    bare, odd = peer.frame("n", row, suffix=[]), peer.frame("n", row, suffix=[7])
    outputs = peer.feed(bare, odd, peer.frame("wu", wallet_row("BTC", 1.0)))
    assert shape(told(outputs)) == ["n", "n", "wu"]


def test_frames_of_other_channels_count_and_are_ignored(peer):
    peer.live()
    frames = [[7, [1.0], next(peer.seq)], [7, "hb", next(peer.seq)]]
    frames.append([7, "cs", 5, next(peer.seq)])
    assert told(peer.feed(*frames)) == []
    assert shape(told(peer.get("wu", wallet_row("BTC", 1.0)))) == ["wu"]


@pytest.mark.parametrize(
    "message",
    [b"{", b"7", b"[]", b"[0]", b"[0,7]", b'["x","wu",[]]', b'{"a":1}', b"[" * 99_999],
)
def test_unreadable_messages_are_reported(peer, message):
    peer.live()
    (error,) = reported(peer.feed(message))
    assert isinstance(error, RemoteError)
    assert shape(told(peer.get("wu", wallet_row("BTC", 1.0)))) == ["wu"]


def test_binary_messages_are_reported(peer):
    peer.live()
    assert isinstance(reported(peer.feed(Binary(b"{}")))[0], RemoteError)


def test_unreadable_rows_are_reported_and_do_not_stop_the_rest(peer):
    peer.live()
    outputs = peer.feed(peer.frame("on", [7]), peer.frame("on", order_row(1)))
    assert len(reported(outputs)) == 1 and shape(told(outputs)) == ["on"]


def test_an_empty_block_is_nothing(peer):
    peer.live()
    assert peer.session.feed([], peer.now) == []


@pytest.mark.parametrize("name", ["error", "subscribed"])
def test_other_events_are_reported(peer, name):
    peer.live()
    (error,) = reported(peer.feed({"event": name, "code": 10300, "msg": "no"}))
    assert isinstance(error, ApiError if name == "error" else RemoteError)


# --- the subscription -------------------------------------------------------------------------


def test_a_late_subscription_starts_from_the_current_state():
    peer = AccountPeer()
    outputs = peer.live(os=[order_row(1)])
    assert told(outputs) == [] and of(Resolve, outputs) == []
    requested, delivered, resolved = peer.subscribe()
    assert requested == Requested(TOKEN) and resolved == Resolve(TOKEN)
    assert shape(delivered.updates) == [Snapshot]
    assert peer.apply(Subscribe("another", peer.channel)) == []


def test_one_between_authentication_and_snapshots_waits_for_them():
    peer = AccountPeer()
    peer.authenticate()
    assert peer.subscribe() == [Requested(TOKEN)]
    assert shape(told(peer.snapshots())) == [Snapshot]


def test_after_unsubscribing_the_state_is_kept_current(peer):
    peer.live()
    peer.apply(Unsubscribe(TOKEN))
    assert told(peer.get("on", order_row(1))) == []
    assert list(peer.channel.state.orders.items) == [1]


def test_subscribing_again_takes_another_socket(peer):
    assert peer.apply(Resubscribe(TOKEN, "asked")) == []
    peer.live()
    reopen = reopen_of(peer.apply(Resubscribe(TOKEN, "asked")))
    assert (reopen.reason, reopen.cause) == ("asked", LossCause.AUTHENTICATION)


# --- inputs -----------------------------------------------------------------------------------


def test_one_operation_is_a_message_of_its_own(peer):
    peer.live()
    operation = new_order()
    assert sent(peer.submit(operation)) == [[0, "on", None, operation.body]]


def test_several_operations_are_one_message(peer):
    peer.live()
    bodies = [["on", new_order().body], ["oc", {"id": 3}]]
    outputs = peer.submit(new_order(), cancel(id=3))
    assert sent(outputs) == [[0, "ox_multi", None, bodies]]


def test_the_first_order_waits_for_the_wallets(peer):
    assert peer.submit(new_order()) == []
    assert sent(peer.authenticate()) == []
    assert sent(peer.get("os", [])) == []
    assert [message[1] for message in sent(peer.get("ws", []))] == ["on"]


def test_the_first_order_waits_for_one_second_at_most(peer):
    peer.authenticate()
    assert peer.submit(new_order()) == []
    assert peer.session.next_deadline() == peer.now + 1.0
    assert [message[1] for message in sent(peer.after(1.0))] == ["on"]


def test_a_cancellation_does_not_wait_for_the_wallets(peer):
    peer.authenticate()
    assert [message[1] for message in sent(peer.submit(cancel()))] == ["oc"]


def by_cid(token: str, cid: int) -> Operation:
    return Operation(token, "oc", {"cid": cid, "cid_date": "2026-11-30"})


def test_no_operation_overtakes_another(peer):
    peer.authenticate()
    peer.submit(new_order())
    assert sent(peer.submit(by_cid("second", 5))) == []
    messages = sent(peer.get("ws", []))
    assert [message[1] for message in messages] == ["on", "oc"]


@pytest.mark.parametrize(
    "operation",
    [
        Operation("a", "oc", {"id": 1}),
        Operation("a", "foc", {"id": 1}),
        Operation("a", "oc_multi", {"id": [1, 2]}),
    ],
    ids=lambda operation: operation.name,
)
def test_cancellations_by_id_do_not_wait_behind_orders(peer, operation):
    peer.authenticate()
    peer.submit(new_order())
    assert [message[1] for message in sent(peer.submit(operation))] == [operation.name]


@pytest.mark.parametrize("body", [{"all": 1}, {"gid": [1]}, {"id": [1], "gid": [1]}])
def test_other_cancellations_wait_for_the_orders_before_them(peer, body):
    peer.authenticate()
    peer.submit(new_order())
    assert sent(peer.submit(Operation("all", "oc_multi", body))) == []


def test_too_many_waiting_operations_are_refused(peer):
    few = [new_order(str(cid), cid) for cid in range(75)]
    while not (outputs := peer.submit(*few)):
        pass
    errors = settled(outputs)
    assert len(errors) == 75 and "waiting" in str(errors["0"])
    assert peer.submit(cancel()) == []


def test_nothing_at_all_is_not_sent(peer):
    assert peer.submit() == []
    assert peer.session.next_deadline() is None


def test_before_the_first_authentication_inputs_wait(peer):
    assert peer.submit(cancel()) == []
    peer.open()
    peer.session.lose("cut")
    assert [message[1] for message in sent(peer.authenticate())] == ["oc"]


def test_inputs_that_wait_for_too_long_are_not_sent(peer):
    peer.submit(new_order(), cancel())
    assert peer.session.next_deadline() == peer.now + 10.0
    results = settled(peer.after(10.0))
    order, other = results["order"], results["cancel"]
    assert isinstance(order, OrderNotPlaced) and order.cid == 5
    assert type(other) is NotExecuted
    assert {order.proof, other.proof} == {"never_sent"}
    assert {order.phase, other.phase} == {"send"}
    assert sent(peer.live()) == []


def test_a_suspend_counts_as_time(peer):
    peer.submit(new_order())
    error = settled(peer.session.suspended(3600.0, peer.now))["order"]
    assert isinstance(error, OrderNotPlaced) and error.proof == "never_sent"
    assert sent(peer.live()) == []


def test_after_a_loss_inputs_are_refused_at_once(peer):
    peer.live()
    peer.session.lose("cut")
    error = settled(peer.submit(new_order()))["order"]
    assert isinstance(error, OrderNotPlaced) and error.retryable


def test_queued_inputs_wait_for_the_next_socket(peer):
    peer.live()
    peer.session.lose("cut")
    assert peer.submit(cancel(), may_queue=True) == []
    assert [message[1] for message in sent(peer.authenticate())] == ["oc"]


def test_a_loss_refuses_what_has_not_been_sent(peer):
    peer.authenticate()
    peer.submit(new_order("a", 1))
    peer.submit(new_order("b", 2), may_queue=True)
    outputs = peer.session.lose("cut")
    assert list(settled(outputs)) == ["a"]
    assert [message[3]["cid"] for message in sent(peer.live())] == [2]


def test_a_last_check_keeps_its_operation_from_being_sent(peer):
    error = UsageError("halted")

    def refuse() -> None:
        raise error

    peer.live()
    outputs = peer.submit(new_order("a", 1, before_send=refuse), new_order("b", 2))
    assert settled(outputs) == {"a": error}
    assert [message[3]["cid"] for message in sent(outputs)] == [2]
    outputs = peer.submit(new_order("c", 3, before_send=refuse))
    assert settled(outputs) == {"c": error} and sent(outputs) == []


def test_calculations_are_requested(peer):
    peer.live()
    names = ("balance", "margin_base")
    assert sent(peer.apply(SendCalc(names))) == [
        [0, "calc", None, [["balance"], ["margin_base"]]]
    ]


def test_messages_are_sent_to_the_other_sockets(peer):
    peer.live()
    assert sent(peer.apply(SendMessage("ucm-x", {"a": 1}, 3))) == [
        [0, "n", 3, {"type": "ucm-x", "info": {"a": 1}}]
    ]


def test_what_has_no_reply_is_reported_while_the_link_is_down(peer):
    (error,) = reported(peer.apply(SendCalc(("balance",))))
    assert isinstance(error, NetworkError) and error.phase == "send"
    peer.live()
    peer.feed(PAUSE)
    (error,) = reported(peer.apply(SendMessage("ucm-x", {})))
    assert "maintenance" in str(error)


def test_messages_are_settled_when_they_are_sent(peer):
    peer.live()
    assert settled(peer.apply(SendMessage("ucm-x", {}, token="n"))) == {"n": None}
    assert settled(peer.apply(SendCalc(("balance",), "calc"))) == {"calc": None}


def test_calculations_wait_for_their_turn_and_share_it(peer):
    peer.live()
    for number in range(8):
        assert len(sent(peer.apply(SendCalc((f"wallet_margin_{number}",))))) == 1
    for token in ("a", "b"):
        outputs = peer.apply(SendCalc(("balance", f"wallet_exchange_{token}"), token))
        assert sent(outputs) == [] and settled(outputs) == {}
    assert peer.session.next_deadline() == pytest.approx(peer.now + 1.1)
    outputs = peer.after(1.2)
    names = [["balance"], ["wallet_exchange_a"], ["wallet_exchange_b"]]
    assert sent(outputs) == [[0, "calc", None, names]]
    assert settled(outputs) == {"a": None, "b": None}


@pytest.mark.parametrize("end", ["loss", "maintenance"])
def test_calculations_are_not_sent_after_a_loss(peer, end):
    peer.live()
    for number in range(9):
        peer.apply(SendCalc((f"wallet_margin_{number}",), number))
    outputs = peer.session.lose("cut") if end == "loss" else peer.feed(PAUSE)
    assert list(settled(outputs)) == [8]
    assert isinstance(settled(outputs)[8], NetworkError)
    for command in (SendCalc(("balance",), "c"), SendMessage("ucm-x", {}, None, "n")):
        (error,) = settled(peer.apply(command)).values()
        assert isinstance(error, NetworkError) and error.phase == "send"
    assert sent(peer.after(2.0)) == []


def test_buffered_operations_are_sent_in_one_message(peer):
    peer.live()
    until = peer.now + 0.5
    for cid in (1, 2):
        assert peer.submit(new_order(cid, cid), buffer_until=until) == []
    assert peer.session.next_deadline() == until
    ((_, name, _, bodies),) = sent(peer.after(0.5))
    assert name == "ox_multi" and [body["cid"] for _, body in bodies] == [1, 2]


def test_buffered_operations_go_first(peer):
    peer.live()
    peer.submit(new_order("a", 1), buffer_until=peer.now + 0.5)
    outputs = sent(peer.submit(cancel("b", 7)))
    assert [message[1] for message in outputs] == ["on", "oc"]
    assert sent(peer.after(1.0)) == []


def test_buffered_operations_are_not_sent_after_a_loss(peer):
    peer.live()
    until = peer.now + 0.5
    peer.submit(new_order("a", 1), buffer_until=until)
    peer.submit(new_order("b", 2), buffer_until=until, may_queue=True)
    outputs = peer.session.lose("cut")
    assert settled(outputs)["a"].proof == "never_sent" and len(settled(outputs)) == 1
    assert [message[3]["cid"] for message in sent(peer.live())] == [2]


def test_buffered_operations_do_not_sleep_through_a_suspend(peer):
    peer.live()
    peer.submit(new_order("a", 1), buffer_until=peer.now + 0.5)
    outputs = peer.session.suspended(60.0, peer.now)
    assert settled(outputs)["a"].proof == "never_sent"


def test_pings_are_answered(peer):
    (resolved,) = peer.apply(Ping("ping", 9e9))
    assert isinstance(resolved, Resolve) and isinstance(resolved.error, NetworkError)
    peer.live()
    (message,) = of(Send, peer.apply(Ping("ping", 9e9)))
    pong = {"event": "pong", "cid": json.loads(message.text)["cid"], "ts": MTS}
    peer.now += 0.25
    assert peer.feed(pong) == [Resolve("ping")]
    assert peer.session.ping_s == 0.25
    peer.apply(Ping("late", 9e9))
    assert [each.token for each in of(Resolve, peer.session.lose("cut"))] == ["late"]


# --- fates ------------------------------------------------------------------------------------


def test_an_order_that_rests_settles_before_it_is_delivered(peer):
    peer.live()
    peer.submit(new_order())
    peer.get("n", notification_row("on-req", order_row(1)))
    outputs = peer.get("on", order_row(1))
    kinds = [type(output) for output in outputs]
    assert kinds.index(Settle) < kinds.index(Deliver)
    assert settled(outputs)["order"].id == 1


def test_a_refused_order_raises(peer):
    peer.live()
    peer.submit(new_order())
    row = notification_row("on-req", order_row(0), "ERROR")
    assert isinstance(settled(peer.get("n", row))["order"], OrderRejected)


@pytest.mark.parametrize("is_one_command", [True, False])
def test_the_next_operation_is_sent_once_the_one_before_is_answered(
    peer, is_one_command
):
    peer.live(os=[order_row(1)])
    bodies: List[Dict[str, Any]] = [{"id": 1, "price": "1"}, {"id": 1, "price": "2"}]
    first, second = (Operation(body["price"], "ou", body) for body in bodies)
    if is_one_command:
        messages = sent(peer.submit(first, second))
    else:
        messages = sent(peer.submit(first)) + sent(peer.submit(second))
    assert messages == [[0, "ou", None, bodies[0]]]
    answer = peer.get("n", notification_row("ou-req", order_row(1)))
    assert sent(answer) == [[0, "ou", None, bodies[1]]]


def update(token: str, price: str, **name: Any) -> Operation:
    return Operation(token, "ou", {**(name or {"id": 1}), "price": price})


def offer(token: str) -> Operation:
    body = {"type": "LIMIT", "symbol": "fUSD", "amount": "200"}
    return Operation(token, "fon", {**body, "rate": "0.001", "period": 2})


OTHERS = {
    "order": new_order("other", 9),
    "update of another order": update("other", "5", id=2),
    "cancellation by cid": by_cid("other", 9),
    "offer": offer("other"),
}
ALIKE = {
    "update of the same order": update("other", "5"),
    "update by cid": update("other", "5", cid=9, cid_date="2026-11-30"),
    "cancellation of all": Operation("other", "oc_multi", {"all": 1}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_overtake_an_update_that_waits_for_one_like_it(peer, name):
    peer.live(os=[order_row(1), order_row(2)])
    peer.submit(update("a", "1"))
    assert sent(peer.submit(update("b", "2"))) == []
    other = OTHERS[name]
    assert sent(peer.submit(other)) == [[0, other.name, None, other.body]]
    answer = peer.get("n", notification_row("ou-req", order_row(1)))
    assert sent(answer) == [[0, "ou", None, {"id": 1, "price": "2"}]]


@pytest.mark.parametrize("name", ALIKE)
def test_what_may_concern_the_same_order_does_not_overtake(peer, name):
    peer.live(os=[order_row(1)])
    peer.submit(update("a", "1"))
    peer.submit(update("b", "2"))
    assert sent(peer.submit(ALIKE[name])) == []
    later = new_order("later", 9)
    passes = [] if name == "cancellation of all" else [[0, "on", None, later.body]]
    assert sent(peer.submit(later)) == passes
    answer = peer.get("n", notification_row("ou-req", order_row(1)))
    assert sent(answer)[0] == [0, "ou", None, {"id": 1, "price": "2"}]


def test_offers_keep_their_order(peer):
    peer.live()
    peer.submit(offer("a"))
    assert sent(peer.submit(offer("b"))) == sent(peer.submit(offer("c"))) == []
    assert [m[1] for m in sent(peer.submit(new_order()))] == ["on"]


def test_an_order_in_the_same_message_is_not_overtaken(peer):
    peer.live(os=[order_row(1)])
    peer.submit(update("a", "1"))
    assert sent(peer.submit(update("b", "2"), new_order())) == []
    assert sent(peer.submit(new_order("c", 9))) == []


def test_only_so_many_commands_are_overtaken(peer):
    peer.live(os=[order_row(1)])
    for number in range(MOST_OVERTAKEN + 1):
        peer.submit(update(f"u{number}", "1"))
    assert len(sent(peer.submit(new_order()))) == 1
    peer.submit(update("last", "1"))
    assert sent(peer.submit(new_order("c", 9))) == []


def test_what_was_in_flight_at_a_loss_is_searched_and_never_sent_again(peer):
    peer.live()
    operation = new_order()
    peer.submit(operation)
    peer.session.lose("cut")
    outputs = peer.live()
    assert [each.operation for each in of(Reconcile, outputs)] == [operation]
    assert sent(outputs) == []
    order = Order.from_row(order_row(1))
    assert settled(peer.apply(Reconciled(operation, order)))["order"].id == 1


def test_a_snapshot_settles_what_was_in_flight(peer):
    peer.live()
    peer.submit(new_order())
    peer.session.lose("cut")
    assert settled(peer.live(os=[order_row(1)]))["order"].id == 1


def test_an_unanswered_operation_is_searched(peer):
    peer.live()
    peer.submit(new_order())
    outputs = []
    while not of(Reconcile, outputs):
        peer.get("hb")
        outputs = peer.after(5.0)
        assert of(Reopen, outputs) == []


# --- losses -----------------------------------------------------------------------------------


def test_a_loss_is_a_gap_then_a_snapshot_then_updates(peer):
    outputs = peer.live(os=[order_row(1)])
    outputs += peer.session.lose("cut")
    outputs += peer.session.lose("cut again")
    outputs += peer.live(os=[order_row(2)])
    outputs += peer.get("on", order_row(3, cid=6))
    assert shape(told(outputs)) == [Snapshot, Gap, Snapshot, "on"]


def test_missed_fills_and_closed_orders_are_fetched_once(peer):
    peer.live(os=[order_row(1)])
    peer.get("te", trade_row(9, 1))
    peer.session.lose("cut")
    (fetch,) = of(FetchMissed, peer.live())
    assert fetch.order_ids == (1,) and fetch.since_mts <= MTS
    trades = [AccountTrade.from_row(trade_row(id, 1, fee=True)) for id in (9, 10)]
    assert shape(told(peer.apply(RestoreTrades(trades)))) == ["tu", "te", "tu"]
    closed = Order.from_row(order_row(1, status="EXECUTED @ 100.0(1.0)"))
    assert shape(told(peer.apply(RestoreOrders([closed])))) == ["oc"]
    assert told(peer.apply(RestoreTrades(trades))) == []


def pong(peer: AccountPeer, mts: object) -> List[Any]:
    return peer.feed({"event": "pong", "cid": 1, "ts": mts})


def test_fills_are_not_fetched_from_before_the_first_authentication(peer):
    peer.live(os=[order_row(1)])
    pong(peer, MTS + 60_000)
    peer.session.lose("cut")
    (fetch,) = of(FetchMissed, peer.live())
    assert fetch == FetchMissed(MTS + 60_000, (1,))


def test_an_account_without_any_order_is_fetched_from_its_first_time(peer):
    peer.live()
    pong(peer, "soon")
    pong(peer, MTS)
    pong(peer, MTS + 1)
    peer.session.lose("cut")
    assert of(FetchMissed, peer.live()) == [FetchMissed(MTS, ())]


def test_without_any_time_nothing_is_fetched(peer):
    peer.live()
    peer.session.lose("cut")
    assert of(FetchMissed, peer.live()) == []


def test_times_before_the_authentication_do_not_count(peer):
    peer.greet()
    pong(peer, MTS - 60_000)
    peer.apply(SendAuth(AUTH))
    peer.feed(OK)
    peer.snapshots()
    pong(peer, MTS)
    peer.session.lose("cut")
    assert of(FetchMissed, peer.live()) == [FetchMissed(MTS, ())]


def test_another_account_starts_anew(peer):
    peer.live(os=[order_row(1)])
    pong(peer, MTS)
    peer.session.lose("cut")
    peer.greet()
    peer.apply(SendAuth(AUTH))
    peer.feed({**OK, "userId": 8})
    assert of(FetchMissed, peer.snapshots()) == []
    assert list(peer.channel.state.orders.items) == []


def test_inputs_for_the_former_account_are_neither_sent_nor_searched_for(peer):
    peer.live()
    peer.submit(new_order("lost"))
    peer.session.lose("cut")
    peer.submit(new_order("queued"), may_queue=True, expires_in=100.0)
    peer.greet()
    peer.apply(SendAuth(AUTH))
    outputs = peer.feed({**OK, "userId": 8}) + peer.snapshots() + peer.after(20.0)
    assert sent(outputs) == [] and of(Reconcile, outputs) == []
    error = settled(outputs)["queued"]
    assert error.proof == "never_sent" and "another account" in str(error)
    (replaced,) = of(AccountReplaced, outputs)
    assert "another account" in str(replaced.error)
    assert sent(peer.submit(new_order("next"))) != []


@pytest.mark.parametrize(
    "filters, expected",
    [
        ((), ["te", "tu"] * 2),
        (("trading",), ["te", "tu"] * 2),
        (("trading-tBTCUSD",), ["te", "tu"]),
        (("wallet",), []),
    ],
)
def test_restored_fills_are_those_of_the_filters(filters, expected):
    peer = AccountPeer(filters=filters)
    peer.subscribe()
    peer.authenticate()
    pong(peer, MTS)
    peer.after(1.0)
    peer.session.lose("cut")
    peer.authenticate()
    snapshots = peer.after(1.0)
    assert len(of(FetchMissed, snapshots)) == (1 if expected else 0)
    rows = [trade_row(1, 1, fee=True), trade_row(2, 1, fee=True)]
    rows[1][1] = "tETHUSD"
    trades = [AccountTrade.from_row(row) for row in rows]
    assert shape(told(peer.apply(RestoreTrades(trades)))) == expected


def test_a_loss_before_the_snapshots_is_no_gap(peer):
    peer.authenticate()
    assert peer.session.lose("cut") == []
    assert shape(told(peer.live())) == [Snapshot]


# --- maintenance and restarts ------------------------------------------------------------------


def test_a_restart_costs_the_socket(peer):
    peer.live()
    assert reopen_of(peer.feed(STOP)).cause is LossCause.RESTART
    assert settled(peer.submit(cancel()))["cancel"].proof == "never_sent"


def test_a_maintenance_refuses_inputs_and_ends_with_another_socket(peer):
    peer.authenticate()
    peer.submit(new_order())
    peer.snapshots()
    peer.submit(cancel("later", 2), may_queue=True)
    outputs = peer.feed(PAUSE)
    assert [change.status for change in of(Change, outputs)] == [
        ConnectionStatus.MAINTENANCE
    ]
    assert told(outputs) == [Status(SubscriptionStatus.MAINTENANCE)]
    assert isinstance(settled(peer.submit(cancel()))["cancel"], NotExecuted)
    assert peer.submit(cancel("queued", 3), may_queue=True) == []
    assert reopen_of(peer.feed(RESUME)).cause is LossCause.MAINTENANCE
    peer.session.lose("maintenance ended")
    assert [message[3] for message in sent(peer.live())] == [{"id": 3}]


def test_a_maintenance_before_the_snapshots_says_nothing(peer):
    peer.authenticate()
    peer.submit(new_order())
    outputs = peer.feed(PAUSE)
    assert told(outputs) == [] and list(settled(outputs)) == ["order"]


def test_nothing_is_authenticated_during_a_maintenance(peer):
    peer.open()
    peer.feed(CLOSED_INFO)
    outputs = peer.feed({"event": "conf", "status": "OK", "flags": SEQ})
    assert [type(output) for output in outputs] == [Change]
    assert peer.feed(RESUME) == [Authenticate()]


def test_an_authentication_during_a_maintenance_opens_nothing(peer):
    peer.greet()
    peer.apply(SendAuth(AUTH))
    peer.feed(PAUSE)
    outputs = peer.feed(OK)
    assert of(Change, outputs) == [] and len(of(Authenticated, outputs)) == 1
    assert settled(peer.submit(cancel()))["cancel"].proof == "never_sent"


# --- messages as they came --------------------------------------------------------------------


@pytest.mark.parametrize("flags", [0, SEQ, SEQ_MTS])
def test_handlers_get_messages_without_suffix_in_order(flags):
    peer = AccountPeer(flags)
    peer.channel.extras = True
    peer.subscribe()
    outputs = peer.live(os=[order_row(1)]) + peer.get("hb")
    outputs += peer.get("on", order_row(2)) + peer.get("xx", {"new": 1})
    got = [item.content for item in told(outputs) if isinstance(item, AccountMessage)]
    assert got[0]["event"] == "auth" and got[0]["status"] == "OK"
    assert [0, "os", [order_row(1)]] in got
    assert got[-3:] == [[0, "hb"], [0, "on", order_row(2)], [0, "xx", {"new": 1}]]


def test_a_refused_authentication_is_a_message_too(peer):
    peer.channel.extras = True
    peer.subscribe()
    peer.open()
    peer.greet()
    peer.apply(SendAuth(AUTH))
    refused = {"event": "auth", "status": "FAILED", "chanId": 0, "code": 10100}
    assert told(peer.feed(refused)) == [AccountMessage(refused)]


def test_messages_are_made_for_handlers_only(peer):
    peer.subscribe()
    outputs = peer.live() + peer.get("hb") + peer.get("on", order_row(2))
    assert not any(isinstance(item, AccountMessage) for item in told(outputs))


# --- silence ----------------------------------------------------------------------------------


def test_heartbeats_of_the_account_keep_the_socket(peer):
    peer.live()
    for _ in range(10):
        assert of(Reopen, peer.after(15.0)) == []
        peer.get("hb")


def test_pongs_do_not_keep_a_socket_without_heartbeats(peer):
    peer.live()
    assert len(of(Send, peer.after(25.0))) == 1
    peer.feed({"event": "pong", "cid": 2, "ts": MTS})
    assert reopen_of(peer.after(10.0)).cause is LossCause.STALE


def test_a_heartbeat_ends_a_silence(peer):
    peer.live()
    peer.after(25.0)
    peer.get("hb")
    assert of(Reopen, peer.after(15.0)) == []


def test_a_suspend_probes_the_peer(peer):
    peer.live()
    assert len(of(Send, peer.session.suspended(60.0, peer.now))) == 1
    assert reopen_of(peer.after(5.0)).cause is LossCause.STALE


def test_without_a_socket_only_operations_have_deadlines(peer):
    assert peer.session.next_deadline() is None
    peer.submit(cancel(), expires_in=3.0)
    assert peer.session.next_deadline() == peer.now + 3.0


def test_observations_reach_replies_through_restored_orders(peer):
    peer.live()
    peer.submit(new_order())
    peer.get("on", order_row(1))
    peer.session.lose("cut")
    peer.live()
    closed = Order.from_row(order_row(1, status="CANCELED", mts=MTS + 5))
    outputs = peer.apply(RestoreOrders([closed]))
    assert [each.token for each in of(Observe, outputs)] == ["order"]


def test_message_before_the_tick_sends_no_expired_order() -> None:
    peer = AccountPeer()
    peer.authenticate()
    assert sent(peer.submit(new_order(), expires_in=10.0)) == []
    peer.now += 10.0
    outputs = peer.snapshots()
    assert sent(outputs) == []
    assert isinstance(settled(outputs)["order"], OrderNotPlaced)
