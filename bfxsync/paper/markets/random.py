"""
A simulated market: orders are placed, moved, changed, cancelled and matched, without end.

Its traders quote around the fair price, withdraw orders that the fair price has passed or trade
with them, and have the sizes, distances and ratios of a recorded market (`recipes`). The same seed,
symbol and times give the same events.
"""

from __future__ import annotations

import math
import random
from itertools import islice
from typing import Iterable

from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.match import match
from bfxsync.paper.engine.units import SCALE, Row, to_units
from bfxsync.paper.engine.venue import OnFill
from bfxsync.paper.markets.bars import MINUTE_MS
from bfxsync.paper.markets.history import History
from bfxsync.paper.markets.market import (
    SNAPSHOT_TRADES,
    BookChanged,
    Event,
    Market,
    Traded,
)
from bfxsync.paper.markets.recipes import Recipe
from bfxsync.paper.markets.values import FairPrice, Values

# With fewer levels on a side the next event adds one, since windows of 100 levels must move; with
# more orders it cancels the worst.
_MIN_LEVELS = 130
_START_ORDERS = 260
# Closer together, the same number of orders would have fewer levels.
_MIN_DEPTH = 90
# Quotes are withdrawn when their distance from the fair price falls below this fraction of the
# initial one.
_SLACK = 0.5
_MAX_ORDERS = 300
# Maximum distance of the market's own orders from the middle, as a ratio.
_WIDEST = 0.25
# Maximum number of orders that an order of the market matches.
_MAX_FILLS = 3


class RandomMarket(Market):
    """
    A market that generates its own events.

    Parameters
    ----------
    mts : int
        Start of the market; its history is earlier.
    values : Values, optional
        Values shared by all markets; default: its own.
    trade_ratio : float, optional
        Ratio of events that are trades; default: as in the recipe.

    Attributes
    ----------
    account_orders : dict of OnFill
        See `TradedMarket`. The market never cancels them.
    """

    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        mts: int,
        values: Values | None = None,
        trade_ratio: float | None = None,
    ) -> None:
        values = Values(seed, mts) if values is None else values
        self._history = History(recipe, seed, mts // MINUTE_MS, values)
        super().__init__(recipe.symbol, self._history)
        self._recipe = recipe
        traffic = recipe.traffic
        self._trade_ratio = traffic.trade_ratio if trade_ratio is None else trade_ratio
        self._half_spread = max(recipe.ticks(traffic.spread_bps) - 1, 0) / 2
        # The mean of an exponential distribution with that median.
        self._depth = max(recipe.ticks(traffic.depth_bps) / math.log(2), _MIN_DEPTH)
        self._order_amount = recipe.amount(traffic.order_usd)
        self._trade_amount = recipe.amount(traffic.trade_usd)
        # Text seeds are hashed alike in all processes.
        self._random = random.Random(f"{seed} {recipe.symbol}")
        self.shows_orders: bool = True
        self.account_orders: dict[int, OnFill] = {}
        self._fair_price = FairPrice(recipe, values)
        self._next_order_id = 190_000_000_000 + self._random.randrange(10**9)
        self._next_trade_id = 1_700_000_000 + self._random.randrange(10**7)
        self._open(mts)

    def step(self, mts: int) -> list[Event]:
        """Advance by one event, at a time in ms, and return the resulting events."""
        self._advance(mts // MINUTE_MS)
        self._fair = self._fair_price.at(mts)
        depth = self.book.depth("P0")
        raw = self.book.depth("R0")
        for is_bid in (True, False):
            if len(depth.side(is_bid)) < _MIN_LEVELS:
                return self._place(mts, is_bid, self._random.randrange(2 * _MIN_LEVELS))
            if len(raw.side(is_bid)) > _MAX_ORDERS + len(self.account_orders):
                self._cancel_worst(is_bid)
                return [BookChanged()]
        chance, traffic = self._random.random, self._recipe.traffic
        for is_bid in (True, False):
            if self._is_behind(raw.side(is_bid).best(), is_bid):
                return self._follow(mts, is_bid)
        if chance() < self._trade_ratio:
            return self._cross(mts)
        if chance() < traffic.change_ratio:
            return self._change()
        events: list[Event] = []
        for _ in range(traffic.moves):
            self._cancel()
            events = self._place(mts, chance() < 0.5)
        return events

    def skip(self, last_mts: int, mts: int) -> None:
        """
        Continue after a time without subscribers, and skip the events of that time.

        The trades and candles of its whole minutes are those of a history; the book is a new one.
        """
        end = mts // MINUTE_MS
        begin = min(last_mts // MINUTE_MS + 1, end)
        begin = max(begin, self._history.end)
        self._next_trade_id = max(
            self._next_trade_id, self._history.add(begin, end, self._next_trade_id)
        )
        for order_id in tuple(self.book.orders):
            self.book.remove_order(order_id)
        self._open(mts)

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
        highest_bid, lowest_ask = (
            max(held[True], default=0),
            min(held[False], default=None),
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
        """Place orders until both sides have as many levels as at the beginning."""
        for is_bid in (True, False):
            levels, orders = (
                self.book.depth(prec).side(is_bid) for prec in ("P0", "R0")
            )
            while len(orders) < _START_ORDERS:
                self._place(mts, is_bid)
            while len(levels) < _MIN_LEVELS:
                self._place(mts, is_bid, self._random.randrange(2 * _MIN_LEVELS))

    def _open(self, mts: int) -> None:
        """Fill the empty book, and take the last trades and the last price from the tape."""
        self._fair = self._fair_price.at(mts)
        self._fill_up(mts)
        newest = list(islice(self.tape.rows(), SNAPSHOT_TRADES))
        self.trades.clear()
        self.trades.extend(newest)
        self._last = to_units(newest[0][3])
        self._flash_return_rate = self._average_rate()
        self._advance(mts // MINUTE_MS)

    def _amount(self, median: float, sigma: float) -> int:
        """A random amount with eight decimal places, never zero."""
        amount = median * self._random.lognormvariate(0, sigma)
        return max(int(amount * 10**8), 1) * (SCALE // 10**8)

    def _new_order_amount(self) -> int:
        return self._amount(self._order_amount, self._recipe.traffic.order_sigma)

    def _new_trade_amount(self) -> int:
        return self._amount(self._trade_amount, self._recipe.traffic.trade_sigma)

    def _quote(self, is_bid: bool) -> int:
        """Return the best price, in ticks, at which an order may be placed."""
        if is_bid:
            return math.floor(self._fair - self._half_spread)
        return math.floor(self._fair + self._half_spread) + 1

    def _place(
        self, mts: int, is_bid: bool, distance: int | None = None
    ) -> list[Event]:
        """
        Add an order at a distance from the best quote, in ticks, that does not cross the book.

        If an order of an account leaves no room for that within the market's bounds, match that
        order.
        """
        recipe = self._recipe
        if distance is None:
            distance = self._new_distance(is_bid)
        price = self._quote(is_bid) * recipe.tick
        opposite = self.book.depth("R0").side(not is_bid)
        if len(opposite):
            limit = opposite.best().price
            bound = limit - recipe.tick if is_bid else limit + recipe.tick
            price = min(price, bound) if is_bid else max(price, bound)
        price += (-distance if is_bid else distance) * recipe.tick
        if abs(price - recipe.middle) > recipe.middle * _WIDEST and len(opposite):
            return self._take_liquidity(mts, is_bid)
        period = self._random.choice(recipe.periods)
        amount = self._new_order_amount()
        self.book.set_order(
            is_bid, Entry(price, period, 1, amount, self._next_order_id)
        )
        self._next_order_id += self._random.randrange(1, 50)
        return [BookChanged()]

    def _new_distance(self, is_bid: bool) -> int:
        distance = int(self._random.expovariate(1) * self._depth)
        side = self.book.depth("R0").side(is_bid)
        if len(side):
            # A gap at the best price is soon filled.
            best = side.best().price // self._recipe.tick
            gap = self._quote(is_bid) - best if is_bid else best - self._quote(is_bid)
            if gap > 0 and self._random.random() < 0.5:
                return self._random.randrange(gap)
        return distance

    def _is_behind(self, best: Entry, is_bid: bool) -> bool:
        """Return whether the best order of a side is too near to the fair price, or beyond it."""
        slack = 0.0
        if best.order_id not in self.account_orders:
            slack = self._half_spread * _SLACK
        price = best.price / self._recipe.tick
        return price > self._fair - slack if is_bid else price < self._fair + slack

    def _follow(self, mts: int, is_bid: bool) -> list[Event]:
        """Withdraw the orders that the fair price has left behind, or trade with them."""
        side = self.book.depth("R0").side(is_bid)
        if (
            side.best().order_id in self.account_orders
            or self._random.random() < self._trade_ratio
        ):
            return self._take_liquidity(mts, not is_bid)
        distance: int | None = 0
        while len(side):
            best = side.best()
            if best.order_id in self.account_orders:
                break
            if not self._is_behind(best, is_bid):
                break
            self.book.remove_order(best.order_id)
            self._place(mts, is_bid, distance)
            distance = None
        return [BookChanged()]

    def _change(self) -> list[Event]:
        """Change the amount of an order."""
        order_id = self._choose()
        if order_id is not None:
            is_bid, order = self.book.orders[order_id]
            amount = self._new_order_amount()
            self.book.set_order(is_bid, order._replace(amount=amount))
        return [BookChanged()]

    def _cancel(self) -> None:
        order_id = self._choose()
        if order_id is not None:
            self.book.remove_order(order_id)

    def _choose(self) -> int | None:
        """Return the id of a random order of the market itself, if there is one."""
        mine = tuple(self.book.orders)
        if self.account_orders:
            mine = tuple(id for id in mine if id not in self.account_orders)
        return self._random.choice(mine) if mine else None

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
            is_buy = 2 * self._fair * self._recipe.tick > bid + ask
        return self._take_liquidity(mts, is_buy)

    def _take_liquidity(self, mts: int, is_buy: bool) -> list[Event]:
        amount = self._new_trade_amount()
        fills = match(self, mts, amount if is_buy else -amount, max_fills=_MAX_FILLS)
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
