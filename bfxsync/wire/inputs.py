"""Bodies of order and funding requests: checks the arguments as a whole, for both transports."""

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
from bfxsync.checks.containers import check_items, check_object, optional
from bfxsync.checks.ids import (
    check_cid,
    check_gid,
    check_id,
    check_ids,
    check_keep_changes,
)
from bfxsync.checks.numbers import (
    PERIODS,
    check_amount,
    check_integer,
    check_leverage,
    check_not_negative,
    check_positive,
    check_price,
    check_rate,
)
from bfxsync.checks.options import check_order_flags, check_switch
from bfxsync.checks.symbols import check_currency, check_funding, check_pair
from bfxsync.checks.texts import check_choice
from bfxsync.checks.times import check_cid_date, check_tif
from bfxsync.errors import UsageError

Body = Dict[str, Any]

MOST_OPERATIONS = 75

_TYPES = tuple(kind.value for kind in OrderType)
_CID_BITS = 45

_OFFER_TYPES = ("LIMIT", "FRRDELTAVAR", "FRRDELTAFIX")
_LOAN_KINDS = ("credit", "loan")

# A generator seeded by the program would repeat ids.
_random = random.SystemRandom()


def new_cid() -> int:
    """Return a random client id: without one, a lost order cannot be found."""
    return _random.getrandbits(_CID_BITS)


# --- orders -----------------------------------------------------------------------------------


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
    Return the body of a new order.

    Raises
    ------
    UsageError
        An argument is invalid, or one is missing that this type needs.
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
        "flags": optional(check_order_flags, "flags", flags),
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
    Return the body of a change of an order.

    Raises
    ------
    UsageError
        An argument is invalid.
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
        "flags": optional(check_order_flags, "flags", flags),
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
    Return the body of a cancellation.

    Raises
    ------
    UsageError
        There must be an id, or a client id together with its date.
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
    Return the body of a cancellation of several orders.

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
    Return the body of several operations at once, and the random client ids in it.

    Raises
    ------
    UsageError
        They are not 1 to 75 pairs of a name and the arguments of its method, or an argument is
        invalid.
    """
    pairs = check_items("ops", ops, _check_operation)
    if len(pairs) > MOST_OPERATIONS:
        raise UsageError(f"ops must be at most {MOST_OPERATIONS}, not {len(pairs)}")
    cids = [body["cid"] for name, body, _ in pairs if name == "on"]
    if len(set(cids)) < len(cids):
        raise UsageError("two of the new orders have the same cid")
    random_cids = frozenset(body["cid"] for _, body, is_random in pairs if is_random)
    return {"ops": [[name, body] for name, body, _ in pairs]}, random_cids


_OPERATIONS: Dict[str, Callable[..., Body]] = {
    "on": submit_body,
    "ou": update_body,
    "oc": cancel_body,
    "oc_multi": cancel_multi_body,
}


def _check_operation(name: str, value: object) -> tuple[str, Body, bool]:
    # Returns its name, its body, and whether that has a random client id.
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise UsageError(f"{name} must hold pairs of a name and a dict, not {value!r}")
    operation, arguments = value
    checked = check_choice(f"an operation of {name}", operation, tuple(_OPERATIONS))
    if not isinstance(arguments, Mapping):
        raise UsageError(f"{name} must hold pairs of a name and a dict, not {value!r}")
    try:
        body = _OPERATIONS[checked](**arguments)
    except TypeError as exc:
        # The method has no such parameter, or needs another one.
        raise UsageError(f"{checked!r} of {name}: {exc}") from exc
    is_random = checked == "on" and arguments.get("cid") is None
    known = {key: item for key, item in body.items() if item is not None}
    return checked, known, is_random


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


# --- funding ----------------------------------------------------------------------------------


def offer_body(
    type: object,
    symbol: object,
    amount: object,
    rate: object,
    period: object,
    flags: object = None,
) -> Body:
    """
    Return the body of a new funding offer.

    Raises
    ------
    UsageError
        An argument is invalid.
    """
    kind = check_choice("type", type, _OFFER_TYPES)
    return {
        "type": kind,
        "symbol": check_funding(symbol),
        "amount": check_amount("amount", amount),
        "rate": check_rate(kind, rate),
        "period": check_integer("period", period, PERIODS),
        "flags": optional(check_order_flags, "flags", flags, OrderFlag.HIDDEN),
    }


def auto_renew_body(
    status: object, currency: object, amount: object, rate: object, period: object
) -> Body:
    """
    Return the body that switches the renewal of funding on or off.

    Raises
    ------
    UsageError
        An argument is invalid.
    """
    return {
        "status": check_switch("status", status),
        "currency": check_currency("currency", currency),
        "amount": optional(check_not_negative, "amount", amount),
        "rate": optional(check_not_negative, "rate", rate),
        "period": optional(check_integer, "period", period, PERIODS),
    }


def keep_body(type: object, ids: object, changes: object) -> Body:
    """
    Return the body that has borrowed funding kept or returned.

    Raises
    ------
    UsageError
        An argument is invalid, or there is neither `ids` nor `changes`.
    """
    if ids is None and changes is None:
        raise UsageError("one of ids and changes must be given")
    checked = optional(check_keep_changes, "changes", changes)
    if ids is None and checked is not None:
        # The documentation has changes only together with ids.
        ids = list(map(int, checked))
    return {
        "type": check_choice("type", type, _LOAN_KINDS),
        "id": check_ids("ids", ids),
        "changes": checked,
    }
