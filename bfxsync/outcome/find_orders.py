"""
Searches for orders with an unknown outcome.

Strategy: a new order is identified by its client id. A random one is in no other order, so the
order that has it is the new one, whatever its time and present terms. A client id of the caller's
own may be in an order of another day or, against the rules, of the same day: an order that matches
in time and terms is the new one if it is the only one; one that does not quite match is a
candidate. The searches read open orders of any date, as this machine may be wrong about the date,
then the history and the trades.
"""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial
from typing import Any, Collection, Dict, Iterable, List, Tuple

import attrs

from bfxsync._base.aliases import Mts
from bfxsync._base.enums import OrderFlag
from bfxsync.models.orders import Order
from bfxsync.outcome.clocks import Clocks, Span, date_of
from bfxsync.outcome.identify import approximately
from bfxsync.outcome.reader import OpenReader
from bfxsync.outcome.resolve import Attempt, Candidates, Found, Pending, Search
from bfxsync.outcome.unread import Places, may_be, with_unread

Body = Dict[str, Any]

# Tolerances: of the estimated time of sending, and of the way to the exchange.
_NEAR_S = 5.0
_FAR_S = 60.0
_DAY_S = 86_400.0
_KEPT_S = 14 * _DAY_S
_SURELY_KEPT_S = 13 * _DAY_S

# The exchange sets the amount of such an order.
_OF_POSITION = OrderFlag.CLOSE | OrderFlag.REDUCE_ONLY

_PLACES = "open orders, order history and trades"
_ORDERS = "open orders and order history"

# Indexes in rows of orders and of trades.
_ID, _GID, _CID, _SYMBOL = 0, 1, 2, 3
_TRADE_SYMBOL, _TRADE_CID = 1, 11


@attrs.frozen
class OrderFinder:
    """Builds the searches for orders over an `AccountReader`."""

    _open: OpenReader

    def submitted(self, body: Body, is_random: bool) -> Search[Order]:
        """Search for a new order; `is_random`: its client id is a random one of ours."""
        cid = body["cid"]

        def find(attempt: Attempt) -> Found[Order]:
            here, unread = self._open()
            orders: List[Order] = []
            asked: List[str] = []
            today = date_of(attempt.record.sent_s * 1000)
            # One by one, as the first answer shows the exchange's clock.
            while True:
                days = [today, *attempt.span().dates()]
                left = [day for day in days if day not in asked]
                if not left:
                    break
                asked.append(left[0])
                orders += here.get_orders(cid=cid, cid_date=left[0])
                if is_random and any(order.cid == cid for order in orders):
                    return new_order(orders, body, is_random, attempt.span())
            # Of any other date, too.
            orders += here.get_orders()
            start = _start_of(attempt, is_random)
            orders += unread.around(
                here.iter_orders_history(symbol=body["symbol"], start=start)
            )
            found = new_order(orders, body, is_random, attempt.span())
            if is_random and found is not None:
                return found
            found = with_unread(found, unread.like(_places_of(body)))
            if found is None:
                found = self._find_traded(orders, body, is_random, attempt)
            return found

        return Search(find, _PLACES, Clocks.DOUBTFUL, _SURELY_KEPT_S)

    def _find_traded(
        self, known: List[Order], body: Body, is_random: bool, attempt: Attempt
    ) -> Found[Order]:
        """Look for trades of an order that no list has (yet)."""
        cid, symbol = body["cid"], body["symbol"]
        here, unread = self._open()
        # The exchange keeps trades for years, and orders for two weeks.
        span = attempt.span()
        start = _start_of(attempt, is_random) or span.since_mts(_KEPT_S)
        trades = unread.around(here.iter_trades_history(symbol=symbol, start=start))
        # Orders known by now were no candidates.
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
            found = new_order(closed, body, is_random, span)
            if found is None and not any(order.cid == cid for order in closed):
                found = Candidates([*mine, *closed])
        places: Places = {_TRADE_SYMBOL: symbol, _TRADE_CID: cid}
        return with_unread(found, unread.like(places))

    def by_id(self, id: int) -> Search[Order]:
        """Search for the current state of an order; a closed one is final."""

        def find(attempt: Attempt) -> Found[Order]:
            here, unread = self._open()
            for order in here.get_orders(ids=[id]):
                if order.id == id:
                    return Pending(order)
            for order in here.get_orders_history(ids=[id]):
                if order.id == id:
                    return order
            return with_unread(None, unread.like({_ID: id}))

        return Search(find, _ORDERS, kept_s=_SURELY_KEPT_S)

    def by_cid(self, cid: int, cid_date: str) -> Search[Order]:
        """Search for the current state of an order by its client id and date."""
        first, last = _edges_of(cid_date)

        def find(attempt: Attempt) -> Found[Order]:
            here, unread = self._open()
            is_it = partial(_is_dated, cid=cid, cid_date=cid_date)
            open_now = list(filter(is_it, here.get_orders(cid=cid, cid_date=cid_date)))
            past = unread.around(here.iter_orders_history(start=first, end=last))
            closed = list(filter(is_it, past))
            orders = _distinct([*open_now, *closed])
            found = _only_of(orders, orders)
            if len(orders) == 1 and not closed:
                found = Pending(orders[0])
            return with_unread(found, unread.like({_CID: cid}))

        return Search(find, _ORDERS, kept_s=_SURELY_KEPT_S)

    def still_open(self, body: Body) -> Search[List[Order]]:
        """Search for orders of a cancellation that are still open."""

        def find(attempt: Attempt) -> Found[List[Order]]:
            here, unread = self._open()
            left = [order for order in here.get_orders() if _is_named(order, body)]
            unreadable = [row for row in unread.rows if _may_be_named(row, body)]
            if unreadable:
                return Candidates([*left, *unreadable])
            return Pending(left) if left else left

        return Search(find, "open orders")

    def operations(
        self, ops: List[Any], random_cids: Collection[int]
    ) -> Search[List[Any]]:
        """
        Search for the orders of several operations, with few requests.

        `random_cids` are the client ids among them that are random ones of ours.
        """
        ids = [
            body["id"] for name, body in ops if name in ("ou", "oc") and "id" in body
        ]
        has_new = any(name == "on" for name, _ in ops)
        dates = [body["cid_date"] for name, body in ops if "cid_date" in body]

        def find(attempt: Attempt) -> Found[List[Any]]:
            here, unread = self._open()
            open_now = here.get_orders()
            # That answer has shown the exchange's clock.
            span = attempt.span()
            start = _start_of(attempt, bool(random_cids))
            if start is not None:
                start = min([start, *(_edges_of(date)[0] for date in dates)])
            closed = list(unread.around(here.iter_orders_history(start=start)))
            if ids:
                closed += here.get_orders_history(ids=ids, limit=len(ids))
            orders = [*open_now, *closed]

            def outcome_of(name: str, body: Body) -> Any:
                if name == "oc_multi":
                    return [order for order in open_now if _is_named(order, body)]
                if name == "on":
                    is_random = body["cid"] in random_cids
                    found = new_order(orders, body, is_random, span)
                    if found is None:
                        found = self._find_traded(orders, body, is_random, attempt)
                    return found
                return _named_one(orders, body)

            found = [outcome_of(name, body) for name, body in ops]
            doubtful = [item for item in found if isinstance(item, Candidates)]
            unreadable = [
                row
                for row in unread.rows
                if unread.is_cut
                or any(
                    _may_be_about(row, name, body)
                    for item, (name, body) in zip(found, ops)
                    if item is None or name == "oc_multi"
                )
            ]
            if doubtful or unreadable:
                rows = [row for item in doubtful for row in item.values]
                return Candidates([*rows, *unreadable])
            is_final = all(
                item is not None and name == "on" for item, (name, _) in zip(found, ops)
            )
            return found if is_final else Pending(found, None in found)

        needs = Clocks.DOUBTFUL if has_new else Clocks.UNKNOWN
        return Search(find, _PLACES, needs, _SURELY_KEPT_S)


def new_order(
    orders: Iterable[Order], body: Body, is_random: bool, span: Span
) -> Found[Order]:
    """Return the new order, or the candidates for it; see the top of this file."""
    found = _distinct(order for order in orders if order.cid == body["cid"])
    if is_random:
        # The stop of an OCO order may have the same client id.
        matching = [order for order in found if _matches(order, body)]
        return _only_of(matching if len(found) > 1 else found, found)
    possible = [
        order
        for order in found
        # Its time excludes an order only where the clocks are known.
        if span.clocks is not Clocks.KNOWN or span.is_possible(order.mts_create, _FAR_S)
        # A client id is unique within a day, so no other order should have it.
        or date_of(order.mts_create) in span.dates()
    ]
    sure = [
        order
        for order in possible
        if span.is_likely(order.mts_create, _NEAR_S) and _matches(order, body)
    ]
    is_oco = bool(OrderFlag(body.get("flags") or 0) & OrderFlag.OCO)
    return _only_of(sure if len(possible) == 1 or is_oco else [], possible)


def _only_of(sure: List[Order], possible: List[Order]) -> Found[Order]:
    if len(sure) == 1:
        return sure[0]
    return Candidates(possible) if possible else None


def _named_one(orders: List[Order], body: Body) -> Found[Order]:
    # The order that a change or a cancellation names.
    if "id" in body:
        named = [order for order in orders if order.id == body["id"]]
    else:
        cid, cid_date = body["cid"], body["cid_date"]
        named = [order for order in orders if _is_dated(order, cid, cid_date)]
    rows = _distinct(named)
    return _only_of(rows, rows)


def _distinct(orders: Iterable[Order]) -> List[Order]:
    # The latest state of each.
    return list({order.id: order for order in orders}.values())


def _matches(order: Order, body: Body) -> bool:
    # The order has the terms that were sent.
    if order.symbol != body["symbol"] or order.order_type != body["type"]:
        return False
    if OrderFlag(body.get("flags") or 0) & _OF_POSITION:
        return True
    return approximately(order.amount_orig, body["amount"])


def _is_named(order: Order, body: Body) -> bool:
    # A cancellation of several orders includes this one.
    return bool(body.get("all")) or (
        order.id in (body.get("id") or ())
        or order.gid in (body.get("gid") or ())
        or any(_is_dated(order, cid, day) for cid, day in body.get("cid") or ())
    )


def _is_dated(order: Order, cid: int, cid_date: str) -> bool:
    # The order has this client id, and was created on this day or just beside it.
    first, last = _edges_of(cid_date)
    return order.cid == cid and first <= order.mts_create <= last


def _edges_of(cid_date: str) -> Tuple[Mts, Mts]:
    # First and last time of a day; around midnight two clocks may show different days.
    first = datetime.strptime(cid_date, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    return int((first.timestamp() - _FAR_S) * 1000), int(
        (first.timestamp() + _DAY_S + _FAR_S) * 1000
    )


def _places_of(body: Body) -> Places:
    return {_CID: body["cid"], _SYMBOL: body["symbol"]}


def _may_be_about(row: Any, name: str, body: Body) -> bool:
    # An unreadable order may be the one that an operation is about.
    if name == "oc_multi":
        return _may_be_named(row, body)
    if name == "on":
        return may_be(row, _places_of(body))
    return may_be(row, {_ID: body["id"]} if "id" in body else {_CID: body["cid"]})


def _may_be_named(row: Any, body: Body) -> bool:
    # As `_is_named`, for an unreadable order.
    if body.get("all"):
        return True
    named: List[Places] = [{_ID: id} for id in body.get("id") or ()]
    named += [{_GID: gid} for gid in body.get("gid") or ()]
    named += [{_CID: cid} for cid, _ in body.get("cid") or ()]
    return any(may_be(row, places) for places in named)


def _start_of(attempt: Attempt, is_random: bool) -> Mts | None:
    """
    Return where the history is read from: a day before the write was sent; None: all of it.

    All of it where the clocks may be wrong; and for a random client id before it counts as absent,
    as such an order need not have any particular time.
    """
    span = attempt.span()
    if span.clocks is not Clocks.KNOWN or (is_random and attempt.is_over):
        return None
    return span.since_mts(_DAY_S)
