"""Merchants and recurring orders, from objects as the JSON readers return them."""

from __future__ import annotations

import json
from typing import Any, Dict, NamedTuple

import attrs
import pytest
from hypothesis import given, settings
from model_tables import HOSTILE, NUMBERS
from strategies import JSON_VALUES

from bfxsync.errors import RemoteError
from bfxsync.models import merchant, merchant_account, recurring
from bfxsync.models.merchant import InvoicePage, InvoiceSubmission
from bfxsync.models.merchant_account import MerchantLimits


class Case(NamedTuple):
    """
    A model and an object of it.

    Attributes
    ----------
    model : type
    text : str
        The object on the wire, with a value for each key below.
    fields : dict
        Kind of each key, in the order of the model's fields: as in `model_tables`, and ``texts``,
        ``switch``, ``model`` and ``models``, of which each may be null.
    """

    model: Any
    text: str
    fields: Dict[str, str]


CUSTOMER = (
    '{"nationality":"DE","residCountry":"GB","residState":"L","residCity":"London",'
    '"residZipCode":"WC2H 7NA","residStreet":"Leicester Square","residBuildingNo":"23 A",'
    '"fullName":"John Doe","email":"john@example.com","tosAccepted":true,'
    '"customerType":"INDIVIDUAL"}'
)
INVOICE = (
    '{"amount":0.10,"currency":"UST-ETH","payCurrency":"UST","poolCurrency":"ETH",'
    '"address":"0xabc","ext":{"a":1}}'
)
PAYMENT = (
    '{"txid":"0x11","amount":0.10,"currency":"ETH","method":"ETHEREUM","status":"COMPLETED",'
    '"confirmations":12,"createdAt":"2023-03-10T16:22:00.000Z","updatedAt":1678465320000,'
    '"depositId":5,"ledgerId":6,"forceCompleted":false,"amountDiff":"-0.10"}'
)
SUBMISSION = (
    '{"id":"0a1b","t":1678465320000,"type":"ECOMMERCE","duration":900,"amount":1.50,'
    '"currency":"USD","orderId":"test","payCurrencies":["ETH","UST-ETH"],"webhook":"https://a",'
    f'"redirectUrl":"https://b","status":"CREATED","customerInfo":{CUSTOMER},'
    f'"invoices":[{INVOICE},{INVOICE}],"payment":{PAYMENT},"additionalPayments":[{PAYMENT}],'
    '"merchantName":"Shop","metadata":{"env":"x"},"flags":["a"],"recalculatedAt":1678465320001}'
)

TABLE = {
    "CustomerInfo": Case(
        merchant.CustomerInfo,
        CUSTOMER,
        {
            "nationality": "text?",
            "residCountry": "text?",
            "residState": "text?",
            "residCity": "text?",
            "residZipCode": "text?",
            "residStreet": "text?",
            "residBuildingNo": "text?",
            "fullName": "text?",
            "email": "text?",
            "tosAccepted": "switch?",
            "customerType": "text?",
        },
    ),
    "Invoice": Case(
        merchant.Invoice,
        INVOICE,
        {
            "amount": "number?",
            "currency": "text?",
            "payCurrency": "text?",
            "poolCurrency": "text?",
            "address": "text?",
            "ext": "object?",
        },
    ),
    "Payment": Case(
        merchant.Payment,
        PAYMENT,
        {
            "txid": "text?",
            "amount": "number?",
            "currency": "text?",
            "method": "text?",
            "status": "text?",
            "confirmations": "int?",
            "createdAt": "any?",
            "updatedAt": "any?",
            "depositId": "int?",
            "ledgerId": "int?",
            "forceCompleted": "switch?",
            "amountDiff": "number?",
        },
    ),
    "InvoiceSubmission": Case(
        merchant.InvoiceSubmission,
        SUBMISSION,
        {
            "id": "text",
            "t": "int",
            "type": "text?",
            "duration": "int?",
            "amount": "number",
            "currency": "text",
            "orderId": "text?",
            "payCurrencies": "texts?",
            "webhook": "text?",
            "redirectUrl": "text?",
            "status": "text",
            "customerInfo": "model?",
            "invoices": "models?",
            "payment": "model?",
            "additionalPayments": "models?",
            "merchantName": "text?",
            "metadata": "object?",
            "flags": "texts?",
            "recalculatedAt": "int?",
        },
    ),
    "InvoicePage": Case(
        merchant.InvoicePage,
        '{"page":1,"pageSize":10,"sort":"asc","sortField":"t","totalPages":2,"totalItems":11,'
        f'"items":[{SUBMISSION}]}}',
        {
            "page": "int",
            "pageSize": "int",
            "sort": "text?",
            "sortField": "text?",
            "totalPages": "int",
            "totalItems": "int",
            "items": "models",
        },
    ),
    "InvoiceStats": Case(
        merchant.InvoiceStats,
        '{"time":"2023-03-10","count":12.50}',
        {"time": "text", "count": "number"},
    ),
    "CurrencyConversion": Case(
        merchant_account.CurrencyConversion,
        '{"baseCcy":"UST","convertCcy":"BTC","created":1678465320}',
        {"baseCcy": "text", "convertCcy": "text", "created": "int?"},
    ),
    "MerchantDeposit": Case(
        merchant_account.MerchantDeposit,
        '{"id":5,"invoiceId":"0a1b","orderId":"test","type":"deposit","amount":0.10,'
        '"t":1678465320000,"txid":"0x11","currency":"ETH","method":"ETHEREUM","payMethod":"ETH"}',
        {
            "id": "int",
            "invoiceId": "text?",
            "orderId": "text?",
            "type": "text?",
            "amount": "number",
            "t": "int",
            "txid": "text?",
            "currency": "text",
            "method": "text?",
            "payMethod": "text?",
        },
    ),
    "MerchantUnlinkedDeposit": Case(
        merchant_account.MerchantUnlinkedDeposit,
        '{"id":5,"method":"RIPPLE","currency":"XRP","createdAt":1678465320000,'
        '"updatedAt":1678465330000,"amount":1.50,"fee":0.25,"txid":"0x11","address":"rabc",'
        '"paymentId":12345,"status":"COMPLETED","note":"hello"}',
        {
            "id": "int",
            "method": "text?",
            "currency": "text",
            "createdAt": "int?",
            "updatedAt": "int?",
            "amount": "number",
            "fee": "number?",
            "txid": "text?",
            "address": "text?",
            "paymentId": "any?",
            "status": "text?",
            "note": "text?",
        },
    ),
    "MerchantLimits": Case(
        merchant_account.MerchantLimits,
        '{"ecommerceLimit":10000.50,"posLimit":1000,"ecommerceCustomerEmail":"a@example.com",'
        '"ecommerceCustomerUsage":12.5,"posUsage":3}',
        {
            "ecommerceLimit": "number?",
            "posLimit": "number?",
            "ecommerceCustomerEmail": "text?",
            "ecommerceCustomerUsage": "number?",
            "posUsage": "number?",
        },
    ),
    "RecurringAlgoOrder": Case(
        recurring.RecurringAlgoOrder,
        '{"algoOrderId":"6f6f","alias":"savings","_symbol":"tBTCUSD","currency":"USD",'
        '"action":"buy","amount":50.25,"recurrence":"weekly","startedAt":"2026-01-31",'
        '"endedAt":"2027-01-31","endless":false,"status":"ACTIVE"}',
        {
            "algoOrderId": "text?",
            "alias": "text?",
            "_symbol": "text?",
            "currency": "text?",
            "action": "text?",
            "amount": "number?",
            "recurrence": "text?",
            "startedAt": "text?",
            "endedAt": "text?",
            "endless": "switch?",
            "status": "text?",
        },
    ),
}

CASES = pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)

OBJECTS: Dict[str, Any] = {
    **HOSTILE,
    "switch": [2, -1, 1.5, "true", [], {}],
    "texts": ["x", {}, [1], [None], 5, True],
    "model": ["x", 5, [], True],
    "models": ["x", 5, {}, True, [None], ["x"]],
}


def load(text: str, number: Any = float) -> Dict[str, Any]:
    fields: Dict[str, Any] = json.loads(text, parse_float=number)
    return fields


def values(found: Any) -> list[Any]:
    """Return the values of the fields, unlike `attrs.astuple` with the models in them."""
    return [getattr(found, field.name) for field in attrs.fields(type(found))]


def test_table_has_every_model() -> None:
    members = {**vars(merchant), **vars(merchant_account), **vars(recurring)}.values()
    assert set(TABLE) == {m.__name__ for m in members if hasattr(m, "from_object")}


@NUMBERS
@CASES
def test_object_becomes_a_model(case: Case, number: Any) -> None:
    fields = load(case.text, number)
    found = case.model.from_object({**fields, "new": {"a": [1]}}, number)
    assert type(found) is case.model and not hasattr(found, "__dict__")
    assert list(fields) == list(case.fields)
    names = [field.name for field in attrs.fields(case.model)]
    for name, key, value in zip(names, case.fields, values(found)):
        # The exchange's names, in our way of writing.
        assert name.replace("_", "") == key.replace("_", "").lower()
        kind, sent = case.fields[key].rstrip("?"), fields[key]
        if kind == "number":
            assert (type(value), str(value)) == (number, str(number(sent)))
        elif kind == "model":
            assert type(value).from_object(sent, number) == value
        elif kind == "models":
            assert [
                type(v).from_object(s, number) for v, s in zip(value, sent)
            ] == value
            assert len(value) == len(sent)
        else:
            assert (type(value), value) == (type(sent), sent)


@CASES
def test_r12_null_and_what_is_missing_are_none_or_an_error(case: Case) -> None:
    for name, kind in zip(attrs.fields(case.model), case.fields.items()):
        key, what = kind
        without = load(case.text)
        del without[key]
        for fields in (without, {**without, key: None}):
            if what.endswith("?"):
                assert getattr(case.model.from_object(fields), name.name) is None
            else:
                with pytest.raises(RemoteError, match=rf"\.{name.name}: .* None"):
                    case.model.from_object(fields)


@CASES
def test_r14_any_value_may_be_hostile(case: Case) -> None:
    for key, kind in case.fields.items():
        for bad in OBJECTS[kind.rstrip("?")]:
            fields = {**load(case.text), key: bad}
            with pytest.raises(RemoteError, match=case.model.__name__) as caught:
                case.model.from_object(fields)
            assert caught.value.raw is fields


@CASES
@pytest.mark.parametrize("bad", [None, 1, "x", [], [{}]], ids=repr)
def test_r14_what_is_no_object_is_a_remote_error(case: Case, bad: Any) -> None:
    with pytest.raises(RemoteError, match="expected an object") as caught:
        case.model.from_object(bad)
    assert caught.value.raw is bad


@NUMBERS
@settings(max_examples=50)
@given(fields=JSON_VALUES)
def test_r14_any_object_is_read_or_is_a_remote_error(number: Any, fields: Any) -> None:
    for case in TABLE.values():
        try:
            case.model.from_object(fields, number)
        except RemoteError as error:
            assert error.raw is fields


@pytest.mark.parametrize("model", ["MerchantLimits", "RecurringAlgoOrder"])
def test_r14_object_without_any_field_is_a_remote_error(model: str) -> None:
    for bad in ({}, {"new": 1}, {"status_": "x"}):
        with pytest.raises(RemoteError, match="nothing of it") as caught:
            TABLE[model].model.from_object(bad)
        assert caught.value.raw is bad


def test_switches_may_be_numbers() -> None:
    fields = {**load(PAYMENT), "forceCompleted": 1}
    assert merchant.Payment.from_object(fields).force_completed is True
    fields["forceCompleted"] = 0
    assert merchant.Payment.from_object(fields).force_completed is False


@pytest.mark.parametrize(
    "write",
    [
        str.upper,
        str.lower,
        lambda key: "".join("_" + c if c.isupper() else c for c in key).upper(),
    ],
    ids=["ECOMMERCELIMIT", "ecommercelimit", "ECOMMERCE_LIMIT"],
)
def test_names_of_limits_may_be_written_in_any_way(write: Any) -> None:
    fields = load(TABLE["MerchantLimits"].text)
    other = {write(key): value for key, value in fields.items()}
    assert MerchantLimits.from_object(other) == MerchantLimits.from_object(fields)


# --- answers to writes ------------------------------------------------------------------------


def test_r07_answer_to_a_write_may_lack_anything_but_the_id() -> None:
    whole = load(SUBMISSION)
    assert InvoiceSubmission.from_partial_object(
        whole
    ) == InvoiceSubmission.from_object(whole)
    found = InvoiceSubmission.from_partial_object({"id": "0a1b", "new": 1})
    assert found.id == "0a1b"
    assert set(values(found)[1:]) == {None}


@pytest.mark.parametrize("bad", [{}, {"id": None}, {"id": 5}, [], None, "0a1b", True])
def test_r07_answer_without_an_id_is_a_remote_error(bad: Any) -> None:
    with pytest.raises(RemoteError, match="InvoiceSubmission") as caught:
        InvoiceSubmission.from_partial_object(bad)
    assert caught.value.raw is bad


def test_page_may_be_empty() -> None:
    fields = {**load(TABLE["InvoicePage"].text), "items": []}
    assert InvoicePage.from_object(fields).items == []
