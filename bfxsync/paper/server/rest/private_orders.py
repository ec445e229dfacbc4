"""Orders and trades of an account, and order requests."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.order_requests import day_of
from bfxsync.paper.engine.units import Row
from bfxsync.paper.server.rest.private import GENERIC, SignedCall
from bfxsync.paper.server.rest.query import Refused

MOST_OPERATIONS = 75
_DEFAULT_LIMIT = 25
_ORDER_LENGTH = 32


def orders(call: SignedCall) -> list[Row]:
    """Return the open orders, newest first."""
    found = _of_symbol(call, call.account.orders.values())
    wanted, gid = call.integers(), call.integer("gid")
    if wanted is not None:
        found = [order for order in found if order.id in wanted]
    if gid is not None:
        found = [order for order in found if order.gid == gid]
    if call.has("cid"):
        cid, day = call.integer("cid"), call.text("cid_date")
        found = [order for order in found if _is_dated(order, cid, day)]
    return [order.row() for order in _newest_first(found)]


def orders_hist(call: SignedCall) -> list[Row]:
    """Return closed orders, newest first."""
    page = call.page(_DEFAULT_LIMIT, 2_500)
    found = _of_symbol(call, call.account.closed.values())
    wanted = call.integers()
    rows = (
        order.row()
        for order in _newest_first(found)
        if page.covers(order.mts_create) and (wanted is None or order.id in wanted)
    )
    return list(page.cut(rows))


def otc_orders_hist(call: SignedCall) -> list[Row]:
    """Return over-the-counter orders: none."""
    call.page(25, 500)
    return []


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
    page = call.page(_DEFAULT_LIMIT, 2_500)
    symbol = call.market().symbol if call.has("symbol") else None
    trades = call.account.trades
    rows = (
        row
        for row in (reversed(trades) if page.newest_first else trades)
        if page.covers(row[2]) and symbol in (None, row[1])
    )
    return list(page.cut(rows))


def submit(call: SignedCall) -> Row:
    """Submit an order."""
    return _single(_submit(call, call.values))


def update(call: SignedCall) -> Row:
    """Update an order."""
    return _single(_update(call, call.values))


def cancel(call: SignedCall) -> Row:
    """Cancel an order."""
    return _single(_cancel(call, call.values))


def cancel_multi(call: SignedCall) -> Row:
    """Cancel several orders."""
    return _cancel_multi(call, call.values)


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
        kind, execute = _OPERATIONS[name]
        try:
            answers.append(execute(call, body))
        except (Invalid, Refused) as invalid:
            answers.append(_error_note(call, kind, None, invalid.message))
    text = f"Submitting {len(ops)} operations."
    return notification(call, "ox_multi-req", answers, text)


def notification(call: SignedCall, kind: str, data: object, text: str) -> Row:
    """Return the notification of a successful write."""
    return [call.market_data.now_mts(), kind, None, None, data, None, "SUCCESS", text]


def _single(note: Row) -> Row:
    """Return the answer to a single operation, whose refusal is an error like any other."""
    if note[6] != "SUCCESS":
        raise Refused(note[7], note[5])
    return note


def _submit(call: SignedCall, body: Mapping[str, Any]) -> Row:
    kind = "on-req"
    try:
        order = call.registry.engine.submit(call.account, body)
    except Declined as declined:
        row = _partial_row(0, body.get("gid"), body.get("cid"), body.get("symbol"))
        return _error_note(call, kind, [row], declined.text)
    side = "buy" if order.amount_orig > 0 else "sell"
    text = f"Submitting {order.kind.lower()} {side} order."
    return notification(call, kind, [order.row()], text)


def _update(call: SignedCall, body: Mapping[str, Any]) -> Row:
    kind = "ou-req"
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


def _cancel(call: SignedCall, body: Mapping[str, Any]) -> Row:
    kind = "oc-req"
    order = _find(call, body)
    if order is None:
        row = _partial_row(body.get("id"), None, body.get("cid"))
        return _error_note(call, kind, row, "Order not found.")
    row = order.row()
    call.registry.engine.cancel(call.account, [order])
    text = f"Submitted for cancellation; waiting for confirmation (ID: {order.id})."
    return notification(call, kind, row, text)


def _cancel_multi(call: SignedCall, body: Mapping[str, Any]) -> Row:
    is_selected = _selector(body)
    found = _newest_first(filter(is_selected, call.account.orders.values()))
    rows = [order.row() for order in found]
    call.registry.engine.cancel(call.account, found)
    text = f"Submitting {len(found)} order cancellations."
    return notification(call, "oc_multi-req", rows, text)


_OPERATIONS: dict[str, tuple[str, Callable[[SignedCall, Mapping[str, Any]], Row]]] = {
    "on": ("on-req", _submit),
    "ou": ("ou-req", _update),
    "oc": ("oc-req", _cancel),
    "oc_multi": ("oc_multi-req", _cancel_multi),
}


def _selector(body: Mapping[str, Any]) -> Callable[[EngineOrder], bool]:
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


def _find(call: SignedCall, body: Mapping[str, Any]) -> EngineOrder | None:
    """Return the open order that a request names, if any."""
    id, cid, day = (body.get(name) for name in ("id", "cid", "cid_date"))
    if id is not None:
        if type(id) is not int:
            raise Refused("id: invalid")
        return call.account.orders.get(id)
    if type(cid) is not int or not isinstance(day, str):
        raise Refused("id: invalid")
    dated = (o for o in call.account.orders.values() if _is_dated(o, cid, day))
    return next(dated, None)


def _error_note(call: SignedCall, kind: str, data: object, text: str) -> Row:
    return [call.market_data.now_mts(), kind, None, None, data, GENERIC, "ERROR", text]


def _partial_row(
    id: object, gid: object = None, cid: object = None, symbol: object = None
) -> Row:
    """Return the row of an order with only a few known fields."""
    row: Row = [None] * _ORDER_LENGTH
    row[:4] = [id, gid, cid, symbol]
    return row


def _is_dated(order: EngineOrder, cid: int | None, day: str) -> bool:
    return order.cid == cid and day_of(order.mts_create) == day


def _of_symbol(call: SignedCall, found: Iterable[EngineOrder]) -> list[EngineOrder]:
    if not call.has("symbol"):
        return list(found)
    symbol = call.market().symbol
    return [order for order in found if order.symbol == symbol]


def _newest_first(found: Iterable[EngineOrder]) -> list[EngineOrder]:
    return sorted(found, key=lambda order: (order.mts_create, order.id), reverse=True)
