"""Triggers price alerts."""

from __future__ import annotations

from typing import Callable, Iterable, Mapping

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.stored_data import PriceAlert
from bfxsync.paper.engine.units import Row
from bfxsync.paper.engine.venue import Venue


class Alerts:
    """Triggers the alerts of all accounts."""

    def __init__(
        self,
        venues: Mapping[str, Venue],
        accounts: Iterable[Account],
        now_mts: Callable[[], int],
    ) -> None:
        self._venues = venues
        self._accounts = accounts
        self._now_mts = now_mts

    def market_moved(self, symbol: str) -> None:
        """Trigger the alerts whose price the last trade of a market has reached."""
        for account in self._accounts:
            if account.stored.alerts:
                for alert in list(account.stored.alerts.values()):
                    if alert.symbol == symbol:
                        self._check(account, alert)

    def _check(self, account: Account, alert: PriceAlert) -> None:
        last = self._venues[alert.symbol].market.last_price
        if last < alert.price if alert.is_above else last > alert.price:
            return
        word = "up" if alert.is_above else "down"
        # The next time it is triggered from the other side.
        alert.is_above = not alert.is_above
        alert.countdown -= 1
        if not alert.countdown:
            del account.stored.alerts[alert.key]
        info = [*alert.row(), word]
        text = f"{alert.symbol} has reached {alert.text}"
        note: Row = [self._now_mts(), "uca", None, None, info, None, "SUCCESS", text]
        account.emit("n", note)
