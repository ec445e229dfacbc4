"""
What became of orders whose outcome is not known: asking for them.

Strategy: a new order is known by its client id. One that was made for it at random is in no other
order, so whatever has it is the new order, whenever it was made and whatever it looks like now. One
of the caller's own may be in an order of another day, or, against the rules, of the same one: what
fits in time and terms is the new order if it is the only one; what does not quite fit is a
candidate. It is looked for among the open orders of any date, as this machine may be wrong about
that, in the history and in the trades.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Collection, Iterable, List, Tuple

from bfxsync.models.orders import Order
from bfxsync.outcome.clocks import Clocks, Span, date_of
from bfxsync.rest.auth.order_bodies import Body
from bfxsync.rest.auth.orders import OrderEndpoints
from bfxsync.rest.auth.resolving import Attempt, Candidates, Found, Pending, Search
from bfxsync.rest.auth.trades import AccountTradeEndpoints
from bfxsync.rest.auth.transfer_search import approximately
from bfxsync.rest.auth.unread import Places, UnreadRows, may_be, with_unread
from bfxsync.types import Mts, OrderFlag

# Of the guess when it left, and of the way to the exchange.
_NEAR_S = 5.0
_FAR_S = 60.0
_DAY_S = 86_400.0
_KEPT_S = 14 * _DAY_S
_SURELY_KEPT_S = 13 * _DAY_S

# The amount of such an order is what the exchange makes of it.
_OF_POSITION = OrderFlag.CLOSE | OrderFlag.REDUCE_ONLY

_PLACES = "open orders, order history and trades"
_ORDERS = "open orders and order history"

# Where rows of orders and of trades have them.
_ID, _GID, _CID, _SYMBOL = 0, 1, 2, 3
_TRADE_SYMBOL, _TRADE_CID = 1, 11


class OrderSearch(OrderEndpoints, AccountTradeEndpoints):
    """What looks for orders, for `OutcomeUnknown.resolve`."""

    def _today(self) -> str:
        return date_of(self._clock() * 1000)

    def _search_new(self, body: Body, is_own: bool) -> Search[Order]:
        """
        Return what looks for a new order.

        Parameters
        ----------
        body : dict
            What was sent.
        is_own : bool
            Its client id was made for it.
        """
        cid = body["cid"]

        def find(attempt: Attempt) -> Found[Order]:
            unread = UnreadRows()
            here = self._around(unread)
            orders: List[Order] = []
            asked: List[str] = []
            today = date_of(attempt.record.left_s * 1000)
            # One by one, as the first answer tells how far the clocks are apart.
            while True:
                days = [today, *attempt.span().dates()]
                left = [day for day in days if day not in asked]
                if not left:
                    break
                asked.append(left[0])
                orders += here.get_orders(cid=cid, cid_date=left[0])
                if is_own and any(order.cid == cid for order in orders):
                    return _new_one(orders, body, is_own, attempt.span())
            # Of any other date, too.
            orders += here.get_orders()
            start = _start_of(attempt, is_own)
            orders += unread.around(
                here.iter_orders_history(symbol=body["symbol"], start=start)
            )
            found = _new_one(orders, body, is_own, attempt.span())
            if is_own and found is not None:
                return found
            found = with_unread(found, unread.like(_places_of(body)))
            if found is None:
                found = self._find_traded(orders, body, is_own, attempt)
            return found

        return Search(find, _PLACES, Clocks.DOUBTFUL, _SURELY_KEPT_S)

    def _find_traded(
        self, known: List[Order], body: Body, is_own: bool, attempt: Attempt
    ) -> Found[Order]:
        """Look among the trades for those of an order that is in no list (yet)."""
        cid, symbol = body["cid"], body["symbol"]
        unread = UnreadRows()
        here = self._around(unread)
        # The exchange keeps them for years, and orders for two weeks.
        span = attempt.span()
        start = _start_of(attempt, is_own) or span.since_mts(_KEPT_S)
        trades = unread.around(here.iter_trades_history(symbol=symbol, start=start))
        # What is known by now was no candidate.
        others = {order.id for order in known if order.cid == cid}
        mine = [
            trade
            for trade in trades
            if trade.cid == cid and trade.order_id not in others
        ]
        found: Found[Any] = None
        if mine:
            ids = list(dict.fromkeys(trade.order_id for trade in mine))
            closed = here.get_orders_history(ids=ids, limit=len(ids))
            found = _new_one(closed, body, is_own, span)
            if found is None and not any(order.cid == cid for order in closed):
                found = Candidates([*mine, *closed])
        places: Places = {_TRADE_SYMBOL: symbol, _TRADE_CID: cid}
        return with_unread(found, unread.like(places))

    def _search_id(self, id: int) -> Search[Order]:
        """Return what looks for an order as it is now; a closed one does not change any more."""

        def find(attempt: Attempt) -> Found[Order]:
            unread = UnreadRows()
            here = self._around(unread)
            for order in here.get_orders(ids=[id]):
                if order.id == id:
                    return Pending(order)
            for order in here.get_orders_history(ids=[id]):
                if order.id == id:
                    return order
            return with_unread(None, unread.like({_ID: id}))

        return Search(find, _ORDERS, kept_s=_SURELY_KEPT_S)

    def _search_cid(self, cid: int, cid_date: str) -> Search[Order]:
        """Do as `_search_id`, for a client id and its date."""
        first, last = _edges_of(cid_date)

        def find(attempt: Attempt) -> Found[Order]:
            unread = UnreadRows()
            here = self._around(unread)
            open_now = here.get_orders(cid=cid, cid_date=cid_date)
            closed = unread.around(here.iter_orders_history(start=first, end=last))
            found = _only(
                [order for order in open_now if _is_dated(order, cid, cid_date)],
                [order for order in closed if _is_dated(order, cid, cid_date)],
            )
            return with_unread(found, unread.like({_CID: cid}))

        return Search(find, _ORDERS, kept_s=_SURELY_KEPT_S)

    def _search_open(self, body: Body) -> Search[List[Order]]:
        """Return what looks for orders of a cancellation that are still open."""

        def find(attempt: Attempt) -> Found[List[Order]]:
            unread = UnreadRows()
            orders = self._around(unread).get_orders()
            left = [order for order in orders if _is_named(order, body)]
            strange = [row for row in unread.rows if _may_be_named(row, body)]
            if strange:
                return Candidates([*left, *strange])
            return Pending(left) if left else left

        return Search(find, "open orders")

    def _search_operations(
        self, ops: List[Any], own: Collection[int]
    ) -> Search[List[Any]]:
        """
        Return what looks for the orders of several operations, with few requests.

        Parameters
        ----------
        ops : list of (str, dict)
            What was sent.
        own : collection of int
            The client ids that were made for it.
        """
        ids = [
            body["id"] for name, body in ops if name in ("ou", "oc") and "id" in body
        ]
        has_new = any(name == "on" for name, _ in ops)
        dates = [body["cid_date"] for name, body in ops if "cid_date" in body]

        def find(attempt: Attempt) -> Found[List[Any]]:
            unread = UnreadRows()
            here = self._around(unread)
            open_now = here.get_orders()
            # What tells how far the clocks are apart has come now.
            span = attempt.span()
            start = _start_of(attempt, bool(own))
            if start is not None:
                start = min([start, *(_edges_of(date)[0] for date in dates)])
            closed = list(unread.around(here.iter_orders_history(start=start)))
            if ids:
                closed += here.get_orders_history(ids=ids, limit=len(ids))
            orders = [*open_now, *closed]

            def became(name: str, body: Body) -> Any:
                if name == "oc_multi":
                    return [order for order in open_now if _is_named(order, body)]
                if name == "on":
                    is_own = body["cid"] in own
                    found = _new_one(orders, body, is_own, span)
                    if found is None:
                        found = self._find_traded(orders, body, is_own, attempt)
                    return found
                return _named_one(orders, body)

            found = [became(name, body) for name, body in ops]
            doubtful = [item for item in found if isinstance(item, Candidates)]
            strange = [
                row
                for row in unread.rows
                if unread.is_cut
                or any(
                    _may_be_about(row, name, body)
                    for item, (name, body) in zip(found, ops)
                    if item is None or name == "oc_multi"
                )
            ]
            if doubtful or strange:
                rows = [row for item in doubtful for row in item.values]
                return Candidates([*rows, *strange])
            is_final = all(
                item is not None and name == "on" for item, (name, _) in zip(found, ops)
            )
            return found if is_final else Pending(found, None in found)

        needs = Clocks.DOUBTFUL if has_new else Clocks.UNKNOWN
        return Search(find, _PLACES, needs, _SURELY_KEPT_S)


def _new_one(
    orders: Iterable[Order], body: Body, is_own: bool, span: Span
) -> Found[Order]:
    """Return the new order, or what may be it; see the top of this file."""
    rows = {order.id: order for order in orders if order.cid == body["cid"]}
    found = list(rows.values())
    if is_own:
        # Of an OCO order, the stop may have it as well.
        fitting = [order for order in found if _fits(order, body)]
        return _only_of(fitting if len(found) > 1 else found, found)
    possible = [
        order
        for order in found
        # By its time one is another order only where the clocks are known.
        if span.clocks is not Clocks.KNOWN or span.is_possible(order.mts_create, _FAR_S)
        # A client id is unique within a day, so no other order should have it.
        or date_of(order.mts_create) in span.dates()
    ]
    sure = [
        order
        for order in possible
        if span.is_likely(order.mts_create, _NEAR_S) and _fits(order, body)
    ]
    is_oco = bool(OrderFlag(body.get("flags") or 0) & OrderFlag.OCO)
    return _only_of(sure if len(possible) == 1 or is_oco else [], possible)


def _only_of(sure: List[Order], possible: List[Order]) -> Found[Order]:
    if len(sure) == 1:
        return sure[0]
    return Candidates(possible) if possible else None


def _only(open_now: List[Order], closed: List[Order]) -> Found[Order]:
    """Return the only order; one that is open may still change."""
    rows = {order.id: order for order in [*open_now, *closed]}
    if len(rows) > 1:
        return Candidates(list(rows.values()))
    if closed:
        return closed[0]
    return Pending(open_now[0]) if open_now else None


def _named_one(orders: List[Order], body: Body) -> Any:
    """Return the order that a change or a cancellation is about."""
    if "id" in body:
        named = [order for order in orders if order.id == body["id"]]
    else:
        cid, cid_date = body["cid"], body["cid_date"]
        named = [order for order in orders if _is_dated(order, cid, cid_date)]
    rows = list({order.id: order for order in named}.values())
    if len(rows) > 1:
        return Candidates(rows)
    return rows[0] if rows else None


def _fits(order: Order, body: Body) -> bool:
    """Tell whether an order is on the terms that were sent."""
    if order.symbol != body["symbol"] or order.order_type != body["type"]:
        return False
    if OrderFlag(body.get("flags") or 0) & _OF_POSITION:
        return True
    return approximately(order.amount_orig, body["amount"])


def _is_named(order: Order, body: Body) -> bool:
    """Tell whether a cancellation of several orders means this one."""
    return bool(body.get("all")) or (
        order.id in (body.get("id") or ())
        or order.gid in (body.get("gid") or ())
        or any(_is_dated(order, cid, day) for cid, day in body.get("cid") or ())
    )


def _is_dated(order: Order, cid: int, cid_date: str) -> bool:
    """Tell whether an order has this client id, and was made on this day or just beside it."""
    first, last = _edges_of(cid_date)
    return order.cid == cid and first <= order.mts_create <= last


def _edges_of(cid_date: str) -> Tuple[Mts, Mts]:
    """Return the first and last time of a day; at midnight two clocks may have different days."""
    first = datetime.strptime(cid_date, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    return int((first.timestamp() - _FAR_S) * 1000), int(
        (first.timestamp() + _DAY_S + _FAR_S) * 1000
    )


def _places_of(body: Body) -> Places:
    return {_CID: body["cid"], _SYMBOL: body["symbol"]}


def _may_be_about(row: Any, name: str, body: Body) -> bool:
    """Tell whether an order that cannot be read may be the one that an operation is about."""
    if name == "oc_multi":
        return _may_be_named(row, body)
    if name == "on":
        return may_be(row, _places_of(body))
    return may_be(row, {_ID: body["id"]} if "id" in body else {_CID: body["cid"]})


def _may_be_named(row: Any, body: Body) -> bool:
    """Do as `_is_named`, for an order that cannot be read."""
    if body.get("all"):
        return True
    named: List[Places] = [{_ID: id} for id in body.get("id") or ()]
    named += [{_GID: gid} for gid in body.get("gid") or ()]
    named += [{_CID: cid} for cid, _ in body.get("cid") or ()]
    return any(may_be(row, places) for places in named)


def _start_of(attempt: Attempt, is_own: bool) -> Mts | None:
    """
    Return from when on the history is read: a day before it was sent; None: all of it.

    All of it where the clocks may be wrong; and for a client id of ours before it counts as absent,
    as there is no time that it must have.
    """
    span = attempt.span()
    if span.clocks is not Clocks.KNOWN or (is_own and attempt.is_over):
        return None
    return span.since_mts(_DAY_S)
