"""Snapshots of the open positions at the end of each day."""

from __future__ import annotations

from typing import Callable

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.funding_loan import DAY_MS
from bfxsync.paper.engine.units import Row

_UPDATED = 13


class DailySnapshots:
    """Takes the snapshots of all accounts, at midnight UTC, while there are positions."""

    def __init__(
        self,
        now_mts: Callable[[], int],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._now_mts = now_mts
        self._call_later = call_later
        self._accounts: list[Account] = []
        self._is_scheduled = False

    def add(self, account: Account) -> None:
        """Take snapshots of an account, too."""

        def on_event(code: str, row: Row) -> None:
            if code == "pn" and not self._is_scheduled:
                self._schedule()

        self._accounts.append(account)
        account.listeners.append(on_event)
        if account.positions.open and not self._is_scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._is_scheduled = True
        now = self._now_mts()
        midnight = (now // DAY_MS + 1) * DAY_MS
        self._call_later((midnight - now) / 1000, self._take)

    def _take(self) -> None:
        self._is_scheduled = False
        now = self._now_mts()
        for account in self._accounts:
            for position in account.positions.open.values():
                row = position.past_row()
                row[_UPDATED] = now
                account.positions.snapshots.append(row)
        if any(account.positions.open for account in self._accounts):
            self._schedule()
