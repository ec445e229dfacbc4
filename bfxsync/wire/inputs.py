"""Bodies of order and funding requests, with checked arguments, for both transports."""

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

import attrs

from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync._base.plain import plain_integer
from bfxsync.checks.containers import check_items, check_object, optional
from bfxsync.checks.ids import (
    REST_GIDS,
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
from bfxsync.checks.orders import (
    FLAG_SWITCHES,
    META_SWITCHES,
    check_flag_switches,
    check_flags_of_type,
    check_meta_switches,
)
from bfxsync.checks.symbols import check_currency, check_funding, check_pair
from bfxsync.checks.texts import check_choice
from bfxsync.checks.times import check_cid_date, check_tif
from bfxsync.errors import UsageError
from bfxsync.wire.codec import dumps, plain_json

Body = Dict[str, Any]

MOST_OPERATIONS = 75

_TYPES = tuple(kind.value for kind in OrderType)
_CID_BITS = 45
# Operations of an `OrderFlag` take several times as long.
_HIDDEN, _OCO = int(OrderFlag.HIDDEN), int(OrderFlag.OCO)

_OFFER_TYPES = ("LIMIT", "FRRDELTAVAR", "FRRDELTAFIX")
_LOAN_KINDS = ("credit", "loan")


def _check_meta(name: str, value: object) -> Body:
    """Return a copy of an object that JSON can express."""
    given = check_object(name, value)
    try:
        found: Body = plain_json(given)
        dumps(found)
    except (TypeError, ValueError, RecursionError) as exc:
        raise UsageError(f"{name} must be a dict of JSON values: {exc}") from exc
    return found


# The check of each optional field of an order.
_CHECKS: Dict[str, Callable[..., object]] = {
    "amount": check_amount,
    "price": check_price,
    "lev": check_leverage,
    "delta": check_amount,
    "price_trailing": check_positive,
    "price_aux_limit": check_price,
    "price_oco_stop": check_price,
    "gid": check_gid,
    "cid": check_cid,
    "cid_date": check_cid_date,
    "cid_oco": check_cid,
    "flags": check_order_flags,
    "tif": check_tif,
    "meta": _check_meta,
}
# Fields of an update that say which order it is about.
_NAMING = {"id", "cid", "cid_date"}
_SWITCHES = (*FLAG_SWITCHES, *META_SWITCHES)


class _Fields:
    """The optional fields of a request, and the arguments that set them."""

    def __init__(self, *others: str) -> None:
        self.checks = {n: check for n, check in _CHECKS.items() if n not in others}
        self.arguments = frozenset((*self.checks, *_SWITCHES))


_OF_NEW = _Fields("amount", "delta", "cid", "cid_date")
_OF_UPDATE = _Fields("price_oco_stop", "cid_oco")

# Required fields by order type; other types require a price.
_NEEDS = {
    "MARKET": (),
    "TRAILING STOP": ("price_trailing",),
    "STOP LIMIT": ("price", "price_aux_limit"),
}

# A generator seeded by the program would repeat ids.
_random = random.SystemRandom()


def new_cid() -> int:
    """Return a random client id: without one, a lost order cannot be found."""
    return _random.getrandbits(_CID_BITS)


# --- orders -----------------------------------------------------------------------------------


def _no_date(cid: int) -> str:
    raise UsageError("pass either id, or cid together with cid_date")


@attrs.frozen
class OrderInputs:
    """
    Builds the bodies of requests about orders, for one client and transport.

    Attributes
    ----------
    gids : range
        Group ids that the transport accepts.
    affiliate_code : str, optional
        Sent as ``meta.aff_code`` of new orders without one.
    date_of_cid : callable
        Returns the date of a client id that is passed without one, or raises `UsageError`.
    """

    gids: range = REST_GIDS
    affiliate_code: Optional[str] = None
    date_of_cid: Callable[[int], str] = _no_date

    def submit(
        self,
        type: object,
        symbol: object,
        amount: object,
        price: object = None,
        *,
        cid: object = None,
        round_price: bool = False,
        **options: object,
    ) -> Body:
        """Return the body of a new order."""
        kind = check_choice("type", type, _TYPES)
        body = {
            "type": kind,
            "symbol": check_pair(symbol),
            "amount": check_amount("amount", amount),
            **self._checked(_OF_NEW, {"price": price, **options}, round_price),
            "cid": check_cid("cid", cid) if cid is not None else new_cid(),
        }
        for name in _NEEDS.get(kind.replace("EXCHANGE ", ""), ("price",)):
            if body[name] is None:
                raise UsageError(f"an order of type {kind} needs {name}")
        flags: int = body["flags"] or 0
        if flags:
            check_flags_of_type(kind, flags)
        if bool(flags & _OCO) != (body["price_oco_stop"] is not None):
            raise UsageError("price_oco_stop and the flag OCO must be used together")
        if body["cid_oco"] is not None and not flags & _OCO:
            raise UsageError("cid_oco is for orders with the flag OCO only")
        if body["cid_oco"] == body["cid"]:
            raise UsageError(f"cid_oco must differ from cid, not {body['cid']}")
        if options.get("make_visible") and not flags & _HIDDEN:
            raise UsageError("make_visible is for hidden orders only")
        return body

    def update(
        self, id: object, *, round_price: bool = False, **changes: object
    ) -> Body:
        """Return the body of an update of an order."""
        checked = self._checked(_OF_UPDATE, changes, round_price, is_change=True)
        body = {"id": check_id("id", id), **checked}
        if body["amount"] is not None and body["delta"] is not None:
            raise UsageError("only one of amount and delta can be given")
        if all(body[name] is None for name in body.keys() - _NAMING):
            raise UsageError("an update needs a change: an amount, a price, a flag, …")
        return body

    def cancel(
        self, id: object = None, *, cid: object = None, cid_date: object = None
    ) -> Body:
        """Return the body of a cancellation, by id or by client id and date."""
        if id is None and cid is not None and cid_date is None:
            cid_date = self.date_of_cid(check_cid("cid", cid))
        if (id is None) == (cid is None) or (cid is None) != (cid_date is None):
            raise UsageError(
                "pass either id, or cid, with cid_date if the client does not know it"
            )
        return {
            "id": optional(check_id, "id", id),
            "cid": optional(check_cid, "cid", cid),
            "cid_date": optional(check_cid_date, "cid_date", cid_date),
        }

    def cancel_multi(
        self,
        *,
        id: object = None,
        cid: object = None,
        gid: object = None,
        all: object = None,
    ) -> Body:
        """Return the body of a cancellation of several orders: by at least one list, or `all`."""
        named = [value for value in (id, cid, gid) if value is not None]
        if all is not None:
            if not check_switch("all", all) or named:
                raise UsageError("all must be True and cannot be combined with ids")
            return {"all": 1}
        if not named:
            raise UsageError("one of id, cid, gid and all must be given")
        return {
            "id": optional(check_ids, "id", id),
            "cid": optional(check_items, "cid", cid, self._check_dated),
            "gid": optional(check_items, "gid", gid, check_gid, self.gids),
        }

    def operations(self, ops: object) -> Tuple[Body, FrozenSet[int]]:
        """
        Return the body of a batch of operations, and the random client ids in it.

        `ops` has 1 to 75 pairs of a name and the arguments of its method.
        """
        checked = self.checked_operations(ops)
        if len(checked) > MOST_OPERATIONS:
            raise UsageError(
                f"ops must be at most {MOST_OPERATIONS}, not {len(checked)}"
            )
        random_cids = frozenset(
            body["cid"] for _, body, is_random in checked if is_random
        )
        return {"ops": [[name, body] for name, body, _ in checked]}, random_cids

    def checked_operations(self, ops: object) -> List[Tuple[str, Body, bool]]:
        """Return name and body of each operation, and whether its client id is random."""
        checked = check_items("ops", ops, self._check_operation)
        new = [body for name, body, _ in checked if name == "on"]
        cids = [
            body[name] for body in new for name in ("cid", "cid_oco") if name in body
        ]
        if len(set(cids)) < len(cids):
            raise UsageError("two of the new orders have the same cid")
        return checked

    def _check_dated(self, name: str, value: object) -> list[Any]:
        if plain_integer(value) is not None:
            cid = check_cid(name, value)
            return [cid, self.date_of_cid(cid)]
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
            raise UsageError(
                f"{name} must be a list of (cid, date) pairs, not {value!r}"
            )
        return [check_cid(name, value[0]), check_cid_date(name, value[1])]

    def _check_operation(self, name: str, value: object) -> tuple[str, Body, bool]:
        # Returns name and body of an operation, and whether the body has a random client id.
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
            raise UsageError(
                f"{name} must hold pairs of a name and a dict, not {value!r}"
            )
        operation, arguments = value
        checked = check_choice(f"an operation of {name}", operation, tuple(_OPERATIONS))
        if not isinstance(arguments, Mapping):
            raise UsageError(
                f"{name} must hold pairs of a name and a dict, not {value!r}"
            )
        try:
            body = _OPERATIONS[checked](self, **arguments)
        except TypeError as exc:
            # The method has no such parameter, or needs another one.
            raise UsageError(f"{checked!r} of {name}: {exc}") from exc
        is_random = checked == "on" and arguments.get("cid") is None
        known = {key: item for key, item in body.items() if item is not None}
        return checked, known, is_random

    def _checked(
        self,
        fields: _Fields,
        given: Mapping[str, object],
        round_price: bool,
        is_change: bool = False,
    ) -> Body:
        """Return the named fields of an order, checked; missing fields are None."""
        if not given.keys() <= fields.arguments:
            unknown = sorted(given.keys() - fields.arguments)
            raise TypeError(f"there is no argument {unknown[0]!r}")
        body: Body = {}
        for name, check in fields.checks.items():
            value = given.get(name)
            if value is None:
                # Most are.
                body[name] = None
            elif check is check_price:
                body[name] = check_price(name, value, round_price)
            elif check is check_gid:
                body[name] = check_gid(name, value, self.gids)
            else:
                body[name] = check(name, value)
        meta = body["meta"]
        if any(given.get(name) is not None for name in _SWITCHES):
            switches = {name: given.get(name) for name in FLAG_SWITCHES}
            body["flags"] = check_flag_switches(body["flags"], switches, is_change)
            switches = {name: given.get(name) for name in META_SWITCHES}
            meta = check_meta_switches(meta, switches, is_change)
        # An update without meta does not change the order's meta.
        if self.affiliate_code is not None and (meta is not None or not is_change):
            meta = {"aff_code": self.affiliate_code, **(meta or {})}
        body["meta"] = meta
        return body


_OPERATIONS: Dict[str, Callable[..., Body]] = {
    "on": OrderInputs.submit,
    "ou": OrderInputs.update,
    "oc": OrderInputs.cancel,
    "oc_multi": OrderInputs.cancel_multi,
}


# --- funding ----------------------------------------------------------------------------------


def offer_body(
    type: object,
    symbol: object,
    amount: object,
    rate: object,
    period: object,
    flags: object = None,
    hidden: object = None,
) -> Body:
    """Return the body of a new funding offer."""
    kind = check_choice("type", type, _OFFER_TYPES)
    total = optional(check_order_flags, "flags", flags, OrderFlag.HIDDEN)
    return {
        "type": kind,
        "symbol": check_funding(symbol),
        "amount": check_amount("amount", amount),
        "rate": check_rate(kind, rate),
        "period": check_integer("period", period, PERIODS),
        "flags": check_flag_switches(total, {"hidden": hidden}),
    }


def auto_renew_body(
    status: object, currency: object, amount: object, rate: object, period: object
) -> Body:
    """Return the body to enable or disable the automatic renewal of funding."""
    return {
        "status": check_switch("status", status),
        "currency": check_currency("currency", currency),
        "amount": optional(check_not_negative, "amount", amount),
        "rate": optional(check_not_negative, "rate", rate),
        "period": optional(check_integer, "period", period, PERIODS),
    }


def keep_body(type: object, ids: object, changes: object) -> Body:
    """Return the body to keep or return borrowed funding; `ids` or `changes` must be given."""
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
