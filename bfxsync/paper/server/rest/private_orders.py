"""Orders and trades of an account, and the responses to order requests."""

from __future__ import annotations

from typing import Callable

from bfxsync.paper.engine.order_requests import day_of
from bfxsync.paper.engine.units import Row
from bfxsync.paper.server import order_operations
from bfxsync.paper.server.order_faults import operate
from bfxsync.paper.server.order_operations import Reply, newest_first, read_operations
from bfxsync.paper.server.rest.query import Refused, SignedCall, Unanswered, is_wanted


def orders(call: SignedCall) -> list[Row]:
    """Return the open orders, newest first."""
    rows = list(call.known(newest_first(call.account.orders.values()), 4))
    if call.has("cid"):
        cid, day = call.integer("cid"), call.text("cid_date")
        rows = [row for row in rows if row[2] == cid and day_of(row[4]) == day]
    where = {0: call.integers(), 1: call.integer("gid"), 3: call.symbol()}
    return [row for row in rows if is_wanted(row, where)]


def orders_hist(call: SignedCall) -> list[Row]:
    """Return closed orders, newest first."""
    rows = newest_first(call.account.closed.values())
    where = {0: call.integers(), 3: call.symbol()}
    return call.past(call.known(rows, 5), 2_500, 4, where)


def otc_orders_hist(call: SignedCall) -> list[Row]:
    """Return an empty list: there are no over-the-counter orders."""
    return call.past([], 500, 0)


def order_trades(call: SignedCall) -> list[Row]:
    """Return the trades of an order, newest first."""
    symbol, id = call.text("symbol"), call.integer("id")
    trades = call.known(reversed(call.account.trades), 2)
    rows = [list(row) for row in trades if row[1] == symbol and row[3] == id]
    for row in rows:
        row[7] = None
    return rows


def trades_hist(call: SignedCall) -> list[Row]:
    """Return the trades of the account."""
    trades = call.account.trades
    is_newest_first = call.integer("sort") != 1
    rows = reversed(trades) if is_newest_first else trades
    return call.past(call.known(rows, 2), 2_500, 2, {1: call.symbol()})


def single(name: str) -> Callable[[SignedCall], Row]:
    """Return the handler of a single operation; a rejection becomes an error response."""

    def handle(call: SignedCall) -> Row:
        reply = answered(operate(call, name, call.values))
        if reply.code is not None:
            raise Refused(reply.text, reply.code)
        return _note(call, name, reply)

    return handle


def multi(call: SignedCall) -> Row:
    """Execute several operations; each notification is nested in that of the request."""
    ops = read_operations(call.values.get("ops"))
    replies = [(name, operate(call, name, body)) for name, body in ops]
    notes = [_note(call, name, answered(reply)) for name, reply in replies]
    return notification(
        call, "ox_multi-req", notes, f"Submitting {len(ops)} operations."
    )


def answered(reply: Reply) -> Reply:
    """Return a reply, unless a fault drops it."""
    if reply.is_lost:
        raise Unanswered
    return reply


def notification(
    call: SignedCall,
    kind: str,
    data: object,
    text: str,
    status: str = "SUCCESS",
    code: int | None = None,
) -> Row:
    """Return the notification about a write."""
    now = call.market_data.now_mts()
    return order_operations.notification(now, kind, data, text, status, code)


def _note(call: SignedCall, name: str, reply: Reply) -> Row:
    # A list for operations that may affect several orders.
    data = reply.rows if name in ("on", "oc_multi") else reply.rows[0]
    return notification(call, f"{name}-req", data, reply.text, reply.status, reply.code)
