"""Invoices and settings of Bitfinex Pay, and positions that are claimed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Iterator

import pytest

from bfxsync.errors import ApiError
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.engine.account_state import AccountChanges, apply
from bfxsync.rest.client import RestClient

from .support import EngineHarness, Signed
from .test_client import rest_of

OTHER = PaperAccount(api_key="other-key", api_secret="other-secret")
READER = PaperAccount(
    api_key="reader-key", api_secret="reader-secret", permissions={"bfxpay": "r"}
)
CUSTOMER = {
    "nationality": "FR",
    "residCountry": "FR",
    "residCity": "Lyon",
    "residZipCode": "69001",
    "residStreet": "Rue de l'Exemple",
    "fullName": "Jeanne Exemple",
    "email": "jeanne@example.com",
}


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    """An exchange whose markets stand still."""
    with PaperExchange(rate=1e-3, accounts=[PaperAccount(), OTHER, READER]) as exchange:
        yield exchange


@pytest.fixture
def rest(exchange: PaperExchange) -> Iterator[RestClient]:
    with rest_of(exchange) as client:
        yield client


def new_invoice(rest: RestClient, **fields: Any) -> Any:
    given: dict[str, Any] = {"amount": 10, "currency": "USD", "order_id": "1"}
    given.update(fields)
    return rest.merchant.submit_invoice(
        customer_info=CUSTOMER, pay_currencies=["ETH", "UST-ETH"], **given
    )


def test_an_invoice_is_created_and_completed(rest: RestClient) -> None:
    invoice = new_invoice(rest, order_id="first", duration=86_400)
    assert (invoice.status, invoice.payment) == ("CREATED", None)
    ether, tether = invoice.invoices
    assert 0 < ether.amount < 0.1 and 9 < tether.amount < 11
    assert (tether.currency, tether.pay_currency) == ("UST", "UST-ETH")
    with pytest.raises(ApiError, match="payCcy: invalid"):
        rest.merchant.complete_invoice(invoice.id, "BTC", deposit_id=1)
    paid = rest.merchant.complete_invoice(invoice.id, "ETH", deposit_id=7)
    assert paid.status == "COMPLETED" and paid.payment is not None
    assert (paid.payment.deposit_id, paid.payment.amount) == (7, ether.amount)
    with pytest.raises(ApiError, match="id: invalid"):
        rest.merchant.complete_invoice(invoice.id, "ETH", deposit_id=7)
    (found,) = rest.merchant.get_invoices(id=invoice.id)
    assert found == paid


def test_an_invoice_expires(rest: RestClient) -> None:
    invoice = rest.merchant.submit_pos_invoice(5, "EUR", "till", ["BTC"])
    assert (invoice.type, invoice.customer_info, invoice.duration) == ("POS", None, 900)
    assert rest.merchant.expire_invoice(invoice.id).status == "EXPIRED"
    with pytest.raises(ApiError, match="id: invalid"):
        rest.merchant.expire_invoice(invoice.id)


def test_invoices_are_listed_by_page_order_and_filters(rest: RestClient) -> None:
    ids = [new_invoice(rest, amount=n, order_id=f"n{n}").id for n in (30, 10, 20)]
    newest = rest.merchant.get_invoices(limit=3)
    assert [each.id for each in newest] == ids[::-1]
    page = rest.merchant.get_invoices_paginated(
        1, 1, "desc", "amount", status=["CREATED"], fiat=["USD"], crypto=["ETH"]
    )
    assert (page.total_items, page.total_pages) == (3, 3)
    assert [each.id for each in page.items] == ids[:1]
    (one,) = rest.merchant.get_invoices_paginated(order_id="n20").items
    assert one.id == ids[2]
    assert rest.merchant.get_invoices_paginated(crypto=["LTC"]).items == []
    assert rest.merchant.get_invoices_paginated(page=9).items == []


def test_settings_of_pay_are_written_and_read(rest: RestClient) -> None:
    pay = rest.merchant
    assert pay.set_merchant_settings("bfx_pay_recommend_store", 1)
    assert pay.set_merchant_settings_batch({"bfx_pay_preferred_fiat": "USD"})
    assert pay.get_merchant_settings("bfx_pay_preferred_fiat") == "USD"
    assert pay.get_merchant_settings("bfx_pay_unknown") is None
    known = {"bfx_pay_recommend_store": 1, "bfx_pay_preferred_fiat": "USD"}
    assert pay.list_merchant_settings() == known
    assert pay.list_merchant_settings(["bfx_pay_x"]) == {"bfx_pay_x": None}


def test_what_pay_cannot_read_is_refused(exchange: PaperExchange) -> None:
    whole = {"amount": "1", "currency": "USD", "orderId": "1", "payCurrencies": ["BTC"]}
    create, page = (
        "auth/w/ext/pay/invoice/create/pos",
        "auth/r/ext/pay/invoices/paginated",
    )
    with Signed(exchange, OTHER.api_key, OTHER.api_secret) as signed:
        for path, body, text in (
            ("auth/w/ext/pay/invoice/create", whole, "customerInfo: invalid"),
            (create, {**whole, "amount": "-1"}, "amount: invalid"),
            (create, {**whole, "currency": "XYZ"}, "currency: invalid"),
            (create, {**whole, "payCurrencies": []}, "payCurrencies: invalid"),
            (create, {**whole, "payCurrencies": "BTC"}, "payCurrencies: invalid"),
            (create, {**whole, "duration": 10**6}, "duration: invalid"),
            (page, {"page": 0}, "page: invalid"),
            (page, {"sort": "up"}, "sort: invalid"),
            ("auth/w/ext/pay/settings/set", {"key": "x"}, "val: invalid"),
            ("auth/w/ext/pay/settings/set/batch", {}, "settings: invalid"),
        ):
            assert signed.error(path, **body)[1] == text
    with Signed(exchange, READER.api_key, READER.api_secret) as reader:
        assert reader.post("auth/r/ext/pay/invoices") == []
        status, answer = reader.ask(create, **whole)
        assert status == 500 and answer[1] == 10001


def test_changes_of_pay_are_saved() -> None:
    first, second = (EngineHarness().account for _ in range(2))
    changes = AccountChanges(first)
    invoice = {"id": "x", "status": "CREATED", "payment": None}
    first.stored.pay_invoices.append(invoice)
    first.stored.pay_settings["bfx_pay_x"] = 1
    apply(second, changes.take())
    assert second.stored == first.stored
    invoice["status"] = "COMPLETED"
    apply(second, changes.take())
    assert second.stored.pay_invoices[0]["status"] == "COMPLETED"


def test_a_long_position_is_claimed_with_dollars(rest: RestClient) -> None:
    def wallets() -> dict[str, Any]:
        return {
            w.currency: w.balance
            for w in rest.auth.get_wallets()
            if w.wallet_type == "margin"
        }

    rest.auth.submit_order("MARKET", "tBTCUSD", "0.2")
    (position,) = rest.auth.get_positions()
    before = wallets()
    half = rest.auth.claim_position(position.position_id, amount="0.05")
    assert half.status == "SUCCESS" and half.data.amount == Decimal("0.15")
    after = wallets()
    assert after["BTC"] - before["BTC"] == Decimal("0.05")
    # Beside the interest for what it had borrowed.
    (booking,) = rest.auth.get_ledgers("USD", category=23)
    assert -booking.amount == Decimal("0.05") * position.base_price
    assert (
        rest.auth.claim_position(position.position_id).data.position_status == "CLOSED"
    )
    assert wallets()["BTC"] - before["BTC"] == Decimal("0.2")
    assert rest.auth.get_positions() == []
    assert rest.auth.get_positions_history()[0].position_id == position.position_id
    newest, *_ = rest.auth.get_ledgers("BTC", category=23)
    assert newest.amount == Decimal("0.15")
    assert rest.auth.get_funding_credits() == []


def test_a_short_position_is_claimed_with_coins(rest: RestClient) -> None:
    rest.auth.submit_order("MARKET", "tBTCUSD", "-0.1")
    (position,) = rest.auth.get_positions()
    with pytest.raises(ApiError, match="amount: invalid"):
        rest.auth.claim_position(position.position_id, amount="-0.2")
    with pytest.raises(ApiError, match="position: not found"):
        rest.auth.claim_position(position.position_id + 1)
    closed = rest.auth.claim_position(position.position_id)
    assert closed.data.amount == 0
    rest.auth.submit_order("MARKET", "tETHUSD", "-1")
    (position,) = rest.auth.get_positions()
    with pytest.raises(ApiError, match="Not enough ETH in the margin wallet"):
        rest.auth.claim_position(position.position_id)
    rest.auth.submit_order("MARKET", "tETHUSD", "1")
