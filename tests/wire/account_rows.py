"""Rows of the account channel, read as the channel reads them, for the tests of orders."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.funding import FundingOffer
from bfxsync.models.notification import Notification, of_list, of_nothing, of_one
from bfxsync.models.orders import Order
from bfxsync.wire.operations import Operation

DAY = 86_400_000
START = 20_000 * DAY + 1_000_000
"""A time of the exchange; its date is `TODAY`."""
TODAY = "2024-10-04"

_NEVER = object()


def order_of(
    id: int = 1,
    cid: Optional[int] = 7,
    *,
    amount: float = 1.0,
    orig: float = 1.0,
    status: str = "ACTIVE",
    price: float = 100.0,
    mts: int = START,
    created: Optional[int] = None,
    **more: Any,
) -> Order:
    """Return an order as in an event."""
    row: List[Any] = [None] * 32
    row[:9] = [id, more.get("gid"), cid, "tBTCUSD", START, mts, amount, orig, "LIMIT"]
    row[4] = START if created is None else created
    row[8], row[9] = more.get("type", "LIMIT"), more.get("type_prev")
    row[12], row[13], row[16], row[17] = more.get("flags", 0), status, price, 0.0
    return Order.from_row(row, float)


def trade_of(
    id: int = 50,
    order_id: int = 1,
    cid: Optional[int] = 7,
    *,
    amount: float = 1.0,
    fee: Optional[float] = None,
    mts: int = START,
) -> AccountTrade:
    """Return a trade as in ``te``, or with a fee as in ``tu``."""
    row = [id, "tBTCUSD", mts, order_id, amount, 100.0, "LIMIT", 100.0, 1, fee]
    return AccountTrade.from_row([*row, None if fee is None else "BTC", cid], float)


def offer_of(
    id: int = 1, status: str = "ACTIVE", *, amount: float = 50.0, mts: int = START
) -> FundingOffer:
    """Return an offer as in an event."""
    row: List[Any] = [None] * 21
    row[:7] = [id, "fUSD", START, mts, amount, 50.0, "LIMIT"]
    row[10], row[14], row[15] = status, 0.0002, 7
    return FundingOffer.from_row(row, float)


def partial_row(length: int = 32, **fields: Any) -> List[Any]:
    """Return the row of a notification, with few fields."""
    row: List[Any] = [None] * length
    places = {"id": 0, "gid": 1, "cid": 2}
    if length == 21:
        places = {"id": 0, "amount": 4, "rate": 14, "period": 15}
    for name, value in fields.items():
        row[places[name]] = value
    return row


def notice(
    kind: str,
    info: Any,
    error: Optional[str] = None,
    *,
    mts: Optional[int] = START,
    code: Optional[int] = None,
) -> AccountUpdate:
    """Return a notification; `error` is the text of a refusal."""
    read: Any = of_one(Order.from_partial_row)
    if kind in ("oc_multi-req", "ox_multi-req"):
        read = of_list(Order.from_partial_row) if info is not None else of_nothing()
    elif kind == "wallet_transfer":
        read = of_nothing()
    elif kind.startswith("f"):
        read = of_one(FundingOffer.from_partial_row)
    status = "SUCCESS" if error is None else "ERROR"
    row = [mts, kind, None, None, info, code, status, error or "Submitting."]
    data: Notification[Any] = read(row, float)
    return AccountUpdate("n", "notification", data)


def event(code: str, data: Any) -> AccountUpdate:
    """Return an update of a code."""
    return AccountUpdate(code, code, data)


def operation_of(
    name: str, body: Dict[str, Any], token: object = _NEVER, **more: Any
) -> Operation:
    """Return an operation; its token is its name by default."""
    return Operation(name if token is _NEVER else token, name, body, **more)


def new_order(token: object = "on", cid: int = 7, **more: Any) -> Operation:
    """Return a new order."""
    is_random = more.pop("is_random", True)
    body = {"type": "LIMIT", "symbol": "tBTCUSD", "amount": "1", "price": "100"}
    return Operation(token, "on", {**body, "cid": cid, **more}, is_random=is_random)
