"""
The state of margin: profit, equity and liquidation prices of positions.

Strategy: the margin positions of a currency share its margin wallet: they are liquidated when what
it has, with their profit, falls below 10 % of what they cost. A position in a derivative has its
own collateral, which the others cannot touch, and is liquidated when less than 0.5 % is left.
"""

from __future__ import annotations

from typing import Iterator, Mapping

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.amounts import QUANTUM
from bfxsync.paper.engine.errors import Declined
from bfxsync.paper.engine.order import legs
from bfxsync.paper.engine.positions import (
    HIGHEST_LEVERAGE,
    EnginePosition,
    required_margin,
)
from bfxsync.paper.engine.units import SCALE, Row, units_text
from bfxsync.paper.engine.valuation import closing_price
from bfxsync.paper.engine.venue import Venue
from bfxsync.paper.engine.wallets import POSITION_CLAIM

MAINTENANCE, CALL = 100, 150
"""Thousandths of the cost: below them positions are liquidated, and their owner is warned."""
DERIVATIVE_MAINTENANCE, DERIVATIVE_CALL = 5, 8
COLLATERAL_RISK = 110202
"""Code of the error for a collateral that is too low."""


def quote_of(position: EnginePosition) -> str:
    """Return the currency in which a position is settled."""
    return legs(position.symbol[1:])[1]


def maintenance(position: EnginePosition, is_call: bool = False) -> int:
    """Return the equity below which a position is liquidated, or its owner warned."""
    if position.lev is None:
        return position.cost * (CALL if is_call else MAINTENANCE) // 1000
    ratio = DERIVATIVE_CALL if is_call else DERIVATIVE_MAINTENANCE
    return position.cost * ratio // 1000


class Margin:
    """
    The margin of all accounts, at the current prices.

    Parameters
    ----------
    venues : mapping
        The markets by symbol.
    """

    def __init__(self, venues: Mapping[str, Venue]) -> None:
        self._venues = venues

    def closing_price(self, position: EnginePosition) -> int:
        """Return the price at which a position can be closed."""
        market = self._venues[position.symbol].market
        return closing_price(market, position.amount > 0)

    def profit(self, position: EnginePosition) -> int:
        """Return the profit or loss of closing a position now."""
        return position.profit(self.closing_price(position))

    def equity(self, account: Account, position: EnginePosition) -> int:
        """Return what covers the losses of a position, after its profit or loss so far."""
        if position.lev is not None:
            return position.margin + self.profit(position)
        currency = quote_of(position)
        balance = account.wallets.get("margin", currency).balance
        for other in self._in(account, currency):
            balance += -other.margin if other.lev is not None else self.profit(other)
        return balance

    def is_below(
        self, account: Account, position: EnginePosition, is_call: bool = False
    ) -> bool:
        """Return whether a position must be liquidated, or its owner warned."""
        needed = sum(
            maintenance(each, is_call) for each in self.together(account, position)
        )
        return self.equity(account, position) < needed

    def together(
        self, account: Account, position: EnginePosition
    ) -> list[EnginePosition]:
        """Return the positions that share the margin of one: it and, on margin, others."""
        if position.lev is not None:
            return [position]
        found = self._in(account, quote_of(position))
        return [each for each in found if each.lev is None]

    def row(self, account: Account, position: EnginePosition) -> Row:
        """Return the row of a position with all that can be calculated."""
        price = self.closing_price(position)
        equity = self.equity(account, position)
        shared = self.together(account, position)
        spare = equity - sum(maintenance(each) for each in shared)
        # Per unit of the base currency it may lose as much.
        loss = spare / abs(position.amount) if position.amount else 0.0
        sign = 1 if position.amount > 0 else -1
        liquidation = max(round(price / SCALE - sign * loss, 8), 0)
        leverage = None
        if position.lev is None and equity > 0:
            value = sum(each.cost for each in shared)
            leverage = round(value / equity, 8)
        return position.row(price, liquidation, leverage)

    def collateral_limits(self, account: Account, symbol: str) -> tuple[int, int]:
        """Return the lowest and the highest collateral of a position in a derivative."""
        position = account.positions.open.get(symbol)
        if position is None or position.lev is None:
            raise Declined("position: not found")
        least = required_margin(position.cost, HIGHEST_LEVERAGE)
        least += max(-self.profit(position), 0)
        available = account.wallets.get("margin", quote_of(position)).available
        return least, max(position.margin + available, 0)

    def set_collateral(self, account: Account, symbol: str, amount: int) -> None:
        """Set the collateral of a position in a derivative."""
        least, most = self.collateral_limits(account, symbol)
        if not least <= amount <= most:
            raise Declined("collateral: market risk", COLLATERAL_RISK)
        position = account.positions.open[symbol]
        position.collateral = amount // QUANTUM * QUANTUM
        account.hold_margin(symbol)
        account.positions.changed(position)

    def claim(self, account: Account, id: int | None, amount: int | None) -> Row:
        """
        Settle a position, or an amount of it, with the margin wallet: no trade, profit or fee.

        A long one is paid at its own price, and its base currency received; a short one is
        delivered.
        """
        found = [each for each in account.positions.open.values() if each.id == id]
        if not found or found[0].lev is not None:
            raise Declined("position: not found")
        position, symbol, is_long = found[0], found[0].symbol, found[0].amount > 0
        claimed = abs(position.amount) if amount is None else amount
        if claimed > abs(position.amount):
            raise Declined("amount: invalid")
        base, quote = legs(symbol[1:])
        wallet = account.wallets.get("margin", quote if is_long else base)
        needed = position.cost_of(claimed) if is_long else claimed
        # Its own hold is released.
        if needed > wallet.available + wallet.holds.get(symbol, 0):
            raise Declined(f"Not enough {wallet.currency} in the margin wallet.")
        paid = account.positions.claim(position, claimed)
        account.hold_margin(symbol)
        sign = 1 if is_long else -1
        text = f"Position claim {units_text(claimed)} {base}"
        account.wallets.book("margin", quote, -sign * paid, POSITION_CLAIM, text)
        account.wallets.book("margin", base, sign * claimed, POSITION_CLAIM, text)
        return position.row()

    def _in(self, account: Account, currency: str) -> Iterator[EnginePosition]:
        for position in account.positions.open.values():
            if quote_of(position) == currency:
                yield position
