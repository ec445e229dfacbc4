"""Inputs over the account's connection, each kind of them, and all at once."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List

import pytest

from bfxsync import (
    AuthError,
    Client,
    OrderBlocked,
    OrderNotFilled,
    OrderRejected,
    UsageError,
)
from bfxsync.paper import PaperExchange

from .conftest import DEADLINE_S

Connect = Callable[..., Client]

RESTING = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "100")
TERMS = dict(zip(("type", "symbol", "amount", "price"), RESTING))


def open_cids(exchange: PaperExchange) -> List[int]:
    return [order["cid"] for order in exchange.account.orders]


def test_every_input_has_a_result(exchange: PaperExchange, connect: Connect) -> None:
    inputs = connect().wss.inputs
    orders = [inputs.submit_order(*RESTING, gid=7) for _ in range(4)]
    ids = [reply.result(DEADLINE_S).id for reply in orders]
    changed = inputs.update_order(ids[0], price="101").result(DEADLINE_S)
    assert (changed.id, changed.price) == (ids[0], 101)
    assert inputs.cancel_order(id=ids[0]).result(DEADLINE_S).id == ids[0]
    assert inputs.cancel_order(cid=orders[1].cid).result(DEADLINE_S).id == ids[1]
    cancelled = inputs.cancel_order_multi(id=ids[2:3], gid=[7]).result(DEADLINE_S)
    assert {order.id for order in cancelled} == set(ids[2:])
    for reply in orders:
        with pytest.raises(OrderNotFilled):
            reply.wait_filled(DEADLINE_S)
    offer = inputs.submit_funding_offer("LIMIT", "fUSD", "150", "0.06", 2)
    placed = offer.result(DEADLINE_S)
    assert inputs.cancel_funding_offer(placed.id).result(DEADLINE_S).id == placed.id
    assert exchange.account.orders == []


@pytest.mark.parametrize(
    "value",
    [object(), float("nan"), {(1,): 2}, b""],
    ids=["object", "NaN", "key", "bytes"],
)
def test_meta_beyond_json_is_refused_at_once(connect: Connect, value: Any) -> None:
    inputs = connect().wss.inputs
    with pytest.raises(UsageError, match="^meta must be a dict of JSON values"):
        inputs.submit_order(*RESTING, meta={"x": value})
    assert inputs.submit_order(*RESTING, meta={"x": 0.5}).result(DEADLINE_S).id


def test_messages_arrive(connect: Connect) -> None:
    client, other = connect(), connect()
    got: List[Any] = []
    arrived = threading.Event()

    def receive(note: Any) -> None:
        if note.type == "ucm-test":
            got.append(note)
            arrived.set()

    other.wss.on("notification", receive)
    other.wss.wait_authenticated(DEADLINE_S)
    inputs = client.wss.inputs
    inputs.notify({"a": [1, "ü"]}, 5).result(DEADLINE_S)
    assert arrived.wait(DEADLINE_S) and got[0].raw[4] == {"a": [1, "ü"]}
    assert 0 < inputs.ping().result(DEADLINE_S) < DEADLINE_S
    # Far more than 8 per second: coalesced, or the exchange would report an error.
    errors: List[Any] = []
    client.wss.on("wss-error", lambda code, message: errors.append(code))
    names = [f"wallet_exchange_{name}" for name in ("BTC", "USD", "ETH")]
    replies = [inputs.calc(*names, "balance") for _ in range(50)]
    for reply in replies:
        reply.result(DEADLINE_S)
    inputs.ping().result(DEADLINE_S)
    assert errors == []


def test_many_operations_have_a_result_each(
    exchange: PaperExchange, connect: Connect
) -> None:
    inputs = connect().wss.inputs
    ops = [("on", {**TERMS, "cid": cid}) for cid in range(1, 80)]
    ops.insert(40, ("on", {**TERMS, "amount": "9999", "price": "50000", "cid": 99}))
    replies = inputs.submit_order_multi(ops)
    with pytest.raises(OrderRejected, match="submit_order of cid 99"):
        replies.pop(40).result(DEADLINE_S)
    placed = [reply.result(DEADLINE_S).cid for reply in replies]
    assert placed == list(range(1, 80)) == open_cids(exchange)
    (all_cancelled,) = inputs.submit_order_multi([("oc_multi", {"all": True})])
    assert len(all_cancelled.result(DEADLINE_S)) == 79


def test_buffered_orders_share_a_message_in_order(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    client.wss.account.wait_ready(DEADLINE_S)
    sent = client.wss.stats()["sent_bytes"]
    replies = [client.wss.inputs.submit_order(*RESTING, buffer_s=5) for _ in range(5)]
    assert client.wss.stats()["sent_bytes"] == sent
    # It takes them along, ahead of itself.
    last = client.wss.inputs.cancel_order(
        cid=replies[0].cid, cid_date=date_of(replies[0])
    )
    assert last.result(DEADLINE_S).cid == replies[0].cid
    assert [reply.result(DEADLINE_S).cid for reply in replies][1:] == open_cids(
        exchange
    )


def date_of(reply: Any) -> str:
    date: str = reply._request.cid_date
    return date


def test_orders_of_each_thread_keep_their_order(
    exchange: PaperExchange, connect: Connect
) -> None:
    inputs = connect().wss.inputs
    replies: Dict[int, List[Any]] = {}

    def trade(number: int) -> None:
        cids = range(1000 * number, 1000 * number + 25)
        replies[number] = [inputs.submit_order(*RESTING, cid=cid) for cid in cids]
        for reply in replies[number]:
            reply.result(DEADLINE_S)

    threads = [threading.Thread(target=trade, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    cids = open_cids(exchange)
    assert len(cids) == 200
    for number in replies:
        mine = [cid for cid in cids if cid // 1000 == number]
        assert mine == sorted(mine) and len(mine) == 25
    for number in replies:
        ids = [reply.order.id for reply in replies[number]]
        inputs.cancel_order_multi(id=ids).result(DEADLINE_S)


def test_bad_input_sends_nothing(exchange: PaperExchange, connect: Connect) -> None:
    client = connect()
    inputs = client.wss.inputs
    inputs.submit_order(*RESTING, cid=5).result(DEADLINE_S)
    sent = client.wss.stats()["sent_bytes"]
    for arguments in (
        {**TERMS, "price": "123456"},
        {**TERMS, "amount": "0"},
        {**TERMS, "type": "EXCHANGE LIMITED"},
        {**TERMS, "symbol": "fUSD"},
        {**TERMS, "cid": 5},
    ):
        for call in (
            lambda: inputs.submit_order(**arguments),
            lambda: inputs.submit_order_multi([("oc", {"id": 7}), ("on", arguments)]),
        ):
            with pytest.raises(UsageError):
                call()
    with pytest.raises(UsageError):
        inputs.submit_funding_offer("LIMIT", "tBTCUSD", "150", "0.01", 2)
    assert client.wss.stats()["sent_bytes"] == sent
    assert open_cids(exchange) == [5]


def test_wrong_key_raises_at_the_first_input(exchange: PaperExchange) -> None:
    with Client("wrong-key", "wrong-secret", wss_host=exchange.url) as client:
        for _ in range(2):
            with pytest.raises(AuthError) as caught:
                client.wss.inputs.submit_order(*RESTING)
        assert caught.value.code == 10100 and client.wss.exception is not None


def test_order_of_another_client_has_a_known_cid(
    exchange: PaperExchange, connect: Connect
) -> None:
    first, other = connect(), connect()
    others, inputs = other.wss.inputs, first.wss.inputs
    before, after = 61, 62
    others.submit_order(*RESTING, cid=before).result(DEADLINE_S)
    first.wss.account.wait_ready(DEADLINE_S)
    seen = threading.Event()
    first.wss.on("order_new", lambda order: order.cid == after and seen.set())
    others.submit_order(*RESTING, cid=after).result(DEADLINE_S)
    assert seen.wait(DEADLINE_S)
    for cid in (before, after):
        with pytest.raises(UsageError, match="cid must be unique"):
            inputs.submit_order(*RESTING, cid=cid)
        assert inputs.cancel_order(cid=cid).result(DEADLINE_S).cid == cid
    assert open_cids(exchange) == []


# --- guards -----------------------------------------------------------------------------------


def test_guards_ask_the_exchange(exchange: PaperExchange, connect: Connect) -> None:
    client = connect(max_open_orders=2, max_order_value={"USD": 100})
    inputs = client.wss.inputs
    replies = []
    for _ in range(2):
        replies.append(inputs.submit_order(*RESTING))
        # Until then it may count as open and as in flight.
        replies[-1].result(DEADLINE_S)
    with pytest.raises(OrderBlocked, match="max_open_orders"):
        inputs.submit_order(*RESTING)
    with pytest.raises(OrderBlocked, match="max_order_value"):
        inputs.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.01")
    with pytest.raises(OrderBlocked, match="max_order_value"):
        replies[0].update_order(amount="2")
    assert replies[1].cancel_order().result(DEADLINE_S)
    inputs.submit_order(*RESTING).result(DEADLINE_S)


def test_guards_know_open_orders_without_a_request(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect(post_only=True, max_order_value={"USD": 100})
    reply = client.wss.inputs.submit_order(*RESTING)
    order = reply.result(DEADLINE_S)
    before = len(exchange.journal)

    def requests() -> List[str]:
        entries = list(exchange.journal)[before:]
        return [e.name for e in entries if (e.via, e.kind) == ("rest", "request")]

    assert reply.update_order(price="101").result(DEADLINE_S).price == 101
    with pytest.raises(OrderBlocked, match="max_order_value"):
        reply.update_order(price="20000")
    assert requests() == []
    # The connection of the account may report this one after its response.
    client.rest.auth.update_order(order.id, price="102").raise_for_status()
    reply.update_order(price="103").result(DEADLINE_S)
    assert requests().count("auth/r/orders") == 2


def test_halt_covers_both_transports(exchange: PaperExchange, connect: Connect) -> None:
    client = connect()
    reply = client.wss.inputs.submit_order(*RESTING)
    reply.result(DEADLINE_S)
    client.halt()
    assert reply.wait_done(DEADLINE_S).status.word == "CANCELED"
    with pytest.raises(OrderBlocked, match="halt"):
        client.wss.inputs.submit_order(*RESTING)
    client.resume()
    client.wss.inputs.submit_order(*RESTING).result(DEADLINE_S)


def test_orders_of_the_socket_are_cancelled_at_exit(
    exchange: PaperExchange, connect: Connect
) -> None:
    client, other = connect(cancel_on_exit=True), connect()
    kept = other.wss.inputs.submit_order(*RESTING)
    kept.result(DEADLINE_S)
    client.wss.inputs.submit_order(*RESTING).result(DEADLINE_S)
    ops = [("on", {**TERMS, "cid": cid}) for cid in (1, 2)]
    for reply in client.wss.inputs.submit_order_multi(ops):
        reply.result(DEADLINE_S)
    assert len(exchange.account.orders) == 4
    client.close()
    assert open_cids(exchange) == [kept.cid]


def test_known_funds_are_checked(exchange: PaperExchange, connect: Connect) -> None:
    # Also the first order, which opens the connection.
    inputs = connect(check_funds=True).wss.inputs
    with pytest.raises(OrderBlocked, match="USD is needed") as caught:
        inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "9", "99999")
    assert caught.value.guard == "check_funds"
    with pytest.raises(OrderBlocked, match="minimum"):
        inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.0000001", "100")
    with pytest.raises(UsageError, match="no symbol"):
        inputs.submit_order("EXCHANGE LIMIT", "tNOPEUSD", "1", "100")
    inputs.submit_order(*RESTING).result(DEADLINE_S)


# --- callbacks --------------------------------------------------------------------------------


def test_callbacks_on_the_io_thread_trade_without_waiting(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect(dispatch_threads=0)
    errors: List[Any] = []
    done = threading.Event()

    def trade(reply: Any) -> None:
        second = client.wss.inputs.submit_order(*RESTING)
        try:
            second.result()
        except UsageError as exc:
            errors.append(exc)
        # It can read what is there, and is called when there is more.
        second.add_done_callback(lambda it: done.set() if it.result().id else None)

    first = client.wss.inputs.submit_order(*RESTING)
    first.add_done_callback(trade)
    assert done.wait(DEADLINE_S)
    assert "cannot block here" in str(errors[0])
    assert len(exchange.account.orders) == 2


def test_failure_that_nobody_reads_reaches_on_error(connect: Connect) -> None:
    errors: List[Any] = []
    told = threading.Event()

    def on_error(error: BaseException) -> None:
        errors.append(error)
        told.set()

    client = connect(on_error=on_error)
    client.wss.inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "9999", "50000", cid=5)
    assert told.wait(DEADLINE_S)
    assert isinstance(errors[0], OrderRejected)
    assert str(errors[0]).startswith("submit_order of cid 5: ")


def test_order_in_flight_at_the_end_is_logged_if_nobody_reads(
    exchange: PaperExchange, connect: Connect, caplog: Any
) -> None:
    client = connect()
    client.wss.account.wait_ready(DEADLINE_S)
    exchange.inject("cut_before_input")
    exchange.inject("refuse_handshake", times=None, status=503)
    gone = threading.Event()
    client.wss.on("disconnected", lambda code, reason: gone.set())
    client.wss.inputs.submit_order(*RESTING, cid=5)
    assert gone.wait(DEADLINE_S)
    client.close()
    assert "OutcomeUnknown: submit_order of cid 5: no answer" in caplog.text
