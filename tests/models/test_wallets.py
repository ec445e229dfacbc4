"""Wallets, movements and transfers, from rows and objects as the JSON readers return them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_tables import (
    NUMBERS,
    Case,
    check_any_row,
    check_hostile,
    check_lengths,
    check_nulls,
    check_reads,
    check_tolerant,
    read,
)
from strategies import APPENDED, JSON_VALUES

from bfxsync.errors import RemoteError
from bfxsync.models import balance, movements, transfers, wallets
from bfxsync.models.transfers import LightningPayment

# Rows of the exchange's documentation, with values in place of its nulls.
TABLE = {
    "Wallet": Case(
        wallets.Wallet,
        '["exchange","UST",19788.6529257,0,19788.5,"Exchange 2.0 UST for USD @ 11.696",'
        '{"reason":"TRADE","order_id":1189740779,"trade_price":"11.696"}]',
        {
            0: ("wallet_type", "text"),
            1: ("currency", "text"),
            2: ("balance", "number"),
            3: ("unsettled_interest", "number"),
            4: ("available_balance", "number?"),
            5: ("last_change", "text?"),
            6: ("trade_details", "object?"),
        },
    ),
    "WalletHistory": Case(
        wallets.WalletHistory,
        '["margin","USD",1000.25,0.5,999.75,null,1575158400000]',
        {
            0: ("wallet_type", "text"),
            1: ("currency", "text"),
            2: ("balance", "number"),
            3: ("unsettled_interest", "number"),
            4: ("available_balance", "number?"),
            6: ("mts_update", "int?"),
        },
    ),
    "BalanceAvailable": Case(
        wallets.BalanceAvailable, "[0.8056309]", {0: ("amount", "number")}
    ),
    "BalanceInfo": Case(
        balance.BalanceInfo,
        "[4131.85,4131.85]",
        {0: ("aum", "number"), 1: ("aum_net", "number")},
    ),
    "Ledger": Case(
        wallets.Ledger,
        '[2531822314,"USD","margin",1573521810000,null,0.01644445,0,null,'
        '"Settlement @ 185.79 on wallet margin"]',
        {
            0: ("id", "int"),
            1: ("currency", "text"),
            2: ("wallet", "text?"),
            3: ("mts", "int"),
            5: ("amount", "number"),
            6: ("balance", "number"),
            8: ("description", "text?"),
        },
    ),
    "Movement": Case(
        movements.Movement,
        '[13105603,"XRP","RIPPLE",null,null,1569348774000,1569348775000,null,null,"COMPLETED",'
        'null,null,-0.26300954,-0.00135,null,null,"DESTINATION_ADDRESS","12345",null,null,'
        '"TRANSACTION_ID","Purchase of 100 pizzas"]',
        {
            0: ("id", "int"),
            1: ("currency", "text"),
            2: ("currency_name", "text"),
            5: ("mts_start", "int"),
            6: ("mts_update", "int"),
            9: ("status", "text"),
            12: ("amount", "number"),
            13: ("fees", "number?"),
            16: ("destination_address", "text?"),
            17: ("payment_id", "text?"),
            20: ("transaction_id", "text?"),
            21: ("withdraw_transaction_note", "text?"),
        },
    ),
    "MovementInfo": Case(
        movements.MovementInfo,
        '[24,"EUR","WIRE",null,"remark related to bank details",1677086074000,1677086210000,null,'
        'null,"COMPLETED",null,null,-29.5,-0.5,null,null,"ADDRESS","MEMO",null,null,'
        '"TRANSACTION_ID","testing note",null,null,0,123,null,null,"abcd-1234","COMPLETED",'
        '"finished withdrawal in platform",{"router":"my-router","meta":{"foo":"bar"}}]',
        {
            0: ("id", "int"),
            1: ("currency", "text"),
            2: ("currency_method", "text"),
            4: ("remark", "text?"),
            5: ("mts_start", "int"),
            6: ("mts_update", "int"),
            9: ("status", "text"),
            12: ("amount", "number"),
            13: ("fees", "number?"),
            16: ("destination_address", "text?"),
            17: ("memo", "text?"),
            20: ("transaction_id", "text?"),
            21: ("movement_note", "text?"),
            24: ("bank_fees", "number?"),
            25: ("bank_router_id", "int?"),
            28: ("external_bank_mov_id", "text?"),
            29: ("external_bank_mov_status", "text?"),
            30: ("external_bank_mov_description", "text?"),
            31: ("external_bank_acc_info", "object?"),
        },
    ),
    "Transfer": Case(
        transfers.Transfer,
        '[1568736745790,"exchange","margin",null,"UST","USTF0",null,50.5]',
        {
            0: ("mts", "int"),
            1: ("wallet_from", "text"),
            2: ("wallet_to", "text"),
            4: ("currency", "text"),
            5: ("currency_to", "text?"),
            7: ("amount", "number"),
        },
    ),
    "Withdrawal": Case(
        transfers.Withdrawal,
        '[13080092,null,"ethereum","MEMO","exchange",0.01,null,null,0.00135]',
        {
            0: ("withdrawal_id", "int?"),
            2: ("method", "text"),
            3: ("payment_id", "text?"),
            4: ("wallet", "text"),
            5: ("amount", "number"),
            8: ("withdrawal_fee", "number?"),
        },
    ),
    "DepositAddress": Case(
        transfers.DepositAddress,
        '[null,"RIPPLE","XRP",null,"1234567","POOL_ADDRESS"]',
        {
            1: ("method", "text"),
            2: ("currency_code", "text"),
            4: ("address", "text"),
            5: ("pool_address", "text?"),
        },
    ),
    "DepositAddressItem": Case(
        transfers.DepositAddressItem,
        '["ADDRESS","funding"]',
        {0: ("address", "text"), 1: ("wallet_type", "text")},
    ),
    "LightningNetworkInvoice": Case(
        transfers.LightningNetworkInvoice,
        '["5c1bc3aa","lnbc10u1p0yourinvoice",null,null,"0.00001"]',
        {
            0: ("invoice_hash", "text"),
            1: ("invoice", "text"),
            4: ("amount", "number?"),
        },
    ),
}

CASES = pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)


def test_table_has_every_model() -> None:
    modules = (balance, wallets, movements, transfers)
    assert set(TABLE) == {
        name
        for module in modules
        for name, member in vars(module).items()
        if getattr(member, "__module__", None) == module.__name__
        and hasattr(member, "from_row")
    }


@NUMBERS
@CASES
def test_row_becomes_a_model(case: Case, number: Any) -> None:
    check_reads(case, number)


@CASES
def test_r12_null_is_none_or_an_error_and_never_zero(case: Case) -> None:
    check_nulls(case)


@CASES
def test_r12_row_may_end_after_what_must_be_there(case: Case) -> None:
    check_lengths(case)


@CASES
def test_r14_any_field_may_be_hostile(case: Case) -> None:
    check_hostile(case)


@NUMBERS
@settings(max_examples=50)
@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(number: Any, appended: list[Any]) -> None:
    for model, text, _ in TABLE.values():
        row = read(text, number)
        assert model.from_row(row + appended, number) == model.from_row(row, number)


@NUMBERS
@settings(max_examples=50)
@given(row=st.lists(JSON_VALUES, max_size=33) | JSON_VALUES)
def test_r14_any_row_is_read_or_is_a_remote_error(number: Any, row: Any) -> None:
    for case in TABLE.values():
        check_any_row(case, row, number)


@pytest.mark.parametrize("name", ["Transfer", "Withdrawal", "DepositAddress"])
def test_row_of_a_notification_may_lack_anything(name: str) -> None:
    check_tolerant(TABLE[name])


@NUMBERS
def test_r12_movement_may_have_its_numbers_as_text(number: Any) -> None:
    row = read(TABLE["Movement"].text, number)
    row[0], row[12], row[13] = "13105603", "-0.10", "-0.00135"
    found = movements.Movement.from_row(row, number)
    assert found.id == 13105603
    assert str(found.amount) == ("-0.10" if number is Decimal else "-0.1")
    assert (type(found.fees), found.fees) == (number, number("-0.00135"))


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


@given(fields=JSON_VALUES)
def test_r14_any_payment_is_read_or_is_a_remote_error(fields: Any) -> None:
    try:
        LightningPayment.from_object(fields)
    except RemoteError as error:
        assert error.raw is fields
