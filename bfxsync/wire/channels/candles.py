"""Candles."""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.status import Candle
from bfxsync.models.stream import Snapshot
from bfxsync.wire.channels.base import FRAME_ERRORS, Channel
from bfxsync.wire.frames import HEARTBEAT

_KEPT = 240


class CandlesChannel(Channel):
    """
    The candles of a key such as ``trade:1m:tBTCUSD``.

    The exchange sends the current candle again and again while it grows, sometimes the one
    before once more, and none for an empty interval.
    """

    name = "candles"

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        super().__init__(arguments, number)
        self._make = self._maker(Candle)
        # The latest, oldest first: what a consumer who comes late begins with.
        self._candles: list[Candle] = []

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return a candle for every row, a snapshot before the first."""
        updates: list[Any] = []
        for frame in frames:
            try:
                rows = frame[1]
                if rows.__class__ is list:
                    self._take(rows, updates)
                elif rows == HEARTBEAT:
                    self._beat(updates)
                else:
                    raise RemoteError(f"{self.symbol}: no candle", raw=frame)
            except FRAME_ERRORS as exc:
                self._fail(exc, frame)
                self._distrust("candles could not be read", updates)
            if self.resync_reason is not None:
                # What follows belongs to a channel that is given up.
                break
        return updates

    def restart(self) -> list[Any]:
        """Return the latest candles, oldest first."""
        return [Snapshot(list(self._candles))] if self.is_live else []

    def _take(self, rows: list[Any], updates: list[Any]) -> None:
        if rows and rows[0].__class__ is not list:
            if not self.is_live:
                self.resync_reason = "a candle came before the snapshot"
                return
            rows = [rows]
        # Newest first on the wire.
        candles = self._models(self._make, rows[::-1])
        if rows and not candles:
            self._distrust("candles could not be read", updates)
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

    def _keep(self, candle: Candle) -> None:
        """Put a candle in its place: mostly the last one, or a new one behind it."""
        kept = self._candles
        index = len(kept)
        while index and kept[index - 1].mts > candle.mts:
            index -= 1
        if index and kept[index - 1].mts == candle.mts:
            kept[index - 1] = candle
        else:
            kept.insert(index, candle)
            del kept[:-_KEPT]
