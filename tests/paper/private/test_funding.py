"""Offers, loans, interest and returns in the funding engine, on a book made for the test."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.funding_loan import AutoRenew, borrowed
from bfxsync.paper.engine.units import SCALE, to_units

from .support import EngineHarness

SYMBOL = "fUSD"


@pytest.fixture
def harness() -> EngineHarness:
    """One offer of the market, 1000 for 7 days at 0.0003, and a bid of 500 at 0.0001."""
    harness = EngineHarness()
    harness.clear(SYMBOL)
    harness.add_order(False, 0.0003, 1000.0, SYMBOL, 7)
    harness.add_order(True, 0.0001, 500.0, SYMBOL, 14)
    return harness


def listen(account: Account) -> list[tuple[str, Any]]:
    events: list[tuple[str, Any]] = []
    account.listeners.append(lambda code, row: events.append((code, row)))
    return events


def codes(events: list[tuple[str, Any]], but: str = "wu") -> list[str]:
    return [code for code, _ in events if code != but]


def funds(account: Account, kind: str = "funding") -> tuple[float, float]:
    """Balance and holds in dollars."""
    wallet = account.wallets.get(kind, "USD")
    return wallet.balance / SCALE, wallet.reserved / SCALE


def test_an_offer_rests_in_the_book_and_can_be_cancelled(
    harness: EngineHarness,
) -> None:
    events = listen(harness.account)
    offer = harness.offer("300", "0.0002", 30, notify=1, renew=1)
    assert harness.best(False, SYMBOL)[:4] == (to_units(0.0002), 30, 1, 300 * SCALE)
    assert funds(harness.account) == (50_000, 300)
    (row,) = harness.funding.offers(harness.account)
    # fmt: off
    assert row == [
        offer.id, SYMBOL, harness.now, harness.now, 300, 300, "LIMIT", None, None, 0,
        "ACTIVE", None, None, None, 0.0002, 30, 1, 0, None, 1, None,
    ]
    # fmt: on
    harness.funding.cancel(harness.account, [offer, offer])
    assert harness.best(False, SYMBOL).price == to_units(0.0003)
    assert funds(harness.account) == (50_000, 0)
    assert codes(events) == ["fon", "foc"]
    assert events[-1][1][10] == offer.status == "CANCELED"
    assert harness.account.funding.closed_offers == {offer.id: offer}
    assert not harness.venues[SYMBOL].is_active


def test_offers_match_by_rate_and_then_time(harness: EngineHarness) -> None:
    (other,) = harness.others
    dear = harness.offer("200", "0.00025")
    first = harness.offer("200", "0.0002")
    second = harness.offer("200", "0.0002")
    events = listen(harness.account)
    bid = harness.offer("-300", "0.0004", 2, other)
    assert bid.status == "EXECUTED at 0.02% (-100), at 0.02% (-200)"
    assert (first.status, second.status) == (
        "EXECUTED at 0.02% (200)",
        "PARTIALLY FILLED at 0.02% (100)",
    )
    assert dear.status == "ACTIVE"
    wanted = ["fte", "ftu", "fln", "foc", "fte", "ftu", "fln", "fou"]
    assert codes(events) == wanted
    assert [row[3:] for code, row in events if code == "ftu"] == [
        [first.id, 200, 0.0002, 2, 1],
        [second.id, 100, 0.0002, 2, 1],
    ]
    # Lender and borrower see the same loans, for the shorter of both periods.
    lent, borrowed = (harness.funding.loans(a, False) for a in (harness.account, other))
    assert [row[:2] + row[3:] for row in lent] == [r[:2] + r[3:] for r in borrowed]
    assert [(row[2], row[5], row[12]) for row in lent] == [(1, 200, 2), (1, 100, 2)]
    assert [row[2] for row in borrowed] == [-1, -1]
    assert len(lent[0]) == 21
    assert funds(harness.account) == (50_000, 600)
    assert [row[7] for row in other.funding.trades] == [None, None]


def test_the_market_takes_offers_and_gives_loans(harness: EngineHarness) -> None:
    bid = harness.offer("-150", "0.0003", 120)
    (loan,) = harness.funding.loans(harness.account, False)
    assert bid.status == "EXECUTED at 0.03% (-150)"
    assert (loan[2], loan[5], loan[12]) == (-1, 150, 7)
    lent = harness.offer("600", "0.0001", 30)
    (credit,) = harness.funding.loans(harness.account, True)
    assert (credit[2], credit[5], credit[11:13]) == (1, 500, [0.0001, 14])
    assert (len(credit), credit[21]) == (22, "tBTCUSD")
    assert lent.amount == 100 * SCALE
    for _ in range(3):
        harness.venues[SYMBOL].publish(
            harness.venues[SYMBOL].market._take_liquidity(harness.now, True)
        )
    assert lent.status.startswith("EXECUTED at 0.01% (100")


def test_interest_is_paid_daily_and_what_was_lent_returns(
    harness: EngineHarness,
) -> None:
    (other,) = harness.others
    events = listen(other)
    harness.offer("10000", "0.0002", 2)
    harness.offer("-10000", "0.0003", 2, other)
    harness.wait(hours=23)
    assert funds(harness.account) == (50_000, 10_000)
    harness.wait(hours=1)
    # 10000 * 0.0002 a day; the exchange keeps 15 %.
    assert funds(harness.account) == (50_001.7, 10_000)
    assert funds(other, "margin") == (99_998, 0)
    (row,) = harness.funding.loans(other, False)
    assert row[14] == harness.now
    harness.wait(days=1)
    assert funds(harness.account) == (50_003.4, 0)
    assert funds(other, "margin") == (99_996, 0)
    assert codes(events)[-2:] == ["flu", "flc"]
    (past,) = harness.account.funding.past_loans
    assert (past[2], past[7]) == (1, "CLOSED (expired)")
    assert harness.funding.lending.fees == {"USD": to_units(0.6)}
    texts = [b.text for b in [*harness.account.wallets.ledger, *other.wallets.ledger]]
    assert texts.count("Margin Funding Payment on wallet funding") == 2
    assert texts.count("Unused Margin Funding Fee on wallet margin") == 2
    harness.wait(days=99)
    assert funds(other, "margin") == (99_996, 0)


def test_the_first_hour_is_charged_in_full_but_once(harness: EngineHarness) -> None:
    (other,) = harness.others
    harness.offer("24000", "0.00025", 2)
    harness.offer("-24000", "0.00025", 2, other)
    (loan,) = other.funding.loans.values()
    harness.wait(minutes=10)
    harness.funding.lending.use(loan, 12_000 * SCALE, "tETHUSD")
    harness.funding.close(loan)
    assert funds(other, "margin")[0] == 100_000 - 0.125
    (part,) = other.funding.loans.values()
    harness.wait(minutes=110)
    harness.funding.close(part)
    assert funds(other, "margin")[0] == 100_000 - 0.125 - 0.25
    assert funds(harness.account) == (50_000.31875, 0)


def test_a_borrower_without_money_never_owes_it(harness: EngineHarness) -> None:
    (other,) = harness.others
    harness.offer("10000", "0.00025", 2)
    harness.offer("-10000", "0.00025", 2, other)
    wallets = other.wallets
    source, target = wallets.get("margin", "USD"), wallets.get("exchange", "USD")
    wallets.transfer(source.balance - to_units(1.0), source, target)
    harness.wait(days=1)
    assert funds(other, "margin") == (0, 0)
    assert funds(harness.account)[0] == 50_002.125
    assert harness.funding.lending.advanced == {"USD": to_units(1.5)}


def test_frr_offers_follow_the_flash_return_rate(harness: EngineHarness) -> None:
    market = harness.venues[SYMBOL].market
    market._flash_return_rate = to_units(0.00025)
    events = listen(harness.account)
    harness.offer("150", "0.00001", type="FRRDELTAVAR")
    harness.offer("150", "-0.00001", type="FRRDELTAFIX")
    assert [row[14] for row in harness.funding.offers(harness.account)] == [1e-5, -1e-5]
    rates = [entry.price for entry in market.book.depth("R0").asks]
    assert rates == [to_units(rate) for rate in (0.00024, 0.00026, 0.0003)]
    market._flash_return_rate = to_units(0.0002)
    harness.venues[SYMBOL].publish_fills()
    rates = [entry.price for entry in market.book.depth("R0").asks]
    assert rates[:2] == [to_units(0.00019), to_units(0.00021)]
    assert codes(events) == ["fon", "fon", "fou", "fou"]
    assert [row[20] for _, row in events[-2:]] != [None, None]
    # The fixed one keeps the rate at which it was taken, the other follows.
    harness.offer("-300", "0.0003", 2, harness.others[0])
    market._flash_return_rate = to_units(0.0004)
    fixed, variable = harness.funding.loans(harness.account, False)
    assert (fixed[8], fixed[11], fixed[19]) == ("FIXED", 0.00019, None)
    assert (variable[8], variable[11], variable[19]) == ("VAR", 1e-5, 0.00041)
    harness.wait(days=1)
    paid = 150 * (0.00019 + 0.00041)
    assert round(50_000 + paid * 0.85, 8) == funds(harness.account)[0]


def test_an_frr_offer_that_falls_to_a_bid_is_taken(harness: EngineHarness) -> None:
    market = harness.venues[SYMBOL].market
    market._flash_return_rate = to_units(0.0002)
    offer = harness.offer("150", "0", type="FRRDELTAVAR")
    market._flash_return_rate = to_units(0.0001)
    harness.venues[SYMBOL].publish_fills()
    assert offer.status == "EXECUTED at 0.01% (150)"


def test_a_hidden_offer_is_not_shown_and_costs_more(harness: EngineHarness) -> None:
    offer = harness.offer("500", "0.0002", flags=64)
    assert harness.best(False, SYMBOL).price == to_units(0.0003)
    harness.add_order(True, 0.00021, 200.0, SYMBOL, 2)
    events = listen(harness.account)
    harness.venues[SYMBOL].publish_fills()
    assert codes(events) == ["fte", "ftu", "fcn", "fou"]
    assert offer.amount == 300 * SCALE
    (credit,) = harness.funding.loans(harness.account, True)
    assert (credit[11], credit[16]) == (0.00021, 1)
    harness.wait(days=1)
    assert funds(harness.account)[0] == round(50_000 + 200 * 0.00021 * 0.82, 8)


def test_an_offer_to_renew_is_repeated_after_its_return(
    harness: EngineHarness,
) -> None:
    harness.offer("500", "0.0001", 2, renew=1)
    (credit,) = harness.account.funding.loans.values()
    assert harness.funding.loans(harness.account, True)[0][18] == 1
    harness.add_order(True, 0.0001, 500.0, SYMBOL, 14)
    harness.wait(days=2)
    (again,) = harness.account.funding.loans.values()
    assert again.amount == credit.amount and again.renew_offer is not None
    harness.wait(days=2)
    (offer,) = harness.account.funding.offers.values()
    assert (offer.amount, offer.renew) == (500 * SCALE, True)


def test_auto_renew_offers_up_to_its_amount(harness: EngineHarness) -> None:
    harness.offer("500", "0.0001", 2)
    harness.account.funding.auto_renew["USD"] = AutoRenew("USD", 3, 0, 400 * SCALE)
    harness.wait(days=2)
    (offer,) = harness.account.funding.offers.values()
    assert (offer.kind, offer.amount, offer.period) == ("FRRDELTAVAR", 400 * SCALE, 3)
    harness.funding.cancel(harness.account, [offer])
    setting = AutoRenew("USD", 3, to_units(0.0002), 100 * SCALE)
    harness.account.funding.auto_renew["USD"] = setting
    assert setting.row() == ["USD", 3, 0.0002, 100]
    harness.add_order(True, 0.0001, 500.0, SYMBOL, 14)
    harness.offer("500", "0.0001", 2)
    harness.wait(days=2)  # less than the smallest offer is left
    assert harness.account.funding.offers == {}


def test_a_long_position_borrows_what_it_costs(harness: EngineHarness) -> None:
    harness.clear()
    harness.add_order(False, 100.0, 20.0)
    harness.add_order(True, 99.0, 20.0)
    harness.offer("400", "0.0002", 30, harness.others[0])
    events = listen(harness.account)
    harness.submit("MARKET", "15")
    # 400 of the other account, and all that the market lends: nobody lends the rest.
    rows = harness.funding.loans(harness.account, True)
    assert [(row[2], row[5], row[21]) for row in rows] == [
        (-1, 400, "tBTCUSD"),
        (-1, 1000, "tBTCUSD"),
    ]
    (lent,) = harness.funding.loans(harness.others[0], True)
    assert (lent[2], lent[21]) == (1, "tBTCUSD")
    new = next(row for code, row in events if code == "pn")
    assert new[4:6] == [1400, 0]
    harness.submit("MARKET", "-2")
    # The dearest is returned first.
    rows = harness.funding.loans(harness.account, True)
    assert [row[5] for row in rows] == [400, 900]
    harness.submit("MARKET", "-13")
    assert harness.funding.loans(harness.account, True) == []
    assert codes(events).count("fcc") == 2
    charges = [b for b in harness.account.wallets.ledger if b.category == 226]
    assert {b.text for b in charges} == {"Used Margin Funding Charge on wallet margin"}


def test_a_position_uses_what_was_borrowed_before(harness: EngineHarness) -> None:
    harness.clear()
    harness.add_order(False, 100.0, 20.0)
    harness.add_order(True, 99.0, 20.0)
    harness.offer("-400", "0.0003", 30)
    (loan,) = harness.account.funding.loans.values()
    events = listen(harness.account)
    harness.submit("MARKET", "1")
    used = borrowed(harness.account, "tBTCUSD")
    assert [(each.amount, each.rate) for each in used] == [(100 * SCALE, loan.rate)]
    assert loan.amount == 300 * SCALE and loan.pair is None
    harness.submit("MARKET", "3")
    assert loan.pair == "tBTCUSD"
    status = [row[7] for code, row in events if code == "flc"]
    assert status == ["CLOSED (used)"]
    harness.funding.keep(loan, True)
    harness.funding.keep(loan, True)
    harness.submit("MARKET", "-1")  # only a part of what is kept, so it stays in use
    assert loan.pair == "tBTCUSD" and loan.amount == 300 * SCALE
    harness.submit("MARKET", "-3")
    assert borrowed(harness.account, "tBTCUSD") == []
    assert borrowed(harness.account, None) == [loan]
    assert harness.funding.loans(harness.account, False)[0][20] == 1


def test_a_position_whose_funding_ends_borrows_anew(harness: EngineHarness) -> None:
    harness.clear()
    harness.add_order(False, 100.0, 20.0)
    harness.submit("MARKET", "5")
    (first,) = borrowed(harness.account, "tBTCUSD")
    harness.add_order(False, 0.0002, 800.0, SYMBOL, 7)
    events = listen(harness.account)
    harness.funding.close(first)
    (second,) = borrowed(harness.account, "tBTCUSD")
    assert (second.rate, second.amount) == (to_units(0.0002), 500 * SCALE)
    assert codes(events) == ["fcc", "fte", "ftu", "fcn", "pu"]
    harness.wait(days=7)
    assert second.status == "CLOSED (expired)"
    assert borrowed(harness.account, "tBTCUSD") != [second]


def test_an_order_without_variable_rates_borrows_at_fixed_ones(
    harness: EngineHarness,
) -> None:
    harness.venues[SYMBOL].market._flash_return_rate = to_units(0.0001)
    harness.clear()
    harness.add_order(False, 100.0, 20.0)
    harness.offer("500", "0.00005", account=harness.others[0], type="FRRDELTAVAR")
    harness.submit("MARKET", "5", flags=524288)
    (used,) = borrowed(harness.account, "tBTCUSD")
    assert (used.kind, used.rate) == ("LIMIT", to_units(0.0003))


def test_an_account_may_lend_to_itself(harness: EngineHarness) -> None:
    harness.offer("500", "0.0002", 10)
    harness.offer("-500", "0.0002", 20)
    (row,) = harness.funding.loans(harness.account, False)
    assert (row[2], row[12]) == (0, 10)
    harness.wait(days=10)
    assert funds(harness.account)[1] == 0
    assert len(harness.account.funding.past_loans) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "MARKET"},
        {"symbol": "tBTCUSD"},
        {"symbol": ["fUSD"]},
        {"amount": "0"},
        {"amount": "x"},
        {"rate": None},
        {"rate": "-0.0001"},
        {"rate": "-0.0001", "type": "FRRDELTAVAR"},
        {"period": 1},
        {"period": 121},
        {"period": "2"},
        {"period": None},
        {"flags": "64"},
        {"renew": "yes"},
    ],
    ids=str,
)
def test_malformed_offers_are_invalid(
    harness: EngineHarness, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        harness.offer(**{"amount": "500", **wrong})
    assert harness.account.funding.offers == {}


@pytest.mark.parametrize(
    "amount, rate, words",
    [
        ("149.99", "0.0002", "minimum is 150.0 dollar or equivalent in USD: 150"),
        ("50000.01", "0.0002", "not enough funding balance"),
        ("-500000.01", "0.0002", "not enough tradable balance"),
        ("500", "0.0701", "maximum is 7% a day"),
    ],
)
def test_offers_that_cannot_be_are_declined(
    harness: EngineHarness, amount: str, rate: str, words: str
) -> None:
    with pytest.raises(Declined, match=words):
        harness.offer(amount, rate)
    assert funds(harness.account) == (50_000, 0)


def test_open_bids_and_loans_count_towards_what_may_be_borrowed(
    harness: EngineHarness,
) -> None:
    harness.offer("-400000", "0.00005")
    harness.offer("-1000", "0.0003")
    with pytest.raises(Declined):
        harness.offer("-100000", "0.00005")
    harness.offer("-99000", "0.00005")
