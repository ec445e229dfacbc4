"""Price alerts, and the other little things that an account keeps at the exchange."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Protocol

import attrs

from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.engine.venue import Venue


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
class Keepsakes:
    """
    What an account has stored, and the exchange does nothing else with.

    Attributes
    ----------
    settings : dict
        User settings by key.
    alerts : dict of PriceAlert
        By key.
    invoices : list of dict
        Lightning invoices, oldest first; nobody pays them.
    """

    settings: Dict[str, Any] = attrs.field(factory=dict)
    alerts: Dict[str, PriceAlert] = attrs.field(factory=dict)
    invoices: List[Dict[str, Any]] = attrs.field(factory=list)


class _Owner(Protocol):
    @property
    def keepsakes(self) -> Keepsakes: ...

    def emit(self, code: str, row: Row) -> None: ...


class Alerts:
    """Triggers the alerts of all accounts."""

    def __init__(
        self,
        venues: Mapping[str, Venue],
        accounts: Iterable[_Owner],
        now_mts: Callable[[], int],
    ) -> None:
        self._venues = venues
        self._accounts = accounts
        self._now_mts = now_mts

    def market_moved(self, symbol: str) -> None:
        """Trigger the alerts whose price the last trade of a market has reached."""
        for account in self._accounts:
            if account.keepsakes.alerts:
                for alert in list(account.keepsakes.alerts.values()):
                    if alert.symbol == symbol:
                        self._check(account, alert)

    def _check(self, account: _Owner, alert: PriceAlert) -> None:
        last = self._venues[alert.symbol].market.last_price
        if last < alert.price if alert.is_above else last > alert.price:
            return
        word = "up" if alert.is_above else "down"
        # Next it is triggered from the other side.
        alert.is_above = not alert.is_above
        alert.countdown -= 1
        if not alert.countdown:
            del account.keepsakes.alerts[alert.key]
        info = [*alert.row(), word]
        text = f"{alert.symbol} has reached {alert.text}"
        note = [self._now_mts(), "uca", None, None, info, None, "SUCCESS", text]
        account.emit("n", note)
