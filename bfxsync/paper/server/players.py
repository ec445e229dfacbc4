"""
Players advance markets in real time, inside the event loop.

A player publishes and then waits for the clients to read, so nothing piles up at any speed.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Awaitable, Callable, Sequence

from bfxsync.paper.engine.venue import Fill
from bfxsync.paper.markets.captured import CapturedMarket
from bfxsync.paper.markets.history import Recipe
from bfxsync.paper.markets.market import BookChanged, Event, Traded, now_mts
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recordings import Recording
from bfxsync.paper.markets.status import LIQUIDATIONS
from bfxsync.paper.server.market_data import MarketData

Drain = Callable[[], Awaitable[None]]
"""Waits until the clients have read most of what they were sent."""

_CONFIRM_S = 0.05
"""Delay of the confirmation of a trade in a random market."""
_TICK_S = 0.1
"""The longest interval between two checks of what is due in a quiet market."""
_BURST = 100
"""Most steps before the clients get a turn to read."""


class Player(ABC):
    """Base class: advances markets while they are in use."""

    def __init__(self, market_data: MarketData, symbols: Sequence[str]) -> None:
        self.symbols = symbols
        self._market_data = market_data
        self._woken = asyncio.Event()

    def watch(self) -> None:
        """Notice a new subscription."""
        self._woken.set()

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            await self._woken.wait()
            await self._play()
            self._woken.clear()

    @abstractmethod
    async def _play(self) -> None: ...


class RandomPlayer(Player):
    """Advances a random market, `rate` events a second, while it has subscribers or open orders."""

    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        market_data: MarketData,
        rate: float,
        drain: Drain,
    ) -> None:
        super().__init__(market_data, [recipe.symbol])
        self._recipe = recipe
        self._seed = seed
        self._begin_mts = now_mts()
        self._interval = 1 / rate
        self._drain = drain
        self._has_orders = False
        self._market: RandomMarket | None = None
        market_data.add_later(recipe.symbol, lambda: self.market)

    @property
    def market(self) -> RandomMarket:
        """The market as of the start of the player, created on first use."""
        if self._market is None:
            self._market = RandomMarket(self._recipe, self._seed, self._begin_mts)
        return self._market

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None:
        """Publish trades with orders of accounts, and that the book has changed."""
        trades = [self.market.trade_event(fill.row) for fill in fills]
        self._publish([*trades, BookChanged()])

    def set_active(self, is_active: bool) -> None:
        """Keep the market moving while accounts have open orders."""
        self._has_orders = is_active
        if is_active:
            self.watch()

    async def _play(self) -> None:
        # A market that is not watched stands still, with its clock: the first subscriber sees the
        # same as ever.
        loop = asyncio.get_running_loop()
        looked_at = loop.time()
        due = looked_at + self._interval
        while self._has_orders or self._market_data.is_watched(self._recipe.symbol):
            await asyncio.sleep(min(max(due - loop.time(), 0), _TICK_S))
            now = loop.time()
            self.market.clock += now - looked_at
            looked_at = now
            # Events missed in a pause are skipped, or a burst would follow.
            due = max(due, now - _TICK_S)
            for _ in range(_BURST):
                if due > loop.time():
                    break
                self._publish(self.market.step(now_mts()))
                due += self._interval
            self._market_data.tick(self.market)
            await self._drain()

    def _publish(self, events: Sequence[Event]) -> None:
        """Publish events, and the confirmations of trades a moment later."""
        market, publish = self.market, self._market_data.publish
        publish(market, events)
        for event in events:
            if isinstance(event, Traded):
                asyncio.get_running_loop().call_later(
                    _CONFIRM_S, publish, market, [market.trade_event(event.row, "tu")]
                )


class LiquidationsPlayer(Player):
    """Liquidates positions at an interval while the channel has subscribers."""

    def __init__(self, market_data: MarketData, interval_s: float) -> None:
        super().__init__(market_data, [LIQUIDATIONS])
        self._interval_s = interval_s

    async def _play(self) -> None:
        liquidations = self._market_data.liquidations
        while self._market_data.is_watched(LIQUIDATIONS):
            await asyncio.sleep(self._interval_s)
            self._market_data.publish(liquidations, liquidations.step(now_mts()))


class CapturePlayer(Player):
    """
    Plays a recording from its beginning, each time it is started.

    Its markets are replaced by new ones after each end.

    Parameters
    ----------
    on_end : callable
        Called with the player at the end of the recording; must unsubscribe all subscribers of
        its markets.
    """

    def __init__(
        self,
        recording: Recording,
        market_data: MarketData,
        *,
        speed: float,
        autoplay: bool,
        drain: Drain,
        on_end: Callable[[CapturePlayer], None],
    ) -> None:
        super().__init__(market_data, list(recording.first))
        self._recording = recording
        self._speed = speed
        self._autoplay = autoplay
        self._drain = drain
        self._on_end = on_end
        self._markets: dict[str, CapturedMarket] = {}
        self._rewind()

    def watch(self) -> None:
        if self._autoplay:
            self.play()

    def market(self, symbol: str) -> CapturedMarket:
        """Return a market as it is now; after the end of the recording it is another one."""
        return self._markets[symbol]

    def play(self) -> None:
        """Start, unless it is playing."""
        self._woken.set()

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
            self._market_data.publish(market, market.apply(step))
            market.end_step()
            self._tick(step.at)
        self._on_end(self)
        self._rewind()

    def _tick(self, clock: float) -> None:
        for market in self._markets.values():
            market.clock = clock
            self._market_data.tick(market)

    def _rewind(self) -> None:
        for symbol in self.symbols:
            before = self._markets.get(symbol)
            ids = None if before is None else before.trade_ids
            market = CapturedMarket(self._recording, symbol, ids)
            self._markets[symbol] = market
            self._market_data.add(market)


class RecordedVenue:
    """A recorded market for the orders of accounts, which change nothing of what is published."""

    def __init__(self, player: CapturePlayer, symbol: str) -> None:
        self._player = player
        self._symbol = symbol

    @property
    def market(self) -> CapturedMarket:
        """The market, whichever it is now."""
        return self._player.market(self._symbol)

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None:
        """Publish nothing: subscribers get what was recorded."""

    def set_active(self, is_active: bool) -> None:
        """Start the recording, as a subscription does, while accounts have open orders."""
        if is_active:
            self._player.watch()
