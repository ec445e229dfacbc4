"""Parsing and validation of order requests."""

from __future__ import annotations

import calendar
import time
from typing import Any, Iterator, Mapping

import attrs

from bfxsync.paper.engine.amounts import (
    cost,
    integer,
    read_amount,
    read_positive,
    read_price,
)
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.order import (
    CLOSE,
    OCO,
    POST_ONLY,
    REDUCE_ONLY,
    SPOT_PREFIX,
    TYPES,
    EngineOrder,
)
from bfxsync.paper.engine.venue import TradedMarket

Body = Mapping[str, Any]

SIZES, DERIVATIVE_SIZES = ("0.00004", "2000.0"), ("0.00006", "100.0")
"""The smallest and the largest order, in base currency; the configuration endpoint has them."""
DEFAULT_LEVERAGE = 10

# fmt: off
CHANGEABLE = (
    "amount", "price", "price_aux_limit", "price_trailing", "stop", "gid", "flags", "lev",
    "mts_tif", "meta",
)
# fmt: on
"""The attributes of an order that an update may change."""

_KINDS = {prefix + kind for prefix in ("", SPOT_PREFIX) for kind in TYPES}
_CID_LIMIT = 2**45
_REQUIRED = {
    "MARKET": [],
    "STOP LIMIT": ["price", "price_aux_limit"],
    "TRAILING STOP": ["price_trailing"],
}
_TIME = "%Y-%m-%d %H:%M:%S"


def new_order(body: Body, id: int, now_mts: int, market: TradedMarket) -> EngineOrder:
    """Create an order from a request; a missing or invalid field raises `Invalid`."""
    kind = body.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Invalid("type: invalid")
    is_spot = kind.startswith(SPOT_PREFIX)
    if market.is_funding or (market.is_derivative and is_spot):
        raise Invalid("symbol: invalid")
    amount = read_amount("amount", body.get("amount"))
    cid = integer("cid", body.get("cid"), _CID_LIMIT)
    order = EngineOrder(
        id=id,
        gid=integer("gid", body.get("gid"), _CID_LIMIT),
        cid=now_mts if cid is None else cid,
        symbol=market.symbol,
        mts_create=now_mts,
        mts_update=now_mts,
        kind=kind,
        amount=amount,
        amount_orig=amount,
        lev=_leverage(body.get("lev"), market),
    )
    _read_terms(order, body, now_mts)
    for name in _REQUIRED.get(order.plain_kind, ["price"]):
        if not getattr(order, name):
            raise Invalid(f"{name}: invalid")
    if order.plain_kind == "TRAILING STOP":
        order.stop = trailed_stop(order, market.last_price)
    return order


def close_position(order: EngineOrder, held: int) -> None:
    """Give an order with the flag close the amount of the position that is held."""
    order.flags |= REDUCE_ONLY
    if held and not order.is_spot:
        order.amount = order.amount_orig = -held


def oco_stop(order: EngineOrder, body: Body, ids: Iterator[int]) -> EngineOrder | None:
    """Create the stop of an OCO order, and link both; None for other orders."""
    if not order.has(OCO):
        if body.get("price_oco_stop") is not None:
            raise Invalid("price_oco_stop: invalid")
        return None
    cid = integer("cid_oco", body.get("cid_oco"), _CID_LIMIT)
    price = read_price("price_oco_stop", body.get("price_oco_stop"))
    prefix = SPOT_PREFIX if order.is_spot else ""
    stop = attrs.evolve(
        order,
        id=next(ids),
        cid=order.mts_create if cid is None else cid,
        kind=f"{prefix}STOP",
        price=price,
        stop=price,
        # A stop takes liquidity.
        flags=order.flags & ~POST_ONLY,
        meta=dict(order.meta),
        fills=[],
        placed_id=order.id,
        pair=order,
    )
    order.pair = stop
    order.price_aux_limit = price
    return stop


def update_order(
    order: EngineOrder, body: Body, now_mts: int, market: TradedMarket
) -> None:
    """Apply an update to an order; `Invalid` may leave it changed in part."""
    order.amount = _changed_amount(order, body)
    had_stop = order.has(OCO)
    _read_terms(order, body, now_mts)
    if order.has(OCO) != had_stop:
        raise Declined("Invalid order: an update cannot change the flag OCO")
    if body.get("lev") is not None:
        order.lev = _leverage(body["lev"], market)
    gid = integer("gid", body.get("gid"), _CID_LIMIT)
    order.gid = order.gid if gid is None else gid


def _read_terms(order: EngineOrder, body: Body, now_mts: int) -> None:
    """Apply the fields that both a new order and an update may have."""
    names = ["price_aux_limit", "price_trailing"]
    # A market order has no price, although some clients send one.
    for name in names if order.plain_kind == "MARKET" else ["price", *names]:
        if body.get(name) not in (None, "0", 0, ""):
            setattr(order, name, read_price(name, body[name]))
    if order.is_stop and order.plain_kind != "TRAILING STOP":
        order.stop = order.price
    flags = integer("flags", body.get("flags"), 2**31)
    if flags is not None:
        order.flags = flags
    if body.get("tif") is not None:
        order.mts_tif = _read_time(body["tif"])
        if order.mts_tif <= now_mts:
            raise Invalid("tif: invalid")
    meta = body.get("meta")
    if meta is not None:
        if not isinstance(meta, dict):
            raise Invalid("meta: invalid")
        order.meta = dict(meta)


def check_order(order: EngineOrder) -> None:
    """Check size, value and flags, which do not depend on the account; raise `Declined`."""
    pair = order.symbol[1:]
    size = abs(order.amount)
    smallest, largest = SIZES if order.lev is None else DERIVATIVE_SIZES
    # A position of any size can be closed.
    is_free = order.has(CLOSE)
    if size < read_positive("amount", smallest) and not is_free:
        raise Declined(f"Invalid order: minimum size for {pair} is {smallest}")
    if size > read_positive("amount", largest) and not is_free:
        raise Declined(f"Invalid order: maximum size for {pair} is {largest}")
    if order.price and not cost(size, order.price):
        raise Declined("Invalid order: its value is zero")
    if order.has(OCO) and not (order.placed_id or order.plain_kind == "LIMIT"):
        raise Declined("Invalid order: only a limit order can have an OCO stop")
    if order.has(POST_ONLY) and order.plain_kind not in ("LIMIT", "STOP LIMIT"):
        raise Declined("Invalid order: only a limit order can be post-only")


def _changed_amount(order: EngineOrder, body: Body) -> int:
    """Return the new remaining amount, from the `amount` or the `delta` of an update."""
    if body.get("amount") is not None:
        amount = read_amount("amount", body["amount"])
    elif body.get("delta") is not None:
        amount = order.amount + read_amount("delta", body["delta"])
    else:
        return order.amount
    if (amount > 0) != (order.amount > 0) or not amount:
        raise Invalid("amount: invalid")
    return amount


def trailed_stop(order: EngineOrder, last: int) -> int:
    """Return the trigger price of a trailing stop after a trade at a price."""
    if order.is_buy:
        stop = last + order.price_trailing
        return min(stop, order.stop) if order.stop else stop
    return max(last - order.price_trailing, order.stop, 1)


def day_of(mts: int) -> str:
    """Return the UTC date of a time, as in `cid_date`."""
    return time.strftime("%Y-%m-%d", time.gmtime(mts // 1000))


def _leverage(value: object, market: TradedMarket) -> int | None:
    if not market.is_derivative:
        return None
    lev = integer("lev", value, 101)
    if lev == 0:
        raise Invalid("lev: invalid")
    return DEFAULT_LEVERAGE if lev is None else lev


def _read_time(value: object) -> int:
    for form in (_TIME, "%Y-%m-%d"):
        try:
            return calendar.timegm(time.strptime(str(value), form)) * 1000
        except ValueError:
            continue
    raise Invalid("tif: invalid")
