"""What is sent to make, change and cancel orders, checked as a whole."""

from __future__ import annotations

import random
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.checks.arguments import check_choice, check_pair
from bfxsync.checks.order_arguments import (
    check_amount,
    check_cid,
    check_cid_date,
    check_flags,
    check_gid,
    check_id,
    check_ids,
    check_items,
    check_leverage,
    check_object,
    check_positive,
    check_price,
    check_switch,
    check_tif,
    optional,
)
from bfxsync.errors import UsageError

Body = Dict[str, Any]

MOST_OPERATIONS = 75

_TYPES = tuple(kind.value for kind in OrderType)
_CID_BITS = 45

# From the system: a generator that a program has seeded would give the same ids again.
_random = random.SystemRandom()


def new_cid() -> int:
    """Return a client id that nobody else has today: without one a lost order is not found."""
    return _random.getrandbits(_CID_BITS)


def submit_body(
    type: object,
    symbol: object,
    amount: object,
    price: object = None,
    *,
    lev: object = None,
    price_trailing: object = None,
    price_aux_limit: object = None,
    price_oco_stop: object = None,
    gid: object = None,
    cid: object = None,
    flags: object = None,
    tif: object = None,
    meta: object = None,
    round_price: bool = False,
) -> Body:
    """
    Return what is sent for a new order.

    Raises
    ------
    UsageError
        An argument is impossible, or one is missing that this type needs.
    """
    kind = check_choice("type", type, _TYPES)
    body = {
        "type": kind,
        "symbol": check_pair(symbol),
        "amount": check_amount("amount", amount),
        "price": optional(check_price, "price", price, round_price),
        "lev": optional(check_leverage, "lev", lev),
        "price_trailing": optional(check_positive, "price_trailing", price_trailing),
        "price_aux_limit": optional(
            check_price, "price_aux_limit", price_aux_limit, round_price
        ),
        "price_oco_stop": optional(
            check_price, "price_oco_stop", price_oco_stop, round_price
        ),
        "gid": optional(check_gid, "gid", gid),
        "cid": check_cid("cid", cid) if cid is not None else new_cid(),
        "flags": optional(check_flags, "flags", flags),
        "tif": optional(check_tif, "tif", tif),
        "meta": optional(check_object, "meta", meta),
    }
    _check_needs(kind, body)
    return body


def update_body(
    id: object,
    *,
    amount: object = None,
    price: object = None,
    cid: object = None,
    cid_date: object = None,
    gid: object = None,
    flags: object = None,
    lev: object = None,
    delta: object = None,
    price_aux_limit: object = None,
    price_trailing: object = None,
    tif: object = None,
    meta: object = None,
    round_price: bool = False,
) -> Body:
    """
    Return what is sent to change an order.

    Raises
    ------
    UsageError
        An argument is impossible.
    """
    if amount is not None and delta is not None:
        raise UsageError("only one of amount and delta can be given")
    return {
        "id": check_id("id", id),
        "amount": optional(check_amount, "amount", amount),
        "price": optional(check_price, "price", price, round_price),
        "cid": optional(check_cid, "cid", cid),
        "cid_date": optional(check_cid_date, "cid_date", cid_date),
        "gid": optional(check_gid, "gid", gid),
        "flags": optional(check_flags, "flags", flags),
        "lev": optional(check_leverage, "lev", lev),
        "delta": optional(check_amount, "delta", delta),
        "price_aux_limit": optional(
            check_price, "price_aux_limit", price_aux_limit, round_price
        ),
        "price_trailing": optional(check_positive, "price_trailing", price_trailing),
        "tif": optional(check_tif, "tif", tif),
        "meta": optional(check_object, "meta", meta),
    }


def cancel_body(
    id: object = None, *, cid: object = None, cid_date: object = None
) -> Body:
    """
    Return what is sent to cancel an order.

    Raises
    ------
    UsageError
        There must be its id, or its client id together with the date of that.
    """
    if (id is None) == (cid is None) or (cid is None) != (cid_date is None):
        raise UsageError("an order is named by id, or by cid and cid_date together")
    return {
        "id": optional(check_id, "id", id),
        "cid": optional(check_cid, "cid", cid),
        "cid_date": optional(check_cid_date, "cid_date", cid_date),
    }


def cancel_multi_body(
    *,
    id: object = None,
    cid: object = None,
    gid: object = None,
    all: object = None,
) -> Body:
    """
    Return what is sent to cancel several orders.

    Raises
    ------
    UsageError
        There must be at least one list; or `all` alone, which must be True.
    """
    named = [value for value in (id, cid, gid) if value is not None]
    if all is not None:
        if not check_switch("all", all) or named:
            raise UsageError("all must be True, and stand alone")
        return {"all": 1}
    if not named:
        raise UsageError("one of id, cid, gid and all must be given")
    return {
        "id": optional(check_ids, "id", id),
        "cid": optional(check_items, "cid", cid, _check_dated),
        "gid": optional(check_items, "gid", gid, check_gid),
    }


def operations_body(ops: object) -> Tuple[Body, FrozenSet[int]]:
    """
    Return what is sent for several operations at once, and the client ids that were made for it.

    Raises
    ------
    UsageError
        They are not 1 to 75 pairs of a name and the arguments of its method, or an argument is
        impossible.
    """
    pairs = check_items("ops", ops, _check_operation)
    if len(pairs) > MOST_OPERATIONS:
        raise UsageError(f"ops must be at most {MOST_OPERATIONS}, not {len(pairs)}")
    cids = [body["cid"] for name, body, _ in pairs if name == "on"]
    if len(set(cids)) < len(cids):
        raise UsageError("two of the new orders have the same cid")
    own = frozenset(body["cid"] for _, body, is_own in pairs if is_own)
    return {"ops": [[name, body] for name, body, _ in pairs]}, own


_OPERATIONS: Dict[str, Callable[..., Body]] = {
    "on": submit_body,
    "ou": update_body,
    "oc": cancel_body,
    "oc_multi": cancel_multi_body,
}


def _check_operation(name: str, value: object) -> tuple[str, Body, bool]:
    """Return its name, what is sent for it, and whether that has a new client id."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise UsageError(f"{name} must hold pairs of a name and a dict, not {value!r}")
    operation, arguments = value
    checked = check_choice(f"an operation of {name}", operation, tuple(_OPERATIONS))
    if not isinstance(arguments, Mapping):
        raise UsageError(f"{name} must hold pairs of a name and a dict, not {value!r}")
    try:
        body = _OPERATIONS[checked](**arguments)
    except TypeError as exc:
        # A name that the method does not have, or one missing.
        raise UsageError(f"{checked!r} of {name}: {exc}") from exc
    is_own = checked == "on" and arguments.get("cid") is None
    known = {key: item for key, item in body.items() if item is not None}
    return checked, known, is_own


def _check_dated(name: str, value: object) -> list[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise UsageError(f"{name} must hold pairs of a cid and its date, not {value!r}")
    return [check_cid(name, value[0]), check_cid_date(name, value[1])]


def _check_needs(kind: str, body: Body) -> None:
    plain = kind.replace("EXCHANGE ", "")
    needs: Dict[str, List[str]] = {
        "MARKET": [],
        "TRAILING STOP": ["price_trailing"],
        "STOP LIMIT": ["price", "price_aux_limit"],
    }
    for name in needs.get(plain, ["price"]):
        if body[name] is None:
            raise UsageError(f"an order of type {kind} needs {name}")
    is_oco = bool((body["flags"] or 0) & OrderFlag.OCO)
    stop: Optional[str] = body["price_oco_stop"]
    if is_oco != (stop is not None):
        raise UsageError("price_oco_stop and the flag OCO belong together")
