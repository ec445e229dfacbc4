"""An admission whose operations settle one by one."""

from __future__ import annotations

import pytest

from bfxsync import ClosedError, OrderRejected, OutcomeUnknown
from bfxsync.guards.guard import OrderGuard
from bfxsync.guards.limits import OrderLimits
from bfxsync.guards.outstanding import OutstandingOperations


def admitted(count, **limits):
    guard = OrderGuard(OrderLimits.of(max_orders_per_minute=9, **limits))
    orders = [["on", {"cid": cid, "symbol": "tBTCUSD"}] for cid in range(1, count + 1)]
    admission = guard.admit("auth/w/order/multi", {"ops": orders}, None)
    return guard, OutstandingOperations(guard, admission, count)


def in_flight(guard):
    return guard._state.get().counted_in_flight


def test_admission_ends_with_its_last_operation():
    guard, outstanding = admitted(2)
    outstanding.settle(1, 71)
    assert in_flight(guard) == 2
    outstanding.settle(2, None, OrderRejected("no"))
    assert in_flight(guard) == 0


@pytest.mark.parametrize(
    "id, error, ids, cids",
    [
        (71, None, [71], [2]),
        (None, None, [], [1, 2]),
        (None, OrderRejected("no"), [], [2]),
        (None, ClosedError("unsent"), [], [2]),
        (None, OutcomeUnknown("?"), [], [1, 2]),
    ],
    ids=["placed", "without id", "rejected", "unsent", "unknown"],
)
def test_orders_that_may_be_open_are_kept(id, error, ids, cids):
    guard, outstanding = admitted(2, cancel_on_exit=True)
    outstanding.settle(1, id, error)
    placed = guard.placed
    assert (placed.newest(9), list(placed._cids)) == (ids, cids)


def test_operation_about_no_new_order_keeps_nothing():
    guard, outstanding = admitted(1, cancel_on_exit=True)
    outstanding.settle(None, None, OrderRejected("no"))
    assert list(guard.placed._cids) == [1] and in_flight(guard) == 0


def test_admission_may_end_unsent():
    guard, outstanding = admitted(2)
    outstanding.end()
    assert in_flight(guard) == 0
