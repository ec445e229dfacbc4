"""Orders and trades of an account."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from bfxsync.paper.engine.inputs import day_of
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.refusals import Declined, Invalid
from bfxsync.paper.markets.tape import Row
from bfxsync.paper.server.rest.private import GENERIC, SignedCall
from bfxsync.paper.server.rest.query import Refused

MOST_OPERATIONS = 75
_DEFAULT_LIMIT = 25
_ORDER_LENGTH = 32


def orders(call: SignedCall) -> list[Row]:
    """Return the open orders, the newest first."""
    found = _of_symbol(call, call.account.orders.values())
    wanted, gid = call.ids(), call.whole("gid")
    if wanted is not None:
        found = [order for order in found if order.id in wanted]
    if gid is not None:
        found = [order for order in found if order.gid == gid]
    if call.has("cid"):
        cid, day = call.whole("cid"), call.text("cid_date")
        found = [order for order in found if _is_dated(order, cid, day)]
    return [order.row() for order in _newest_first(found)]


def orders_hist(call: SignedCall) -> list[Row]:
    """Return orders that are closed, the newest first."""
    page = call.page(_DEFAULT_LIMIT, 2_500)
    found = _of_symbol(call, call.account.closed.values())
    wanted = call.ids()
    rows = (
        order.row()
        for order in _newest_first(found)
        if page.covers(order.mts_create) and (wanted is None or order.id in wanted)
    )
    return list(page.cut(rows))


def otc_orders_hist(call: SignedCall) -> list[Row]:
    """Return orders over the counter, of which there are none."""
    call.page(25, 500)
    return []


def order_trades(call: SignedCall) -> list[Row]:
    """Return the trades of an order, the newest first."""
    symbol, id = call.text("symbol"), call.whole("id")
    trades = reversed(call.account.trades)
    rows = [list(row) for row in trades if row[1] == symbol and row[3] == id]
    for row in rows:
        row[7] = None
    return rows


def trades_hist(call: SignedCall) -> list[Row]:
    """Return trades."""
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
    """Take an order."""
    return _alone(_submit(call, call.values))


def update(call: SignedCall) -> Row:
    """Change an order."""
    return _alone(_update(call, call.values))


def cancel(call: SignedCall) -> Row:
    """Cancel an order."""
    return _alone(_cancel(call, call.values))


def cancel_multi(call: SignedCall) -> Row:
    """Cancel several orders."""
    return _cancel_multi(call, call.values)


def multi(call: SignedCall) -> Row:
    """Do several things; each has a notification of its own, in that of the whole."""
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
        kind, work = _OPERATIONS[name]
        try:
            answers.append(work(call, body))
        except (Invalid, Refused) as invalid:
            answers.append(_refused(call, kind, None, invalid.message))
    text = f"Submitting {len(ops)} operations."
    return notification(call, "ox_multi-req", answers, text)


def notification(call: SignedCall, kind: str, data: object, text: str) -> Row:
    """Return the answer to a write that succeeded."""
    return [call.market_data.now_mts(), kind, None, None, data, None, "SUCCESS", text]


def _alone(note: Row) -> Row:
    """Return what answers a request for one thing: a refusal is an error there, like any other."""
    if note[6] != "SUCCESS":
        raise Refused(note[7], note[5])
    return note


def _submit(call: SignedCall, body: Mapping[str, Any]) -> Row:
    kind = "on-req"
    try:
        order = call.registry.desk.submit(call.account, body)
    except Declined as declined:
        row = _named(0, body.get("gid"), body.get("cid"), body.get("symbol"))
        return _refused(call, kind, [row], declined.text)
    side = "buy" if order.amount_orig > 0 else "sell"
    text = f"Submitting {order.kind.lower()} {side} order."
    return notification(call, kind, [order.row()], text)


def _update(call: SignedCall, body: Mapping[str, Any]) -> Row:
    kind = "ou-req"
    order = _find(call, body)
    if order is None:
        return _refused(call, kind, _named(body.get("id")), "Order not found.")
    try:
        call.registry.desk.update(call.account, order, body)
    except Declined as declined:
        return _refused(call, kind, order.row(), declined.text)
    side = "buy" if order.is_buy else "sell"
    text = f"Submitting update to {order.kind.lower()} {side} order."
    return notification(call, kind, order.row(), text)


def _cancel(call: SignedCall, body: Mapping[str, Any]) -> Row:
    kind = "oc-req"
    order = _find(call, body)
    if order is None:
        row = _named(body.get("id"), None, body.get("cid"))
        return _refused(call, kind, row, "Order not found.")
    row = order.row()
    call.registry.desk.cancel(call.account, [order])
    text = f"Submitted for cancellation; waiting for confirmation (ID: {order.id})."
    return notification(call, kind, row, text)


def _cancel_multi(call: SignedCall, body: Mapping[str, Any]) -> Row:
    chosen = _chooser(body)
    found = _newest_first(filter(chosen, call.account.orders.values()))
    rows = [order.row() for order in found]
    call.registry.desk.cancel(call.account, found)
    text = f"Submitting {len(found)} order cancellations."
    return notification(call, "oc_multi-req", rows, text)


_OPERATIONS: dict[str, tuple[str, Callable[[SignedCall, Mapping[str, Any]], Row]]] = {
    "on": ("on-req", _submit),
    "ou": ("ou-req", _update),
    "oc": ("oc-req", _cancel),
    "oc_multi": ("oc_multi-req", _cancel_multi),
}


def _chooser(body: Mapping[str, Any]) -> Callable[[EngineOrder], bool]:
    if body.get("all") in (1, True):
        return lambda order: True
    lists = [body.get(name) for name in ("id", "gid", "cid")]
    if not any(lists) or not all(
        part is None or isinstance(part, list) for part in lists
    ):
        raise Refused("id: invalid")
    ids, gids, cids = (part or [] for part in lists)

    def chosen(order: EngineOrder) -> bool:
        day = [order.cid, day_of(order.mts_create)]
        return order.id in ids or order.gid in gids or day in cids

    return chosen


def _find(call: SignedCall, body: Mapping[str, Any]) -> EngineOrder | None:
    """Return the open order that a request names, None if there is none."""
    id, cid, day = (body.get(name) for name in ("id", "cid", "cid_date"))
    if id is not None:
        if type(id) is not int:
            raise Refused("id: invalid")
        return call.account.orders.get(id)
    if type(cid) is not int or not isinstance(day, str):
        raise Refused("id: invalid")
    dated = (o for o in call.account.orders.values() if _is_dated(o, cid, day))
    return next(dated, None)


def _refused(call: SignedCall, kind: str, data: object, text: str) -> Row:
    return [call.market_data.now_mts(), kind, None, None, data, GENERIC, "ERROR", text]


def _named(
    id: object, gid: object = None, cid: object = None, symbol: object = None
) -> Row:
    """Return the row of an order of which little is known."""
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
