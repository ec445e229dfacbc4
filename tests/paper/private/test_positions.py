"""Margin and derivative positions."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper import PaperAccount
from bfxsync.paper.engine.errors import Declined
from bfxsync.paper.engine.units import SCALE

from .support import EngineHarness

USD, DERIVATIVES = ("margin", "USD"), ("margin", "USTF0")
SYMBOL = "tBTCF0:USTF0"


@pytest.fixture
def harness() -> EngineHarness:
    """Books of 100 at 1000 and 1001, and nothing else: nobody lends."""
    harness = EngineHarness()
    harness.clear("fUSD")
    for symbol in ("tBTCUSD", SYMBOL):
        harness.clear(symbol)
        harness.add_order(False, 1001.0, 100.0, symbol)
        harness.add_order(True, 1000.0, 100.0, symbol)
    return harness


def wallet(harness: EngineHarness, name: tuple[str, str]) -> list[float]:
    """Balance and holds."""
    found = harness.account.wallets.get(*name)
    return [found.balance / SCALE, found.reserved / SCALE]


@pytest.mark.parametrize("price", ["0.01", "100000000000"])
def test_a_price_changes_nothing_of_a_market_order(
    harness: EngineHarness, price: str
) -> None:
    harness.account.deposit("margin", "USD", "-99900")
    with pytest.raises(Declined, match="not enough tradable balance for 1 BTCUSD"):
        harness.submit("MARKET", "1", price)
    order = harness.submit("MARKET", "0.1", price)
    assert order.row()[16] == 0 and order.status == "EXECUTED @ 1001(0.1)"


def test_a_position_costs_what_was_paid_and_brings_the_difference(
    harness: EngineHarness,
) -> None:
    harness.submit("MARKET", "2")
    (position,) = harness.account.positions.open.values()
    assert (position.amount, position.base_price) == (2 * SCALE, 1001)
    assert wallet(harness, USD) == [100_000 - 4.004, 400.4]
    harness.submit("MARKET", "-0.5")
    assert wallet(harness, USD) == [100_000 - 4.004 - 0.5 - 1, 300.3]
    harness.submit("MARKET", "-1.5")
    assert harness.account.positions.open == {}
    assert wallet(harness, USD) == [100_000 - 4.004 - 2 - 4, 0]
    (row,) = harness.account.positions.closed
    assert row[:4] == [*("tBTCUSD", "CLOSED"), 0, 1001]
    assert [row[2] for row in harness.account.positions.changes] == [2, 1.5, 0]


def test_a_position_can_be_closed_when_its_margin_is_short() -> None:
    harness = EngineHarness(PaperAccount(balances={"margin": {"USD": "200.2"}}))
    harness.clear()
    harness.add_order(False, 1001.0, 100.0)
    harness.add_order(True, 1000.0, 100.0)
    harness.submit("MARKET", "1")  # the fee leaves less than the margin of 200.2
    assert harness.account.wallets.get(*USD).available < 0
    with pytest.raises(Declined):
        harness.submit("MARKET", "0.001")
    harness.submit("MARKET", "-1")
    assert harness.account.positions.open == {}


def test_a_partial_close_by_a_maker_releases_margin(harness: EngineHarness) -> None:
    (other,) = harness.others
    harness.submit("MARKET", "2")
    harness.submit("LIMIT", "-2", "1000.5")
    harness.submit("MARKET", "1", account=other)
    assert harness.account.positions.amount("tBTCUSD") == SCALE
    assert wallet(harness, USD)[1] == 200.2


def test_a_position_may_turn_round(harness: EngineHarness) -> None:
    codes: list[str] = []
    harness.account.listeners.append(lambda code, row: codes.append(code))
    harness.submit("MARKET", "1")
    harness.submit("MARKET", "-3")
    (position,) = harness.account.positions.open.values()
    assert (position.amount, position.base_price) == (-2 * SCALE, 1000)
    assert [code for code in codes if code[0] == "p"] == ["pn", "pc", "pn"]
    harness.submit("MARKET", "2")
    text = [
        booking.text
        for booking in harness.account.wallets.ledger
        if booking.category == 31
    ]
    assert text == [
        "Settlement @ 1000 on wallet margin",
        "Settlement @ 1001 on wallet margin",
    ]


def test_a_derivative_needs_what_its_leverage_says(harness: EngineHarness) -> None:
    harness.submit("MARKET", "2", symbol=SYMBOL, lev=50)
    assert wallet(harness, DERIVATIVES) == [100_000 - 1.3013, 40.04]
    order = harness.submit("LIMIT", "1", 990, symbol=SYMBOL)
    assert order.lev == 10 and order.row()[31] == {"$F33": 10}
    assert wallet(harness, DERIVATIVES)[1] == 139.04
    harness.engine.update(harness.account, order, {"lev": 99})
    assert wallet(harness, DERIVATIVES)[1] == 50.04
    harness.engine.update(harness.account, order, {"lev": 10})
    # Closing needs nothing, as far as there is something to close.
    harness.submit("LIMIT", "-2", 1010, symbol=SYMBOL)
    assert wallet(harness, DERIVATIVES)[1] == 139.04
    harness.submit("LIMIT", "-30", 1010, symbol=SYMBOL)
    assert wallet(harness, DERIVATIVES)[1] == 3030
    (position,) = harness.account.positions.open.values()
    row = position.row(1_100 * SCALE)
    assert row[6:8] == [198, 0.0989011] and row[9] == 50
    assert row[15:19] == [1, None, 40.04, 20.02]


def test_an_order_that_makes_a_position_smaller_is_always_possible(
    harness: EngineHarness,
) -> None:
    harness.submit("MARKET", "99", symbol=SYMBOL, lev=1)
    with pytest.raises(Declined):
        harness.submit("MARKET", "1", symbol=SYMBOL, lev=1)
    harness.submit("MARKET", "-99", symbol=SYMBOL)


@pytest.mark.parametrize(
    ("held", "amount", "word"),
    [
        (None, "1", "RSN_POS_NOTFOUND"),
        ("1", "1", "RSN_POS_REDUCE_INCR"),
        ("1", "-2", "RSN_POS_REDUCE_FLIP"),
        ("1", "-1", "EXECUTED @ 1000(-1)"),
    ],
)
def test_what_may_only_reduce_a_position(
    harness: EngineHarness, held: Any, amount: str, word: str
) -> None:
    if held:
        harness.submit("MARKET", held)
    assert harness.submit("MARKET", amount, flags=1024).status == word


def test_what_may_only_reduce_a_position_ends_with_it(harness: EngineHarness) -> None:
    harness.submit("MARKET", "1")
    order = harness.submit("LIMIT", "-1", 1100, flags=1024)
    with pytest.raises(Declined, match="it would not reduce"):
        harness.engine.update(harness.account, order, {"amount": "-2"})
    harness.submit("MARKET", "-0.5")
    assert order.status == "RSN_POS_REDUCE_FLIP"


def test_reduce_only_orders_never_fill_more_than_the_position(
    harness: EngineHarness,
) -> None:
    harness.submit("MARKET", "1")
    orders = [
        harness.submit("LIMIT", amount, 1000.5, flags=1024)
        for amount in ("-0.6", "-0.6", "-0.4")
    ]
    harness.submit("EXCHANGE MARKET", "3", account=harness.others[0])
    assert [order.status for order in orders] == [
        "EXECUTED @ 1000.5(-0.6)",
        "RSN_POS_REDUCE_FLIP",
        "EXECUTED @ 1000.5(-0.4)",
    ]
    assert harness.account.positions.open == {} and harness.account.orders == {}
    assert harness.venues["tBTCUSD"].market.account_orders == {}


def test_a_closing_order_is_as_large_as_the_position(harness: EngineHarness) -> None:
    harness.submit("MARKET", "1.5")
    order = harness.submit("MARKET", "-0.1", flags=512)
    assert order.row()[7] == -1.5 and harness.account.positions.open == {}
    assert harness.submit("MARKET", "-1", flags=512).status == "RSN_POS_NOTFOUND"


def test_a_position_below_the_minimum_size_can_be_closed(
    harness: EngineHarness,
) -> None:
    harness.submit("MARKET", "1")
    harness.submit("MARKET", "-0.99999")
    with pytest.raises(Declined, match="minimum size"):
        harness.submit("MARKET", "-0.00001")
    harness.submit("MARKET", "-0.00001", flags=512)
    assert harness.account.positions.open == {}
