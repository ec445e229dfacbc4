"""Invoices and settings of Bitfinex Pay. No invoice is paid unless a request completes it."""

from __future__ import annotations

from typing import Any

from bfxsync.paper.engine.amounts import read_positive
from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.server.rest.conf import NETWORKS
from bfxsync.paper.server.rest.query import Refused, SignedCall

Invoice = dict[str, Any]

_DURATION_S, _LONGEST_S = 900, 259_200
_MOST_INVOICES = 100
_SORT_FIELDS = ("t", "amount", "status")


def create(call: SignedCall) -> Invoice:
    """Create an invoice of a web shop."""
    customer = call.values.get("customerInfo")
    if not isinstance(customer, dict):
        raise Refused("customerInfo: invalid")
    return _create(call, "ECOMMERCE", customer)


def create_at_pos(call: SignedCall) -> Invoice:
    """Create an invoice of a point of sale."""
    return _create(call, "POS", None)


def complete(call: SignedCall) -> Invoice:
    """Mark an invoice as paid; the deposit need not exist (a guess)."""
    invoice, currency = _open_invoice(call), call.text("payCcy")
    amounts = [
        each["amount"]
        for each in invoice["invoices"]
        if currency in (each["payCurrency"], each["currency"])
    ]
    if not amounts:
        raise Refused("payCcy: invalid")
    deposit, ledger = call.integer("depositId"), call.integer("ledgerId")
    now = call.market_data.now_mts()
    invoice["payment"] = {
        "txid": None,
        "amount": amounts[0],
        "currency": currency,
        "method": "MANUAL",
        "status": "COMPLETED",
        "confirmations": 0,
        "createdAt": now,
        "updatedAt": now,
        "depositId": deposit,
        "ledgerId": ledger,
        "forceCompleted": True,
        "amountDiff": 0,
    }
    invoice["status"] = "COMPLETED"
    return invoice


def expire(call: SignedCall) -> Invoice:
    """Let an invoice expire before its time."""
    invoice = _open_invoice(call)
    invoice["status"] = "EXPIRED"
    return invoice


def invoices(call: SignedCall) -> list[Invoice]:
    """Return invoices, newest first."""
    page, id = call.page(10, _MOST_INVOICES), call.text_or_none("id")
    found = (each for each in reversed(_current(call)) if id in (None, each["id"]))
    return list(page.cut(each for each in found if page.covers(each["t"])))


def paginated(call: SignedCall) -> dict[str, Any]:
    """Return a page of the invoices in the requested order."""
    number = _or(call.integer("page"), 1)
    size = _or(call.integer("pageSize"), 10)
    sort, field = call.text("sort", "asc"), call.text("sortField", "t")
    if number < 1 or not 1 <= size <= _MOST_INVOICES:
        raise Refused("page: invalid")
    if sort not in ("asc", "desc") or field not in _SORT_FIELDS:
        raise Refused("sort: invalid")
    wanted = {key: call.text_or_none(key) for key in ("id", "orderId")}
    found = [
        each
        for each in _current(call)
        if all(value in (None, each[key]) for key, value in wanted.items())
        and each["status"] in _listed(call, "status", [each["status"]])
        and each["currency"] in _listed(call, "fiat", [each["currency"]])
        and {*each["payCurrencies"]} & {*_listed(call, "crypto", each["payCurrencies"])}
    ]
    found.sort(key=lambda each: each[field], reverse=sort == "desc")
    return {
        "page": number,
        "pageSize": size,
        "sort": sort,
        "sortField": field,
        "totalPages": -(-len(found) // size),
        "totalItems": len(found),
        "items": found[(number - 1) * size : number * size],
    }


def set_setting(call: SignedCall) -> bool:
    """Write a setting."""
    key = call.text("key")
    if "val" not in call.values:
        raise Refused("val: invalid")
    call.account.stored.pay_settings[key] = call.values["val"]
    return True


def set_settings(call: SignedCall) -> bool:
    """Write several settings."""
    items = call.values.get("settings")
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and {"key", "val"} <= set(item) for item in items
    ):
        raise Refused("settings: invalid")
    found = {str(item["key"]): item["val"] for item in items}
    call.account.stored.pay_settings.update(found)
    return True


def setting(call: SignedCall) -> object:
    """Return the value of a setting, null if it was never written."""
    return call.account.stored.pay_settings.get(call.text("key"))


def settings(call: SignedCall) -> dict[str, object]:
    """Return settings by their keys: the requested ones, or all that were written."""
    known = call.account.stored.pay_settings
    return {key: known.get(key) for key in _listed(call, "keys", list(known))}


def _create(call: SignedCall, kind: str, customer: object) -> Invoice:
    stored, now = call.account.stored, call.market_data.now_mts()
    amount = read_positive("amount", call.values.get("amount"))
    currency, order_id = call.text("currency"), call.text("orderId")
    pay_currencies = _listed(call, "payCurrencies", [])
    duration = _or(call.integer("duration"), _DURATION_S)
    if not 0 < duration <= _LONGEST_S:
        raise Refused("duration: invalid")
    number = len(stored.pay_invoices) + 1
    id = f"paper-invoice-{call.account.user_id}-{number}"
    in_usd = _in_usd(call, "currency", currency)
    payable = []
    for name in pay_currencies:
        code = name.partition("-")[0]
        price = _in_usd(call, "payCurrencies", code)
        payable.append(
            {
                "amount": round(amount / SCALE * in_usd / price, 8),
                "currency": code,
                "payCurrency": name,
                "poolCurrency": NETWORKS.get(code, code),
                "address": f"paper-{id}-{name}".lower(),
                "ext": {},
            }
        )
    if not payable:
        raise Refused("payCurrencies: invalid")
    invoice = {
        "id": id,
        "t": now,
        "type": kind,
        "duration": duration,
        "amount": amount / SCALE,
        "currency": currency,
        "orderId": order_id,
        "payCurrencies": pay_currencies,
        "webhook": call.text_or_none("webhook"),
        "redirectUrl": call.text_or_none("redirectUrl"),
        "status": "CREATED",
        "customerInfo": customer,
        "invoices": payable,
        "payment": None,
        "additionalPayments": None,
        "merchantName": "paper",
    }
    stored.pay_invoices.append(invoice)
    return invoice


def _current(call: SignedCall) -> list[Invoice]:
    """Return all invoices, oldest first, after those whose time has passed have expired."""
    now, found = call.market_data.now_mts(), call.account.stored.pay_invoices
    for each in found:
        if each["status"] == "CREATED" and now > each["t"] + each["duration"] * 1000:
            each["status"] = "EXPIRED"
    return found


def _open_invoice(call: SignedCall) -> Invoice:
    id = call.text("id")
    for each in _current(call):
        if each["id"] == id and each["status"] == "CREATED":
            return each
    raise Refused("id: invalid")


def _in_usd(call: SignedCall, name: str, code: str) -> float:
    found = call.market_data.values.in_usd(code, call.market_data.now_mts())
    if found is None:
        raise Refused(f"{name}: invalid")
    return found


def _listed(call: SignedCall, name: str, default: list[str]) -> list[str]:
    value = call.values.get(name, default)
    if value is None:
        return default
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Refused(f"{name}: invalid")
    return value


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
