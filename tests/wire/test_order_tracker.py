"""Every operation's fate, whatever arrives in whatever order."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest
from account_rows import (
    DAY,
    START,
    TODAY,
    event,
    new_order,
    notice,
    offer_of,
    operation_of,
    order_of,
    partial_row,
    trade_of,
)

from bfxsync.errors import (
    ApiError,
    NetworkError,
    NotExecuted,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
)
from bfxsync.models.account_update import AccountUpdate
from bfxsync.wire.acknowledgements import ANSWER_S, LATE_S
from bfxsync.wire.commands import Reconciled, RestoreOrders, RestoreTrades
from bfxsync.wire.in_flight import GRACE_S, MOST_SEARCHES
from bfxsync.wire.operations import Operation
from bfxsync.wire.orders import ASK_AGAIN_S, OVERLAP_MS, OrderTracker
from bfxsync.wire.outputs import FetchMissed, Observe, Reconcile, Settle

FILLED = "EXECUTED @ 100.0(1.0)"


class Run:
    """A tracker, its clock, and what it has said."""

    def __init__(self, *operations: Operation) -> None:
        self.tracker = OrderTracker()
        self.now = 0.0
        self.outputs: List[Any] = []
        if operations:
            self.tracker.sent(operations, self.now)

    def see(self, *updates: AccountUpdate) -> Run:
        for update in updates:
            self.outputs += self.tracker.handle(update, self.now)
        return self

    def wait(self, seconds: float) -> Run:
        self.now += seconds
        self.outputs += self.tracker.tick(self.now)
        return self

    def lose(self) -> Run:
        self.outputs += self.tracker.lose()
        return self

    def reopen(self, *orders: Any, is_complete: bool = True, offers: Any = ()) -> Run:
        found = self.tracker.snapshot(orders, is_complete, self.now, offers)
        self.outputs += found
        return self

    def reconcile(
        self, operation: Operation, value: Any = None, error: Any = None
    ) -> Run:
        command = Reconciled(operation, value, error)
        self.outputs += self.tracker.reconciled(command, self.now)
        return self

    def of(self, kind: type) -> List[Any]:
        return [output for output in self.outputs if isinstance(output, kind)]

    @property
    def fates(self) -> Dict[Any, Any]:
        """What each token was settled with."""
        fates = self.of(Settle)
        assert len({fate.token for fate in fates}) == len(fates), "settled twice"
        return {
            fate.token: fate.value if fate.error is None else type(fate.error)
            for fate in fates
        }

    @property
    def states(self) -> List[Any]:
        return [seen.order for seen in self.of(Observe) if seen.order is not None]

    @property
    def fills(self) -> List[Any]:
        return [seen.trade for seen in self.of(Observe) if seen.trade is not None]

    @property
    def asked(self) -> List[Operation]:
        return [output.operation for output in self.of(Reconcile)]


ACCEPTED = notice("on-req", partial_row(id=1, cid=7))
ON = event("on", order_of(mts=START))
PARTIAL = "PARTIALLY FILLED @ 100.0(0.6)"
PARTLY = event("ou", order_of(amount=0.4, mts=START + 1, status=PARTIAL))
DONE = event("oc", order_of(amount=0.0, mts=START + 2, status=FILLED))
TE, TU = event("te", trade_of()), event("tu", trade_of(fee=-0.1))

# --- new orders -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_random", [True, False], ids=["random cid", "own cid"])
@pytest.mark.parametrize(
    "updates",
    [
        [ACCEPTED, ON, PARTLY, DONE, TE, TU],
        [ACCEPTED, DONE, TE, TU],
        [ON, DONE, TE, TU],
        [DONE, TE],
    ],
    ids=["rests", "filled at once", "notification lost", "only oc and te"],
)
def test_order_has_one_fate_in_any_order_of_events(
    updates: List[AccountUpdate], is_random: bool
) -> None:
    for order in permutations(updates):
        run = Run().see(event("te", trade_of(9, order_id=9)))
        run.tracker.sent([new_order(is_random=is_random)], run.now)
        for update in order:
            run.see(update, update)
        first = next(u for u in order if u.code in ("on", "ou", "oc"))
        assert run.fates == {"on": first.data}
        assert run.states[-1] is DONE.data, "the last state is the closed one"
        places = [order.index(update) for update in updates if update.code == "te"]
        fees = [order.index(update) for update in updates if update.code == "tu"]
        once = 1 if fees and fees < places else len(places + fees)
        assert len(run.fills) == once
        assert run.wait(1000).asked == []
        assert len(run.of(FetchMissed)) == (TU not in updates), "the fee is missing"


def test_notification_alone_settles_nothing() -> None:
    run = Run(new_order()).see(ACCEPTED)
    assert run.fates == {} and run.tracker.deadline() == ANSWER_S
    operation = run.wait(ANSWER_S).asked[0]
    assert run.wait(1000).asked == [operation], "asked once"
    run.reconcile(operation, order_of())
    assert run.fates == {"on": order_of()} and run.states == [order_of()]


@pytest.mark.parametrize(
    "info",
    [partial_row(cid=7), partial_row(id=0, cid=7), partial_row(id=None, cid=7)],
    ids=["no id", "id 0", "null"],
)
@pytest.mark.parametrize("code", [None, 10001, 10114])
def test_refused_order_is_rejected_with_its_code(info: Any, code: Any) -> None:
    run = Run(new_order()).see(notice("on-req", info, "amount: invalid", code=code))
    (fate,) = run.of(Settle)
    assert isinstance(fate.error, ApiError) and fate.error.code == code
    assert isinstance(fate.error, OrderRejected) == (code != 10114)
    assert run.see(ON).states == []


def test_order_closed_by_the_exchange_is_returned() -> None:
    refused = order_of(status="POSTONLY CANCELED", mts=START + 1)
    run = Run(new_order()).see(ACCEPTED, event("oc", refused))
    assert run.fates == {"on": refused}


def test_stop_of_an_oco_order_is_not_the_order() -> None:
    stop = order_of(2, type="STOP")
    run = Run(new_order(flags=16384)).see(event("on", stop), event("te", trade_of()))
    assert run.fates == {} and run.fills == []
    assert run.see(ON).fates == {"on": ON.data} and len(run.fills) == 1


@pytest.mark.parametrize(
    "other",
    [
        order_of(2, orig=2.0),
        order_of(2, type="STOP"),
        order_of(2, created=START - DAY, mts=START),
    ],
    ids=["amount", "type", "yesterday's"],
)
def test_own_cid_of_another_order_is_not_mistaken(other: Any) -> None:
    run = Run().see(event("tu", trade_of(49, order_id=9)))
    run.tracker.sent([new_order(is_random=False)], run.now)
    run.see(event("ou", other), event("te", trade_of(51, order_id=2)))
    assert run.fates == {} and run.outputs == []
    run.see(ACCEPTED, ON)
    assert run.fates == {"on": ON.data}


def test_order_known_before_is_not_the_new_one() -> None:
    run = Run().see(ON)
    run.tracker.sent([new_order(is_random=False)], run.now)
    run.see(event("ou", order_of(amount=0.5, mts=START + 5)))
    assert run.fates == {}
    assert run.see(event("on", order_of(2, mts=START + 6))).fates["on"].id == 2


def test_amount_of_a_reduce_only_order_may_differ() -> None:
    order = order_of(orig=0.3, amount=0.3)
    run = Run().see(event("te", trade_of(9, order_id=9)))
    run.tracker.sent([new_order(is_random=False, flags=1024)], run.now)
    run.see(event("on", order))
    assert run.fates == {"on": order}


def test_notification_names_an_order_that_came_before() -> None:
    odd = order_of(orig=2.0)
    run = Run(new_order(is_random=False)).see(event("on", odd))
    assert run.fates == {}
    assert run.see(ACCEPTED).fates == {"on": odd} and run.states == [odd]


def test_own_cid_alone_needs_a_known_time_or_snapshot() -> None:
    run = Run(new_order(is_random=False)).see(ON)
    assert run.fates == {}, "it may be yesterday's"
    assert run.see(ACCEPTED).fates == {"on": ON.data}
    run = Run().reopen()
    run.tracker.sent([new_order(is_random=False)], run.now)
    assert run.see(ON).fates == {"on": ON.data}, "all open ones were known"


def test_two_orders_with_one_cid_leave_doubt_to_rest() -> None:
    first, second = new_order("a", is_random=False), new_order("b", is_random=False)
    run = Run().see(event("te", trade_of(9, order_id=9)))
    run.tracker.sent([first], run.now)
    assert run.tracker.sendable([second], ANSWER_S - 0.1) == 0
    run.wait(ANSWER_S)
    assert run.tracker.sendable([second], run.now) == 1
    run.tracker.sent([second], run.now)
    run.see(ON, ACCEPTED)
    assert run.fates == {}, "it may be of either"
    run.wait(ANSWER_S)
    assert run.asked == [first, second]
    run.reconcile(second, ON.data).reconcile(first, ON.data)
    assert run.fates == {"b": ON.data, "a": ON.data}


def test_order_changed_by_others_is_observed() -> None:
    run = Run(new_order()).see(ON)
    moved = order_of(price=99.0, mts=START + 9)
    run.see(event("ou", moved), event("on", order_of(2, 8)))
    assert run.states == [ON.data, moved]
    run.see(event("ou", order_of(price=98.0, mts=START + 8)))
    assert run.states == [ON.data, moved], "an old state"


def test_fills_without_cid_wait_for_the_id() -> None:
    run = Run(new_order()).see(event("te", trade_of(cid=None)))
    assert run.outputs == []
    run.see(event("te", trade_of(60, order_id=5, cid=None)), ACCEPTED)
    assert [trade.id for trade in run.fills] == [50]
    assert run.see(event("te", trade_of(61, order_id=5))).fills[1:] == []


# --- updates --------------------------------------------------------------------------------------

PRICED = operation_of("ou", {"id": 1, "price": "99"})
MOVED = event("ou", order_of(price=99.0, mts=START + 9))
FULL = [value for value in partial_row(id=1, cid=7)]
AGREED = notice("ou-req", FULL)


@pytest.mark.parametrize(
    "updates", list(permutations([AGREED, MOVED])), ids=["n ou", "ou n"]
)
def test_update_returns_the_order_after_it(updates: Sequence[AccountUpdate]) -> None:
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.see(PARTLY)
    for update in updates:
        run.see(update, update)
    assert run.fates == {"ou": MOVED.data}
    assert run.wait(1000).asked == []


@pytest.mark.parametrize(
    "updates", list(permutations([AGREED, DONE])), ids=["n first", "oc first"]
)
def test_update_that_fills_returns_the_closed_order(
    updates: Sequence[AccountUpdate],
) -> None:
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    assert run.see(*updates).fates == {"ou": DONE.data}


@pytest.mark.parametrize("early", [[], [PARTLY], [MOVED], [DONE]])
def test_refused_update_is_rejected(early: List[AccountUpdate]) -> None:
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.see(*early, notice("ou-req", FULL, "Order not found."))
    assert run.fates == {"ou": OrderRejected}


BEFORE = order_of(amount=0.8)


@pytest.mark.parametrize(
    "change, amounts, is_fate",
    [
        ({"amount": "2"}, (2.0, 1.0), True),
        ({"amount": "2"}, (1.7, 2.0), True),
        ({"amount": "2"}, (0.7, 1.0), False),
        ({"delta": "0.3"}, (1.1, 1.0), True),
        ({"delta": "-0.3"}, (0.5, 1.0), True),
        ({"delta": "0.3"}, (0.7, 1.0), False),
        ({"price_trailing": "3"}, (0.8, 1.0), False),
    ],
)
def test_state_without_the_requested_values_is_no_fate(
    change: Dict[str, str], amounts: Tuple[float, float], is_fate: bool
) -> None:
    after = order_of(amount=amounts[0], orig=amounts[1], mts=START + 3)
    for frames in ([event("ou", after), AGREED], [AGREED, event("ou", after)]):
        run = Run().see(event("on", BEFORE))
        update = operation_of("ou", {"id": 1, **change})
        run.tracker.sent([update], run.now)
        assert run.see(*frames).fates == ({"ou": after} if is_fate else {})
        run.wait(ANSWER_S)
        assert run.asked == ([] if is_fate else [update])


UNCHANGED = event("ou", order_of(amount=0.4, mts=START + 9, status=PARTIAL))


def test_change_that_cannot_be_seen_needs_a_state_after_acceptance() -> None:
    run = Run().see(ON)
    run.tracker.sent([operation_of("ou", {"id": 1, "meta": {"x": 1}})], run.now)
    assert run.see(PARTLY, AGREED).fates == {}
    assert run.see(UNCHANGED).fates == {"ou": UNCHANGED.data}


def test_delta_of_an_unknown_order_needs_a_later_state() -> None:
    run = Run(operation_of("ou", {"id": 1, "delta": "1"}))
    assert run.see(PARTLY, AGREED).fates == {}
    assert run.see(UNCHANGED).fates == {"ou": UNCHANGED.data}


def test_update_by_cid_is_matched_by_day() -> None:
    update = operation_of("ou", {"cid": 7, "cid_date": TODAY, "price": "99"})
    run = Run(update).see(notice("ou-req", partial_row(cid=7)))
    yesterdays = order_of(2, created=START - DAY, price=99.0)
    assert run.see(event("ou", yesterdays)).fates == {}
    assert run.see(MOVED).fates == {"ou": MOVED.data}


# --- cancellations --------------------------------------------------------------------------------

CANCELED = event("oc", order_of(status="CANCELED", mts=START + 4))
NOT_FOUND = "Order not found."


@pytest.mark.parametrize(
    "body, info",
    [
        ({"id": 1}, partial_row(id=1)),
        ({"cid": 7, "cid_date": TODAY}, partial_row(cid=7)),
    ],
    ids=["id", "cid"],
)
@pytest.mark.parametrize("end", [CANCELED, DONE], ids=["cancelled", "filled"])
@pytest.mark.parametrize("error", [None, NOT_FOUND], ids=["accepted", "refused"])
def test_cancellation_returns_the_closed_order(
    body: Dict[str, Any], info: Any, end: AccountUpdate, error: Optional[str]
) -> None:
    answer = notice("oc-req", info, error)
    for frames in ([answer, end], [end, answer], [end]):
        run = Run().see(ON)
        run.tracker.sent([operation_of("oc", body)], run.now)
        assert run.see(*frames, *frames).fates == {"oc": end.data}
        assert run.wait(1000).asked == []


def test_refused_cancellation_of_an_open_order_is_rejected() -> None:
    for is_lost in (False, True):
        run = Run().see(ON)
        run.tracker.sent([operation_of("oc", {"id": 1})], run.now)
        run.see(notice("oc-req", partial_row(id=1), "maintenance"))
        assert run.fates == {} and run.tracker.deadline() == GRACE_S
        assert run.lose() if is_lost else run.wait(GRACE_S)
        assert run.fates == {"oc": OrderRejected}


def test_refused_cancellation_of_an_unknown_order_is_rejected() -> None:
    body = {"cid": 7, "cid_date": TODAY}
    run = Run(operation_of("oc", body))
    run.see(notice("oc-req", partial_row(cid=7), NOT_FOUND))
    assert run.fates == {"oc": OrderRejected}


def test_cancellation_of_an_order_that_was_closed_returns_it() -> None:
    run = Run().see(DONE)
    run.tracker.sent([operation_of("oc", {"id": 1})], run.now)
    run.see(notice("oc-req", partial_row(id=1), NOT_FOUND))
    assert run.fates == {"oc": DONE.data}


def test_cancellation_overtakes_its_order() -> None:
    cancel = operation_of("oc", {"id": 1})
    run = Run(new_order()).see(ACCEPTED)
    run.tracker.sent([cancel], run.now)
    run.see(CANCELED, notice("oc-req", partial_row(id=1)), ON)
    assert run.fates == {"on": CANCELED.data, "oc": CANCELED.data}
    assert run.states == [CANCELED.data]


LISTED = notice("oc_multi-req", [partial_row(id=1), partial_row(id=2)])
END_2 = event("oc", order_of(2, 8, status="CANCELED", mts=START + 4))


@pytest.mark.parametrize("frames", list(permutations([LISTED, CANCELED, END_2])))
def test_multi_cancellation_returns_all_closed_orders(
    frames: List[AccountUpdate],
) -> None:
    other = event("oc", order_of(3, 9, status="CANCELED"))
    run = Run(operation_of("oc_multi", {"all": 1}))
    run.see(other, event("on", order_of(4, 10)))
    for update in frames:
        run.see(update, update)
    assert run.see(other).fates == {"oc_multi": [CANCELED.data, END_2.data]}


def test_multi_cancellation_of_nothing_returns_nothing() -> None:
    run = Run(operation_of("oc_multi", {"id": [5]})).see(notice("oc_multi-req", []))
    assert run.fates == {"oc_multi": []}
    run = Run(operation_of("oc_multi", {"id": [5]}))
    assert run.see(notice("oc_multi-req", [], "no")).fates == {
        "oc_multi": OrderRejected
    }


def test_multi_cancellation_without_ids_is_left_to_rest() -> None:
    cancel = operation_of("oc_multi", {"gid": [3], "cid": [[8, TODAY]]})
    run = Run(cancel).see(CANCELED, END_2, notice("oc_multi-req", [partial_row()]))
    run.see(event("oc", order_of(4, 10, gid=3, status="CANCELED")))
    assert run.wait(ANSWER_S).asked == [cancel]
    found = run.reconcile(cancel, []).fates["oc_multi"]
    assert [order.id for order in found] == [2, 4]


def test_orders_still_open_after_a_search_were_not_cancelled() -> None:
    for cancel, value in (
        (operation_of("oc", {"id": 1}), order_of()),
        (operation_of("oc_multi", {"id": [1]}), [order_of()]),
    ):
        run = Run(cancel).wait(ANSWER_S).reconcile(cancel, value)
        (fate,) = run.of(Settle)
        assert fate.error.proof == "absent" and not fate.error.retryable


def test_search_may_find_an_order_that_was_closed_before() -> None:
    cancel = operation_of("oc", {"id": 1})
    run = Run().see(DONE)
    run.tracker.sent([cancel], run.now)
    run.wait(ANSWER_S).reconcile(cancel, DONE.data)
    assert run.fates == {"oc": DONE.data}


def test_order_created_after_a_cancellation_of_all_may_be_open() -> None:
    cancel = operation_of("oc_multi", {"all": 1})
    for created, fate in ((START, NotExecuted), (START + 1, [CANCELED.data])):
        run = Run().see(event("on", order_of(mts=START)))
        run.tracker.sent([cancel], run.now)
        run.see(CANCELED).wait(ANSWER_S)
        later = order_of(2, 8, created=created, mts=START + 9)
        assert run.reconcile(cancel, [later]).fates == {"oc_multi": fate}


# --- offers ---------------------------------------------------------------------------------------

TERMS = {
    "type": "LIMIT",
    "symbol": "fUSD",
    "amount": "50",
    "rate": "0.0002",
    "period": 7,
}
OFFER = operation_of("fon", TERMS)
OFFERED = notice("fon-req", partial_row(21, id=1, amount=50, rate=0.0002, period=7))
FON, FOU = event("fon", offer_of()), event("fou", offer_of(amount=20.0, mts=START + 1))
FOC = event("foc", offer_of(status="CANCELED", mts=START + 2))


@pytest.mark.parametrize("frames", list(permutations([OFFERED, FON, FOU, FOC])))
def test_offer_has_one_fate_in_any_order_of_events(frames: List[AccountUpdate]) -> None:
    run = Run(OFFER).see(event("fon", offer_of(2)))
    for update in frames:
        run.see(update, update)
    assert run.fates["fon"].id == 1 and len(run.fates) == 1
    assert run.wait(1000).asked == []


def test_refused_offer_is_an_api_error() -> None:
    run = Run(OFFER).see(notice("fon-req", partial_row(21, id=0), "amount: invalid"))
    assert run.fates == {"fon": ApiError}


def test_one_new_offer_is_in_flight_at_a_time() -> None:
    second = operation_of("fon", {**TERMS, "amount": "60"}, "second")
    run = Run(OFFER)
    assert run.tracker.sendable([second], run.now) == 0
    run.see(OFFERED)
    assert run.tracker.sendable([second], run.now) == 1


@pytest.mark.parametrize("name", ["amount", "rate", "period"])
def test_late_notification_of_an_offer_is_known_by_its_terms(name: str) -> None:
    run = Run(OFFER).wait(ANSWER_S)
    other = {"amount": "60", "rate": "0.0003", "period": 9}[name]
    number = other if name == "period" else float(str(other))
    run.tracker.sent([operation_of("fon", {**TERMS, name: other}, "second")], run.now)
    terms = {"amount": 50, "rate": 0.0002, "period": 7, name: number}
    run.see(notice("fon-req", partial_row(21, id=2, **terms)), OFFERED, FON)
    run.see(event("fon", offer_of(2)))
    assert {token: offer.id for token, offer in run.fates.items()} == {
        "fon": 1,
        "second": 2,
    }


def test_equal_offers_in_doubt_are_left_to_rest() -> None:
    second = operation_of("fon", TERMS, "second")
    run = Run(OFFER).wait(ANSWER_S)
    run.tracker.sent([second], run.now)
    run.see(OFFERED, FON).wait(ANSWER_S)
    assert run.fates == {} and run.asked == [OFFER, second]
    run.reconcile(OFFER, offer_of())
    run.reconcile(second, error=NotExecuted("no", phase="receive", proof="absent"))
    assert run.fates == {"fon": FON.data, "second": NotExecuted}
    # Such a late notification counts as lost.
    run.wait(LATE_S)
    run.tracker.sent([operation_of("fon", TERMS, "third")], run.now)
    third = notice("fon-req", partial_row(21, id=3), mts=START + 9)
    assert run.see(third, event("fon", offer_of(3))).fates["third"].id == 3


def test_cancelled_offer_is_returned() -> None:
    cancel = operation_of("foc", {"id": 1})
    for frames in ([FOC], [notice("foc-req", partial_row(21, id=1)), FOC]):
        run = Run().see(FON)
        run.tracker.sent([cancel], run.now)
        assert run.see(*frames).fates == {"foc": FOC.data}


def test_offers_of_a_search_are_results() -> None:
    run = Run(OFFER, operation_of("foc", {"id": 2}))
    foc = run.wait(ANSWER_S).asked[1]
    run.reconcile(OFFER, offer_of()).reconcile(foc, offer_of(2, "CANCELED"))
    assert [offer.id for offer in run.fates.values()] == [1, 2]


def test_accepted_offer_is_found_in_the_snapshot() -> None:
    run = Run(OFFER).see(OFFERED).lose().reopen(offers=[offer_of()])
    assert run.fates == {"fon": FON.data} and run.asked == []


# --- batches --------------------------------------------------------------------------------------

BATCH_REFUSED = notice("ox_multi-req", None, "ops: invalid")


def batch(start: int) -> List[Operation]:
    return [new_order(start + i, cid=start + i) for i in range(3)]


def test_refused_batch_rejects_all_its_operations() -> None:
    run = Run(*batch(10)).see(BATCH_REFUSED, BATCH_REFUSED)
    assert run.fates == {10: OrderRejected, 11: OrderRejected, 12: OrderRejected}
    assert run.wait(1000).asked == []


def test_success_of_a_batch_says_nothing() -> None:
    run = Run(*batch(10)).see(notice("ox_multi-req", None))
    assert run.outputs == []


@pytest.mark.parametrize(
    "sign",
    [notice("on-req", partial_row(id=1, cid=10)), event("on", order_of(1, 10))],
    ids=["notification", "event"],
)
def test_refusal_waits_until_its_batch_is_certain(sign: AccountUpdate) -> None:
    run = Run(*batch(10))
    run.tracker.sent(batch(20), run.now)
    run.see(BATCH_REFUSED)
    assert run.fates == {}, "it may be of either"
    run.see(sign)
    refused = {token for token, fate in run.fates.items() if fate is OrderRejected}
    assert refused == {20, 21, 22}


def test_two_refusals_refuse_two_batches() -> None:
    run = Run(*batch(10))
    run.tracker.sent(batch(20), run.now)
    run.see(BATCH_REFUSED, notice("ox_multi-req", None, "ops: invalid", mts=START + 1))
    assert set(run.fates.values()) == {OrderRejected} and len(run.fates) == 6


def test_refusal_that_stays_in_doubt_refuses_nothing() -> None:
    run = Run(*batch(10))
    run.tracker.sent(batch(20), run.now)
    run.see(BATCH_REFUSED).wait(ANSWER_S)
    assert len(run.asked) == 6
    run.wait(LATE_S)
    assert run.tracker.sendable(batch(30), run.now) == 3
    run.tracker.sent(batch(30), run.now)
    run.see(event("on", order_of(1, 30)))
    assert list(run.fates) == [30]


def test_settled_operation_of_a_refused_batch_stays_settled() -> None:
    cancel = operation_of("oc", {"id": 1})
    run = Run(cancel, new_order(10, cid=10)).see(CANCELED, BATCH_REFUSED)
    assert run.fates == {"oc": CANCELED.data, 10: OrderRejected}


def test_batch_is_sent_up_to_the_first_doubtful_operation() -> None:
    twice = [new_order(), PRICED, operation_of("oc", {"id": 1}), PRICED, new_order(8)]
    assert Run().tracker.sendable(twice, 0.0) == 3


# --- losses ---------------------------------------------------------------------------------------


def test_snapshot_settles_what_it_shows_and_rest_the_others() -> None:
    shown, unknown = new_order("shown"), new_order("unknown", cid=8)
    run = Run(shown, unknown).lose()
    assert run.outputs == []
    run.reopen(order_of())
    assert run.fates == {"shown": order_of()} and run.asked == [unknown]
    error = OrderNotPlaced("no", phase="receive", proof="absent", cid=8)
    run.reconcile(unknown, error=error)
    assert run.of(Settle)[-1].error is error
    # Late evidence is harmless.
    run.reconcile(unknown, order_of(2, 8)).see(event("on", order_of(2, 8)))
    assert len(run.fates) == 2


def test_evidence_of_the_socket_may_come_before_that_of_rest() -> None:
    operation = new_order()
    run = Run(operation).lose().reopen()
    assert run.asked == [operation]
    assert run.see(ON).reconcile(operation, order_of()).fates == {"on": ON.data}


def test_search_before_the_reconnect_is_not_repeated_by_it() -> None:
    operation = new_order()
    run = Run(operation).lose().wait(ANSWER_S)
    assert run.reopen().asked == [operation]


def test_search_without_result_is_repeated_later() -> None:
    operation = new_order()
    run = Run(operation).wait(ANSWER_S)
    for pause_s in (ASK_AGAIN_S, 2 * ASK_AGAIN_S, 4 * ASK_AGAIN_S):
        run.reconcile(operation, error=OutcomeUnknown("?"))
        assert run.tracker.deadline() == run.now + pause_s
        run.wait(pause_s)
    assert run.asked == [operation] * 4
    # A reconnect is a reason to search at once.
    run.reconcile(operation, error=NetworkError("?", phase="connect")).lose().reopen()
    assert run.asked == [operation] * 5 and run.fates == {}


def test_newer_state_of_the_socket_wins_over_rest() -> None:
    operation = operation_of("ou", {"id": 1, "price": "99"})
    moved = order_of(price=99.0, amount=0.0, mts=START + 2, status=FILLED)
    run = Run(operation).wait(ANSWER_S).see(event("oc", moved))
    assert run.reconcile(operation, order_of()).fates == {"ou": moved}


def test_missing_orders_of_replies_and_fills_are_fetched() -> None:
    run = Run(new_order("a"), new_order("b", cid=8)).see(
        ON, event("on", order_of(2, 8))
    )
    run.see(event("on", order_of(3, 9)), event("te", trade_of(9, 5, mts=START + 99)))
    run.lose().lose().reopen(order_of())
    assert run.of(FetchMissed) == [FetchMissed(START + 99 - OVERLAP_MS, (2,))]
    done = order_of(2, 8, status=FILLED, amount=0.0, mts=START + 50)
    trade = trade_of(70, 2, fee=-0.1, mts=START + 40)
    for command in (RestoreTrades([trade, trade]), RestoreOrders([done, done])):
        run.outputs += run.tracker.restore(command, run.now)
    assert run.fills == [trade] and run.states[-1] == done
    assert run.reopen(order_of()).of(FetchMissed)[1:] == [], "once"


def test_nothing_is_fetched_if_nothing_was_seen() -> None:
    assert Run().reopen().lose().reopen(order_of()).outputs == []


def test_incomplete_snapshot_proves_no_absence() -> None:
    run = Run().reopen(order_of(5, 5), offers=[offer_of(6)]).lose()
    run.reopen(is_complete=False)
    cancel = operation_of("oc", {"id": 5}), operation_of("foc", {"id": 6})
    run.tracker.sent(cancel, run.now)
    run.see(notice("oc-req", partial_row(id=5), "maintenance"))
    run.see(notice("foc-req", partial_row(21, id=6), "maintenance"))
    assert run.fates == {}, "they may be open"
    run.wait(GRACE_S)
    assert run.fates == {"oc": OrderRejected, "foc": ApiError}


def test_lost_update_is_settled_by_rest() -> None:
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.lose().reopen(MOVED.data)
    assert run.asked == [PRICED]
    assert run.reconcile(PRICED, MOVED.data).fates == {"ou": MOVED.data}


@pytest.mark.parametrize("found", [ON.data, DONE.data], ids=["open", "filled"])
def test_lost_update_was_not_executed_at_another_price(found: Any) -> None:
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.lose().reopen(ON.data)
    assert run.reconcile(PRICED, found).fates == {"ou": NotExecuted}
    (fate,) = run.of(Settle)
    assert fate.error.proof == "absent" and not fate.error.retryable


@pytest.mark.parametrize("known", [[ON], []], ids=["known", "unknown"])
def test_price_of_another_program_leaves_a_lost_update_unknown(known: Any) -> None:
    run = Run().see(*known)
    run.tracker.sent([PRICED], run.now)
    found = order_of(price=97.0, mts=START + 9)
    run.lose().reopen(ON.data)
    assert run.reconcile(PRICED, found).fates == {"ou": OutcomeUnknown}
    assert run.lose().reopen(found).wait(ASK_AGAIN_S).asked == [PRICED], "not again"
    (fate,) = run.of(Settle)
    assert fate.error.candidates == [found] and not fate.error.can_resolve
    assert "update it again if they differ" in str(fate.error)
    assert len(run.tracker._table) == 0


def test_accepted_update_that_another_program_changed_has_the_current_state() -> None:
    other = order_of(price=97.0, mts=START + 9)
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.see(AGREED).see(event("ou", other)).wait(ANSWER_S)
    assert run.fates == {}, "it may follow"
    assert run.reconcile(PRICED, other).fates == {"ou": other}


def test_update_of_an_order_that_has_been_closed_since_waits_for_its_end() -> None:
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.lose().reopen().reconcile(PRICED, MOVED.data)
    assert run.fates == {}, "REST is late"
    run.wait(ANSWER_S).reconcile(PRICED, DONE.data)
    assert run.fates == {"ou": NotExecuted}


@pytest.mark.parametrize(
    "body, changes, fate",
    [
        ({"amount": "1"}, {"price": 97.0}, "current"),
        ({"amount": "1"}, {"status": PARTIAL, "amount": 0.4}, OutcomeUnknown),
        ({"amount": "0.4"}, {"status": PARTIAL, "amount": 0.4}, OutcomeUnknown),
        ({"amount": "2"}, {"price": 97.0}, OutcomeUnknown),
        ({"price": "99"}, {}, OutcomeUnknown),
        ({"price": "100"}, {}, "current"),
    ],
    ids=str,
)
def test_update_of_which_little_is_seen(body: Any, changes: Any, fate: Any) -> None:
    update = operation_of("ou", {"id": 1, **body})
    found = order_of(**{"mts": START + 9, **changes})
    run = Run().see(ON)
    run.tracker.sent([update], run.now)
    run.lose().reopen(ON.data).reconcile(update, found)
    assert run.fates == {"ou": found if fate == "current" else fate}


def test_update_that_cannot_be_searched_for_remains_unknown() -> None:
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.wait(ANSWER_S)
    for _ in range(MOST_SEARCHES):
        assert run.fates == {}
        error = OutcomeUnknown("update_order", hint="resolve() queries the exchange")
        error.reason = "it cannot be searched for: no permission"
        run.reconcile(PRICED, error=error).wait(10 * ASK_AGAIN_S)
    assert len(run.asked) == MOST_SEARCHES and run.fates == {"ou": OutcomeUnknown}
    (fate,) = run.of(Settle)
    assert "no permission" in str(fate.error) and "update it again" in str(fate.error)


def test_unknown_update_of_a_closed_order_says_that_it_is_over() -> None:
    run = Run().see(event("on", order_of(type="STOP")))
    run.tracker.sent([PRICED], run.now)
    done = order_of(type="MARKET", amount=0.0, mts=START + 9, status=FILLED, price=0.0)
    run.see(event("oc", done)).wait(ANSWER_S)
    (fate,) = run.of(Settle)
    assert isinstance(fate.error, OutcomeUnknown)
    assert "stop was triggered" in str(fate.error) and "is closed" in str(fate.error)
    assert run.asked == []


def test_price_of_an_earlier_update_shows_that_the_later_was_lost() -> None:
    later = operation_of("ou", {"id": 1, "price": "97"}, token="later")
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.lose()
    run.tracker.sent([later], run.now)
    run.lose().reopen(ON.data)
    run.reconcile(later, MOVED.data).reconcile(PRICED, MOVED.data)
    assert run.fates == {"later": NotExecuted, "ou": MOVED.data}


def test_update_with_many_later_ones_has_the_current_state() -> None:
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    for price in range(1, 102):
        later = operation_of("ou", {"id": 1, "price": str(price)}, token=price)
        run.tracker.sent([later], run.now)
    other = order_of(price=500.0, mts=START + 9)
    assert run.reconcile(PRICED, other).fates == {"ou": other}


def test_lost_update_of_an_older_state_was_not_executed() -> None:
    run = Run().see(event("te", trade_of(9, order_id=9, mts=START + 10_000)))
    run.tracker.sent([PRICED], run.now)
    run.lose().reopen().reconcile(PRICED, order_of(mts=START + 9))
    assert run.fates == {"ou": NotExecuted}


@pytest.mark.parametrize("name", [{"id": 1}, {"cid": 7, "cid_date": TODAY}])
def test_price_of_a_later_update_leaves_the_earlier_open_to_doubt(name: Any) -> None:
    later = operation_of("ou", {**name, "price": "97"}, token="later")
    moved = order_of(price=97.0, mts=START + 9)
    run = Run().see(ON)
    run.tracker.sent([PRICED], run.now)
    run.lose().reopen(ON.data)
    run.tracker.sent([later], run.now)
    run.see(event("ou", moved)).reconcile(PRICED, moved)
    assert run.fates == {"ou": moved}, "the current state"


def test_of_two_lost_updates_none_was_executed_if_nothing_changed() -> None:
    later = operation_of("ou", {"id": 1, "price": "97"}, token="later")
    other = operation_of("ou", {"id": 2, "price": "97"}, token="other")
    run = Run().see(ON)
    run.tracker.sent([PRICED, other], run.now)
    run.lose().reopen(ON.data)
    run.tracker.sent([later], run.now)
    run.lose().reopen(ON.data)
    run.reconcile(PRICED, DONE.data).reconcile(later, DONE.data)
    assert run.fates == {"ou": NotExecuted, "later": NotExecuted}


def test_lost_update_of_an_amount_is_absent_if_nothing_but_fills_changed() -> None:
    update = operation_of("ou", {"id": 1, "amount": "0.7"})
    for found, fate in ((ON.data, NotExecuted), (PARTLY.data, NotExecuted)):
        run = Run().see(ON)
        run.tracker.sent([update], run.now)
        run.lose().reopen(ON.data)
        assert run.reconcile(update, found).fates == {"ou": fate}


def test_every_new_state_of_an_order_is_passed_on() -> None:
    seen: List[Any] = []
    tracker = OrderTracker(lambda *state: seen.append(state))
    tracker.snapshot([ON.data], True, 0.0)
    for update in (ON, PARTLY, ON, DONE, DONE):
        tracker.handle(update, 0.0)
    assert seen == [(ON.data, False), (PARTLY.data, False), (DONE.data, True)]


# --- fills that are missing -----------------------------------------------------------------------


def test_missing_fills_of_a_closed_order_are_fetched() -> None:
    run = Run(new_order("a"), new_order("b", cid=8)).see(DONE)
    assert run.of(FetchMissed) == []
    run.wait(10.0)
    assert run.of(FetchMissed) == [FetchMissed(START, ())]
    # Requests for those of further orders have a pause between them.
    run.see(event("oc", order_of(2, 8, status=FILLED, amount=0.0))).wait(10.0)
    assert len(run.of(FetchMissed)) == 1
    run.wait(50.0)
    assert len(run.of(FetchMissed)) == 2
    assert run.wait(1000.0).tracker.deadline() is None and len(run.of(FetchMissed)) == 2


@pytest.mark.parametrize("status", ["CANCELED", FILLED])
def test_fills_of_a_found_order_are_complete(status: str) -> None:
    operation = new_order()
    run = Run(operation).wait(ANSWER_S)
    run.reconcile(operation, order_of(status=status, amount=0.0)).wait(10.0)
    assert len(run.of(FetchMissed)) == (1 if status == FILLED else 0)


# --- notifications as captured --------------------------------------------------------------------

DATA = Path(__file__).parents[1] / "data" / "account-frames.jsonl"
_LINES = map(json.loads, DATA.read_text("utf-8").splitlines())
SAMPLES = {
    line["kind"]: json.loads(line["frame"])[2]
    for line in _LINES
    if line["kind"].startswith(("n.o", "n.f"))
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_captured_notification_finds_its_operation(kind: str) -> None:
    row = SAMPLES[kind]
    name, info = row[1].split("-")[0], row[4]
    is_refused = row[6] == "ERROR"
    if name == "on":
        operations = [new_order(cid=info[2])]
    elif name == "ox_multi":
        operations = batch(10)
    elif name == "oc_multi":
        operations = [operation_of(name, {"id": [each[0] for each in info]})]
    elif name == "fon":
        terms = {**TERMS, "amount": "500", "rate": "0.02", "period": 2}
        operations = [operation_of(name, terms)]
    elif info[0] is None:
        operations = [operation_of(name, {"cid": info[2], "cid_date": TODAY})]
    else:
        operations = [operation_of(name, {"id": info[0]})]
    run = Run(*operations).see(notice(row[1], info, row[7] if is_refused else None))
    if is_refused:
        assert set(run.fates.values()) == {OrderRejected}
        return
    assert run.fates == {}
    for each in info if name == "oc_multi" else [info]:
        id, cid = each[0] or 5, each[2]
        closed = offer_of(id) if name[0] == "f" else order_of(id, cid, status=FILLED)
        run.see(event("foc" if name[0] == "f" else "oc", closed))
    assert len(run.fates) == 1


# --- notifications that repeat, or never come -----------------------------------------------------


def test_repeated_notification_is_not_that_of_the_next_update() -> None:
    second = operation_of("ou", {"id": 1, "price": "99"}, token="second")
    refused = notice("ou-req", FULL, "price: invalid")
    run = Run(PRICED).see(refused)
    run.tracker.sent([second], run.now)
    run.see(refused)
    assert run.fates == {"ou": OrderRejected}
    later = notice("ou-req", FULL, mts=START + 5)
    assert run.see(later, MOVED).fates["second"] == MOVED.data


def test_next_update_need_not_wait_after_a_loss() -> None:
    run = Run(PRICED)
    assert run.tracker.sendable([PRICED], run.now) == 0
    assert run.lose().tracker.sendable([PRICED], run.now) == 1


def test_tick_is_due_when_the_next_operation_is_sendable() -> None:
    cancel, refused = operation_of("oc", {"id": 1}), notice("ou-req", FULL, "no")
    run = Run(cancel).see(CANCELED)
    assert run.fates == {"oc": CANCELED.data}
    assert run.tracker.sendable([cancel], run.now) == 0
    assert run.tracker.deadline() == ANSWER_S
    assert run.wait(ANSWER_S).outputs[1:] == []
    assert run.tracker.sendable([cancel], run.now) == 1
    assert Run(PRICED).see(refused).tracker.deadline() is None


# --- bounds ---------------------------------------------------------------------------------------


def test_unrelated_and_unreadable_updates_have_no_effect() -> None:
    run = Run(new_order())
    for code in ("wu", "on", "oc", "te", "tu", "fon", "foc", "n"):
        run.see(event(code, ["unreadable"]))
    run.see(notice("wallet_transfer", None), notice("oc-req", partial_row(id=4)))
    run.see(notice("on-req", None, "no"), notice("on-req", None, "no"))
    assert run.outputs == [] and run.tracker.deadline() == ANSWER_S


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("orders.MOST_IN_FLIGHT", "known_orders.MOST_CLOSED"):
        monkeypatch.setattr(f"bfxsync.wire.{name}", 5)
    monkeypatch.setattr("bfxsync.wire.replied_orders.MOST_CLOSED", 5)
    run = Run()
    for id in range(1, 30):
        run.tracker.sent([new_order(id, cid=id)], run.now)
        closed = order_of(id, id, status="CANCELED", mts=START + id)
        run.see(event("oc", closed), event("oc", closed))
    tracker = run.tracker
    assert len(run.fates) == 29 and len(tracker._table) == 0
    assert len(tracker._orders.closed) == 5 and len(tracker._replied) == 5
    pending = [new_order(id, cid=id) for id in range(30, 40)]
    assert tracker.sendable(pending, run.now) == 5
    tracker.sent(pending[:5], run.now)
    assert tracker.sendable(pending[5:], run.now) == 0


def test_only_recent_notifications_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bfxsync.wire.acknowledgements._MOST_RECENT", 3)
    second = operation_of("ou", {"id": 1, "price": "99"}, token="second")
    refused = notice("ou-req", FULL, "price: invalid")
    others = [
        notice("on-req", partial_row(id=n, cid=n), mts=START + n // 2) for n in range(8)
    ]
    run = Run(PRICED).see(refused)
    run.tracker.sent([second], run.now)
    run.see(*others[:2], refused)
    assert run.fates == {"ou": OrderRejected}
    run.see(others[2], refused)
    assert run.fates == {"ou": OrderRejected, "second": OrderRejected}
    run.see(*others[3:])
    assert [*run.tracker._acknowledgements._recent] == [START + 2, START + 3]
