"""Operations on orders and offers, with their faults, the same by REST and WebSocket."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync.paper.engine.match import Shortage
from bfxsync.paper.engine.order_requests import Body
from bfxsync.paper.server import funding_operations, order_operations
from bfxsync.paper.server.order_operations import Reply
from bfxsync.paper.server.rest.query import SignedCall

MAINTENANCE = 20060


def operate(call: SignedCall, name: str, body: Body) -> Reply:
    """Execute an operation, unless a fault prevents that; never raises."""
    registry, faults = call.registry, call.market_data.faults
    if registry.is_in_maintenance:
        return refuse(name, body, "maintenance", MAINTENANCE)
    if not faults.armed:
        return _execute(call, name, body)
    facts = facts_of(call, name, body)
    rejection = faults.fire("reject_order", **facts)
    if rejection is not None:
        options = rejection.options
        return refuse(name, body, options["text"], options["code"])
    pause = faults.fire("maintenance", **facts)
    if pause is not None:
        reply = refuse(name, body, "maintenance", MAINTENANCE)
        if pause.options["executed"]:
            reply = attrs.evolve(_execute(call, name, body), is_lost=True)
        registry.is_in_maintenance = True
        registry.on_maintenance(pause.options["length_s"])
        return reply
    shortage = faults.claim("partial_fill", **facts) if name == "on" else None
    if shortage is None:
        return _execute(call, name, body)
    book = registry.engine.shortage = Shortage(shortage.options["ratio"])
    reply = _execute(call, name, body)
    registry.engine.shortage = None
    if book.has_happened:
        faults.complete(shortage)
    else:
        faults.give_back(shortage)
    return reply


def facts_of(call: SignedCall, name: str, body: Body) -> dict[str, Any]:
    """Return the fields that faults are matched with: account, symbol and client order id."""
    id = body.get("id")
    order = call.account.orders.get(id) if type(id) is int else None
    offer = call.account.funding.offers.get(id) if type(id) is int else None
    found = (offer if name == "foc" else order) or offer
    return {
        "account": call.registry.names[call.account],
        "input": name,
        "symbol": body.get("symbol") if found is None else found.symbol,
        "cid": body.get("cid") if order is None else order.cid,
    }


def refuse(name: str, body: Body, text: str, code: int) -> Reply:
    """Return the reply to an operation that was not executed."""
    if name in funding_operations.OPERATIONS:
        return funding_operations.refusal(name, body, text, code)
    return order_operations.refusal(name, body, text, code)


def _execute(call: SignedCall, name: str, body: Body) -> Reply:
    registry = call.registry
    if name in funding_operations.OPERATIONS:
        return funding_operations.execute(registry.funding, call.account, name, body)
    return order_operations.execute(registry.engine, call.account, name, body)
