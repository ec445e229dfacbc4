"""Watches the account of a strategy: its fills, and its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Set, Tuple

from bfxsync.backtest.valuation import Leg, legs_of, rates, value
from bfxsync.paper import PaperExchange
from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.markets.market import Market

if TYPE_CHECKING:
    from bfxsync.paper.server.app import Server


class Observer:
    """
    Collects the fills and the equity of the first account of an exchange.

    Parameters
    ----------
    currency : str
        Of the equity.
    every_s : float
        Interval of the equity curve; each fill adds a point.

    Attributes
    ----------
    fills : list
        Rows of the account's trades, oldest first.
    samples : list of tuple
        Times in ms since 1970, and the equity in units.
    fees : int
        In units of the currency, each at the price of its time.
    next_s : float
        Time of the next point, in seconds since the start.
    """

    def __init__(self, currency: str, every_s: float) -> None:
        self.fills: List[List[Any]] = []
        self.samples: List[Tuple[int, int]] = []
        self.fees: int = 0
        self.unpriced: Set[str] = set()
        self.next_s: float = 0.0
        self._currency = currency
        self._every_s = every_s
        self._points = 0
        self._last_id = 0

    def advance(self, exchange: PaperExchange, until_s: float, is_whole: bool) -> None:
        """
        Advance an exchange to its next message, to the end of the recording, or to a time.

        With `is_whole` messages are no reason to stop.
        """
        advance, look = exchange._thread.advance, self.look
        if is_whole:
            # In one go, as the strategy must see nothing before the end.
            advance(until_s, look, is_whole=True)
            return
        sent, was_finished, now_s = (
            exchange.frames_sent,
            exchange.finished.is_set(),
            -1.0,
        )
        while (
            now_s < until_s
            and exchange.frames_sent == sent
            and exchange.finished.is_set() == was_finished
        ):
            now_s = advance(min(until_s, self.next_s), look)

    def finish(self, exchange: PaperExchange) -> None:
        """Look for the last time."""
        exchange._thread.call(lambda server: self.look(server, is_last=True))

    def look(self, server: Server, *, is_last: bool = False) -> float:
        """Note new fills, and the equity if there are any or it is time; return the time."""
        account = server.registry.accounts[0]
        new: List[List[Any]] = []
        for row in reversed(account.trades):
            if row[0] == self._last_id:
                break
            new.append(row)
        now_s = server.clock.time()
        is_due = now_s >= self.next_s
        if not (new or is_due or is_last):
            return now_s
        while now_s >= self.next_s:
            self._points += 1
            self.next_s = self._points * self._every_s
        known = rates(_prices(server), self._currency)
        if new:
            self._last_id = new[0][0]
            self.fills += reversed(new)
            fees = [(row[10], -round(row[9] * SCALE)) for row in new]
            self.fees += value(fees, known).total
        amounts = [(wallet.currency, wallet.balance) for wallet in account.wallets]
        margin = server.registry.margin
        for position in account.positions.open.values():
            quote = legs_of(position.symbol)[1]
            amounts.append((quote, margin.profit(position)))
        found = value(amounts, known)
        self.unpriced.update(found.unpriced)
        self.samples.append((server.clock.now_mts(), found.total))
        return now_s


def _prices(server: Server) -> Dict[Leg, int]:
    return dict(_each_price(server.markets.values()))


def _each_price(markets: Any) -> Iterator[Tuple[Leg, int]]:
    for market in markets:
        if not market.is_funding:
            yield legs_of(market.symbol), _price(market)


def _price(market: Market) -> int:
    """Return the middle of the book, or else the price of the last trade."""
    depth = market.book.depth("R0")
    bids, asks = depth.side(True), depth.side(False)
    if len(bids) and len(asks):
        return (bids.best().price + asks.best().price) // 2
    return market.last_price
