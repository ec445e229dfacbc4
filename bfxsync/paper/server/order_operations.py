"""
The operations on orders, for REST and for the account channel.

Both transports use the same bodies; their responses differ, see `Reply`.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Callable, Iterable

import attrs

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.errors import GENERIC, PARAMETERS, Declined, Invalid
from bfxsync.paper.engine.matching import MatchingEngine
from bfxsync.paper.engine.order import EngineOrder, legs
from bfxsync.paper.engine.order_requests import Body, day_of
from bfxsync.paper.engine.units import Row, units_text

MOST_OPERATIONS = 75
_ORDER_LENGTH = 32


@attrs.frozen
class Reply:
    """
    The result of an operation.

    Attributes
    ----------
    rows : list of list
        Current rows of the orders of the operation. For a refused operation: one row with the
        fields of the request, or none.
    accepted : list or None
        A new order or offer as it was before it was matched.
    code : int or None
        Code of the error; None for success.
    is_lost : bool
        Whether the client never gets it.
    """

    rows: list[Row]
    text: str
    accepted: Row | None = None
    code: int | None = None
    is_lost: bool = False

    @property
    def status(self) -> str:
        """The status of the notification."""
        return "SUCCESS" if self.code is None else "ERROR"

    @property
    def first(self) -> Row:
        """Row of the first order; of a new order as it was accepted."""
        return self.rows[0] if self.accepted is None else self.accepted


def execute(engine: MatchingEngine, account: Account, name: str, body: Body) -> Reply:
    """Execute one of `OPERATIONS`; never raises, even for an invalid body."""
    return attempt(
        lambda: OPERATIONS[name](engine, account, body), partial(refusal, name, body)
    )


def attempt(
    operation: Callable[[], Reply], refuse: Callable[[str, int], Reply]
) -> Reply:
    """Return the reply of an operation; if it is not accepted, that for text and code."""
    try:
        return operation()
    except Invalid as invalid:
        return refuse(invalid.message, invalid.code)
    except Declined as declined:
        return refuse(declined.text, GENERIC)


def refusal(name: str, body: Body, text: str, code: int) -> Reply:
    """Return the reply to a refused operation."""
    return Reply(_requested_rows(name, body), text, code=code)


def notification(
    mts: int,
    kind: str,
    data: object,
    text: str,
    status: str = "SUCCESS",
    code: int | None = None,
) -> Row:
    """Return the row of a notification."""
    return [mts, kind, None, None, data, code, status, text]


def newest_first(orders: Iterable[EngineOrder]) -> list[Row]:
    """Return the rows of orders, the newest first."""
    newest = sorted(
        orders, key=lambda order: (order.mts_create, order.id), reverse=True
    )
    return [order.row() for order in newest]


def partial_row(
    id: object, gid: object = None, cid: object = None, symbol: object = None
) -> Row:
    """Return the row of an order with only a few known fields."""
    row: Row = [None] * _ORDER_LENGTH
    row[:4] = [id, gid, cid, symbol]
    row[23:25] = [0, 0]
    return row


def _submit(engine: MatchingEngine, account: Account, body: Body) -> Reply:
    accepted: list[Row] = []
    placed = engine.submit(account, body, lambda order: accepted.append(order.row()))
    side = "buy" if placed[0].amount_orig > 0 else "sell"
    amount, base = units_text(placed[0].amount_orig), legs(placed[0].symbol[1:])[0]
    text = f"Submitting {accepted[0][8].lower()} {side} order for {amount} {base}."
    return Reply([order.row() for order in placed], text, accepted[0])


def _update(engine: MatchingEngine, account: Account, body: Body) -> Reply:
    order = _find(account, body)
    engine.update(account, order, body)
    side = "buy" if order.is_buy else "sell"
    size, base = units_text(abs(order.amount)), legs(order.symbol[1:])[0]
    text = f"Submitting update to {order.kind.lower()} {side} order for {size} {base}."
    return Reply([order.row()], text)


def _cancel(engine: MatchingEngine, account: Account, body: Body) -> Reply:
    order = _find(account, body)
    row = order.row()
    engine.cancel(account, [order])
    text = f"Submitted for cancellation; waiting for confirmation (ID: {order.id})."
    return Reply([row], text)


def _cancel_multi(engine: MatchingEngine, account: Account, body: Body) -> Reply:
    found = list(filter(_selector(body), account.orders.values()))
    rows = newest_first(found)
    engine.cancel(account, found)
    return Reply(rows, f"Submitting {len(found)} order cancellations.")


OPERATIONS: dict[str, Callable[[MatchingEngine, Account, Body], Reply]] = {
    "on": _submit,
    "ou": _update,
    "oc": _cancel,
    "oc_multi": _cancel_multi,
}


def read_operations(ops: object) -> list[tuple[str, Body]]:
    """Return the names and bodies of a batch; raises `Invalid` if one is malformed."""
    if not isinstance(ops, list) or not 1 <= len(ops) <= MOST_OPERATIONS:
        raise Invalid("ops: invalid", PARAMETERS)
    for op in ops:
        if not (isinstance(op, list) and len(op) == 2 and isinstance(op[1], dict)):
            raise Invalid("ops: invalid", PARAMETERS)
        if not isinstance(op[0], str) or op[0] not in OPERATIONS:
            raise Invalid("ops: invalid", PARAMETERS)
    return [(name, body) for name, body in ops]


def _selector(body: Body) -> Callable[[EngineOrder], bool]:
    if body.get("all") in (1, True):
        return lambda order: True
    lists = [body.get(name) for name in ("id", "gid", "cid")]
    if not any(lists) or not all(
        part is None or isinstance(part, list) for part in lists
    ):
        raise Invalid("id: invalid", PARAMETERS)
    ids, gids, cids = (part or [] for part in lists)

    def is_selected(order: EngineOrder) -> bool:
        day = [order.cid, day_of(order.mts_create)]
        return order.id in ids or order.gid in gids or day in cids

    return is_selected


def _find(account: Account, body: Body) -> EngineOrder:
    """Return the open order of a request."""
    id, cid, day = (body.get(name) for name in ("id", "cid", "cid_date"))
    if id is not None:
        if type(id) is not int:
            raise Invalid("id: invalid", PARAMETERS)
        if id in account.orders:
            return account.orders[id]
    elif type(cid) is not int or not isinstance(day, str):
        raise Invalid("id: invalid", PARAMETERS)
    else:
        for order in account.orders.values():
            if order.cid == cid and day_of(order.mts_create) == day:
                return order
    raise Declined("Order not found.")


def _requested_rows(name: str, body: Body) -> list[Row]:
    """Return the row of the requested order, with the fields of a refused request."""
    if name == "oc_multi":
        return []
    id, gid, cid, symbol, kind, flags = (
        scalar(body.get(field))
        for field in ("id", "gid", "cid", "symbol", "type", "flags")
    )
    row = partial_row(0 if name == "on" else id, gid, cid, symbol)
    row[6] = number(body.get("amount"))
    row[8] = kind
    row[12] = flags
    row[16] = number(body.get("price"))
    return [row]


def scalar(value: Any) -> Any:
    """Return a value of a request, None if it is a list or an object."""
    return None if isinstance(value, (dict, list)) else value


def number(value: object) -> float | None:
    """Return a value of a request as a number; None if it is not a number."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if math.isfinite(found) else None
