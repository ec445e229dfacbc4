"""
A simulated market: orders are placed, cancelled and matched, without end.

The same seed and symbol give the same events, at any rate. Prices wander around a fixed middle
and stay within a fifth of it, so that the number of their digits never changes.
"""

from __future__ import annotations

import random
from typing import Iterable

from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.match import match
from bfxsync.paper.engine.units import SCALE, Row, to_units
from bfxsync.paper.engine.venue import OnFill
from bfxsync.paper.markets.bars import MINUTE_MS
from bfxsync.paper.markets.history import History, Recipe
from bfxsync.paper.markets.market import (
    SNAPSHOT_TRADES,
    BookChanged,
    Event,
    Market,
    Traded,
)

# With fewer levels on a side the next event adds one, since windows of 100 levels must move; with
# more orders it cancels the worst.
_MIN_LEVELS = 130
_START_ORDERS = 260
_MAX_ORDERS = 300


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
# The trades of the first snapshot are from so long before the start.
_EARLY_MS = 30_000
# The largest distance of the market's own orders from the middle, as a ratio.
_WIDEST = 0.25
# The most orders that one of the market's own matches.
_MAX_FILLS = 3


class RandomMarket(Market):
    """
    A market that makes its own events.

    Parameters
    ----------
    mts : int
        When it begins; the trades of its first snapshot are before, and its history before them.

    Attributes
    ----------
    account_orders : dict of OnFill
        See `TradedMarket`. The market never cancels them.
    """

    def __init__(self, recipe: Recipe, seed: int, mts: int) -> None:
        begin = (mts - _EARLY_MS) // MINUTE_MS
        super().__init__(recipe.symbol, History(recipe, seed, begin))
        self._recipe = recipe
        # Text seeds are hashed alike in all processes.
        self._random = random.Random(f"{seed} {recipe.symbol}")
        self.shows_orders: bool = True
        self.account_orders: dict[int, OnFill] = {}
        self._fair = float(recipe.middle)
        self._next_order_id = 190_000_000_000 + self._random.randrange(10**9)
        self._next_trade_id = 1_700_000_000 + self._random.randrange(10**7)
        self._fill_up(mts)
        while len(self.trades) < SNAPSHOT_TRADES:
            missing = SNAPSHOT_TRADES - len(self.trades)
            self.step(mts - _EARLY_MS * missing // SNAPSHOT_TRADES)

    def step(self, mts: int) -> list[Event]:
        """Advance by one event at a time in ms, and return what happened."""
        self._drift()
        depth = self.book.depth("P0")
        raw = self.book.depth("R0")
        for is_bid in (True, False):
            if len(depth.side(is_bid)) < _MIN_LEVELS:
                return self._place(mts, is_bid)
            if len(raw.side(is_bid)) > _MAX_ORDERS + len(self.account_orders):
                self._cancel_worst(is_bid)
                return [BookChanged()]
        what = self._random.random()
        if what < 0.12:
            return self._cross(mts)
        if what < 0.62:
            return self._place(mts, self._random.random() < 0.5)
        self._cancel()
        return [BookChanged()]

    def trade_event(self, row: Row, kind: str = "te") -> Traded:
        """Return the event of a trade, or with ``tu`` of its confirmation."""
        return Traded(f"f{kind}" if self.is_funding else kind, row)

    def offers(self, is_buy: bool, is_resting: bool = False) -> Iterable[Entry]:
        """Return the other side of the book, best price first."""
        return self.book.depth("R0").side(not is_buy)

    def trade(self, mts: int, is_buy: bool, part: Entry) -> Row:
        """Trade with a part of a resting order, and return the row of the trade."""
        self.withdraw(is_buy, part)
        return self._trade(mts, is_buy, part.amount, part)

    def withdraw(self, is_buy: bool, part: Entry) -> None:
        maker = self.book.orders[part.order_id][1]
        if part.amount == maker.amount:
            self.book.remove_order(maker.order_id)
        else:
            rest = maker._replace(amount=maker.amount - part.amount)
            self.book.set_order(not is_buy, rest)

    def make_room(self, mts: int) -> None:
        held: dict[bool, list[int]] = {True: [], False: []}
        for id in self.account_orders:
            is_bid, entry = self.book.orders[id]
            held[is_bid].append(entry.price)
        highest_bid, lowest_ask = max(held[True], default=0), min(
            held[False], default=None
        )
        for id, (is_bid, entry) in list(self.book.orders.items()):
            if is_bid:
                crosses = lowest_ask is not None and entry.price >= lowest_ask
            else:
                crosses = entry.price <= highest_bid
            if crosses and id not in self.account_orders:
                self.book.remove_order(id)
        self._fill_up(mts)

    def continue_trade_ids(self, last_id: int) -> None:
        self._next_trade_id = max(self._next_trade_id, last_id + 1)

    def _fill_up(self, mts: int) -> None:
        """Place orders until both sides have as many as at the beginning."""
        for is_bid in (True, False):
            levels, orders = (
                self.book.depth(prec).side(is_bid) for prec in ("P0", "R0")
            )
            while len(levels) < _MIN_LEVELS or len(orders) < _START_ORDERS:
                self._place(mts, is_bid)

    def _drift(self) -> None:
        middle = self._recipe.middle
        self._fair += self._random.gauss(0, 1) * self._recipe.tick
        self._fair += (middle - self._fair) * 1e-5
        self._fair = min(max(self._fair, 0.8 * middle), 1.2 * middle)

    def _amount(self) -> int:
        """A random amount with eight decimal places, never zero."""
        amount = self._random.lognormvariate(0, 1) * self._recipe.amount
        return max(int(amount * 10**8), 1) * (SCALE // 10**8)

    def _place(self, mts: int, is_bid: bool) -> list[Event]:
        """
        Add an order near the fair price that does not cross the book.

        Where an order of an account leaves no room for that within the market's bounds, match it.
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
                return self._take_liquidity(mts, is_bid)
        period = self._random.choice(recipe.periods)
        self.book.set_order(
            is_bid, Entry(price, period, 1, self._amount(), self._next_order_id)
        )
        self._next_order_id += self._random.randrange(1, 50)
        return [BookChanged()]

    def _cancel(self) -> None:
        mine = tuple(self.book.orders)
        if self.account_orders:
            mine = tuple(id for id in mine if id not in self.account_orders)
        if mine:
            self.book.remove_order(self._random.choice(mine))

    def _cancel_worst(self, is_bid: bool) -> None:
        side = self.book.depth("R0").side(is_bid)
        *_, worst = (
            entry for entry in side if entry.order_id not in self.account_orders
        )
        self.book.remove_order(worst.order_id)

    def _cross(self, mts: int) -> list[Event]:
        """Match an order with up to `_MAX_FILLS` orders of the other side."""
        is_buy = self._random.random() < 0.5
        # Towards the fair price more often than away from it.
        bid, ask = (ladder.best().price for ladder in self.book.depth("R0"))
        if self._random.random() < 0.5:
            is_buy = 2 * self._fair > bid + ask
        return self._take_liquidity(mts, is_buy)

    def _take_liquidity(self, mts: int, is_buy: bool) -> list[Event]:
        amount = self._amount() if is_buy else -self._amount()
        fills = match(self, mts, amount, max_fills=_MAX_FILLS)
        return [*(self.trade_event(fill.row) for fill in fills), BookChanged()]

    def _trade(self, mts: int, is_buy: bool, amount: int, maker: Entry) -> Row:
        # The buyer of funding is the borrower, whose trades are negative.
        sign = 1 if is_buy != self.is_funding else -1
        price = maker.price / SCALE
        row: Row = [self._next_trade_id, mts, sign * amount / SCALE, price]
        if self.is_funding:
            row.append(maker.period)
        self._next_trade_id += self._random.randrange(1, 4)
        self.record(row)
        return row
