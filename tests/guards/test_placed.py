"""Which open orders a client has placed."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from bfxsync.errors import NetworkError, NotExecuted, OrderRejected, OutcomeUnknown
from bfxsync.guards import placed as module
from bfxsync.guards.guard import OrderGuard
from bfxsync.guards.limits import OrderLimits
from bfxsync.guards.placed import PlacedOrders
from bfxsync.models.notification import Notification, of_list, of_one
from bfxsync.models.orders import Order, read_operation

from .test_guard import ROW, Facts, order

NOW_S = 1_700_000_000.0
NOW = int(NOW_S * 1000)
SUBMIT = "auth/w/order/submit"


def row(id: Optional[int], cid: Optional[int] = None, mts: int = NOW) -> list[Any]:
    return [id, None, cid, "tBTCUSD", mts, mts, *ROW[6:]]


def opened(*rows: list[Any]) -> list[Order]:
    return [Order.from_row(item) for item in rows]


def note_row(*rows: Any, kind: str = "on-req", status: str = "SUCCESS") -> list[Any]:
    return [NOW, kind, None, None, list(rows) or None, None, status, ""]


def answered(*rows: Any, **options: Any) -> Notification[Any]:
    return of_one(Order.from_partial_row)(note_row(*rows, **options), float)


def batch(*rows: Any, status: str = "SUCCESS") -> Notification[Any]:
    whole = [NOW, "ox_multi-req", None, None, list(rows), None, status, ""]
    return of_list(read_operation)(whole, float)


@pytest.fixture
def placed() -> PlacedOrders:
    return PlacedOrders(lambda: NOW_S)


OPEN = opened(row(1, 7), row(2, 8), row(3), row(4, 7))


@pytest.mark.parametrize(
    "answer, mine",
    [
        # Its id is known: another order may have the same client id.
        (answered(row(1, 7)), [1]),
        (answered(row(1, 7), row(3)), [1, 3]),
        (answered(row(None, 7)), [1, 4]),
        (answered(row(1, 7), status="ERROR"), []),
        (answered(status="ERROR"), []),
        (batch(note_row(row(1, 7)), note_row(row(2, 8))), [1, 2]),
        (batch(note_row(row(1, 7)), note_row(row(2, 8), status="ERROR")), [1]),
        # What became of one is not said.
        (batch(note_row(row(1, 7)), note_row(row(3), kind="oc-req")), [1, 2, 4]),
        (batch(), [1, 2, 4]),
        (batch(note_row(row(1, 7)), note_row(row(None, 8))), [1, 2, 4]),
        (batch(status="ERROR"), []),
    ],
)
def test_answer_says_which_orders_are_mine(
    placed: PlacedOrders, answer: Any, mine: list[int]
) -> None:
    assert not placed
    placed.expect([7, 8] if answer.type == "ox_multi-req" else [7])
    assert placed
    placed.record([7, 8] if answer.type == "ox_multi-req" else [7], answer)
    assert placed.among(OPEN) == mine


def test_order_without_an_answer_is_found_by_its_client_id(
    placed: PlacedOrders,
) -> None:
    placed.expect([7])
    placed.record([7], "no notification")
    old = opened(row(9, 7, NOW - 86_400_000))
    assert placed.among(old + OPEN) == [1, 4]
    placed.record([7], answered(row(1, 7), kind="other", status="ERROR"))
    assert placed.among(OPEN) == []


def test_raw_answer_leaves_the_client_id(placed: PlacedOrders) -> None:
    guard = OrderGuard(OrderLimits(cancel_on_exit=True))
    assert guard.placed is not None
    with guard.admit(SUBMIT, order(cid=7), Facts()):
        pass
    assert guard.placed.among(opened(row(1, 7, 2**42))) == [1]


@pytest.mark.parametrize(
    "error, is_kept",
    [
        (NotExecuted("no", phase="connect", proof="never_sent"), False),
        (OrderRejected("no", code=10001), False),
        (OutcomeUnknown("perhaps"), True),
        (KeyboardInterrupt(), True),
        (ZeroDivisionError(), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_order_that_was_not_placed_is_forgotten(error: Any, is_kept: bool) -> None:
    guard = OrderGuard(OrderLimits(cancel_on_exit=True))
    with pytest.raises(type(error)):
        with guard.admit(SUBMIT, order(cid=7), Facts()):
            raise error
    assert bool(guard.placed) is is_kept


def test_answers_are_not_kept_without_the_option() -> None:
    guard = OrderGuard()
    assert guard.placed is None
    with guard.admit(SUBMIT, order(), Facts()) as admission:
        admission.record(answered(row(1, 7)))
    with pytest.raises(NetworkError):
        with guard.admit(SUBMIT, order(), Facts()):
            raise NetworkError("no", phase="connect")


def test_updates_and_cancellations_are_not_mine() -> None:
    guard = OrderGuard(OrderLimits(cancel_on_exit=True))
    for path in ("auth/w/order/update", "auth/w/order/cancel", "auth/w/transfer"):
        with guard.admit(path, {"id": 1, "cid": 7}, Facts()) as admission:
            admission.record(answered(row(1, 7), kind="ou-req"))
    assert not guard.placed


def test_newest_are_the_last_ones(placed: PlacedOrders) -> None:
    placed.record([], answered(row(1), row(2), row(3)))
    assert placed.newest(2) == [2, 3]


def test_child_of_a_fork_has_placed_nothing(placed: PlacedOrders) -> None:
    placed.expect([7, 8])
    placed.record([8], answered(row(2, 8)))
    placed._reset_after_fork()
    assert not placed and placed.among(OPEN) == []


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 3)
    placed = PlacedOrders(lambda: NOW_S)
    for id in range(10):
        placed.record([id], answered(row(id, id)))
    assert placed.among(opened(*map(row, range(10)))) == [7, 8, 9]
    placed.expect(range(10))
    assert placed.among([Order.from_row(row(id, id)) for id in range(7)]) == []
