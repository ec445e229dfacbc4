"""Recurring orders of an account, which are sent as objects."""

from __future__ import annotations

from typing import Any, Dict, List

from bfxsync.paper.server.rest.query import Refused, SignedCall

_MOST, _PAGE = 10**6, 25


def create(call: SignedCall) -> Dict[str, Any]:
    """Create a recurring order."""
    return call.registry.recurring.create(call.account, call.values).view()


def detail(call: SignedCall) -> Dict[str, Any]:
    """Return a recurring order."""
    return call.registry.recurring.find(call.account, call.text("id")).view()


def update(call: SignedCall) -> Dict[str, Any]:
    """Change a recurring order."""
    id = call.text("id")
    return call.registry.recurring.update(call.account, id, call.values).view()


def cancel(call: SignedCall) -> Dict[str, Any]:
    """Cancel a recurring order."""
    return call.registry.recurring.cancel(call.account, call.text("id")).view()


def listed(call: SignedCall) -> Dict[str, Any]:
    """Return a page of recurring orders, oldest first."""
    items = call.account.stored.recurring.values()
    return _page(call, [item.view() for item in items])


def orders(call: SignedCall) -> Dict[str, Any]:
    """Return a page of the orders that were placed, oldest first."""
    wanted = call.text_or_none("algoOrderId")
    items = call.account.stored.recurring.values()
    found = [item for item in items if wanted in (None, item.id)]
    return _page(call, [made for item in found for made in item.orders])


def _page(call: SignedCall, items: List[Dict[str, Any]]) -> Dict[str, Any]:
    # The exchange documents no format; this is the one of its invoices.
    page, size = call.integer("page") or 1, call.integer("limit") or _PAGE
    if page < 1:
        raise Refused("page: invalid")
    if not 1 <= size <= _MOST:
        raise Refused("limit: invalid")
    first = (page - 1) * size
    found = items[first : first + size]
    return {"page": page, "pageSize": size, "totalItems": len(items), "items": found}
