"""Which orders a request would place or change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from strategies import JSON_VALUES

from bfxsync.guards.requests import (
    OrderAction,
    OrderRequest,
    orders_in,
    updated,
    with_terms,
)
from bfxsync.models.orders import Order

NEW, UPDATE = OrderAction.NEW, OrderAction.UPDATE
RECURRING, UNKNOWN = OrderAction.RECURRING, OrderAction.UNKNOWN

BODY = {"symbol": "tBTCUSD", "amount": "1"}


@pytest.mark.parametrize(
    "path, body, expected",
    [
        ("auth/w/order/submit", BODY, [(NEW, BODY)]),
        ("auth/W/Order/Submit", BODY, [(NEW, BODY)]),
        ("auth/w/order/submit", None, [(UNKNOWN, {})]),
        ("auth/w/order/submit", [1], [(UNKNOWN, {})]),
        ("auth/w/order/update", {"id": 1}, [(UPDATE, {"id": 1})]),
        ("auth/w/order/cancel", {"id": 1}, []),
        ("auth/w/order/cancel/multi", {"all": 1}, []),
        ("auth/w/order/of/tomorrow", BODY, [(UNKNOWN, BODY)]),
        ("auth/w/ext/recurring-ao/create", BODY, [(RECURRING, BODY)]),
        ("auth/w/ext/recurring-ao/update", BODY, [(RECURRING, BODY)]),
        ("auth/w/ext/recurring-ao/update/6f6f-1", BODY, [(RECURRING, BODY)]),
        ("auth/w/ext/recurring-ao/cancel/6f6f-1", BODY, []),
        ("auth/w/transfer", BODY, []),
        ("auth/w/funding/offer/submit", BODY, []),
        ("auth/r/orders", None, []),
        ("auth/w/order/multi", None, [(UNKNOWN, {})]),
        ("auth/w/order/multi", {"ops": "on"}, [(UNKNOWN, {"ops": "on"})]),
        ("auth/w/order/multi", {"ops": []}, []),
        ("auth/w/order/multi", {"ops": [["oc", {"id": 1}], ["oc_multi", {}]]}, []),
        (
            "auth/w/order/multi",
            {"ops": [["on", BODY], ["oc", {}], ("ou", {"id": 1}), ["on", 3], 5]},
            [(NEW, BODY), (UPDATE, {"id": 1}), (UNKNOWN, {}), (UNKNOWN, {})],
        ),
        ("auth/w/order/multi", {"ops": [[["oc"], BODY]]}, [(UNKNOWN, BODY)]),
    ],
)
def test_orders_of_a_request(path: str, body: Any, expected: Any) -> None:
    assert orders_in(path, body) == [OrderRequest(*order) for order in expected]


@given(JSON_VALUES, JSON_VALUES)
def test_any_batch_can_be_looked_at(ops: Any, item: Any) -> None:
    for body in (ops, {"ops": ops}, {"ops": [item]}, {"ops": [["on", item]]}):
        for order in orders_in("auth/w/order/multi", body):
            assert order.count in (0, 1, 2)


@pytest.mark.parametrize(
    "action, terms, count",
    [
        (NEW, {}, 1),
        (NEW, {"flags": 64}, 1),
        (NEW, {"flags": "64"}, 1),
        (NEW, {"flags": 16_384 | 64}, 2),
        (NEW, {"price_oco_stop": "5"}, 2),
        (UPDATE, {"flags": 16_384}, 0),
        (RECURRING, {}, 0),
    ],
)
def test_oco_order_counts_twice(action: OrderAction, terms: Any, count: int) -> None:
    assert OrderRequest(action, terms).count == count


def test_terms_are_put_back_in_their_places() -> None:
    assert with_terms("auth/w/order/submit", {"a": 1}, [{"a": 2}]) == {"a": 2}
    ops = [["on", {"a": 1}], ["oc", {"id": 3}], ["ou", {"id": 4}]]
    body = {"ops": ops, "more": 1}
    terms: Any = [{"a": 2}, {"id": 5}]
    assert with_terms("auth/w/order/multi", body, terms) == {
        "ops": [["on", {"a": 2}], ["oc", {"id": 3}], ["ou", {"id": 5}]],
        "more": 1,
    }
    assert body["ops"] is ops and ops[0] == ["on", {"a": 1}]


ROW = [
    *[33950998275, None, 1573476747887, "tETHUSD", 1573476748000, 1573476748000],
    *[-0.5, -0.5, "LIMIT", None, None, None, 64, "ACTIVE", None, None, 220, 0, 0, 0],
    *[None, None, None, 0, 0, None, None, None, "API>BFX", None, None],
]


@pytest.mark.parametrize(
    "meta, own, changes, expected",
    [
        (None, 64, {"price": "230"}, {"price": "230", "flags": 64}),
        ({"$F7": 1}, 64, {"amount": "-1"}, {"amount": "-1", "flags": 4160}),
        ({"$F7": 0}, None, {"amount": None, "flags": 4096}, {"flags": 0}),
        ({}, 4096, {"delta": "1"}, {"delta": "1", "flags": 4096}),
        # Those that it takes away may still count, and those that it adds do.
        ({}, 4096, {"flags": 0}, {"flags": 0}),
        ({}, 4096 | 64, {"flags": 4096 | 512}, {"flags": 4096 | 64 | 512}),
        ({}, 64, {"flags": "512"}, {"flags": "512"}),
        # Only the exchange's order says what it is.
        ({}, None, {"type": "LIMIT X", "symbol": "tBTCUSD"}, {"flags": 0}),
    ],
)
def test_order_after_an_update(
    meta: Any, own: Any, changes: Any, expected: Any
) -> None:
    row = [*ROW, meta]
    row[12] = own
    assert updated(Order.from_row(row), changes) == {
        "type": "LIMIT",
        "symbol": "tETHUSD",
        "amount": -0.5,
        "price": 220,
        "price_aux_limit": 0,
        **expected,
    }
