"""A recording that a test plays step by step."""

from __future__ import annotations

from typing import Any

from bfxsync.paper import PaperExchange
from bfxsync.paper.markets.captured import load
from bfxsync.paper.markets.market import Traded


class Stepping:
    """
    The steps of a recording that an exchange has and does not play itself.

    Time in the market is that of the recording and goes on with the steps alone, so the same
    steps make the same frames.

    Parameters
    ----------
    exchange : PaperExchange
        With this capture and ``autoplay=False``.
    name : str
        Of the capture.

    Attributes
    ----------
    trade_ids : list of int
        Of all trades so far, in the order in which they were executed.
    """

    def __init__(self, exchange: PaperExchange, name: str) -> None:
        self._exchange = exchange
        self._steps = load(name).steps
        self._next = 0
        self.trade_ids: list[int] = []

    @property
    def left(self) -> int:
        """The number of remaining steps."""
        return len(self._steps) - self._next

    def step(self, count: int) -> None:
        """Publish the next steps; their frames are in transit when this returns."""
        steps = self._steps[self._next : self._next + count]
        self._next += len(steps)

        def publish(server: Any) -> None:
            market_data = server._market_data
            for step in steps:
                market = market_data.markets[step.symbol]
                market.clock = step.at
                events = market.apply(step)
                self.trade_ids += [
                    event.row[0]
                    for event in events
                    if isinstance(event, Traded) and event.kind == "te"
                ]
                market_data.publish(market, events)
                market_data.tick(market)

        self._exchange._thread.call(publish)

    def play_for(self, seconds: float) -> None:
        """Publish the steps of so many seconds of market time."""
        end = self._steps[self._next].at + seconds
        later = (n for n, step in enumerate(self._steps) if step.at > end)
        self.step(next(later, len(self._steps)) - self._next)

    def channels(self) -> tuple[int, set[Any]]:
        """Return the flags and subscriptions of the newest connection."""

        def look(server: Any) -> tuple[int, set[Any]]:
            session = list(server.connections.values())[-1]
            found = {channel.identity for channel in session.channels.values()}
            return session.frames.flags, found

        return self._exchange._thread.call(look)
