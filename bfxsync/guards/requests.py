"""The orders that a request would place or change."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Dict, List

import attrs

from bfxsync._base.enums import OrderFlag
from bfxsync._base.plain import plain_integer

if TYPE_CHECKING:
    from bfxsync.models.orders import Order

_SUBMIT = "auth/w/order/submit"
_UPDATE = "auth/w/order/update"
_MULTI = "auth/w/order/multi"
_CANCEL = "auth/w/order/cancel"
_ORDERS = "auth/w/order/"
_FUNDING = "auth/w/funding/offer/"
_RECURRING = "auth/w/ext/recurring-ao/"
_CANCEL_RECURRING = "auth/w/ext/recurring-ao/cancel"

PATHS = {
    "on": _SUBMIT,
    "ou": _UPDATE,
    "oc": _CANCEL,
    "oc_multi": f"{_CANCEL}/multi",
    "ox_multi": _MULTI,
    "fon": f"{_FUNDING}submit",
    "foc": f"{_FUNDING}cancel",
}
"""The path of the REST request for each operation."""

# The key of post-only in an order's meta; not every order has it among its flags.
_POST_ONLY_META = "$F7"
_POST_ONLY = int(OrderFlag.POST_ONLY)

# The terms of an update that its check needs.
_CHANGEABLE = ("amount", "delta", "price", "price_aux_limit", "price_oco_stop")

Terms = Mapping[str, Any]


class OrderAction(Enum):
    """Kind of a request about an order."""

    NEW = "new order"
    UPDATE = "update of an order"
    RECURRING = "recurring order"
    """Keeps placing orders until it is cancelled."""
    UNKNOWN = "request about orders that cannot be read"


@attrs.frozen
class OrderRequest:
    """
    One order of a request.

    Attributes
    ----------
    terms : mapping
        Fields of the body; for an update only the changed ones.
    """

    action: OrderAction
    terms: Terms

    @property
    def count(self) -> int:
        """Number of open orders that it adds."""
        if self.action is not OrderAction.NEW:
            return 0
        return 2 if is_oco(self.terms) else 1


def orders_in(path: str, body: object) -> List[OrderRequest]:
    """Return the orders that a request would place or change; none for any other request."""
    path = path.lower()
    if path.startswith(_RECURRING) and not path.startswith(_CANCEL_RECURRING):
        return [_request(OrderAction.RECURRING, body)]
    if not path.startswith(_ORDERS) or path.startswith(_CANCEL):
        return []
    if path == _MULTI:
        ops = body.get("ops") if isinstance(body, Mapping) else None
        if not isinstance(ops, (list, tuple)):
            return [_request(OrderAction.UNKNOWN, body)]
        return [order for item in ops for order in _of_operation(item)]
    action = {_SUBMIT: OrderAction.NEW, _UPDATE: OrderAction.UPDATE}.get(path)
    return [_request(action or OrderAction.UNKNOWN, body)]


def _of_operation(item: object) -> List[OrderRequest]:
    name, body = item if isinstance(item, (list, tuple)) and len(item) == 2 else ("", 0)
    if name in ("oc", "oc_multi"):
        return []
    actions = {"on": OrderAction.NEW, "ou": OrderAction.UPDATE}
    return [_request(actions.get(str(name), OrderAction.UNKNOWN), body)]


def _request(action: OrderAction, body: object) -> OrderRequest:
    if not isinstance(body, Mapping):
        return OrderRequest(OrderAction.UNKNOWN, {})
    return OrderRequest(action, body)


def with_terms(path: str, body: Any, terms: List[Terms]) -> Any:
    """Return the body of a request with the terms of its orders replaced, in order."""
    if path.lower() != _MULTI:
        return terms[0]
    left = iter(terms)
    ops = [
        item if not _of_operation(item) else [item[0], next(left)]
        for item in body["ops"]
    ]
    return {**body, "ops": ops}


def updated(order: Order, changes: Terms) -> Dict[str, Any]:
    """
    Return the terms of an open order after an update.

    It has all flags of before and after, but POST_ONLY only if both have it.
    """
    terms = {
        "type": order.order_type,
        "symbol": order.symbol,
        "amount": order.amount,
        "price": order.price,
        "price_aux_limit": order.price_aux_limit,
    }
    given = {
        name: changes[name] for name in _CHANGEABLE if changes.get(name) is not None
    }
    before = int(order.flags or 0)
    if (order.meta or {}).get(_POST_ONLY_META):
        before |= _POST_ONLY
    flags = changes.get("flags")
    after = before if flags is None else plain_integer(flags)
    if after is not None:
        flags = (before | after) & ~_POST_ONLY | before & after
    # Unreadable flags are kept, so that the check refuses them.
    return {**terms, **given, "flags": flags}


def is_oco(terms: Terms) -> bool:
    """Return whether an order is paired with a stop order."""
    flags = plain_integer(terms.get("flags")) or 0
    return bool(flags & OrderFlag.OCO) or terms.get("price_oco_stop") is not None
