"""The judge of orders finds true what is true, and nothing else."""

from __future__ import annotations

import random
from typing import Any, Callable, Iterator

import attrs
import pytest
import websocket

from bfxsync import Client, OrderNotPlaced, OrderRejected
from bfxsync.errors import ApiError, BfxError, NotExecuted, OutcomeUnknown
from bfxsync.paper import PaperAccount, PaperExchange

from .fault_proxy import FaultProxy
from .order_judge import Belief, OrderJudge
from .wire_tap import WireTap

LIMIT = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "50000")
MARKET = ("EXCHANGE MARKET", "tBTCUSD", "0.01")
BATCH = {"type": LIMIT[0], "symbol": LIMIT[1], "amount": LIMIT[2], "price": LIMIT[3]}


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    accounts = [PaperAccount(), PaperAccount(api_key="other", api_secret="other")]
    with PaperExchange(rate=1e-3, accounts=accounts) as exchange:
        yield exchange


@pytest.fixture
def bfx(exchange: PaperExchange) -> Iterator[Client]:
    with exchange.client(absence_s=0.01) as bfx:
        yield bfx


@pytest.fixture
def judge(exchange: PaperExchange) -> OrderJudge:
    exchange.clear_faults()
    judge = OrderJudge(exchange)
    with exchange.client() as bfx:
        bfx.rest.auth.cancel_all_orders()
    return judge


def believe(bfx: Client, cid: int, *args: Any, resolves: bool = True) -> Belief:
    """Submit an order by REST, and return what became of it as far as the client knows."""
    auth = bfx.rest.auth
    try:
        result = auth.submit_order(*args, cid=cid).raise_for_status().data
    except OutcomeUnknown as unknown:
        try:
            if not resolves:
                raise
            result = unknown.resolve()
        except (NotExecuted, OutcomeUnknown) as error:
            return Belief(cid, error=error)
    except BfxError as error:
        return Belief(cid, error=error)
    now = {order.cid: order for order in auth.get_orders()}
    found = now.get(cid) or auth.get_orders_history(ids=[result.id])[0]
    # The answer to a submission may show the order as it was before it was executed.
    fills = auth.get_order_trades(found.symbol, found.id)
    whole = {trade.id: trade for trade in auth.get_trades_history()}
    return Belief(cid, found, found, fills=[whole[fill.id] for fill in fills])


def test_what_is_true_is_found_true(
    exchange: PaperExchange, bfx: Client, judge: OrderJudge
) -> None:
    assert judge.judge(believe(bfx, 1, *LIMIT)) == "open"
    assert judge.judge(believe(bfx, 2, *MARKET)) == "done"
    assert judge.truth(2).filled == 0.01
    big = (LIMIT[0], LIMIT[1], "1000", LIMIT[3])
    assert judge.judge(believe(bfx, 3, *big)) == "rejected"
    exchange.inject("lost_answer", path="auth/w/order/submit", times=2)
    assert judge.judge(believe(bfx, 4, *LIMIT)) == "open"
    assert judge.judge(believe(bfx, 5, *LIMIT, resolves=False)) == "unknown"
    exchange.inject("lost_request", path="auth/w/order/submit")
    assert judge.judge(believe(bfx, 6, *LIMIT)) == "absent"
    judge.judge_state({order.id: order for order in bfx.rest.auth.get_orders()})
    assert [judge.truth(cid).is_open for cid in range(1, 7)] == [1, 0, 0, 1, 1, 0]


def test_batches_and_other_accounts_are_told_apart(
    exchange: PaperExchange, bfx: Client, judge: OrderJudge
) -> None:
    exchange.inject("reject_order", cid=8, code=10_057)
    ops = [("on", {**BATCH, "cid": cid}) for cid in (7, 8)]
    first, second = bfx.rest.auth.submit_order_multi(ops).data
    assert judge.judge(Belief(7, first.data, first.data, fills=[])) == "open"
    error = OrderRejected("rejected", code=second.code)
    assert judge.judge(Belief(8, error=error)) == "rejected"
    with exchange.client(exchange.accounts[1]) as other:
        other.rest.auth.submit_order(*LIMIT, cid=7)
        other.rest.auth.submit_order(*LIMIT, cid=9)
    assert judge.truth(7).request_count == 1 and not judge.truth(9).is_placed
    judge.judge_state({first.data.id: first.data})


ABSENT = OrderNotPlaced("not there", phase="receive", proof="absent", cid=1)
NEVER_SENT = OrderNotPlaced("not sent", phase="send", proof="never_sent", cid=1)
REFUSED = OrderNotPlaced("refused", phase="receive", proof="refused", cid=1)


def changed(field: str, **values: Any) -> Callable[[Belief], Belief]:
    """A belief whose order, result, or first fill differs in one thing."""

    def change(belief: Belief) -> Belief:
        if field == "fills":
            assert belief.fills is not None
            first, *rest = belief.fills
            return attrs.evolve(belief, fills=[attrs.evolve(first, **values), *rest])
        value = attrs.evolve(getattr(belief, field), **values)
        return attrs.evolve(belief, **{field: value})

    return change


LIES: dict[str, Callable[[Belief], Belief]] = {
    "absent": lambda belief: Belief(1, error=ABSENT),
    "never sent": lambda belief: Belief(1, error=NEVER_SENT),
    "refused": lambda belief: Belief(1, error=REFUSED),
    "rejected": lambda belief: Belief(1, error=OrderRejected("no", code=10_001)),
    "another status": changed("order", order_status="ACTIVE"),
    "another amount": changed("order", amount=0.005),
    "another order": changed("order", id=5),
    "a result that never was": changed("result", price_avg=1.0),
    "no state": lambda belief: attrs.evolve(belief, order=None),
    "a fill is missing": lambda belief: attrs.evolve(belief, fills=()),
    "a fill twice": lambda b: attrs.evolve(b, fills=[*(b.fills or ())] * 2),
    "another fee": changed("fills", fee=0.5),
    "another price": changed("fills", exec_price=1.0),
}


@pytest.mark.parametrize("lie", LIES)
def test_each_wrong_belief_is_found(bfx: Client, judge: OrderJudge, lie: str) -> None:
    belief = believe(bfx, 1, *MARKET)
    assert judge.judge(belief) == "done"
    with pytest.raises(AssertionError):
        judge.judge(LIES[lie](belief))


@pytest.mark.parametrize("lie", ["never sent", "open", "another code"])
def test_wrong_beliefs_of_orders_that_are_not_there(
    bfx: Client, judge: OrderJudge, lie: str
) -> None:
    placed = believe(bfx, 2, *LIMIT)
    small = (LIMIT[0], LIMIT[1], "0.000001", LIMIT[3])
    belief = believe(bfx, 1, *small)
    assert judge.judge(belief) == "rejected"
    wrong = {
        "never sent": Belief(1, error=NEVER_SENT),
        "open": attrs.evolve(placed, cid=1),
        "another code": Belief(1, error=OrderRejected("no", code=10_057)),
    }
    with pytest.raises(AssertionError):
        judge.judge(wrong[lie])
    # A refusal proves it, whatever the error is called.
    assert judge.judge(Belief(1, error=REFUSED)) == "refused"


def test_an_order_that_was_sent_twice_is_found(
    exchange: PaperExchange, bfx: Client, judge: OrderJudge
) -> None:
    first = believe(bfx, 1, *LIMIT)
    judge.judge(first)
    with exchange.client() as again:
        believe(again, 1, *LIMIT)
    with pytest.raises(AssertionError, match="sent twice"):
        judge.judge(first)


def test_a_wrong_state_is_found(bfx: Client, judge: OrderJudge) -> None:
    order = believe(bfx, 1, *LIMIT).result
    judge.judge_state({order.id: order})
    stale = attrs.evolve(order, price=1.0)
    closed = believe(bfx, 2, *MARKET).result
    for state in ({}, {order.id: stale}, {order.id: order, closed.id: closed}):
        with pytest.raises(AssertionError):
            judge.judge_state(state)


def test_a_judge_that_has_missed_entries_says_so(bfx: Client) -> None:
    with PaperExchange(rate=1e-3) as exchange:
        judge = OrderJudge(exchange)
        with exchange.client() as own:
            own.rest.auth.submit_order(*LIMIT)
            exchange.journal._entries.popleft()
        with pytest.raises(AssertionError, match="lost"):
            judge.read()


def test_the_tap_has_what_was_sent_and_never_came(exchange: PaperExchange) -> None:
    tap = WireTap()
    with FaultProxy(exchange.port, tap) as proxy:
        socket = websocket.create_connection(proxy.url(exchange.url), timeout=10)
        proxy.stop(new=False)
        socket.send('[0,"on",null,{"cid":5}]')
        socket.send('[0,"ox_multi",null,[["on",{"cid":6}],["oc",{"id":7}]]]')
        socket.send('{"event":"ping"}')
        socket.send("x" * random.randint(1, 70_000), websocket.ABNF.OPCODE_BINARY)
        proxy.wait_for("stop")
        socket.shutdown()
    assert tap.inputs() == [("on", {"cid": 5}), ("on", {"cid": 6}), ("oc", {"id": 7})]
    assert tap.messages()[-1] == {"event": "ping"}


def not_executed(proof: Any) -> NotExecuted:
    return NotExecuted("no", phase="receive", proof=proof)


def test_changes_are_compared_with_their_effects(
    bfx: Client, judge: OrderJudge
) -> None:
    auth = bfx.rest.auth
    order = believe(bfx, 1, *LIMIT).result
    update: Any = ("ou", order.id, 50_001.0)
    cancel = ("oc", order.id)
    assert judge.judge_change(update, None, not_executed("absent")) == "absent"
    assert judge.judge_change(update, None, NEVER_SENT) == "never_sent"
    for lie in (order, None), (None, not_executed("refused")):
        with pytest.raises(AssertionError):
            judge.judge_change(update, *lie)
    auth.update_order(order.id, price="50001")
    (order,) = auth.get_orders()
    assert judge.judge_change(update, order, None) == "done"
    assert judge.judge_change(cancel, None, not_executed("absent")) == "absent"
    for wrong in (NEVER_SENT, not_executed("absent"), OrderRejected("no", code=10_001)):
        with pytest.raises(AssertionError):
            judge.judge_change(update, None, wrong)
    with pytest.raises(AssertionError):
        judge.judge_change(cancel, order, None)
    auth.cancel_order(id=order.id)
    (closed,) = auth.get_orders_history(ids=[order.id])
    assert judge.judge_change(cancel, closed, None) == "done"
    with pytest.raises(AssertionError):
        judge.judge_change(cancel, None, not_executed("absent"))
    with pytest.raises(ApiError) as refused:
        auth.cancel_order(id=order.id)
    with pytest.raises(AssertionError, match="sent twice"):
        judge.judge_change(cancel, None, refused.value)


def test_offers_are_told_apart_by_their_rates(bfx: Client, judge: OrderJudge) -> None:
    auth = bfx.rest.auth
    terms = ("LIMIT", "fUSD", "200")
    offer = auth.submit_funding_offer(*terms, "0.05001", 2).data
    assert judge.judge_change(("fon", 0.05001), offer, None) == "done"
    assert (
        judge.judge_change(("fon", 0.05002), None, not_executed("absent")) == "absent"
    )
    judge.judge_state({}, {offer.id: offer})
    with pytest.raises(AssertionError):
        judge.judge_state({}, {})
    with pytest.raises(AssertionError):
        judge.judge_change(("fon", 0.05001), None, not_executed("absent"))
    with pytest.raises(ApiError) as refused:
        auth.submit_funding_offer("LIMIT", "fUSD", "1", "0.05003", 2)
    small = ("fon", 0.05003)
    assert judge.judge_change(small, None, refused.value) == "rejected"
    auth.cancel_funding_offer(offer.id)
    assert judge.judge_change(("foc", offer.id), offer, None) == "done"
    judge.judge_state({}, {})
    auth.submit_funding_offer(*terms, "0.05001", 2)
    with pytest.raises(AssertionError, match="sent twice"):
        judge.judge_change(("fon", 0.05001), offer, None)


def test_what_is_on_the_wire_was_sent_and_once(judge: OrderJudge) -> None:
    inputs = [
        ("on", {"cid": 1}),
        ("oc", {"id": 5}),
        ("oc", {"cid": 1, "cid_date": "x"}),
    ]
    assert set(judge.judge_inputs(inputs).values()) == {1}
    with pytest.raises(AssertionError, match="sent twice"):
        judge.judge_inputs([*inputs, ("on", {"cid": 1, "amount": "2"})])
    judge.judge(Belief(1, error=NEVER_SENT))
    with pytest.raises(AssertionError, match="never sent"):
        judge.judge_inputs(inputs)


def test_a_repeated_operation_is_noticed(
    exchange: PaperExchange, bfx: Client, judge: OrderJudge
) -> None:
    believe(bfx, 90, *LIMIT)
    judge.judge_repeats()
    with exchange.client() as again:
        believe(again, 90, *LIMIT)
    with pytest.raises(AssertionError, match=r"sent twice: \[\('on', 90\)\]"):
        judge.judge_repeats()


def test_each_fill_must_be_seen_once(bfx: Client, judge: OrderJudge) -> None:
    belief = believe(bfx, 91, *MARKET)
    assert belief.fills is not None
    seen = {(belief.order.id, fill.id): 1 for fill in belief.fills}
    judge.judge_fills(seen)
    for wrong in ({}, dict.fromkeys(seen, 2), {**seen, (1, 2): 1}):
        with pytest.raises(AssertionError):
            judge.judge_fills(wrong)
