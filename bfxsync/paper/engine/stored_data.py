"""Data that an account stores at the exchange: settings, alerts, invoices, recurring orders."""

from __future__ import annotations

import time
from typing import Any, Dict, List

import attrs

from bfxsync.paper.engine.units import SCALE, Row, units_text


@attrs.define
class PriceAlert:
    """
    A price alert.

    Attributes
    ----------
    text : str
        The price as sent, which is part of the key.
    countdown : int
        Remaining number of times that the alert is triggered.
    is_above : bool
        Whether the alert is triggered by a rising price.
    """

    symbol: str
    text: str
    price: int
    countdown: int
    is_above: bool

    @property
    def key(self) -> str:
        """The key that identifies the alert."""
        return f"price:{self.symbol}:{self.text}"

    def row(self) -> Row:
        """Return the row of the alert, as sent."""
        price = self.price / SCALE
        return [self.key, "price", self.symbol, price, self.countdown]


@attrs.define
class RecurringOrder:
    """
    A market order that is placed at intervals.

    Attributes
    ----------
    amount : int
        Amount of each order, in `currency`.
    next_mts : int
        Time of the next order.
    orders : list of dict
        The placed orders, oldest first.
    """

    id: str
    started_mts: int
    next_mts: int
    alias: str = ""
    symbol: str = ""
    currency: str = ""
    action: str = ""
    amount: int = 0
    recurrence: str = ""
    ended_mts: int | None = None
    endless: bool = False
    status: str = "ACTIVE"
    orders: List[Dict[str, Any]] = attrs.field(factory=list)

    def to_dict(self) -> Dict[str, Any]:
        """Return the attributes by name."""
        return {**attrs.asdict(self, recurse=False), "orders": list(self.orders)}

    def terms(self) -> Dict[str, Any]:
        """Return the fields that an update may change, as in a request."""
        ended = None if self.ended_mts is None else _iso(self.ended_mts)
        return {
            "alias": self.alias,
            "_symbol": self.symbol,
            "currency": self.currency,
            "action": self.action,
            "amount": units_text(self.amount),
            "recurrence": self.recurrence,
            "endedAt": ended,
            "endless": self.endless,
        }

    def view(self) -> Dict[str, Any]:
        """Return the recurring order, as sent."""
        return {
            "algoOrderId": self.id,
            **self.terms(),
            "amount": self.amount / SCALE,
            "startedAt": _iso(self.started_mts),
            "status": self.status,
        }


def _iso(mts: int) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(mts // 1000))
    return f"{moment}.{mts % 1000:03d}Z"


@attrs.define
class StoredData:
    """
    Data that an account stores at the exchange.

    Attributes
    ----------
    settings : dict
        User settings by key.
    alerts : dict of PriceAlert
        By key.
    invoices : list of dict
        Lightning invoices, oldest first; they are never paid.
    recurring : dict of RecurringOrder
        By id.
    pay_settings : dict
        Settings of Bitfinex Pay by key.
    pay_invoices : list of dict
        Invoices of Bitfinex Pay, oldest first.
    """

    settings: Dict[str, Any] = attrs.field(factory=dict)
    alerts: Dict[str, PriceAlert] = attrs.field(factory=dict)
    invoices: List[Dict[str, Any]] = attrs.field(factory=list)
    recurring: Dict[str, RecurringOrder] = attrs.field(factory=dict)
    pay_settings: Dict[str, Any] = attrs.field(factory=dict)
    pay_invoices: List[Dict[str, Any]] = attrs.field(factory=list)
