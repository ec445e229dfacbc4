"""
Players advance markets by the clock of the exchange.

A player publishes in timers of the clock, which waits until the clients have read, so no data
accumulates at any speed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Callable, Sequence

from bfxsync.paper.engine.venue import Fill
from bfxsync.paper.markets.bars import MINUTE_MS
from bfxsync.paper.markets.captured import CapturedMarket
from bfxsync.paper.markets.market import BookChanged, Event, Traded
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import LIVELY_TRADE_RATIO, Recipe
from bfxsync.paper.markets.recordings import Recording
from bfxsync.paper.markets.status import LIQUIDATIONS
from bfxsync.paper.markets.values import Values
from bfxsync.paper.server.clock import Clock
from bfxsync.paper.server.market_data import MarketData

_CONFIRM_S = 0.05
"""Delay of the confirmation of a trade in a random market."""
_TICK_S = 0.1
"""Maximum interval between two checks for due data in a quiet market."""
_MAX_MISSED = 200
"""Maximum number of missed events that a market without subscribers catches up one by one."""


class Player(ABC):
    """Base class: advances markets while they are in use."""

    def __init__(self, market_data: MarketData, symbols: Sequence[str]) -> None:
        self.symbols = symbols
        self._market_data = market_data

    @abstractmethod
    def watch(self) -> None:
        """Handle a new subscription."""


class RandomPlayer(Player):
    """
    Advances a random market while it has subscribers or open orders.

    Other markets are advanced when they are accessed: by the missed events or, if these are many,
    by a generated history.

    Parameters
    ----------
    rate : float, optional
        Events per second, many of them trades; by default as in the recipe.
    """

    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        values: Values,
        market_data: MarketData,
        rate: float | None,
        clock: Clock,
    ) -> None:
        super().__init__(market_data, [recipe.symbol])
        self._recipe = recipe
        self._seed = seed
        self._values = values
        self._interval = 1 / (recipe.traffic.rate if rate is None else rate)
        self._trade_ratio = None if rate is None else LIVELY_TRADE_RATIO
        self._clock = clock
        self._has_orders = False
        self._is_playing = False
        self._market: RandomMarket | None = None
        # When its next event is due.
        self._due = self._interval
        market_data.add_later(recipe.symbol, lambda: self.market)

    @property
    def market(self) -> RandomMarket:
        """The market in its current state; created on first use."""
        market = self._market
        if market is None:
            market = self._market = RandomMarket(
                self._recipe,
                self._seed,
                self._values.begin_mts,
                self._values,
                self._trade_ratio,
            )
        if not self._is_playing:
            self._catch_up(market)
        return market

    def watch(self) -> None:
        if not self._is_playing:
            self._catch_up(self.market)
            self._is_playing = True
            self._schedule()

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None:
        """Publish trades with orders of accounts, and the change of the book."""
        trades = [self.market.trade_event(fill.row) for fill in fills]
        self._publish([*trades, BookChanged()])

    def set_active(self, is_active: bool) -> None:
        """Keep the market moving while accounts have open orders."""
        self._has_orders = is_active
        if is_active:
            self.watch()

    def _catch_up(self, market: RandomMarket) -> None:
        """Advance a market that had no subscribers."""
        now = self._clock.time()
        missed = int((now - self._due) / self._interval) + 1
        if missed > _MAX_MISSED:
            # Not before the minute that has begun, as earlier ones get a history.
            minute = self._mts(now) // MINUTE_MS * MINUTE_MS
            begin = now - _MAX_MISSED * self._interval
            mts = max(self._mts(begin), minute)
            market.skip(self._mts(self._due - self._interval), mts)
            self._due = max(begin, now - (self._mts(now) - mts) / 1000)
        while self._due <= now:
            market.step(self._mts(self._due))
            self._due += self._interval
        market.clock = now

    def _mts(self, time: float) -> int:
        """Return the time in ms of a time of the clock."""
        return self._clock.now_mts() - int((self._clock.time() - time) * 1000)

    def _schedule(self) -> None:
        due = min(self._due, self._clock.time() + _TICK_S)
        self._clock.call_at(due, self._play)

    def _play(self) -> None:
        if not (self._has_orders or self._market_data.is_watched(self._recipe.symbol)):
            self._is_playing = False
            return
        market = self.market
        now = market.clock = self._clock.time()
        if self._due <= now:
            self._publish(market.step(self._clock.now_mts()))
            self._due += self._interval
        self._market_data.tick(market)
        self._schedule()

    def _publish(self, events: Sequence[Event]) -> None:
        """Publish events, and shortly afterwards the confirmations of trades."""
        market, publish = self.market, self._market_data.publish
        publish(market, events)
        for event in events:
            if isinstance(event, Traded):
                confirmed = [market.trade_event(event.row, "tu")]
                self._clock.call_later(_CONFIRM_S, partial(publish, market, confirmed))


class LiquidationsPlayer(Player):
    """Liquidates positions at an interval while the channel has subscribers."""

    def __init__(
        self, market_data: MarketData, interval_s: float, clock: Clock
    ) -> None:
        super().__init__(market_data, [LIQUIDATIONS])
        self._interval_s = interval_s
        self._clock = clock
        self._is_playing = False

    def watch(self) -> None:
        if not self._is_playing:
            self._is_playing = True
            self._clock.call_later(self._interval_s, self._play)

    def _play(self) -> None:
        self._is_playing = self._market_data.is_watched(LIQUIDATIONS)
        if self._is_playing:
            liquidations = self._market_data.liquidations
            events = liquidations.step(self._clock.now_mts())
            self._market_data.publish(liquidations, events)
            self._clock.call_later(self._interval_s, self._play)


class CapturePlayer(Player):
    """
    Plays a recording from its beginning, each time it is started.

    Its markets are replaced by new ones after each end, or before the next start.

    Parameters
    ----------
    speed : float
        Speed in real time; exceeds the clock of the exchange only above its maximum speed.
    restart_at_end : bool
        Whether to disconnect the subscribers at the end, instead of before the next start.
    disconnect : callable
        Called with the player; must unsubscribe all subscribers of its markets.
    on_end : callable
        Called with the player at the end of the recording.
    """

    def __init__(
        self,
        recording: Recording,
        market_data: MarketData,
        *,
        speed: float,
        autoplay: bool,
        restart_at_end: bool,
        clock: Clock,
        disconnect: Callable[[CapturePlayer], None],
        on_end: Callable[[CapturePlayer], None],
    ) -> None:
        super().__init__(market_data, list(recording.first))
        self._recording = recording
        self._speed = speed / clock.speed
        self._autoplay = autoplay
        self._restart_at_end = restart_at_end
        self._clock = clock
        self._disconnect = disconnect
        self._on_end = on_end
        self._markets: dict[str, CapturedMarket] = {}
        self._is_playing = False
        # Whether its markets are those of the end.
        self._is_over = False
        self._begin = 0.0
        self._next = 0
        self._rewind()

    def watch(self) -> None:
        if self._autoplay and not self._is_over:
            self.play()

    def market(self, symbol: str) -> CapturedMarket:
        """Return the current market; after the end of the recording it is a new one."""
        return self._markets[symbol]

    def play(self) -> None:
        """Start, unless it is playing."""
        if not self._is_playing:
            if self._is_over:
                self._restart()
            self._is_playing = True
            self._begin = self._clock.time()
            self._next = 0
            self._schedule()

    def _restart(self) -> None:
        self._is_over = False
        self._disconnect(self)
        self._rewind()

    def _schedule(self) -> None:
        steps = self._recording.steps
        if self._next < len(steps):
            at = self._begin + steps[self._next].at / self._speed
            at = min(at, self._clock.time() + _TICK_S / self._speed)
        else:
            at = self._clock.time()
        self._clock.call_at(at, self._play)

    def _play(self) -> None:
        steps = self._recording.steps
        if self._next == len(steps):
            self._is_playing = False
            self._is_over = True
            if self._restart_at_end:
                self._restart()
            self._on_end(self)
            return
        step = steps[self._next]
        now = self._clock.time()
        if self._begin + step.at / self._speed > now:
            self._tick((now - self._begin) * self._speed)
        else:
            self._next += 1
            market = self._markets[step.symbol]
            market.clock = step.at
            self._market_data.publish(market, market.apply(step))
            market.end_step()
            self._tick(step.at)
        self._schedule()

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
    """A recorded market for the orders of accounts, which do not change the published data."""

    def __init__(self, player: CapturePlayer, symbol: str) -> None:
        self._player = player
        self._symbol = symbol

    @property
    def market(self) -> CapturedMarket:
        """The current market."""
        return self._player.market(self._symbol)

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None:
        """Publish nothing, as subscribers get the recorded data only."""

    def set_active(self, is_active: bool) -> None:
        """Start the recording, as a subscription does, while accounts have open orders."""
        if is_active:
            self._player.watch()
