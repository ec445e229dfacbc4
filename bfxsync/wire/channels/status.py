"""
The status channel: derivatives and liquidations.

https://docs.bitfinex.com/reference/ws-public-status
"""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.status import DerivativesStatus, Liquidation
from bfxsync.models.stream import Snapshot
from bfxsync.wire.channels.base import Channel
from bfxsync.wire.channels.ticker import FlatChannel


class DerivativesChannel(FlatChannel):
    """The status of one derivative (``deriv:tBTCF0:USTF0``), about once a second."""

    name = "status"

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        super().__init__(arguments, number, DerivativesStatus)


class LiquidationsChannel(Channel):
    """
    All liquidations (``liq:global``).

    Each frame is a list of rows. There is no snapshot, so the subscription is live from its
    acknowledgement.
    """

    name = "status"
    content = "liquidations"

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        super().__init__(arguments, number)
        self._make = self._maker(Liquidation)

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return a liquidation for each row, and an empty snapshot first."""
        if self.is_live:
            return super().feed_many(frames)
        self.is_live = True
        self.is_degraded = False
        return [Snapshot([]), *super().feed_many(frames)]

    def _feed(self, frame: list[Any], updates: list[Any]) -> None:
        rows = frame[1]
        if rows.__class__ is not list:
            raise RemoteError("no liquidations", raw=frame)
        liquidations = self._models(self._make, rows, frame)
        updates += liquidations
        if rows and not liquidations:
            self._distrust(f"{self.content} could not be read", updates)

    def restart(self) -> list[Any]:
        """Return an empty snapshot, as no liquidations are kept."""
        return [Snapshot([])] if self.is_live else []
