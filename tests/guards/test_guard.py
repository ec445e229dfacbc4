"""The guard of a client: its halt, its counts, and what it asks."""

from __future__ import annotations

import gc
import threading
from decimal import Decimal
from typing import Any, Sequence

import pytest

from bfxsync import OrderFlag
from bfxsync.errors import ClosedError, NetworkError, OrderBlocked
from bfxsync.guards.guard import OrderGuard
from bfxsync.guards.in_flight import WINDOW_S
from bfxsync.guards.limits import OrderLimits
from bfxsync.models.orders import Order

SUBMIT, UPDATE = "auth/w/order/submit", "auth/w/order/update"
CANCEL, MULTI = "auth/w/order/cancel", "auth/w/order/multi"

ROW = [
    *[7, None, 1573476747887, "tBTCUSD", 1573476748000, 1573476748000],
    *[0.5, 0.5, "LIMIT", None, None, None, 4096, "ACTIVE", None, None, 50000, 0, 0, 0],
    *[None, None, None, 0, 0, None, None, None, "API>BFX", None, None, None],
]


def order(**terms: Any) -> Any:
    usual = {"type": "LIMIT", "symbol": "tBTCUSD", "amount": "0.5", "price": "50000"}
    return {**usual, "cid": 7, **terms}


class Facts:
    """What the exchange would say, and what it was asked."""

    def __init__(self, open_count: int = 0) -> None:
        self.open_count = open_count
        self.asked: list[Any] = []

    def orders(self, ids: Sequence[object]) -> dict[object, Order]:
        self.asked.append(ids)
        return {7: Order.from_row(ROW)}

    def price(self, symbol: str) -> Decimal:
        self.asked.append(symbol)
        return Decimal(60_000)

    def open_order_count(self) -> int:
        self.asked.append("count")
        return self.open_count


@pytest.fixture
def facts() -> Facts:
    return Facts()


def guard(**limits: Any) -> OrderGuard:
    return OrderGuard(OrderLimits.of(**limits), lambda: 1000.0)


def test_guard_without_limits_changes_nothing(facts: Facts) -> None:
    for path in (SUBMIT, UPDATE, CANCEL, MULTI, "auth/w/transfer"):
        for body in (None, order(), {"ops": [["on", order()]]}):
            with guard().admit(path, body, facts) as admission:
                assert admission.body is body
                admission.confirm()
    assert facts.asked == []


# --- halt -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path, body, is_refused",
    [
        (SUBMIT, order(), True),
        (UPDATE, {"id": 7, "amount": "0.1"}, True),
        (MULTI, {"ops": [["oc", {"id": 7}], ["on", order()]]}, True),
        (MULTI, {"ops": [["oc", {"id": 7}]]}, False),
        (CANCEL, {"id": 7}, False),
        ("auth/w/order/cancel/multi", {"all": 1}, False),
        ("auth/w/ext/recurring-ao/create", {}, True),
        ("auth/w/ext/recurring-ao/cancel/6f6f-1", {}, False),
        ("auth/w/funding/offer/submit", {}, False),
        ("auth/w/order/of/tomorrow", {}, True),
    ],
)
def test_halt_leaves_cancellations_only(
    path: str, body: Any, is_refused: bool, facts: Facts
) -> None:
    one = guard()
    assert not one.is_halted
    before = one.admit(path, body, facts)
    one.halt()
    assert one.is_halted
    if is_refused:
        # One that is not sent yet is refused as well.
        for refused in (before.confirm, lambda: one.admit(path, body, facts)):
            with pytest.raises(OrderBlocked, match="halted until resume") as caught:
                refused()
            assert caught.value.guard == "halt"
    else:
        before.confirm()
        one.admit(path, body, facts).confirm()
    one.resume()
    assert not one.is_halted
    before.confirm()
    one.admit(path, body, facts).confirm()


# --- max_orders_per_minute --------------------------------------------------------------------


def test_orders_and_updates_of_a_minute_are_counted(facts: Facts) -> None:
    now = 1000.0
    one = OrderGuard(OrderLimits.of(max_orders_per_minute=3), lambda: now)
    one.admit(SUBMIT, order(), facts)
    now += 10
    ops = [["on", order()], ["oc", {"id": 1}], ["ou", {"id": 7}]]
    one.admit(MULTI, {"ops": ops}, facts)
    with pytest.raises(OrderBlocked, match="may be sent in 50.0 s") as caught:
        one.admit(UPDATE, {"id": 7}, facts)
    assert caught.value.guard == "max_orders_per_minute"
    assert caught.value.retry_after_s == WINDOW_S - 10
    assert not caught.value.retryable
    one.admit(CANCEL, {"id": 7}, facts)
    now += 50
    one.admit(SUBMIT, order(), facts)
    with pytest.raises(OrderBlocked) as caught:
        one.admit(MULTI, {"ops": ops}, facts)
    assert caught.value.retry_after_s == 10
    now += 10
    one.admit(MULTI, {"ops": ops}, facts)


def test_batch_above_the_limit_can_never_be_sent(facts: Facts) -> None:
    one = guard(max_orders_per_minute=2)
    with pytest.raises(OrderBlocked, match="3 orders in one request") as caught:
        one.admit(MULTI, {"ops": [["on", order()]] * 3}, facts)
    assert caught.value.retry_after_s is None
    one.admit(MULTI, {"ops": [["on", order()]] * 2}, facts)


def test_order_that_another_guard_refuses_is_not_counted() -> None:
    one, facts = guard(max_orders_per_minute=1, max_open_orders=1), Facts(1)
    with pytest.raises(OrderBlocked, match="^max_open_orders"):
        one.admit(SUBMIT, order(), facts)
    facts.open_count = 0
    one.admit(SUBMIT, order(), facts)
    facts.asked.clear()
    with pytest.raises(OrderBlocked, match="^max_orders_per_minute"):
        one.admit(SUBMIT, order(), facts)
    # What needs no request comes first.
    assert facts.asked == []


def test_threads_never_exceed_the_limit_together(facts: Facts) -> None:
    one, admitted = guard(max_orders_per_minute=100), []

    def submit() -> None:
        for _ in range(50):
            try:
                admitted.append(one.admit(SUBMIT, order(), facts))
            except OrderBlocked:
                pass

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 100


def test_order_that_waits_counts_from_when_it_is_sent(facts: Facts) -> None:
    now = 1000.0
    one = OrderGuard(OrderLimits.of(max_orders_per_minute=2), lambda: now)
    with one.admit(SUBMIT, order(), facts):
        pass
    with one.admit(SUBMIT, order(), facts) as waiting:
        now += 100
        # Only the other one is over.
        with one.admit(SUBMIT, order(), facts) as other:
            with pytest.raises(OrderBlocked, match="may be sent in 60.0 s"):
                one.admit(SUBMIT, order(), facts)
            other.confirm()
        for _ in range(2):
            now += 10
            waiting.confirm()
    now += 39
    for wait_s in (1.0, 1.0):
        with pytest.raises(OrderBlocked, match=f"may be sent in {wait_s} s"):
            one.admit(SUBMIT, order(), facts)
    now += 1
    one.admit(SUBMIT, order(), facts)
    with pytest.raises(OrderBlocked, match="may be sent in 20.0 s"):
        one.admit(SUBMIT, order(), facts)


# --- max_open_orders --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, count",
    [
        ({"ops": [["on", order()]] * 2}, 2),
        ({"ops": [["on", order(flags=16_384)]]}, 2),
        ({"ops": [["on", order()], ["oc", {"id": 1}], ["on", order()]]}, 2),
        ({"ops": [["ou", {"id": 7}]]}, 0),
    ],
    ids=str,
)
def test_open_orders_are_asked_and_counted(body: Any, count: int) -> None:
    one, facts = guard(max_open_orders=5), Facts(3)
    one.admit(MULTI, body, facts)
    assert facts.asked == ["count"] * bool(count)
    facts.open_count = 4
    if count:
        with pytest.raises(OrderBlocked, match="^max_open_orders: 4 orders are open"):
            guard(max_open_orders=5).admit(MULTI, body, facts)


def test_orders_in_flight_count_as_open() -> None:
    one, facts = guard(max_open_orders=2), Facts(0)
    first = one.admit(SUBMIT, order(), facts)
    with one.admit(SUBMIT, order(), facts):
        with pytest.raises(OrderBlocked, match="0 orders are open and 2 in flight"):
            one.admit(SUBMIT, order(), facts)
    with one.admit(SUBMIT, order(), facts):
        pass
    one.end(first)
    one.end(first)
    with one.admit(MULTI, {"ops": [["on", order()]] * 2}, facts):
        pass


def test_refused_order_is_not_on_its_way() -> None:
    one = guard(max_open_orders=2)
    for _ in range(3):
        with pytest.raises(OrderBlocked):
            one.admit(SUBMIT, order(), Facts(2))

    class Unreachable(Facts):
        def open_order_count(self) -> int:
            raise NetworkError("no connection", phase="connect")

    for _ in range(3):
        with pytest.raises(NetworkError):
            one.admit(SUBMIT, order(), Unreachable())
    one.admit(MULTI, {"ops": [["on", order()]] * 2}, Facts(0))


def test_order_is_in_flight_until_its_call_ends() -> None:
    now = 1000.0
    one = OrderGuard(OrderLimits.of(max_open_orders=1), lambda: now)
    waiting = one.admit(SUBMIT, order(), Facts(0))
    # It may wait for a rate limit for an hour.
    now += 3600
    with pytest.raises(OrderBlocked, match="1 in flight"):
        one.admit(SUBMIT, order(), Facts(0))
    one.end(waiting)
    one.admit(SUBMIT, order(), Facts(0))


def test_order_whose_call_was_interrupted_at_once_is_forgotten() -> None:
    one = guard(max_open_orders=1)
    left_behind = one.admit(SUBMIT, order(), Facts(0))
    with pytest.raises(OrderBlocked):
        one.admit(SUBMIT, order(), Facts(0))
    del left_behind
    gc.collect()
    one.admit(SUBMIT, order(), Facts(0))


def test_first_of_two_orders_in_flight_may_be_the_last_one() -> None:
    one, second = guard(max_open_orders=1), []

    class Asking(Facts):
        def open_order_count(self) -> int:
            if not second:
                second.append(None)
                with pytest.raises(OrderBlocked, match="1 in flight"):
                    one.admit(SUBMIT, order(), Facts(0))
            return 0

    one.admit(SUBMIT, order(), Asking())
    assert second


def test_child_of_a_fork_has_nothing_in_flight() -> None:
    one = guard(max_open_orders=1)
    parents = one.admit(SUBMIT, order(), Facts(0))
    one.halt()
    one._reset_after_fork()
    assert one.is_halted
    one.resume()
    one.admit(SUBMIT, order(), Facts(0))
    one.end(parents)


# --- what needs the whole order ---------------------------------------------------------------


def test_price_of_a_pair_is_asked_once_for_a_batch(facts: Facts) -> None:
    one = guard(max_order_value={"USD": 30_000})
    ops = [["on", order(type="MARKET", price=None)]] * 3
    one.admit(MULTI, {"ops": ops}, facts)
    assert facts.asked == ["tBTCUSD"]
    with pytest.raises(OrderBlocked, match="at 60000 is 36000.0 USD"):
        ops.append(["on", order(type="MARKET", amount="0.6", price=None)])
        one.admit(MULTI, {"ops": ops}, facts)


def test_bounded_order_asks_nothing(facts: Facts) -> None:
    for limits in ({"max_order_value": {"USD": 30_000}}, {}):
        one = guard(post_only=True, **limits)
        assert one.admit(SUBMIT, order(), facts).body == order(flags=4096)
    assert facts.asked == []


def test_known_order_is_not_requested(facts: Facts) -> None:
    live = {7: Order.from_row(ROW)}
    one = guard(max_order_value={"USD": 30_000}, post_only=True)
    with one.admit(UPDATE, {"id": 7, "price": "51000"}, facts, live.get):
        pass
    with pytest.raises(OrderBlocked, match="0.5 of tBTCUSD at 61000"):
        one.admit(UPDATE, {"id": 7, "price": "61000"}, facts, live.get)
    assert facts.asked == []
    ops = [["ou", {"id": id, "price": "51000"}] for id in (7, 8)]
    with pytest.raises(OrderBlocked, match="no open order 8"):
        one.admit(MULTI, {"ops": ops}, facts, live.get)
    assert facts.asked == [[8]]


def test_order_that_rest_has_updated_is_always_requested(
    facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bfxsync.guards.guard._MOST_REMEMBERED", 1)
    known, one = Order.from_row(ROW), guard(post_only=True)
    update = {"id": 7, "price": "51000"}
    with one.admit(UPDATE, update, facts):
        pass
    with one.admit(UPDATE, update, facts, lambda id: known):
        pass
    assert facts.asked == [[7], [7]]
    # Until so many others were updated that it cannot be in flight any more.
    with pytest.raises(OrderBlocked):
        one.admit(UPDATE, {"id": 8, "price": "51000"}, facts)
    with one.admit(UPDATE, update, facts, lambda id: known):
        pass
    assert facts.asked == [[7], [7], [8]]


@pytest.mark.parametrize(
    "limits", [{"post_only": True}, {"max_order_value": {"USD": 1}}]
)
def test_update_of_an_order_that_is_not_open_is_refused(
    limits: Any, facts: Facts
) -> None:
    for id in (8, None, "7"):
        with pytest.raises(OrderBlocked, match="no open order") as caught:
            guard(**limits).admit(UPDATE, {"id": id}, facts)
        assert caught.value.guard in limits


def test_update_is_checked_with_its_order(facts: Facts) -> None:
    one = guard(max_order_value={"USD": 30_000}, post_only=True)
    ops = [["ou", {"id": 7, "price": "60000", "flags": 64}], ["on", order()]]
    body = one.admit(MULTI, {"ops": ops}, facts).body
    assert body["ops"][0][1]["flags"] == 4160
    assert facts.asked == [[7]]
    with pytest.raises(OrderBlocked, match="0.5 of tBTCUSD at 60001 is 30000.5 USD"):
        one.admit(UPDATE, {"id": 7, "price": "60001"}, facts)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"flags": 0, "amount": "-0.6", "price": "1"}, "-?0.6 of tBTCUSD at 60000"),
        ({"flags": OrderFlag.CLOSE}, "the exchange sets the amount"),
        ({"flags": "0"}, "flags '0' cannot be checked"),
    ],
    ids=str,
)
def test_update_is_checked_with_the_flags_it_sets(
    changes: Any, reason: str, facts: Facts
) -> None:
    with pytest.raises(OrderBlocked, match=reason):
        guard(max_order_value={"USD": 30_000}).admit(
            UPDATE, {"id": 7, **changes}, facts
        )


def test_two_updates_of_one_order_are_refused(facts: Facts) -> None:
    ops = [["ou", {"id": 7, "delta": "1"}]] * 2
    with pytest.raises(OrderBlocked, match="two updates of one order"):
        guard(max_order_value={"USD": 1}).admit(MULTI, {"ops": ops}, facts)
    guard(max_orders_per_minute=2).admit(MULTI, {"ops": ops}, facts)


@pytest.mark.parametrize(
    "limits", [{"post_only": True}, {"max_order_value": {"USD": 30_000}}], ids=str
)
def test_updates_of_one_order_are_checked_one_by_one(limits: Any, facts: Facts) -> None:
    one, update = guard(**limits), {"id": 7, "delta": "0.05"}
    with one.admit(UPDATE, update, facts):
        # Each alone would be allowed.
        with pytest.raises(OrderBlocked, match="another update .* is in flight"):
            one.admit(MULTI, {"ops": [["ou", update]]}, facts)
        one.admit(SUBMIT, order(flags=4096), facts)
    with one.admit(UPDATE, update, facts), guard().admit(UPDATE, update, facts):
        pass


# --- close ------------------------------------------------------------------------------------


def test_closed_guard_refuses_orders_for_ever(facts: Facts) -> None:
    one = guard()
    before = one.admit(SUBMIT, order(), facts)
    one.close()
    one.resume()
    with pytest.raises(ClosedError):
        before.confirm()
    with pytest.raises(ClosedError):
        one.admit(SUBMIT, order(), facts)
    one.admit(CANCEL, {"id": 7}, facts).confirm()
