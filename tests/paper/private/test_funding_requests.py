"""Funding by REST, asked for with the client library: each reads the API in its own way."""

from __future__ import annotations

from decimal import Decimal
from typing import Iterator

import pytest

from bfxsync.errors import ApiError
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.account_view import AccountView
from bfxsync.rest.auth import AuthEndpoints

from .test_client import rest_of

# Far above the rates of the market, so that it rests.
RESTING = ("LIMIT", "fUSD", "500", "0.06", 30)
OTHER = PaperAccount(api_key="other-key", api_secret="other-secret")


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    """An exchange with two accounts, whose markets stand still."""
    with PaperExchange(rate=1e-3, accounts=[PaperAccount(), OTHER]) as exchange:
        yield exchange


@pytest.fixture
def auth(exchange: PaperExchange) -> Iterator[AuthEndpoints]:
    """The first account, without open offers after the test."""
    with rest_of(exchange) as client:
        yield client.auth
        client.auth.cancel_all_funding_offers()


@pytest.fixture
def other(exchange: PaperExchange) -> Iterator[AuthEndpoints]:
    with rest_of(exchange, account=exchange.accounts[1]) as client:
        yield client.auth


def available(account: AccountView) -> float:
    return account.available["funding"]["USD"]


def test_an_offer_is_submitted_listed_and_cancelled(
    exchange: PaperExchange, auth: AuthEndpoints
) -> None:
    before = available(exchange.account)
    note = auth.submit_funding_offer(*RESTING, hidden=True).raise_for_status()
    assert note.type == "fon-req"
    assert note.text == "Submitting funding offer of 500.0 USD at 6.000 for 30 days."
    offer = note.data
    assert offer is not None and (offer.amount, offer.hidden) == (500, 1)
    assert auth.get_funding_offers(symbol="fUSD") == [offer]
    assert available(exchange.account) == before - 500
    cancelled = auth.cancel_funding_offer(offer.id or 0).raise_for_status()
    assert cancelled.type == "foc-req" and cancelled.data == offer
    assert auth.get_funding_offers() == []
    newest, *_ = auth.get_funding_offers_history(symbol="fUSD")
    assert (newest.id, newest.status.word) == (offer.id, "CANCELED")
    assert available(exchange.account) == before


def test_all_offers_or_those_of_a_currency_are_cancelled(auth: AuthEndpoints) -> None:
    for _ in range(2):
        auth.submit_funding_offer(*RESTING)
    assert auth.cancel_all_funding_offers("BTC").text == (
        "Submitting 0 offer cancellations."
    )
    assert len(auth.get_funding_offers()) == 2
    assert auth.cancel_all_funding_offers("USD").type == "foc_all-req"
    assert auth.get_funding_offers() == []


def test_both_sides_see_a_loan_and_the_borrower_returns_it(
    exchange: PaperExchange, auth: AuthEndpoints, other: AuthEndpoints
) -> None:
    # At the rate of the market's best offer, of which ours is the older one by its id.
    rate = Decimal(str(exchange.book("fUSD")[1][0][0]))
    offer = auth.submit_funding_offer("LIMIT", "fUSD", "1000", rate, 5)
    assert offer.data is not None and offer.data.id is not None
    bid = other.submit_funding_offer("LIMIT", "fUSD", "-1000", "0.0003", 5)
    assert bid.text == "Submitting funding bid of 1000.0 USD at 0.030 for 5 days."
    assert bid.data is not None and bid.data.status.word == "EXECUTED"
    mine = {loan.id: loan for loan in auth.get_funding_loans(symbol="fUSD")}
    (loan,) = [loan for loan in other.get_funding_loans() if loan.id in mine]
    assert (loan.side, mine[loan.id].side) == (-1, 1)
    assert (loan.amount, loan.rate, loan.period) == (1000, rate, 5)
    trade = auth.get_funding_trades_history(symbol="fUSD", limit=1)[0]
    assert (trade.offer_id, trade.maker) == (offer.data.id, 1)
    info = auth.get_funding_info("fUSD")
    assert info.yield_lend and info.duration_lend
    with pytest.raises(ApiError, match="Funding not found"):
        auth.submit_funding_close(loan.id)  # only the borrower may
    other.toggle_keep_funding("loan", ids=[loan.id]).raise_for_status()
    assert other.get_funding_loans()[0].no_close == 1
    other.toggle_keep_funding("loan", changes={loan.id: 2}).raise_for_status()
    assert other.get_funding_loans()[0].no_close == 0
    with pytest.raises(ApiError):
        other.toggle_keep_funding("credit", ids=[loan.id])
    other.submit_funding_close(loan.id).raise_for_status()
    assert auth.get_funding_loans_history(symbol="fUSD")[0].id == loan.id
    assert auth.get_funding_loans_history()[0].status == "CLOSED (returned)"


def test_a_margin_position_shows_its_credits(auth: AuthEndpoints) -> None:
    auth.submit_order("MARKET", "tBTCUSD", "0.01").raise_for_status()
    credit, *_ = auth.get_funding_credits(symbol="fUSD")
    (position,) = auth.get_positions()
    assert (credit.side, credit.position_pair) == (-1, "tBTCUSD")
    assert position.margin_funding > 0
    auth.submit_order("MARKET", "tBTCUSD", "-0.01").raise_for_status()
    assert credit not in auth.get_funding_credits()
    assert auth.get_funding_credits_history(symbol="fUSD")[0].amount == credit.amount


def test_auto_renew_is_switched_on_and_off(auth: AuthEndpoints) -> None:
    assert auth.get_auto_renew_status("USD") is None
    note = auth.toggle_auto_renew(True, "USD", amount="250", rate="0.02", period=3)
    assert note.type == "fa-req" and note.data is not None
    status = auth.get_auto_renew_status("USD")
    assert status is not None
    # The rate of the request is in percent.
    assert (status.period, status.rate) == (3, Decimal("0.0002"))
    assert status.threshold == 250
    auth.toggle_auto_renew(True, "USD")
    status = auth.get_auto_renew_status("USD")
    assert status is not None and (status.period, status.rate) == (2, 0)
    assert auth.toggle_auto_renew(False, "USD").data is not None
    assert auth.get_auto_renew_status("USD") is None
    assert auth.toggle_auto_renew(False, "USD").data is None


def test_what_cannot_be_is_answered_by_an_error(auth: AuthEndpoints) -> None:
    for amount, rate, words in (
        ("100", "0.001", "minimum is 150"),
        ("1000000", "0.001", "not enough funding balance"),
        ("500", "0.08", "maximum is 7%"),
    ):
        with pytest.raises(ApiError, match=words):
            auth.submit_funding_offer("LIMIT", "fUSD", amount, rate, 2)
    with pytest.raises(ApiError, match="Offer not found"):
        auth.cancel_funding_offer(1)
    with pytest.raises(ApiError, match="symbol: invalid"):
        auth.get_funding_offers(symbol="fXYZ")
    with pytest.raises(ApiError, match="currency: invalid"):
        auth.toggle_auto_renew(True, "XYZ")
    with pytest.raises(ApiError, match="Funding not found"):
        auth.submit_funding_close(1)
