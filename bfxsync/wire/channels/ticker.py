"""
The ticker channel, and the base class of channels whose every frame is one complete row.

https://docs.bitfinex.com/reference/ws-public-ticker
"""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync._base.enums import SubscriptionStatus
from bfxsync.models.market import FundingTicker, Ticker
from bfxsync.models.stream import Snapshot, Status
from bfxsync.wire.channels.base import Channel
from bfxsync.wire.channels.table_models import table_models
from bfxsync.wire.tables import Rows


class FlatChannel(Channel):
    """A channel whose every frame, including the first, is one row with the whole state."""

    is_degraded: bool

    is_whole = True

    def __init__(
        self,
        arguments: dict[str, str],
        number: NumberType,
        model: Any,
    ) -> None:
        super().__init__(arguments, number)
        self._make = self._maker(model)
        self._table_models = table_models(model, self._number)
        self._last: Any = None

    def feed_one(self, frame: list[Any]) -> list[Any]:
        """Return the row of a frame, or what `feed_many` returns."""
        if self.is_live and not self.is_degraded:
            last = self._read_usual(frame)
            if last is not None:
                self._last = last
                return [last]
        return self.feed_many([frame])

    def _feed(self, frame: list[Any], updates: list[Any]) -> None:
        last = self._last = self._make(frame[1], frame)
        if not self.is_live:
            self.is_live = True
            self.is_degraded = False
            updates.append(Snapshot([last]))
        elif self.is_degraded:
            # A readable row is the whole state.
            self.is_degraded = False
            self.has_event = True
            updates.append(Status(SubscriptionStatus.LIVE))
        updates.append(last)

    def _feed_models(self, rows: Rows) -> list[Any] | None:
        if self.is_degraded or rows.others:
            return None
        self._last = rows.models[-1]
        return rows.models

    def restart(self) -> list[Any]:
        """Return the last state, as a snapshot and as an update."""
        return [Snapshot([self._last]), self._last] if self.is_live else []


class TickerChannel(FlatChannel):
    """Best prices and 24-hour statistics of a pair or currency."""

    name = "ticker"

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        model = FundingTicker if arguments["symbol"].startswith("f") else Ticker
        super().__init__(arguments, number, model)
