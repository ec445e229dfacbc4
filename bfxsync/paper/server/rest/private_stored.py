"""User settings, price alerts and Lightning invoices of an account."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from bfxsync.paper.engine.amounts import integer, read_positive, read_price
from bfxsync.paper.engine.stored_data import PriceAlert
from bfxsync.paper.engine.units import SCALE, Row, units_text
from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.rest.private_orders import notification
from bfxsync.paper.server.rest.query import Refused, SignedCall

_KEY = re.compile(r"api:[A-Za-z0-9_-]*", re.ASCII)
_MOST_TRIGGERS = 10**6
_INVOICE_MS = 24 * 60 * 60 * 1000
_LEAST, _MOST = SCALE // 10**6, SCALE * 2 // 100
_SATOSHIS = 10**8


def settings(call: SignedCall) -> list[Row]:
    """Return settings by their keys; unknown ones have no value."""
    known = call.account.stored.settings
    return [[key, known.get(key)] for key in _keys(call.values.get("keys"))]


def core_settings(call: SignedCall) -> list[Row]:
    """Return settings of the platform: none of the keys has a value."""
    keys = call.values.get("keys")
    if not isinstance(keys, list):
        raise Refused("keys: invalid")
    return [[str(key), None] for key in keys]


def set_settings(call: SignedCall) -> Row:
    """Write settings."""
    given = call.values.get("settings")
    if not isinstance(given, dict):
        raise Refused("settings: invalid")
    _keys(list(given))
    call.account.stored.settings.update(given)
    return notification(call, "acc_ss", [len(given)], "")


def delete_settings(call: SignedCall) -> Row:
    """Delete settings, given as a list of keys or as an object with them."""
    given = call.values.get("settings", call.values.get("keys"))
    keys = _keys(list(given) if isinstance(given, dict) else given)
    known = call.account.stored.settings
    deleted = [key for key in dict.fromkeys(keys) if key in known]
    for key in deleted:
        del known[key]
    return notification(call, "acc_sd", [len(deleted)], "")


def alerts(call: SignedCall) -> list[Row]:
    """Return the alerts, oldest first."""
    return [alert.row() for alert in call.account.stored.alerts.values()]


def set_alert(call: SignedCall) -> Row:
    """Set an alert; it replaces one with the same price."""
    if call.text("type", "price") != "price":
        raise Refused("type: invalid")
    market = _pair(call)
    price = read_price("price", call.values.get("price"))
    count = integer("count", call.values.get("count", 100), _MOST_TRIGGERS)
    if not count:
        raise Refused("count: invalid")
    is_above = price > market.last_price
    text = call.text("price")
    alert = PriceAlert(market.symbol, text, price, count, is_above)
    call.account.stored.alerts[alert.key] = alert
    return alert.row()


def delete_alert(call: SignedCall) -> Row:
    """Delete an alert."""
    key = f"price:{_pair(call).symbol}:{call.text('price')}"
    if call.account.stored.alerts.pop(key, None) is None:
        raise Refused("alert: invalid")
    return [True]


def deposit_invoice(call: SignedCall) -> Row:
    """Return a fake Lightning invoice, which cannot be paid."""
    account = call.account
    for name, wanted in (("wallet", "exchange"), ("currency", "LNX")):
        if call.text(name, wanted) != wanted:
            raise Refused(f"{name}: invalid")
    amount = read_positive("amount", call.values.get("amount"))
    if not _LEAST <= amount <= _MOST:
        raise Refused("amount: invalid")
    number, now = len(account.stored.invoices) + 1, call.market_data.now_mts()
    secret = f"paper-{account.user_id}-{number}".encode()
    digest = hashlib.sha256(secret).hexdigest()
    invoice = {
        "payment_hash": digest,
        "created_at": now,
        "invoice_expiry": now + _INVOICE_MS,
        "invoice": f"lnbcpaper{digest[:40]}",
        "recipient_pub_key": None,
        "memo": None,
        "amount": amount * _SATOSHIS // SCALE,
        "bfx_amount": units_text(amount),
        "status": "CREATED",
    }
    account.stored.invoices.append(invoice)
    return [digest, invoice["invoice"], None, None, invoice["bfx_amount"]]


def invoice_payments(call: SignedCall) -> list[dict[str, Any]]:
    """Return invoices, newest first; there are no payments."""
    action, query = call.text("action"), call.values.get("query", {})
    if not isinstance(query, dict):
        raise Refused("query: invalid")
    newest = call.account.stored.invoices[::-1]
    if action == "getInvoicesByUser":
        offset = integer("offset", query.get("offset", 0), _MOST_TRIGGERS)
        return newest[offset:]
    if action == "getInvoiceById":
        return [each for each in newest if each["payment_hash"] == query.get("txid")]
    if action in ("getPaymentsByUser", "getPaymentById"):
        return []
    raise Refused("action: invalid")


def _keys(value: object) -> list[str]:
    if not isinstance(value, list) or not value:
        raise Refused("keys: invalid")
    if not all(isinstance(key, str) and _KEY.fullmatch(key) for key in value):
        raise Refused("keys: invalid")
    return value


def _pair(call: SignedCall) -> Market:
    market = call.market()
    if market.is_funding:
        raise Refused("symbol: invalid")
    return market
