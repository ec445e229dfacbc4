"""What became of orders whose outcome is not known: asking for them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, List

from bfxsync.models.orders import Order
from bfxsync.rest.auth.order_bodies import Body
from bfxsync.rest.auth.orders import OrderEndpoints
from bfxsync.rest.auth.resolving import Attempt, Candidates, Find, Found, Pending
from bfxsync.types import Symbol

# An order is known by its cid, so where to look for it may be wide.
_MARGIN_S = 60.0
_DAY = timedelta(days=1)
_MILLISECOND = timedelta(milliseconds=1)


class OrderSearch(OrderEndpoints):
    """What looks for orders, for `OutcomeUnknown.resolve`."""

    def _today(self) -> str:
        return f"{datetime.fromtimestamp(self._clock(), timezone.utc):%Y-%m-%d}"

    def _find_new(self, cid: int, symbol: Symbol, is_unique: bool) -> Find[Order]:
        """Return what looks for a new order: among the open ones, then among the closed ones."""

        def find(attempt: Attempt) -> Found[Order]:
            orders: List[Order] = []
            asked: set[str] = set()
            # The first answer tells how far the clocks are apart, which may change the dates.
            while not asked.issuperset(attempt.dates()):
                for day in attempt.dates():
                    if day not in asked:
                        asked.add(day)
                        orders += self.get_orders(cid=cid, cid_date=day)
            found = _new_one(orders, cid, attempt)
            if is_unique and found is not None:
                return found
            start = attempt.since_mts(_MARGIN_S)
            orders += self.iter_orders_history(symbol=symbol, start=start)
            return _new_one(orders, cid, attempt)

        return find

    def _find_by_id(self, id: int) -> Find[Order]:
        """Return what looks for an order as it is now; a closed one does not change any more."""

        def find(attempt: Attempt) -> Found[Order]:
            for order in self.get_orders(ids=[id]):
                if order.id == id:
                    return Pending(order)
            for order in self.get_orders_history(ids=[id]):
                if order.id == id:
                    return order
            return None

        return find

    def _find_by_cid(self, cid: int, cid_date: str) -> Find[Order]:
        """Do as `_find_by_id`, for a client id."""
        first = datetime.strptime(cid_date, "%Y-%m-%d").replace(tzinfo=timezone.utc)

        def find(attempt: Attempt) -> Found[Order]:
            for order in self.get_orders(cid=cid, cid_date=cid_date):
                if order.cid == cid:
                    return Pending(order)
            last = first + _DAY - _MILLISECOND
            for order in self.iter_orders_history(start=first, end=last):
                if order.cid == cid:
                    return order
            return None

        return find

    def _find_open(self, body: Body) -> Find[List[Order]]:
        """Return what looks for orders of a cancellation that are still open."""

        def find(attempt: Attempt) -> Found[List[Order]]:
            left = [order for order in self.get_orders() if _is_named(order, body)]
            return Pending(left) if left else left

        return find

    def _find_operations(self, ops: List[Any]) -> Find[List[Any]]:
        """Return what looks for the orders of several operations, with few requests."""
        ids = [
            body["id"] for name, body in ops if name in ("ou", "oc") and "id" in body
        ]

        def find(attempt: Attempt) -> Found[List[Any]]:
            open_now = self.get_orders()
            closed = list(self.iter_orders_history(start=attempt.since_mts(_MARGIN_S)))
            if ids:
                closed += self.get_orders_history(ids=ids, limit=len(ids))

            def became(name: str, body: Body) -> Any:
                if name == "oc_multi":
                    return [order for order in open_now if _is_named(order, body)]
                if name == "on":
                    return _new_one([*open_now, *closed], body["cid"], attempt)
                for order in [*open_now, *closed]:
                    if order.id == body.get("id") or (
                        "id" not in body and order.cid == body["cid"]
                    ):
                        return order
                return None

            found = [became(name, body) for name, body in ops]
            doubtful = [item for item in found if isinstance(item, Candidates)]
            if doubtful:
                return Candidates([row for item in doubtful for row in item.values])
            is_final = all(
                item is not None and name == "on" for item, (name, _) in zip(found, ops)
            )
            return found if is_final else Pending(found)

        return find


def _new_one(orders: List[Order], cid: int, attempt: Attempt) -> Found[Order]:
    """
    Return the new order, or what may be it.

    The same client id may have been used before, on another day or, against the rules, just now.
    """
    first = attempt.since_mts(_MARGIN_S)
    rows = {o.id: o for o in orders if o.cid == cid and o.mts_create >= first}
    found = list(rows.values())
    if len(found) == 1 and found[0].mts_create >= attempt.since_mts():
        return found[0]
    return Candidates(found) if found else None


def _is_named(order: Order, body: Body) -> bool:
    """Tell whether a cancellation of several orders means this one."""
    if body.get("all"):
        return True
    day = f"{datetime.fromtimestamp(order.mts_create / 1000, timezone.utc):%Y-%m-%d}"
    return (
        order.id in (body.get("id") or ())
        or order.gid in (body.get("gid") or ())
        or [order.cid, day] in (body.get("cid") or ())
    )
