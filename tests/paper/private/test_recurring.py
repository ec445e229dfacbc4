"""Recurring orders of the local exchange."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Iterator

import pytest

from bfxsync.errors import ApiError
from bfxsync.paper import PaperExchange
from bfxsync.paper.engine.account_state import AccountChanges, apply
from bfxsync.paper.engine.errors import Invalid
from bfxsync.paper.engine.stored_data import RecurringOrder
from bfxsync.rest.auth import AuthEndpoints

from .support import EngineHarness
from .test_client import rest_of

TERMS = {
    "alias": "mine",
    "_symbol": "tBTCUSD",
    "currency": "BTC",
    "action": "buy",
    "amount": "0.01",
    "recurrence": "daily",
    "endless": True,
}


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness()


@pytest.fixture
def auth() -> Iterator[AuthEndpoints]:
    with PaperExchange(rate=1e-3) as exchange, rest_of(exchange) as client:
        yield client.auth


def create(harness: EngineHarness, **changes: Any) -> RecurringOrder:
    body = {**TERMS, **changes}
    return harness.registry.recurring.create(harness.account, body)


def amounts(harness: EngineHarness) -> list[float]:
    return [order.row()[7] for order in harness.account.closed.values()]


def test_an_order_is_placed_every_day(harness: EngineHarness) -> None:
    item = create(harness)
    harness.wait(hours=1)
    assert amounts(harness) == [0.01]
    harness.wait(days=2)
    assert amounts(harness) == [0.01] * 3
    assert [made["orderId"] for made in item.orders] == list(harness.account.closed)
    harness.registry.recurring.cancel(harness.account, item.id)
    harness.wait(days=9)
    assert len(item.orders) == 3 and item.view()["status"] == "CANCELED"


def test_an_amount_may_be_of_the_quote_currency(harness: EngineHarness) -> None:
    create(harness, currency="USD", amount="642.5", action="sell", recurrence="weekly")
    harness.wait(days=13)
    first, second = amounts(harness)
    assert -0.011 < first < -0.009 and second < 0


def test_months_have_their_lengths(harness: EngineHarness) -> None:
    item = create(harness, startedAt="2024-01-31T12:00:00Z", recurrence="monthly")
    times = []
    for _ in range(4):
        harness.wait(milliseconds=item.next_mts - harness.now)
        made = item.orders[-1]["createdAt"] / 1000
        times.append(f"{datetime.fromtimestamp(made, timezone.utc):%m-%d %H}")
    assert times == ["01-31 12", "02-29 12", "03-31 12", "04-30 12"]


def test_it_ends_at_its_time(harness: EngineHarness) -> None:
    # The start has passed, but the order still comes on its days.
    item = create(harness, endless=None, startedAt="2023-11-01", endedAt="2023-11-17")
    harness.wait(days=99)
    assert len(item.orders) == 3 and item.status == "ENDED"
    assert item.orders[0]["createdAt"] % (24 * 60 * 60 * 1000) == 0


def test_a_start_may_have_an_offset(harness: EngineHarness) -> None:
    item = create(harness, startedAt="2030-01-01T12:00:00.5+02:00")
    assert item.view()["startedAt"] == "2030-01-01T10:00:00.500Z"
    item = create(harness, startedAt="2030-01-01 12:00:00-01:30")
    assert item.view()["startedAt"] == "2030-01-01T13:30:00.000Z"


def test_what_is_refused_is_noted_and_tried_again(harness: EngineHarness) -> None:
    item = create(harness, amount="100")
    harness.wait(days=1)
    assert [made["orderId"] for made in item.orders] == [None, None]
    assert item.orders[0]["status"].startswith("ERROR: Invalid order: not enough")


def test_an_update_changes_what_it_names(harness: EngineHarness) -> None:
    recurring, account = harness.registry.recurring, harness.account
    old = create(harness)
    new = recurring.update(account, old.id, {"amount": "0.02", "recurrence": "weekly"})
    harness.wait(days=6)
    # That of the old one is void.
    assert amounts(harness) == [0.02]
    with pytest.raises(Invalid):
        recurring.update(account, old.id, {"action": "hold"})
    assert recurring.find(account, old.id) is new and new.action == "buy"


@pytest.mark.parametrize(
    "wrong",
    [
        {"_symbol": "fUSD"},
        {"_symbol": None},
        {"currency": "LTC"},
        {"action": "x"},
        {"recurrence": "hourly"},
        {"amount": "0"},
        {"endless": False},
        {"startedAt": "yesterday"},
        {"startedAt": "2024-02-30"},
        {"endless": None, "endedAt": "2026-99-99"},
    ],
    ids=str,
)
def test_malformed_ones_are_invalid(
    harness: EngineHarness, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        create(harness, **wrong)
    assert harness.account.stored.recurring == {}


def test_they_are_restored() -> None:
    first, second = (EngineHarness() for _ in range(2))
    changes = AccountChanges(first.account)
    item = create(first)
    first.wait(hours=1)
    apply(second.account, changes.take())
    assert second.account.stored.recurring == {item.id: item}
    second.registry.recurring.add(second.account)
    second.wait(days=1)
    assert len(second.account.closed) == 2


def test_the_client_creates_changes_and_cancels_them(auth: AuthEndpoints) -> None:
    made = auth.create_recurring_order(
        "mine", "tBTCUSD", "BTC", "buy", "0.01", "daily", endless=True
    )
    assert made.algo_order_id is not None and made.status == "ACTIVE"
    changed = auth.update_recurring_order(made.algo_order_id, amount="0.02")
    assert (changed.amount, changed.alias) == (changed.amount, "mine")
    assert auth.get_recurring_order(made.algo_order_id).amount == changed.amount
    page = auth.get_recurring_orders(limit=1)
    assert page["totalItems"] == 1 and len(page["items"]) == 1
    assert auth.cancel_recurring_order(made.algo_order_id).status == "CANCELED"
    found = auth.get_recurring_order_orders(algo_order_id=made.algo_order_id)
    assert found["page"] == 1
    with pytest.raises(ApiError, match="algoOrderId: invalid"):
        auth.get_recurring_order("nope")
