"""Margin calls, liquidations and the collateral of derivatives."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper import PaperAccount
from bfxsync.paper.engine.errors import Declined
from bfxsync.paper.engine.units import SCALE, to_units

from .support import MTS, EngineHarness

DERIVATIVE = "tBTCF0:USTF0"
POOR = PaperAccount(balances={"margin": {"USD": 250, "USTF0": 250}})


@pytest.fixture
def harness() -> EngineHarness:
    """An account with 250 dollars of margin, and books of 100 at 999 and 1000."""
    harness = EngineHarness(POOR, PaperAccount(api_key="other", api_secret="other"))
    harness.clear("fUSD")
    for symbol in ("tBTCUSD", "tETHUSD", DERIVATIVE):
        move(harness, 999, 1000, symbol)
    return harness


def move(
    harness: EngineHarness, bid: float, ask: float, symbol: str = "tBTCUSD"
) -> None:
    """Let the market's own orders be these, and publish the change."""
    harness.clear(symbol)
    harness.add_order(True, float(bid), 100.0, symbol)
    harness.add_order(False, float(ask), 100.0, symbol)
    harness.venues[symbol].publish_fills()


def watch(harness: EngineHarness) -> list[tuple[str, Any]]:
    events: list[tuple[str, Any]] = []
    harness.account.listeners.append(lambda code, row: events.append((code, row)))
    harness.registry.liquidation_listeners.append(
        lambda row: events.append(("liq", row))
    )
    return events


def money(harness: EngineHarness, currency: str = "USD") -> float:
    return harness.account.wallets.get("margin", currency).balance / SCALE


def test_a_position_is_warned_and_then_liquidated(harness: EngineHarness) -> None:
    harness.submit("MARKET", "1")
    order = harness.submit("LIMIT", "0.1", 500)
    (position,) = harness.account.positions.open.values()
    assert money(harness) == 248
    events = watch(harness)
    move(harness, 903, 904)  # 248 - 97 is above 15 % of 1000
    assert events == []
    move(harness, 901, 902)
    ((code, row),) = events
    assert code == "pu" and row[19]["liq_stage"] == 1
    move(harness, 900, 902)
    move(harness, 910, 912)
    assert [row[19]["liq_stage"] for _, row in events] == [1, None]
    del events[:]
    move(harness, 853, 854)
    assert harness.account.positions.open != {}
    move(harness, 851, 852)
    assert [code for code, _ in events if code != "wu"] == [
        *("pu", "liq", "oc", "pc", "te", "tu", "oc", "liq")
    ]
    rows = {code: row for code, row in events}
    assert order.status == "CANCELED"
    assert rows["oc"][13] == "FORCED EXECUTED @ 851(-1)"
    assert rows["pc"][19]["reason"] == "LIQUIDATION"
    assert harness.account.positions.open == {}
    assert money(harness) == round(248 - 149 - 851 * 0.002, 8)
    trigger, executed = (row for code, row in events if code == "liq")
    assert trigger[:7] == ["pos", position.id, MTS, None, "tBTCUSD", 1, 1000]
    assert trigger[8:] == [0, 1, None, None] and executed[8:] == [1, 1, None, 851]


def test_the_positions_of_a_currency_share_their_margin(
    harness: EngineHarness,
) -> None:
    harness.submit("MARKET", "0.5")
    harness.submit("MARKET", "-0.5", symbol="tETHUSD")
    # What one loses the other gains, so neither is liquidated.
    for price in (900, 800, 700):
        move(harness, price, price + 1, "tETHUSD")
        move(harness, price, price + 1)
    assert len(harness.account.positions.open) == 2
    move(harness, 1000, 1001, "tETHUSD")
    assert harness.account.positions.open == {}
    assert harness.account.wallets.get("margin", "USD").reserved == 0


def test_a_loss_beyond_all_margin_leaves_no_debt(harness: EngineHarness) -> None:
    harness.submit("MARKET", "1")
    move(harness, 500, 501)
    assert harness.account.positions.open == {}
    assert money(harness) == 0
    assert harness.registry.liquidations.absorbed == {"USD": to_units(253.0)}
    assert [b.category for b in harness.account.wallets.ledger][-1] == 401


def test_a_loss_of_ones_own_leaves_no_debt_either(harness: EngineHarness) -> None:
    harness.submit("MARKET", "-1")
    harness.clear()
    harness.add_order(True, 10.0, 1.0)
    harness.add_order(False, 2000.0, 100.0)
    # The order of another account lifts the price, and closes the position at the same time.
    (other,) = harness.others
    other.deposit("margin", "USD", 1_000_000)
    harness.submit("LIMIT", "1", 1990)
    harness.submit("MARKET", "-1", account=other)
    assert money(harness) == 0


def test_the_exchange_takes_over_what_the_book_cannot(harness: EngineHarness) -> None:
    harness.submit("MARKET", "1")
    harness.clear()
    harness.add_order(True, 800.0, 0.25)
    harness.add_order(False, 801.0, 1.0)
    harness.venues["tBTCUSD"].publish_fills()
    assert harness.account.positions.open == {}
    *_, first, second = harness.account.trades
    assert (first[4], second[4]) == (-0.25, -0.75)
    assert second[0] == 900_000_001


def test_a_derivative_has_a_collateral_of_its_own(harness: EngineHarness) -> None:
    margin, account = harness.registry.margin, harness.account
    harness.submit("MARKET", "1", symbol=DERIVATIVE, lev=20)
    position = account.positions.open[DERIVATIVE]
    low, high = margin.collateral_limits(account, DERIVATIVE)
    # 1 % of the cost, and the loss of closing it now.
    assert (low, high) == (11 * SCALE, account.wallets.get("margin", "USTF0").balance)
    row = margin.row(account, position)
    assert row[6:10] == [-1, -0.001, 955, 20] and row[17:19] == [50, 10]
    events = watch(harness)
    margin.set_collateral(account, DERIVATIVE, 100 * SCALE)
    assert [code for code, _ in events] == ["wu", "pu"]
    assert events[-1][1][17] == 100
    assert account.wallets.get("margin", "USTF0").reserved == 100 * SCALE
    move(harness, 940, 941, DERIVATIVE)
    assert DERIVATIVE in account.positions.open
    for amount in (30 * SCALE, 10_000 * SCALE):
        with pytest.raises(Declined, match="collateral: market risk") as caught:
            margin.set_collateral(account, DERIVATIVE, amount)
        assert caught.value.code == 110202
    # It grows and shrinks with the position.
    move(harness, 999, 1000, DERIVATIVE)
    harness.submit("MARKET", "1", symbol=DERIVATIVE, lev=20)
    assert position.margin == 150 * SCALE
    harness.submit("MARKET", "-0.5", symbol=DERIVATIVE, lev=20)
    assert position.margin == to_units(112.5)
    assert account.wallets.get("margin", "USTF0").reserved == to_units(112.5)


def test_a_liquidated_derivative_costs_its_collateral(harness: EngineHarness) -> None:
    other = PaperAccount(balances={"margin": {"USTF0": 1_000}})
    harness = EngineHarness(other)
    move(harness, 999, 1000, DERIVATIVE)
    harness.submit("MARKET", "-1", symbol=DERIVATIVE, lev=50)
    events = watch(harness)
    move(harness, 1010, 1011, DERIVATIVE)  # 20 - 12 is less than 0.8 % of 999
    assert [row[19]["liq_stage"] for _, row in events] == [1]
    move(harness, 1014, 1015, DERIVATIVE)
    assert harness.account.positions.open == {}
    assert 970 < money(harness, "USTF0") < 985


def test_there_is_no_collateral_without_a_derivative(harness: EngineHarness) -> None:
    harness.submit("MARKET", "0.1")
    for symbol in ("tBTCUSD", DERIVATIVE):
        with pytest.raises(Declined, match="position: not found"):
            harness.registry.margin.collateral_limits(harness.account, symbol)


def test_positions_are_kept_as_of_midnight(harness: EngineHarness) -> None:
    harness.submit("MARKET", "0.1")
    harness.wait(days=2)
    harness.submit("MARKET", "-0.1")
    harness.wait(days=9)
    first, second = harness.account.positions.snapshots
    day = 24 * 60 * 60 * 1000
    assert second[13] - first[13] == day and not first[13] % day
    assert first[:4] == ["tBTCUSD", "ACTIVE", 0.1, 1000]
