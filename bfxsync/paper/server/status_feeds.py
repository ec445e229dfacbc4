"""The channel `status`: of one derivative, and of all liquidations."""

from __future__ import annotations

from typing import Callable

from bfxsync.paper.markets.market import Event, Liquidated, Market
from bfxsync.paper.markets.status import Derivative
from bfxsync.paper.server.feeds import Feed
from bfxsync.paper.text import encode

STATUS_S = 1.0
"""Between two rows, by the market's clock; they say the same more often than not."""


class DerivativeFeed(Feed):
    """One row a second, changed or not."""

    def __init__(
        self,
        market: Market,
        derivative: Derivative,
        now_mts: Callable[[], int],
    ) -> None:
        super().__init__()
        self._market = market
        self._derivative = derivative
        self._now_mts = now_mts
        self._told_at = market.clock

    def first(self) -> str:
        """Return the row as it is."""
        return encode(self._derivative.row(self._now_mts()))

    def take(self, event: Event) -> None:
        """Wait for the next second."""

    def tick(self) -> None:
        """Send a row if it is time for one."""
        clock = self._market.clock
        if clock - self._told_at >= STATUS_S:
            self._told_at = clock
            self._send(self.first())


class LiquidationsFeed(Feed):
    """Lists of rows as they happen; there is no snapshot."""

    def first(self) -> None:
        """There is none."""

    def take(self, event: Event) -> None:
        """Pass on what has been liquidated."""
        if isinstance(event, Liquidated):
            self._send(encode(event.rows))
