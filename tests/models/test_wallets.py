"""Wallets, movements and transfers, from rows and objects as the JSON readers return them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from model_tables import NUMBERS, read

from bfxsync.errors import RemoteError
from bfxsync.models import movements, wallets
from bfxsync.models.model import of_symbol
from bfxsync.models.transfers import LightningPayment


@NUMBERS
def test_r12_movement_may_have_its_numbers_as_text(number: Any) -> None:
    row = read("Movement", number)
    row[0], row[12], row[13] = "13105603", "-0.10", "-0.00135"
    found = movements.Movement.from_row(row, number)
    assert found.id == 13105603
    assert str(found.amount) == ("-0.10" if number is Decimal else "-0.1")
    assert (type(found.fees), found.fees) == (number, number("-0.00135"))


@NUMBERS
def test_available_is_none_until_it_is_known(number: Any) -> None:
    row: Any = ["exchange", "BTC", 1.5, 0, None, None, None]
    wallet = wallets.Wallet.from_row(row, number)
    assert wallet.available is wallet.available_balance is None
    row[4] = 0.5
    assert wallets.Wallet.from_row(row, number).available == number("0.5")


def test_balance_has_the_symbol_of_its_request() -> None:
    read_one = of_symbol(wallets.BalanceAvailable.from_row, "tBTCUSD")
    found = read_one([0.5], float)
    assert (found.amount, found.symbol) == (0.5, "tBTCUSD")
    assert found == wallets.BalanceAvailable.from_row([0.5])


# --- payments over the Lightning network ------------------------------------------------------

PAYMENT = {
    "payment_hash": "5c1bc3aa",
    "created_at": 1614864432000,
    "invoice_expiry": 1614868032000,
    "invoice": "lnbc10u1p0yourinvoice",
    "recipient_pub_key": "02aa",
    "memo": "coffee",
    "amount": 1000,
    "bfx_amount": "0.00001",
    "status": "paid",
}


@NUMBERS
def test_payment_is_read_from_an_object(number: Any) -> None:
    found = LightningPayment.from_object({**PAYMENT, "new": [1]}, number)
    names = list(PAYMENT)
    assert [getattr(found, name) for name in names[:6]] == list(PAYMENT.values())[:6]
    assert (type(found.amount), found.amount) == (number, 1000)
    assert (type(found.bfx_amount), found.bfx_amount) == (number, number("0.00001"))
    assert found.status == "paid"


@pytest.mark.parametrize(
    "write",
    [
        str.upper,
        lambda name: name.title().replace("_", ""),
        lambda name: name.replace("_", ""),
    ],
    ids=["PAYMENT_HASH", "PaymentHash", "paymenthash"],
)
def test_names_of_a_payment_may_be_written_in_any_way(write: Any) -> None:
    plain = LightningPayment.from_object(PAYMENT)
    other = {write(name): value for name, value in PAYMENT.items()}
    assert LightningPayment.from_object(other) == plain


def test_status_of_a_payment_may_be_called_state() -> None:
    found = LightningPayment.from_object({"payment_hash": "5c", "state": "not_paid"})
    assert found.status == "not_paid"
    both = {"payment_hash": "5c", "state": "not_paid", "status": "paid"}
    assert LightningPayment.from_object(both).status == "paid"


def test_r12_what_a_payment_lacks_is_none() -> None:
    found = LightningPayment.from_object({"payment_hash": "5c1bc3aa"})
    assert found.payment_hash == "5c1bc3aa"
    assert {getattr(found, name) for name in list(PAYMENT)[1:]} == {None}


@pytest.mark.parametrize(
    "bad", [{}, [], None, "x", {**PAYMENT, "amount": "much"}, {"payment_hash": 5}]
)
def test_r14_payment_that_is_none_is_a_remote_error(bad: Any) -> None:
    with pytest.raises(RemoteError, match="LightningPayment") as caught:
        LightningPayment.from_object(bad)
    assert caught.value.raw is bad
