"""
The simulated response to a write in a dry run: a notification in the exchange's format.

For orders and funding offers its data has the terms of the request, so that a program can continue.
For other writes there is none, as addresses, tokens and invoices cannot be invented.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from bfxsync._base.aliases import NumberType
from bfxsync._base.numbers import READERS_OF
from bfxsync.guards.requests import PATHS
from bfxsync.models.funding import FundingOffer
from bfxsync.models.model import RestModel, fields_of
from bfxsync.models.notification import DRY_RUN
from bfxsync.models.orders import Order

_TEXT = "dry run: nothing was sent"

Row = List[Any]
Body = Mapping[str, Any]

_NUMBERS = frozenset(
    ("amount", "price", "price_trailing", "price_aux_limit", "rate"),
)


def dry_run_row(path: str, body: object, now_mts: int, number: NumberType) -> Row:
    """
    Return the notification about a write that was not sent.

    Parameters
    ----------
    path, body : str and object
        Path and body of the request. If the body is unreadable, the notification has no data.
    now_mts : int
        Current time, in milliseconds UTC.
    number : type
        Type of non-integer numbers.
    """
    kind, subject = _SUBJECTS.get(path, (path, None))
    data = None
    if subject is not None and isinstance(body, Mapping):
        try:
            data = subject(body, now_mts, number)
        except (TypeError, ValueError, ArithmeticError, LookupError):
            pass  # a raw request, which only the exchange could read
    return _notification(kind, data, now_mts)


def has_subject(path: str) -> bool:
    """Return whether the notification has the terms of the request."""
    return path in _SUBJECTS


def _notification(kind: str, data: Any, now_mts: int) -> Row:
    return [now_mts, kind, None, None, data, None, DRY_RUN, _TEXT]


def _row(model: type[RestModel], values: Body) -> Row:
    """Return a row of a model with these fields; the others are null."""
    places = {field.name: field.metadata["path"][0] for field in fields_of(model)}
    row: Row = [None] * (max(places.values()) + 1)
    for name, value in values.items():
        row[places[name]] = value
    return row


def _given(body: Body, names: Tuple[str, ...], number: NumberType) -> Dict[str, Any]:
    """Return the named fields of a body, its numbers as they would be decoded from JSON."""
    read = READERS_OF[number]
    return {
        name: read(str(body[name])) if name in _NUMBERS else body[name]
        for name in names
        if body.get(name) is not None
    }


_ORDER_FIELDS = (
    "id",
    "gid",
    "cid",
    "symbol",
    "amount",
    "flags",
    "price",
    "price_trailing",
    "price_aux_limit",
    "meta",
)


def _order(body: Body, now_mts: int, number: NumberType) -> Row:
    values = _given(body, _ORDER_FIELDS, number)
    return _row(Order, values)


def _new_order(body: Body, now_mts: int, number: NumberType) -> List[Row]:
    values = _given(body, _ORDER_FIELDS, number)
    terms = {"order_type": body["type"], "amount_orig": values["amount"]}
    return [_row(Order, {**values, **terms})]


def _cancelled(body: Body, now_mts: int, number: NumberType) -> List[Row]:
    return [_row(Order, {"id": id}) for id in body.get("id") or ()]


def _operations(body: Body, now_mts: int, number: NumberType) -> List[Row]:
    return [
        dry_run_row(PATHS[name], terms, now_mts, number) for name, terms in body["ops"]
    ]


def _new_offer(body: Body, now_mts: int, number: NumberType) -> Row:
    values = _given(body, ("symbol", "amount", "flags", "rate", "period"), number)
    terms = {"offer_type": body["type"], "amount_orig": values["amount"]}
    return _row(FundingOffer, {**values, **terms})


def _offer(body: Body, now_mts: int, number: NumberType) -> Row:
    return _row(FundingOffer, _given(body, ("id",), number))


_Subject = Callable[[Body, int, NumberType], Any]

# Types of notifications, and the function that builds their data.
_SUBJECTS: Dict[str, Tuple[str, _Subject]] = {
    "auth/w/order/submit": ("on-req", _new_order),
    "auth/w/order/update": ("ou-req", _order),
    "auth/w/order/cancel": ("oc-req", _order),
    "auth/w/order/cancel/multi": ("oc_multi-req", _cancelled),
    "auth/w/order/multi": ("ox_multi-req", _operations),
    "auth/w/funding/offer/submit": ("fon-req", _new_offer),
    "auth/w/funding/offer/cancel": ("foc-req", _offer),
}
