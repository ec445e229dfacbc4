"""The searches and errors of the operations of the account channel."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync.errors import NotExecuted, OrderNotPlaced, OutcomeUnknown
from bfxsync.outcome.find_offers import OfferFinder
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.outcome.operations import (
    METHODS,
    OperationFinder,
    not_executed,
    outcome_unknown,
)
from bfxsync.wire.operations import Operation

NEW = {"cid": 77, "symbol": "tBTCUSD", "type": "LIMIT", "amount": "0.5"}
BODIES: list[tuple[str, dict[str, Any], str]] = [
    ("on", NEW, "open orders, order history and trades"),
    ("ou", {"id": 5, "price": "7"}, "open orders and order history"),
    ("oc", {"id": 5}, "open orders and order history"),
    ("oc", {"cid": 77, "cid_date": "2026-01-31"}, "open orders and order history"),
    ("oc_multi", {"all": 1}, "open orders"),
    ("fon", {"symbol": "fUSD"}, "open offers and their history"),
    ("foc", {"id": 5}, "open offers and their history"),
]


def unused() -> Any:
    raise AssertionError("a search is built without requests")


@pytest.mark.parametrize("name, body, searched", BODIES)
def test_r07_each_operation_is_searched_where_its_outcome_is_listed(
    name: str, body: dict[str, Any], searched: str
) -> None:
    finder = OperationFinder(OrderFinder(unused), OfferFinder(unused))
    assert finder.search_for(Operation("token", name, body)).searched == searched


@pytest.mark.parametrize("name, body, _", BODIES)
def test_r07_error_of_an_operation_names_what_was_sent(
    name: str, body: dict[str, Any], _: str
) -> None:
    operation = Operation("token", name, {**body, "tfaToken": "123456"})
    error = outcome_unknown(operation, 1_767_225_599.0, "the connection was lost")
    assert type(error) is OutcomeUnknown and error.endpoint == METHODS[name]
    assert f"{METHODS[name]} may or may not have been executed: the conn" in str(error)
    assert error.known == body and error.cid == body.get("cid")
    # That of sending, by this machine's clock, if the exchange was not told another one.
    date = "2025-12-31" if name == "on" else body.get("cid_date")
    assert error.cid_date == date


def test_r07_only_a_new_order_is_not_placed() -> None:
    for name, body, _ in BODIES:
        absent = not_executed(Operation("token", name, body))
        error = absent("it is nowhere", phase="send", proof="absent")
        assert type(error) is (OrderNotPlaced if name == "on" else NotExecuted)
        assert getattr(error, "cid", None) == (77 if name == "on" else None)
