"""Tickers."""

from __future__ import annotations

from typing import Any

from bfxsync.models.market import FundingTicker, Ticker
from bfxsync.models.stream import Snapshot
from bfxsync.types import NumberType
from bfxsync.wire.channels.base import FRAME_ERRORS, Channel, Guard
from bfxsync.wire.frames import HEARTBEAT


class TickerChannel(Channel):
    """Best prices and 24 hours; the first frame has the same flat shape as all others."""

    name = "ticker"

    def __init__(
        self, arguments: dict[str, str], number: NumberType, guard: Guard
    ) -> None:
        super().__init__(arguments, number, guard)
        self._make = self._maker(FundingTicker if self.is_funding else Ticker)
        self._last: Any = None

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return a ticker for every frame, a snapshot before the first."""
        make = self._make
        updates: list[Any] = []
        for frame in frames:
            try:
                row = frame[1]
                if row != HEARTBEAT:
                    updates.append(make(row))
            except FRAME_ERRORS as exc:
                self._fail(exc, frame)
        if updates:
            self._last = updates[-1]
            if not self.is_live:
                self.is_live = True
                updates.insert(0, Snapshot([updates[0]]))
        return updates

    def restart(self) -> list[Any]:
        """Return the last ticker, which counts as an update too."""
        return [Snapshot([self._last]), self._last] if self.is_live else []
