"""Compares orders and offers with the requests that name, change or cancel them."""

from __future__ import annotations

from datetime import date
from typing import Any, Collection, Iterable, List, Mapping

from bfxsync._base.numbers import EXACT, approximately, decimal_of
from bfxsync.models.orders import Order

PRICES = ("price", "price_aux_limit", "price_trailing")
COMPARED = {*PRICES, "amount", "delta", "id", "cid", "cid_date"}
"""Fields of an update that can be compared with the order, or name it; the others cannot."""

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


def has_requested(
    order: Order,
    body: Mapping[str, Any],
    before: Order | None,
    names: Collection[str] = COMPARED,
) -> bool | None:
    """Return whether an order has the requested values; None if they cannot be compared."""
    found: List[bool] = []
    for name in PRICES:
        if name in body:
            found.append(_equals(getattr(order, name), body[name]))
    if "amount" in body and "amount" in names:
        # The documentation does not say which of them the exchange sets.
        values = (order.amount, order.amount_orig)
        found.append(any(_equals(value, body["amount"]) for value in values))
    if "delta" in body and before is not None:
        changed = EXACT.add(decimal_of(before.amount), decimal_of(body["delta"]))
        found.append(_equals(order.amount, str(changed)))
    return all(found) if found else None


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


def has_any(order: Order, bodies: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether an order has the prices that one of several updates requests."""
    return any(has_requested(order, body, None, PRICES) for body in bodies)


def has_prices_of(order: Order, other: Order | None) -> bool:
    """Return whether an order has the prices of another state."""
    return other is not None and all(
        getattr(order, name) == getattr(other, name) for name in PRICES
    )


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
