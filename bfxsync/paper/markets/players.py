"""
Players advance markets in real time, inside the event loop.

A player publishes and then waits for the clients to read, so nothing piles up at any speed.
"""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable, Protocol, Sequence, Union

from bfxsync.paper.engine.venue import Fill
from bfxsync.paper.markets.captured import CapturedMarket
from bfxsync.paper.markets.market import (
    BookChanged,
    Event,
    Market,
    Traded,
    now_mts,
)
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recordings import Recording
from bfxsync.paper.markets.status import LIQUIDATIONS, Liquidations

Drain = Callable[[], Awaitable[None]]
"""Waits until the clients have read most of what they were sent."""

_CONFIRM_S = 0.05
"""Delay of the confirmation of a trade in a random market."""
_TICK_S = 0.1
"""The longest interval between two checks of what is due in a quiet market."""
_BURST = 100
"""Most steps before the clients get a turn to read."""


class Publisher(Protocol):
    """Where players publish the events of their markets."""

    def add(self, market: Market) -> None:
        """Add a market, or replace one without subscribers."""

    def is_watched(self, symbol: str) -> bool:
        """Say whether a symbol has subscribers."""
        ...

    def publish(
        self, source: Union[Market, Liquidations], events: Sequence[Event]
    ) -> None:
        """Publish events of a market, or of the liquidations."""

    def tick(self, market: Market) -> None:
        """Send what has become due by the market's clock."""


class RandomPlayer:
    """
    Advances a random market while it has subscribers or open orders.

    Parameters
    ----------
    rate : float
        Events per second.
    drain : Drain
        Awaited between bursts.
    """

    def __init__(
        self, market: RandomMarket, publisher: Publisher, rate: float, drain: Drain
    ) -> None:
        self.market = market
        self._publisher = publisher
        self._interval = 1 / rate
        self._drain = drain
        self._watched = asyncio.Event()
        self._has_orders = False
        self.symbols: list[str] = [market.symbol]
        publisher.add(market)

    def watch(self) -> None:
        """Notice a new subscription."""
        self._watched.set()

    async def run(self) -> None:
        """Play until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            # A market that is not watched stands still, with its clock: the first subscriber sees
            # the same as ever.
            self._watched.clear()
            await self._watched.wait()
            looked_at = loop.time()
            due = looked_at + self._interval
            while self._has_orders or self._publisher.is_watched(self.market.symbol):
                await asyncio.sleep(min(max(due - loop.time(), 0), _TICK_S))
                now = loop.time()
                self.market.clock += now - looked_at
                looked_at = now
                # Events missed in a pause are skipped, or a burst would follow.
                due = max(due, now - _TICK_S)
                for _ in range(_BURST):
                    if due > loop.time():
                        break
                    self.publish(self.market.step(now_mts()))
                    due += self._interval
                self._publisher.tick(self.market)
                await self._drain()

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None:
        """Publish trades with orders of accounts, and that the book has changed."""
        trades = [self.market.trade_event(fill.row) for fill in fills]
        self.publish([*trades, BookChanged()])

    def set_active(self, is_active: bool) -> None:
        """Keep the market moving while accounts have open orders."""
        self._has_orders = is_active
        if is_active:
            self.watch()

    def publish(self, events: Sequence[Event]) -> None:
        """Publish events, and the confirmations of trades a moment later."""
        market = self.market
        self._publisher.publish(market, events)
        for event in events:
            if isinstance(event, Traded):
                confirmation = market.confirmation(event)
                asyncio.get_running_loop().call_later(
                    _CONFIRM_S, self._publisher.publish, market, [confirmation]
                )


class LiquidationsPlayer:
    """
    Liquidates positions while the channel has subscribers.

    Parameters
    ----------
    interval_s : float
        Seconds between two events.
    """

    def __init__(
        self, publisher: Publisher, liquidations: Liquidations, interval_s: float
    ) -> None:
        self._publisher = publisher
        self._liquidations = liquidations
        self._interval_s = interval_s
        self._watched = asyncio.Event()
        self.symbols: list[str] = [LIQUIDATIONS]

    def watch(self) -> None:
        """Notice a new subscription."""
        self._watched.set()

    async def run(self) -> None:
        """Play until cancelled."""
        liquidations = self._liquidations
        while True:
            self._watched.clear()
            await self._watched.wait()
            while self._publisher.is_watched(LIQUIDATIONS):
                await asyncio.sleep(self._interval_s)
                self._publisher.publish(liquidations, liquidations.step(now_mts()))


class CapturePlayer:
    """
    Plays a recording from its beginning, each time it is started.

    Parameters
    ----------
    publisher : Publisher
        Gets new markets of the recording at first and after each end.
    speed : float
        2 plays twice as fast as recorded.
    autoplay : bool
        Start with the first subscription to one of the symbols.
    on_end : callable
        Called with the player at the end of the recording; must unsubscribe all subscribers of
        its markets, which are then replaced.
    """

    def __init__(
        self,
        recording: Recording,
        publisher: Publisher,
        *,
        speed: float,
        autoplay: bool,
        drain: Drain,
        on_end: Callable[[CapturePlayer], None],
    ) -> None:
        self._recording = recording
        self._publisher = publisher
        self._speed = speed
        self._autoplay = autoplay
        self._drain = drain
        self._on_end = on_end
        self._started = asyncio.Event()
        self._markets: dict[str, CapturedMarket] = {}
        self.symbols: list[str] = list(recording.first)
        self._rewind()

    def watch(self) -> None:
        """Notice a new subscription."""
        if self._autoplay:
            self.play()

    def play(self) -> None:
        """Start, unless it is playing."""
        self._started.set()

    async def run(self) -> None:
        """Play once for each start."""
        while True:
            await self._started.wait()
            await self._play()
            self._on_end(self)
            self._rewind()
            self._started.clear()

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        burst = 0
        for step in self._recording.steps:
            while True:
                delay = begin + step.at / self._speed - loop.time()
                if delay <= 0 and burst < _BURST:
                    break
                await asyncio.sleep(min(max(delay, 0), _TICK_S))
                burst = 0
                if delay > 0:
                    self._tick(min((loop.time() - begin) * self._speed, step.at))
                await self._drain()
            burst += 1
            market = self._markets[step.symbol]
            market.clock = step.at
            self._publisher.publish(market, market.apply(step))
            self._tick(step.at)

    def _tick(self, clock: float) -> None:
        for market in self._markets.values():
            market.clock = clock
            self._publisher.tick(market)

    def _rewind(self) -> None:
        for symbol in self.symbols:
            market = self._markets[symbol] = CapturedMarket(self._recording, symbol)
            self._publisher.add(market)
