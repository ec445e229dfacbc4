"""Compares orders and offers with the requests that name, change or cancel them."""

from __future__ import annotations

from datetime import date
from typing import Any, Mapping

from bfxsync._base.numbers import approximately
from bfxsync.models.orders import Order

# Fields of an offer, and of the request.
_OF_OFFERS = {
    "symbol": "symbol",
    "offer_type": "type",
    "amount": "amount",
    "rate": "rate",
    "period": "period",
}
_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()


def may_be_offer(body: Mapping[str, Any], data: Any) -> bool:
    """Return whether a notification has no other terms than a request for an offer."""
    for field, name in _OF_OFFERS.items():
        value = getattr(data, field, None)
        if value is None:
            continue
        is_number = name in ("amount", "rate")
        if not (_equals(value, body[name]) if is_number else value == body[name]):
            return False
    return True


def is_named(order: Order, body: Mapping[str, Any]) -> bool:
    """Return whether a cancellation of several orders includes this one."""
    return bool(body.get("all")) or (
        order.id in (body.get("id") or ())
        or order.gid in (body.get("gid") or ())
        or any(is_dated(order, cid, day) for cid, day in body.get("cid") or ())
    )


def is_dated(order: Order, cid: int, cid_date: str) -> bool:
    """Return whether an order has this client id and was created on this day, in UTC."""
    if order.cid != cid:
        return False
    day = date.fromisoformat(cid_date).toordinal() - _EPOCH
    return order.mts_create // _DAY_MS == day


def names(body: Mapping[str, Any], order: Any) -> bool:
    """Return whether an update or a cancellation names this order or offer."""
    if "id" in body:
        return bool(order.id == body["id"])
    return is_dated(order, body["cid"], body["cid_date"])


def named_in(orders: Mapping[int, Any], body: Mapping[str, Any]) -> Any:
    """Return the latest of the orders that an update or a cancellation names."""
    if "id" in body:
        return orders.get(body["id"])
    found = [order for order in orders.values() if names(body, order)]
    return found[-1] if found else None


def _equals(value: Any, sent: str) -> bool:
    return value is not None and approximately(value, sent)
