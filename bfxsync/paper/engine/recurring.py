"""Recurring orders: market orders that are placed every day, week or month."""

from __future__ import annotations

import calendar
import re
import time
from functools import partial
from typing import Any, Callable

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.amounts import QUANTUM, read_positive
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.funding_loan import DAY_MS
from bfxsync.paper.engine.matching import MatchingEngine
from bfxsync.paper.engine.order import legs
from bfxsync.paper.engine.order_requests import Body
from bfxsync.paper.engine.stored_data import RecurringOrder
from bfxsync.paper.engine.units import SCALE

_DAYS = {"daily": 1, "weekly": 7}
_MONTHLY = "monthly"
_LONGEST_ALIAS = 200
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))?)?",
    re.ASCII,
)


class RecurringOrders:
    """
    Places the orders of all accounts.

    Parameters
    ----------
    last_price : callable
        Returns the last price of a pair, or raises `Invalid` if there is no such pair.
    """

    def __init__(
        self,
        engine: MatchingEngine,
        last_price: Callable[[object], int],
        now_mts: Callable[[], int],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._engine = engine
        self._last_price = last_price
        self._now_mts = now_mts
        self._call_later = call_later

    def add(self, account: Account) -> None:
        """Continue the orders of an account."""
        for item in account.stored.recurring.values():
            self._schedule(account, item)

    def create(self, account: Account, body: Body) -> RecurringOrder:
        """Create a recurring order; a missing or invalid field raises `Invalid`."""
        now = self._now_mts()
        start = _moment("startedAt", body.get("startedAt"), now)
        item = RecurringOrder(
            id=str(next(account.ids.order)),
            started_mts=start,
            next_mts=start,
        )
        self._change(item, body)
        if item.ended_mts is None and not item.endless:
            raise Invalid("endedAt: invalid")
        while item.next_mts < now:
            item.next_mts = _following(item)
        account.stored.recurring[item.id] = item
        self._schedule(account, item)
        return item

    def update(self, account: Account, id: str, body: Body) -> RecurringOrder:
        """Change an order; an invalid field raises `Invalid` and changes nothing."""
        old = self.find(account, id)
        item = RecurringOrder(**old.to_dict())
        self._change(item, {**old.terms(), **body})
        account.stored.recurring[id] = item
        if item.recurrence != old.recurrence:
            item.next_mts = item.started_mts
            while item.next_mts < self._now_mts():
                item.next_mts = _following(item)
        self._schedule(account, item)
        return item

    def cancel(self, account: Account, id: str) -> RecurringOrder:
        """Place no more orders."""
        item = self.find(account, id)
        item.status = "CANCELED"
        return item

    def find(self, account: Account, id: str) -> RecurringOrder:
        """Return an order by its id."""
        if id not in account.stored.recurring:
            raise Invalid("algoOrderId: invalid")
        return account.stored.recurring[id]

    def _change(self, item: RecurringOrder, body: Body) -> None:
        item.alias = str(body.get("alias"))[:_LONGEST_ALIAS]
        self._last_price(body.get("_symbol"))
        item.symbol = str(body.get("_symbol"))
        item.currency = str(body.get("currency"))
        if item.currency not in legs(item.symbol[1:]):
            raise Invalid("currency: invalid")
        if body.get("action") not in ("buy", "sell"):
            raise Invalid("action: invalid")
        item.action = str(body["action"])
        if body.get("recurrence") not in (*_DAYS, _MONTHLY):
            raise Invalid("recurrence: invalid")
        item.recurrence = str(body["recurrence"])
        item.amount = read_positive("amount", body.get("amount"))
        item.endless = bool(body.get("endless"))
        item.ended_mts = None
        if not item.endless and body.get("endedAt") is not None:
            item.ended_mts = _moment("endedAt", body["endedAt"], 0)

    def _schedule(self, account: Account, item: RecurringOrder) -> None:
        if item.ended_mts is not None and item.next_mts > item.ended_mts:
            item.status = "ENDED"
        if item.status == "ACTIVE":
            delay_s = max(item.next_mts - self._now_mts(), 0) / 1000
            due = partial(self._place, account, item, item.next_mts)
            self._call_later(delay_s, due)

    def _place(self, account: Account, item: RecurringOrder, due_mts: int) -> None:
        is_current = account.stored.recurring.get(item.id) is item
        if not is_current or item.status != "ACTIVE" or item.next_mts != due_mts:
            return
        made: dict[str, Any] = {"createdAt": self._now_mts(), "algoOrderId": item.id}
        try:
            order, *_ = self._engine.submit(account, self._order(item))
            made.update(orderId=order.id, status=order.status)
        except (Declined, Invalid) as refused:
            made.update(orderId=None, status=f"ERROR: {refused}")
        item.orders.append(made)
        item.next_mts = _following(item)
        self._schedule(account, item)

    def _order(self, item: RecurringOrder) -> Body:
        base, _ = legs(item.symbol[1:])
        amount = item.amount
        if item.currency != base:
            price = self._last_price(item.symbol)
            amount = amount * SCALE // max(price, 1) // QUANTUM * QUANTUM
        sign = "" if item.action == "buy" else "-"
        text = f"{amount // SCALE}.{amount % SCALE:012d}"
        terms = {"type": "EXCHANGE MARKET", "symbol": item.symbol}
        return {**terms, "amount": f"{sign}{text}"}


def _following(item: RecurringOrder) -> int:
    """Return the time of the order after the next one."""
    if item.recurrence != _MONTHLY:
        return item.next_mts + _DAYS[item.recurrence] * DAY_MS
    # In a month that is too short for the day of the start: its last day.
    year, month, _, *clock = time.gmtime(item.next_mts // 1000)[:6]
    year, month = year + month // 12, month % 12 + 1
    started = time.gmtime(item.started_mts // 1000)
    day = min(started.tm_mday, calendar.monthrange(year, month)[1])
    seconds = calendar.timegm((year, month, day, *clock))
    return seconds * 1000 + item.next_mts % 1000


def _moment(name: str, value: object, default: int) -> int:
    """Parse a date or an ISO time, which is in UTC unless it has an offset."""
    if value is None:
        return default
    found = _TIME.fullmatch(str(value))
    if found is None:
        raise Invalid(f"{name}: invalid")
    day, clock, fraction, sign, hours, minutes = found.groups()
    try:
        parsed = time.strptime(f"{day} {clock or '00:00:00'}", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise Invalid(f"{name}: invalid") from None
    offset = (int(hours or 0) * 60 + int(minutes or 0)) * 60
    seconds = calendar.timegm(parsed) - (-offset if sign == "-" else offset)
    return seconds * 1000 + int((fraction or "0").ljust(3, "0")[:3])
