"""
The candles channel.

https://docs.bitfinex.com/reference/ws-public-candles
"""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.status import Candle
from bfxsync.models.stream import Snapshot
from bfxsync.wire.channels.base import Channel

_KEPT = 240


class CandlesChannel(Channel):
    """
    The candles of a key such as ``trade:1m:tBTCUSD``.

    The exchange repeats the current candle as it changes, and sometimes the one before; it sends
    none for an interval without trades.
    """

    resync_reason: str | None

    name = "candles"
    content = "candles"

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        super().__init__(arguments, number)
        self._make = self._maker(Candle, arguments["key"].split(":", 2)[1])
        # The latest, oldest first, for consumers that start later.
        self._candles: list[Candle] = []

    def _feed(self, frame: list[Any], updates: list[Any]) -> None:
        rows = frame[1]
        if rows.__class__ is not list:
            raise RemoteError(f"{self.symbol}: no candle", raw=frame)
        if rows and rows[0].__class__ is not list:
            if not self.is_live:
                self.resync_reason = "a candle came before the snapshot"
                return
            rows = [rows]
        # Newest first on the wire.
        candles = self._models(self._make, rows[::-1], frame)
        if rows and not candles:
            self._distrust(f"{self.content} could not be read", updates)
            return
        if not self.is_live:
            self.is_live = True
            self.is_degraded = False
            self._candles = candles[-_KEPT:]
            updates.append(Snapshot(candles))
            return
        for candle in candles:
            self._keep(candle)
            updates.append(candle)

    def restart(self) -> list[Any]:
        """Return the latest candles, oldest first."""
        return [Snapshot(list(self._candles))] if self.is_live else []

    def latest(self) -> list[Candle]:
        """Return the latest candles, oldest first; after a disconnect the last known ones."""
        return self._candles.copy()

    def _keep(self, candle: Candle) -> None:
        """Replace or insert a candle by its time; nearly always at the end."""
        kept = self._candles
        index = len(kept)
        while index and kept[index - 1].mts > candle.mts:
            index -= 1
        if index and kept[index - 1].mts == candle.mts:
            kept[index - 1] = candle
        else:
            kept.insert(index, candle)
            del kept[:-_KEPT]
