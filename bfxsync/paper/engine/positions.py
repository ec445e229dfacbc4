"""
Margin and derivative positions of an account.

The cost of a position is the amount paid to open it. Closing a part realizes that part of the cost;
the difference from the proceeds is profit or loss.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Iterable

import attrs

from bfxsync.paper.engine.amounts import QUANTUM, cost, cost_at_most
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.engine.wallets import KEPT

MARGIN_PER_CENT = 20
"""Required margin of a margin position; of a derivative it is the value over the leverage."""
HIGHEST_LEVERAGE = 100
"""Of a derivative: its collateral is never less than one divided by it."""


@attrs.define(eq=False)
class EnginePosition:
    """
    A position.

    Attributes
    ----------
    amount : int
        Negative if short.
    cost : int
        Amount paid or received for the open amount; never negative.
    base_price : float
        Average entry price; stays after the position is closed.
    lev : int or None
        None on margin.
    funding : int
        The borrowed part of the cost.
    only_fixed : bool
        Whether the position borrows at fixed rates only.
    collateral : int or None
        Of a derivative, if it was set; by default the leverage decides.
    cause : dict
        Its last change, for the meta of its row.
    """

    id: int
    symbol: str
    mts_create: int
    mts_update: int
    lev: int | None = None
    amount: int = 0
    cost: int = 0
    base_price: float = 0.0
    funding: int = 0
    only_fixed: bool = False
    collateral: int | None = None
    cause: dict[str, Any] = attrs.field(factory=lambda: {"reason": "TRADE"})

    @property
    def margin(self) -> int:
        """The margin that it requires; of a derivative its collateral."""
        if self.collateral is not None:
            return self.collateral
        return required_margin(self.cost, self.lev)

    def cost_of(self, amount: int) -> int:
        """Return the share of the cost that an amount, at most the whole position, has."""
        whole = abs(self.amount)
        if amount == whole:
            return self.cost
        return self.cost * amount // whole // QUANTUM * QUANTUM

    def profit(self, price: int) -> int:
        """Return the profit or loss of closing the position at a price."""
        value = cost(abs(self.amount), price)
        return value - self.cost if self.amount > 0 else self.cost - value

    def row(
        self,
        price: int | None = None,
        liquidation_price: float | None = None,
        leverage: float | None = None,
    ) -> Row:
        """Return the row of the position, as sent; the profit is included if a price is given."""
        status = "ACTIVE" if self.amount else "CLOSED"
        profit = ratio = None
        if price is not None and self.cost:
            profit = self.profit(price) / SCALE
            ratio = round(self.profit(price) / self.cost, 8)
        collateral: list[float | None] = [None, None]
        if self.lev is not None:
            least = required_margin(self.cost, HIGHEST_LEVERAGE)
            collateral = [self.margin / SCALE, least / SCALE]
            leverage = self.lev
        # fmt: off
        return [
            self.symbol, status, self.amount / SCALE, self.base_price,
            self.funding / SCALE, 0, profit, ratio,
            liquidation_price, leverage, None, self.id, self.mts_create, self.mts_update,
            None, int(self.lev is not None), None, *collateral, dict(self.cause),
        ]
        # fmt: on

    def past_row(self) -> Row:
        """Return the row of the position in histories, without the leverage."""
        row = self.row()
        row[9] = None
        return row


class Positions:
    """
    All positions of an account.

    Parameters
    ----------
    on_change : callable
        Called with a code of the account's channel (``pn``, ``pu``, ``pc``) and a row.

    Attributes
    ----------
    open : dict
        By symbol.
    borrow : callable
        Called with a position before each of its changes is announced; borrows its cost.
    closed, changes, snapshots : collections.deque of list
        Rows of closed positions, of every change, and of the open positions at the end of each
        day (UTC); the last `KEPT`, oldest first.
    """

    def __init__(
        self,
        new_id: Callable[[], int],
        now_mts: Callable[[], int],
        on_change: Callable[[str, Row], None],
    ) -> None:
        self.open: dict[str, EnginePosition] = {}
        self.borrow: Callable[[EnginePosition], None] = lambda position: None
        self.closed: Deque[Row] = deque(maxlen=KEPT)
        self.changes: Deque[Row] = deque(maxlen=KEPT)
        self.snapshots: Deque[Row] = deque(maxlen=KEPT)
        self._new_id = new_id
        self._now_mts = now_mts
        self._on_change = on_change

    def amount(self, symbol: str) -> int:
        """Return the amount of a symbol's position, negative if short."""
        return self.open[symbol].amount if symbol in self.open else 0

    def fund(self, symbol: str) -> None:
        """Let the position of a symbol, if any, borrow its cost."""
        position = self.open.get(symbol)
        if position is not None:
            self.borrow(position)
            self._on_change("pu", position.row())

    def trade(
        self,
        symbol: str,
        amount: int,
        price: int,
        lev: int | None,
        only_fixed: bool = False,
        cause: dict[str, Any] | None = None,
    ) -> int:
        """Apply a trade, negative for a sale, and return the profit it realizes."""
        now = self._now_mts()
        position = self.open.get(symbol)
        profit = 0
        if position is not None and cause is not None:
            position.cause = cause
        if position is not None and (position.amount > 0) != (amount > 0):
            closing = min(abs(amount), abs(position.amount))
            profit = self._reduce(position, closing, price, now)
            amount += closing if amount < 0 else -closing
            if position.amount:
                self._note("pu", position)
                return profit
            self._close(position)
            position = None
        if amount:
            code = "pu"
            if position is None:
                code = "pn"
                position = EnginePosition(self._new_id(), symbol, now, now)
                self.open[symbol] = position
            position.amount += amount
            added = cost(abs(amount), price)
            position.cost += added
            if position.collateral is not None:
                position.collateral += required_margin(added, lev)
            position.base_price = round(position.cost / abs(position.amount), 8)
            position.lev = lev
            position.only_fixed = only_fixed
            position.cause = cause or position.cause
            position.mts_update = now
            self._note(code, position)
        return profit

    def claim(self, position: EnginePosition, amount: int) -> int:
        """Take a positive amount out of a position, and return its share of the cost."""
        before = position.cost
        position.cause = {"reason": "CLAIM"}
        self._reduce(position, amount, 0, self._now_mts())
        if position.amount:
            self._note("pu", position)
        else:
            self._close(position)
        return before - position.cost

    def _close(self, position: EnginePosition) -> None:
        del self.open[position.symbol]
        self.closed.append(position.past_row())
        self._note("pc", position)

    def _reduce(
        self, position: EnginePosition, closing: int, price: int, now: int
    ) -> int:
        was_long = position.amount > 0
        whole = abs(position.amount)
        paid = position.cost_of(closing)
        position.cost -= paid
        if position.collateral is not None:
            released = position.collateral * closing // whole // QUANTUM * QUANTUM
            position.collateral -= released
        position.amount += -closing if was_long else closing
        position.mts_update = now
        value = cost(closing, price)
        return value - paid if was_long else paid - value

    def changed(self, position: EnginePosition) -> None:
        """Announce a change that no trade has caused."""
        position.mts_update = self._now_mts()
        self._note("pu", position)

    def _note(self, code: str, position: EnginePosition) -> None:
        self.borrow(position)
        self.changes.append(position.past_row())
        self._on_change(code, position.row())


def required_margin(value: int, lev: int | None) -> int:
    """Return the margin required for a value."""
    if lev is None:
        return -(-value * MARGIN_PER_CENT // 100 // QUANTUM) * QUANTUM
    return -(-value // lev // QUANTUM) * QUANTUM


def required_margin_with(
    position: EnginePosition | None, orders: Iterable[EngineOrder]
) -> int:
    """
    Return the margin required for a position and all orders of its symbol.

    Only amounts that orders add to the position count, and only on the side that needs more.
    """
    amount, needed = 0, 0
    if position is not None:
        amount = position.amount
        needed = position.margin
    sides = [0, 0]
    for is_buy in (True, False):
        # Closing the position needs no margin.
        free = max(-amount if is_buy else amount, 0)
        for order in orders:
            if order.is_buy == is_buy and order.amount:
                size = abs(order.amount)
                adds = max(size - free, 0)
                free = max(free - size, 0)
                price = order.reserved_price
                sides[is_buy] += required_margin(cost_at_most(adds, price), order.lev)
        holds = (amount > 0) == is_buy
        sides[is_buy] += needed if holds or not amount else 0
    return max(*sides, needed)
