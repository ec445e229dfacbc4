"""
A market out of a seed: orders come, go and meet, without end.

The same seed and symbol give the same events, at any pace. Prices wander around a fixed middle
and stay within a fifth of it, so that the number of their digits never changes.
"""

from __future__ import annotations

import random
from typing import Callable, NamedTuple

from bfxsync.paper.engine.book import Entry
from bfxsync.paper.markets.bars import MINUTE_MS
from bfxsync.paper.markets.history import History, Recipe
from bfxsync.paper.markets.market import (
    SNAPSHOT_TRADES,
    BookChanged,
    Event,
    Market,
    Traded,
)
from bfxsync.paper.markets.tape import Row
from bfxsync.paper.text import SCALE, to_units

# Fewer levels than this on a side, and the next event adds to it: windows of 100 levels must move.
# More orders than that, and the next event takes the worst away.
_MIN_LEVELS = 130
_START_ORDERS = 260
_MAX_ORDERS = 300
_CONFIRM_KINDS = {"te": "tu", "fte": "ftu"}


RECIPES = {
    recipe.symbol: recipe
    for recipe in (
        Recipe("tBTCUSD", to_units(64_250), to_units(1), 0.2),
        Recipe("tETHUSD", to_units(2_480), to_units(0.1), 2.0),
        Recipe("tLTCBTC", to_units(0.00214), to_units(1e-7), 8.0, emptiness=0.4),
        Recipe(
            "fUSD",
            to_units(0.00021),
            to_units(1e-8),
            5_000.0,
            (2, 7, 14, 30, 120),
            emptiness=0.6,
        ),
        Recipe("tBTCF0:USTF0", to_units(64_260), to_units(1), 0.1),
        Recipe("tETHF0:USTF0", to_units(2_481), to_units(0.1), 1.0, emptiness=0.3),
    )
}
# The trades of the first snapshot lie this long before the start, or less.
_EARLY_MS = 30_000
# The market's own orders are never further from the middle, as a part of it.
_WIDEST = 0.25
# So many orders one of the market's own meets at most.
_MOST_MET = 3


class Fill(NamedTuple):
    """What an order got from one that was in the book."""

    amount: int
    price: int
    row: Row


class RandomMarket(Market):
    """
    A market without end.

    Parameters
    ----------
    recipe : Recipe
    seed : int
    mts : int
        When it begins; the trades of its first snapshot lie before, and its history before them.

    Attributes
    ----------
    guests : dict
        By order id, those in the book that are not the market's own: it never cancels them. Each
        is called with the amount that somebody took, and with the row of that trade, before the
        next one is met; it may take others out of the book.
    """

    def __init__(self, recipe: Recipe, seed: int, mts: int) -> None:
        begin = (mts - _EARLY_MS) // MINUTE_MS
        super().__init__(recipe.symbol, History(recipe, seed, begin))
        self._recipe = recipe
        # A text as seed is hashed the same way in every process.
        self._random = random.Random(f"{seed} {recipe.symbol}")
        self.guests: dict[int, Callable[[int, Row], None]] = {}
        self._fair = float(recipe.middle)
        self._next_order_id = 190_000_000_000 + self._random.randrange(10**9)
        self._next_trade_id = 1_700_000_000 + self._random.randrange(10**7)
        for is_bid in (True, False):
            levels, orders = (
                self.book.depth(prec).side(is_bid) for prec in ("P0", "R0")
            )
            while len(levels) < _MIN_LEVELS or len(orders) < _START_ORDERS:
                self._place(mts, is_bid)
        while len(self.trades) < SNAPSHOT_TRADES:
            self.step(
                mts
                - _EARLY_MS * (SNAPSHOT_TRADES - len(self.trades)) // SNAPSHOT_TRADES
            )

    def step(self, mts: int) -> list[Event]:
        """Let one thing happen, at a time in ms, and say what it was."""
        self._drift()
        depth = self.book.depth("P0")
        raw = self.book.depth("R0")
        for is_bid in (True, False):
            if len(depth.side(is_bid)) < _MIN_LEVELS:
                return self._place(mts, is_bid)
            if len(raw.side(is_bid)) > _MAX_ORDERS + len(self.guests):
                self._cancel_worst(is_bid)
                return [BookChanged()]
        what = self._random.random()
        if what < 0.12:
            return self._cross(mts)
        if what < 0.62:
            return self._place(mts, self._random.random() < 0.5)
        self._cancel()
        return [BookChanged()]

    def confirmation(self, trade: Traded) -> Traded:
        """Return what follows a trade: the same row as `tu`, or `ftu`."""
        return Traded(_CONFIRM_KINDS[trade.kind], trade.row)

    def take(
        self,
        mts: int,
        is_buy: bool,
        amount: int,
        limit: int | None = None,
        most: int | None = None,
    ) -> tuple[list[Event], list[Fill]]:
        """
        Let an order meet the best of the other side.

        Parameters
        ----------
        amount : int
            Without sign.
        limit : int, optional
            The worst price.
        most : int, optional
            How many orders it meets at most.

        Returns
        -------
        events : list
            The trades; that the book has changed is not among them.
        met : list of Met
        """
        makers = self.book.depth("R0").side(not is_buy)
        events: list[Event] = []
        met: list[Fill] = []
        while amount and len(makers) and len(met) != most:
            maker = makers.best()
            price = maker.price
            if limit is not None and (price > limit if is_buy else price < limit):
                break
            part = min(amount, maker.amount)
            if part == maker.amount:
                self.book.remove(maker.order_id)
            else:
                self.book.put(not is_buy, maker._replace(amount=maker.amount - part))
            trade = self._trade(mts, is_buy, part, maker)
            events.append(trade)
            met.append(Fill(part, price, trade.row))
            amount -= part
            guest = self.guests.get(maker.order_id)
            if guest is not None:
                guest(part, trade.row)
        return events, met

    def _drift(self) -> None:
        middle = self._recipe.middle
        self._fair += self._random.gauss(0, 1) * self._recipe.tick
        self._fair += (middle - self._fair) * 1e-5
        self._fair = min(max(self._fair, 0.8 * middle), 1.2 * middle)

    def _amount(self) -> int:
        """An amount with eight places, never zero."""
        amount = self._random.lognormvariate(0, 1) * self._recipe.amount
        return max(int(amount * 10**8), 1) * (SCALE // 10**8)

    def _place(self, mts: int, is_bid: bool) -> list[Event]:
        """
        Add an order near the fair price, but not one that would meet another.

        Where a guest leaves no room for that within the market's bounds, it is met.
        """
        recipe = self._recipe
        distance = int(self._random.expovariate(1 / 120)) + 1
        ticks = round(self._fair / recipe.tick) + (-distance if is_bid else distance)
        price = ticks * recipe.tick
        opposite = self.book.depth("R0").side(not is_bid)
        if len(opposite):
            limit = opposite.best().price
            bound = limit - recipe.tick if is_bid else limit + recipe.tick
            price = min(price, bound) if is_bid else max(price, bound)
            if abs(price - recipe.middle) > recipe.middle * _WIDEST:
                return self._meet(mts, is_bid)
        period = self._random.choice(recipe.periods)
        self.book.put(
            is_bid, Entry(price, period, 1, self._amount(), self._next_order_id)
        )
        self._next_order_id += self._random.randrange(1, 50)
        return [BookChanged()]

    def _cancel(self) -> None:
        mine = tuple(self.book.orders)
        if self.guests:
            mine = tuple(id for id in mine if id not in self.guests)
        if mine:
            self.book.remove(self._random.choice(mine))

    def _cancel_worst(self, is_bid: bool) -> None:
        side = self.book.depth("R0").side(is_bid)
        *_, worst = (entry for entry in side if entry.order_id not in self.guests)
        self.book.remove(worst.order_id)

    def _cross(self, mts: int) -> list[Event]:
        """Let an order come that takes from the best of the other side, three orders at most."""
        is_buy = self._random.random() < 0.5
        # Towards the fair price more often than away from it.
        bid, ask = (ladder.best().price for ladder in self.book.depth("R0"))
        if self._random.random() < 0.5:
            is_buy = 2 * self._fair > bid + ask
        return self._meet(mts, is_buy)

    def _meet(self, mts: int, is_buy: bool) -> list[Event]:
        events, _ = self.take(mts, is_buy, self._amount(), most=_MOST_MET)
        events.append(BookChanged())
        return events

    def _trade(self, mts: int, is_buy: bool, amount: int, maker: Entry) -> Traded:
        # Who buys a currency's use takes funding, and that has the minus sign there.
        sign = 1 if is_buy != self.is_funding else -1
        row = [self._next_trade_id, mts, sign * amount / SCALE, maker.price / SCALE]
        if self.is_funding:
            row.append(maker.period)
        self._next_trade_id += self._random.randrange(1, 4)
        self.record(row)
        return Traded("fte" if self.is_funding else "te", row)
