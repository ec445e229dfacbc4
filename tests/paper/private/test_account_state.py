"""What is restored from the changes of an account is the account."""

from __future__ import annotations

import json
import random
from typing import Any

import attrs
import pytest

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.account_state import AccountChanges, apply, complete
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.funding_loan import AutoRenew, EngineLoan
from bfxsync.paper.engine.ids import IdSequences
from bfxsync.paper.engine.units import SCALE, to_units

from .support import EngineHarness
from .test_sums import CHANGED, check_books, operate

OPERATIONS = 150


def state(account: Account) -> dict[str, Any]:
    """All that an account has."""
    orders = [*account.orders.values(), *account.closed.values()]
    return {
        "open": list(account.orders),
        "closed": list(account.closed),
        "orders": [
            (
                *attrs.astuple(order, filter=lambda field, _: field.name != "pair"),
                order.pair and order.pair.id,
            )
            for order in orders
        ],
        "offers": [attrs.astuple(each) for each in account.funding.offers.values()],
        "closed offers": [
            attrs.astuple(each) for each in account.funding.closed_offers.values()
        ],
        "loans": [loan_state(loan) for loan in account.funding.loans.values()],
        "auto-renew": account.funding.auto_renew,
        "past loans": list(account.funding.past_loans),
        "past credits": list(account.funding.past_credits),
        "funding trades": list(account.funding.trades),
        "wallets": [attrs.asdict(wallet) for wallet in account.wallets],
        "positions": {s: attrs.asdict(p) for s, p in account.positions.open.items()},
        "addresses": account.addresses,
        "ledger": list(account.wallets.past()),
        "trades": list(account.trades),
        "movements": list(account.movements),
        "past positions": list(account.positions.closed),
        "changes of positions": list(account.positions.changes),
        "kept positions": list(account.positions.snapshots),
    }


def loan_state(loan: EngineLoan) -> dict[str, Any]:
    """A loan, with names in place of what it refers to."""
    fields = attrs.asdict(loan, recurse=False)
    for name in ("lender", "borrower"):
        fields[name] = fields[name] and fields[name].user_id
    offer = loan.renew_offer
    # Its terms do not change.
    fields["renew_offer"] = offer and (offer.id, offer.kind, offer.rate, offer.period)
    return fields


def fund(harness: EngineHarness, account: Account, dice: random.Random) -> None:
    """Something with funding."""
    what, offers = dice.random(), list(account.funding.offers.values())
    if what < 0.5:
        amount = dice.choice((1, 1, -1)) * dice.randint(150, 3_000)
        kind = dice.choice(("LIMIT", "LIMIT", "FRRDELTAVAR", "FRRDELTAFIX"))
        best = harness.best(amount > 0, "fUSD").price / SCALE
        rate = best * (1 + dice.gauss(0, 0.05)) if kind == "LIMIT" else 0.00001
        terms = {"type": kind, "renew": dice.choice((0, 1)), "flags": 0}
        terms["flags"] = dice.choice((0, 0, 64))
        period = dice.randint(2, 120)
        harness.offer(str(amount), f"{rate:.8f}", period, account, **terms)
    elif what < 0.6 and offers:
        harness.funding.cancel(account, [dice.choice(offers)])
    elif what < 0.7:
        amount = dice.choice(("0.05", "-0.05"))
        harness.submit("MARKET", amount, account=account)
    elif what < 0.75:
        setting = AutoRenew("USD", 2, 0, to_units(dice.randint(1, 9) * 1_000))
        account.funding.auto_renew["USD"] = setting
        account.emit("wu", account.wallets.get("funding", "USD").row())
    elif what < 0.9:
        for _ in range(20):
            harness.venues["fUSD"].step(harness.now)
    else:
        harness.wait(hours=dice.randint(1, 30))


def restored(harness: EngineHarness, changes: list[list[str]]) -> EngineHarness:
    """Another exchange, whose market is at its beginning."""
    other = EngineHarness()
    other.now = harness.now
    for account, texts in zip(other.registry.accounts, changes):
        account.__init__({}, account.user_id, account.ids, lambda: other.now)  # type: ignore[misc]
        for text in texts:
            apply(account, json.loads(text))
    complete(other.registry.accounts)
    return other


def shared_loans(harness: EngineHarness) -> set[int]:
    """The ids of loans which are one object for both accounts."""
    first, second = (a.funding.loans for a in harness.registry.accounts)
    return {id for id, loan in first.items() if second.get(id) is loan}


def rest_again(harness: EngineHarness) -> None:
    for account in harness.registry.accounts:
        for order in account.orders.values():
            harness.engine.rest_again(account, order)
    harness.engine.make_room()


@pytest.mark.parametrize("seed", range(3))
def test_all_changes_together_are_the_state(seed: int) -> None:
    dice = random.Random(seed)
    harness = EngineHarness()
    accounts = harness.registry.accounts
    watched = [AccountChanges(account) for account in accounts]
    changes: list[list[str]] = [[] for _ in accounts]
    CHANGED.clear()
    for number in range(OPERATIONS):
        act = fund if number % 2 else operate
        try:
            act(harness, dice.choice(accounts), dice)
        except (Declined, Invalid):
            pass
        for each, texts in zip(watched, changes):
            if each.is_pending:
                texts.append(json.dumps(each.take()))
        if number % 50 == 49:
            other = restored(harness, changes)
            for before, after in zip(accounts, other.registry.accounts):
                assert state(after) == state(before)
            assert shared_loans(other) == shared_loans(harness)
            rest_again(other)
            other.funding.restore(other.registry.accounts)
            check_books(other)
    funding = [account.funding for account in accounts]
    assert any(each.past_loans or each.past_credits for each in funding)
    assert any(each.loans for each in funding)
    assert all(each.closed_offers for each in funding)


def test_resting_orders_are_not_filled_for_being_restored(
    harness: EngineHarness,
) -> None:
    watched = AccountChanges(harness.account)
    best = harness.best(False).price
    harness.clear()
    for amount, ratio in (("0.5", 1.01), ("-0.5", 1.02)):
        harness.submit("EXCHANGE LIMIT", amount, f"{best * ratio / SCALE:.5g}")
    other = restored(harness, [[json.dumps(watched.take())], []])
    before = state(other.account)
    rest_again(other)
    assert state(other.account) == before
    check_books(other)
    assert other.venues["tBTCUSD"].is_active
    for _ in range(500):
        other.venues["tBTCUSD"].step()
    check_books(other)


def test_a_stop_that_the_market_has_passed_is_triggered(harness: EngineHarness) -> None:
    watched = AccountChanges(harness.account)
    last = harness.venues["tBTCUSD"].market.last_price
    harness.trade(last / SCALE * 1.1)
    stop = harness.submit("EXCHANGE STOP", "-0.1", f"{last / SCALE * 1.05:.5g}")
    assert stop.is_open
    other = restored(harness, [[json.dumps(watched.take())], []])
    assert list(other.account.orders) == [stop.id]
    rest_again(other)
    assert other.account.closed[stop.id].closed_as == "EXECUTED"


def test_an_order_that_has_expired_is_cancelled(harness: EngineHarness) -> None:
    watched = AccountChanges(harness.account)
    harness.submit("EXCHANGE LIMIT", "0.1", "5000", tif="2033-01-01")
    other = restored(harness, [[json.dumps(watched.take())], []])
    other.now = harness.now = 2**41
    rest_again(other)
    ((delay_s, expire),) = other.later
    assert delay_s == 0
    expire()
    assert not other.account.orders


def test_new_trades_have_larger_ids(harness: EngineHarness) -> None:
    harness.venues["tBTCUSD"].market.continue_trade_ids(10**12)
    harness.submit("EXCHANGE MARKET", "0.1")
    assert harness.account.trades[0][0] > 10**12


def test_a_moved_trailing_stop_is_a_change(harness: EngineHarness) -> None:
    order = harness.submit("EXCHANGE TRAILING STOP", "-0.1", price_trailing="100")
    watched = AccountChanges(harness.account)
    watched.take()
    before = order.stop
    harness.trade(harness.venues["tBTCUSD"].market.last_price / SCALE + 50)
    assert watched.is_pending and order.stop > before
    assert watched.take()["orders"][0][0]["stop"] == order.stop
    assert not watched.is_pending


def test_ids_go_on() -> None:
    ids = IdSequences()
    assert next(ids.order) + 1 == ids.order.following == next(ids.order)
    assert to_units(1) == SCALE
