"""Orders and trades of an account, and order requests."""

from __future__ import annotations

from typing import Callable, Iterable

from bfxsync.paper.engine.errors import GENERIC, Declined, Invalid
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.order_requests import Body, day_of
from bfxsync.paper.engine.units import Row
from bfxsync.paper.server.rest.query import Refused, SignedCall, is_wanted

MOST_OPERATIONS = 75
_ORDER_LENGTH = 32


def orders(call: SignedCall) -> list[Row]:
    """Return the open orders, newest first."""
    rows = _newest_first(call.account.orders.values())
    if call.has("cid"):
        cid, day = call.integer("cid"), call.text("cid_date")
        rows = [row for row in rows if row[2] == cid and day_of(row[4]) == day]
    where = {0: call.integers(), 1: call.integer("gid"), 3: call.symbol()}
    return [row for row in rows if is_wanted(row, where)]


def orders_hist(call: SignedCall) -> list[Row]:
    """Return closed orders, newest first."""
    rows = _newest_first(call.account.closed.values())
    return call.past(rows, 2_500, 4, {0: call.integers(), 3: call.symbol()})


def otc_orders_hist(call: SignedCall) -> list[Row]:
    """Return over-the-counter orders: none."""
    return call.past([], 500, 0)


def order_trades(call: SignedCall) -> list[Row]:
    """Return the trades of an order, newest first."""
    symbol, id = call.text("symbol"), call.integer("id")
    trades = reversed(call.account.trades)
    rows = [list(row) for row in trades if row[1] == symbol and row[3] == id]
    for row in rows:
        row[7] = None
    return rows


def trades_hist(call: SignedCall) -> list[Row]:
    """Return the trades of the account."""
    trades = call.account.trades
    is_newest_first = call.integer("sort") != 1
    rows = reversed(trades) if is_newest_first else trades
    return call.past(rows, 2_500, 2, {1: call.symbol()})


def single(name: str) -> Callable[[SignedCall], Row]:
    """Return the handler of a single operation, whose rejection is answered with an error."""

    def execute(call: SignedCall) -> Row:
        note = _OPERATIONS[name](call, f"{name}-req", call.values)
        if note[6] != "SUCCESS":
            raise Refused(note[7], note[5])
        return note

    return execute


def multi(call: SignedCall) -> Row:
    """Execute several operations; each notification is nested in that of the request."""
    ops = call.values.get("ops")
    if not isinstance(ops, list) or not 1 <= len(ops) <= MOST_OPERATIONS:
        raise Refused("ops: invalid")
    for op in ops:
        if not (isinstance(op, list) and len(op) == 2 and isinstance(op[1], dict)):
            raise Refused("ops: invalid")
        if not isinstance(op[0], str) or op[0] not in _OPERATIONS:
            raise Refused("ops: invalid")
    answers = []
    for name, body in ops:
        kind = f"{name}-req"
        try:
            answers.append(_OPERATIONS[name](call, kind, body))
        except Invalid as invalid:
            answers.append(_error_note(call, kind, None, invalid.message))
    text = f"Submitting {len(ops)} operations."
    return notification(call, "ox_multi-req", answers, text)


def notification(
    call: SignedCall,
    kind: str,
    data: object,
    text: str,
    status: str = "SUCCESS",
    code: int | None = None,
) -> Row:
    """Return the notification that answers a write."""
    return [call.market_data.now_mts(), kind, None, None, data, code, status, text]


def _submit(call: SignedCall, kind: str, body: Body) -> Row:
    try:
        placed = call.registry.engine.submit(call.account, body)
    except Declined as declined:
        row = _partial_row(0, body.get("gid"), body.get("cid"), body.get("symbol"))
        return _error_note(call, kind, [row], declined.text)
    order = placed[0]
    side = "buy" if order.amount_orig > 0 else "sell"
    text = f"Submitting {order.kind.lower()} {side} order."
    return notification(call, kind, [one.row() for one in placed], text)


def _update(call: SignedCall, kind: str, body: Body) -> Row:
    order = _find(call, body)
    if order is None:
        return _error_note(call, kind, _partial_row(body.get("id")), "Order not found.")
    try:
        call.registry.engine.update(call.account, order, body)
    except Declined as declined:
        return _error_note(call, kind, order.row(), declined.text)
    side = "buy" if order.is_buy else "sell"
    text = f"Submitting update to {order.kind.lower()} {side} order."
    return notification(call, kind, order.row(), text)


def _cancel(call: SignedCall, kind: str, body: Body) -> Row:
    order = _find(call, body)
    if order is None:
        row = _partial_row(body.get("id"), None, body.get("cid"))
        return _error_note(call, kind, row, "Order not found.")
    row = order.row()
    call.registry.engine.cancel(call.account, [order])
    text = f"Submitted for cancellation; waiting for confirmation (ID: {order.id})."
    return notification(call, kind, row, text)


def _cancel_multi(call: SignedCall, kind: str, body: Body) -> Row:
    is_selected = _selector(body)
    found = list(filter(is_selected, call.account.orders.values()))
    rows = _newest_first(found)
    call.registry.engine.cancel(call.account, found)
    text = f"Submitting {len(found)} order cancellations."
    return notification(call, kind, rows, text)


_OPERATIONS: dict[str, Callable[[SignedCall, str, Body], Row]] = {
    "on": _submit,
    "ou": _update,
    "oc": _cancel,
    "oc_multi": _cancel_multi,
}


def _selector(body: Body) -> Callable[[EngineOrder], bool]:
    if body.get("all") in (1, True):
        return lambda order: True
    lists = [body.get(name) for name in ("id", "gid", "cid")]
    if not any(lists) or not all(
        part is None or isinstance(part, list) for part in lists
    ):
        raise Refused("id: invalid")
    ids, gids, cids = (part or [] for part in lists)

    def is_selected(order: EngineOrder) -> bool:
        day = [order.cid, day_of(order.mts_create)]
        return order.id in ids or order.gid in gids or day in cids

    return is_selected


def _find(call: SignedCall, body: Body) -> EngineOrder | None:
    """Return the open order that a request names, if any."""
    id, cid, day = (body.get(name) for name in ("id", "cid", "cid_date"))
    if id is not None:
        if type(id) is not int:
            raise Refused("id: invalid")
        return call.account.orders.get(id)
    if type(cid) is not int or not isinstance(day, str):
        raise Refused("id: invalid")
    for order in call.account.orders.values():
        if order.cid == cid and day_of(order.mts_create) == day:
            return order
    return None


def _error_note(call: SignedCall, kind: str, data: object, text: str) -> Row:
    return notification(call, kind, data, text, "ERROR", GENERIC)


def _partial_row(
    id: object, gid: object = None, cid: object = None, symbol: object = None
) -> Row:
    """Return the row of an order with only a few known fields."""
    row: Row = [None] * _ORDER_LENGTH
    row[:4] = [id, gid, cid, symbol]
    return row


def _newest_first(orders: Iterable[EngineOrder]) -> list[Row]:
    newest = sorted(
        orders, key=lambda order: (order.mts_create, order.id), reverse=True
    )
    return [order.row() for order in newest]
