"""
Time for markets: each player makes its markets move, at their pace, inside the event loop.

A player publishes and then waits for the clients to read, so nothing piles up, however fast it is.
"""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable, Sequence

from bfxsync.paper.markets.captured import CapturedMarket
from bfxsync.paper.markets.market import Event, Traded, now_mts
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recordings import Recording
from bfxsync.paper.markets.status import LIQUIDATIONS
from bfxsync.paper.server.market_data import MarketData

Room = Callable[[], Awaitable[None]]

_CONFIRM_S = 0.05
"""Between a trade of the random market and its confirmation."""
_TICK_S = 0.1
"""The longest time between two looks at what is due in a quiet market."""
_BURST = 100
"""Steps in a row before the clients get a turn to read."""


class RandomPlayer:
    """
    Lets a random market happen while somebody watches it.

    Parameters
    ----------
    market : RandomMarket
    hub : Hub
    rate : float
        Events per second.
    room : callable
        Awaited between bursts, until the clients have read most of what they were sent.
    """

    def __init__(
        self, market: RandomMarket, market_data: MarketData, rate: float, room: Room
    ) -> None:
        self.market = market
        self._market_data = market_data
        self._interval = 1 / rate
        self._room = room
        self._watched = asyncio.Event()
        self.symbols = [market.symbol]
        market_data.add(market)

    def watch(self) -> None:
        """Note that somebody has subscribed."""
        self._watched.set()

    async def run(self) -> None:
        """Play for ever."""
        loop = asyncio.get_running_loop()
        while True:
            # A market that nobody watches stands still: the first to come sees the same as ever.
            # Its clock stands still as well.
            self._watched.clear()
            await self._watched.wait()
            looked_at = loop.time()
            due = looked_at + self._interval
            while self._market_data.is_watched(self.market.symbol):
                await asyncio.sleep(min(max(due - loop.time(), 0), _TICK_S))
                now = loop.time()
                self.market.clock += now - looked_at
                looked_at = now
                # After a pause nothing is made up for, or a burst would follow.
                due = max(due, now - _TICK_S)
                for _ in range(_BURST):
                    if due > loop.time():
                        break
                    self.publish(self.market.step(now_mts()))
                    due += self._interval
                self._market_data.tick(self.market)
                await self._room()

    def publish(self, events: Sequence[Event]) -> None:
        """Pass on what has happened, and its confirmations a moment later."""
        market = self.market
        self._market_data.publish(market, events)
        for event in events:
            if isinstance(event, Traded):
                confirmation = market.confirmation(event)
                asyncio.get_running_loop().call_later(
                    _CONFIRM_S, self._market_data.publish, market, [confirmation]
                )


class LiquidationsPlayer:
    """
    Lets positions be liquidated while somebody watches.

    Parameters
    ----------
    hub : Hub
    interval_s : float
        Between two of them.
    """

    def __init__(self, market_data: MarketData, interval_s: float) -> None:
        self._market_data = market_data
        self._interval_s = interval_s
        self._watched = asyncio.Event()
        self.symbols = [LIQUIDATIONS]

    def watch(self) -> None:
        """Note that somebody has subscribed."""
        self._watched.set()

    async def run(self) -> None:
        """Play for ever."""
        liquidations = self._market_data.liquidations
        while True:
            self._watched.clear()
            await self._watched.wait()
            while self._market_data.is_watched(LIQUIDATIONS):
                await asyncio.sleep(self._interval_s)
                self._market_data.publish(liquidations, liquidations.step(now_mts()))


class CapturePlayer:
    """
    Plays a recording from its beginning, whenever it is told to.

    Parameters
    ----------
    recording : Recording
    hub : Hub
        Gets the recording's markets, now and after each end.
    speed : float
        2 means twice as fast as it was.
    autoplay : bool
        Start with the first subscription to one of the symbols.
    room : callable
        See `RandomPlayer`.
    on_end : callable
        Called with the player when the recording has ended; nobody may listen to them
        afterwards, as the markets begin anew.
    """

    def __init__(
        self,
        recording: Recording,
        market_data: MarketData,
        *,
        speed: float,
        autoplay: bool,
        room: Room,
        on_end: Callable[[CapturePlayer], None],
    ) -> None:
        self._recording = recording
        self._market_data = market_data
        self._speed = speed
        self._autoplay = autoplay
        self._room = room
        self._on_end = on_end
        self._started = asyncio.Event()
        self._markets: dict[str, CapturedMarket] = {}
        self.symbols = list(recording.first)
        self._rewind()

    def watch(self) -> None:
        """Note that somebody has subscribed."""
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
                await self._room()
            burst += 1
            market = self._markets[step.symbol]
            market.clock = step.at
            self._market_data.publish(market, market.apply(step))
            self._tick(step.at)

    def _tick(self, clock: float) -> None:
        for market in self._markets.values():
            market.clock = clock
            self._market_data.tick(market)

    def _rewind(self) -> None:
        for symbol in self.symbols:
            market = self._markets[symbol] = CapturedMarket(self._recording, symbol)
            self._market_data.add(market)
