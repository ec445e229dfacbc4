"""The `status` channel: one derivative, or all liquidations."""

from __future__ import annotations

from typing import Callable

from bfxsync.paper.markets.market import Event, Liquidated, Market
from bfxsync.paper.markets.status import Derivative
from bfxsync.paper.server.feeds import Feed
from bfxsync.paper.server.wire_json import encode

STATUS_S = 1.0
"""Interval of rows by the market's clock; most repeat the previous one."""


class DerivativeFeed(Feed):
    """A row every second, changed or not."""

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
        self._sent_at = market.clock

    def first(self) -> str:
        return encode(self._derivative.row(self._now_mts()))

    def handle(self, event: Event) -> None:
        """Ignore events: rows are sent by the clock."""

    def tick(self) -> None:
        clock = self._market.clock
        if clock - self._sent_at >= STATUS_S:
            self._sent_at = clock
            self._send(self.first())


class LiquidationsFeed(Feed):
    """Lists of rows as they happen, without a snapshot."""

    def first(self) -> None:
        """Return nothing: there is no snapshot."""

    def handle(self, event: Event) -> None:
        if isinstance(event, Liquidated):
            self._send(encode(event.rows))
