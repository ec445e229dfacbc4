"""What an account has stored at the exchange: settings, alerts, invoices, recurring orders."""

from __future__ import annotations

import time
from typing import Any, Dict, List

import attrs

from bfxsync.paper.engine.units import SCALE, Row, units_text


@attrs.define
class PriceAlert:
    """
    An alert.

    Attributes
    ----------
    text : str
        Its price as it was sent, which is a part of the key.
    countdown : int
        How often it is still triggered.
    is_above : bool
        Whether the last price has to rise to it.
    """

    symbol: str
    text: str
    price: int
    countdown: int
    is_above: bool

    @property
    def key(self) -> str:
        """What identifies it."""
        return f"price:{self.symbol}:{self.text}"

    def row(self) -> Row:
        """Return its row on the wire."""
        price = self.price / SCALE
        return [self.key, "price", self.symbol, price, self.countdown]


@attrs.define
class RecurringOrder:
    """
    A market order that is placed again and again.

    Attributes
    ----------
    amount : int
        Of each order, in `currency`.
    next_mts : int
        When the next one is due.
    orders : list of dict
        What was placed, oldest first.
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
        """Return its attributes by their names."""
        return {**attrs.asdict(self, recurse=False), "orders": list(self.orders)}

    def terms(self) -> Dict[str, Any]:
        """Return what an update may change, as in a request."""
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
        """Return it as it is sent."""
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
    What an account has stored at the exchange.

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
    """

    settings: Dict[str, Any] = attrs.field(factory=dict)
    alerts: Dict[str, PriceAlert] = attrs.field(factory=dict)
    invoices: List[Dict[str, Any]] = attrs.field(factory=list)
    recurring: Dict[str, RecurringOrder] = attrs.field(factory=dict)
