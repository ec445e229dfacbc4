"""
Margin calls and liquidations.

Strategy: changes are only recorded, and processed when no request is in progress, as a liquidation
is a request as well. It cancels the orders on margin of the position, closes it in the book, and
the exchange takes over any remainder that the book cannot fill. The exchange pays the remaining
debt of the account, so no balance stays negative.
"""

from __future__ import annotations

from typing import Callable, Iterable

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.margin import Margin, quote_of
from bfxsync.paper.engine.matching import MatchingEngine
from bfxsync.paper.engine.order import CLOSE, EngineOrder
from bfxsync.paper.engine.positions import EnginePosition
from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.engine.wallets import ADJUSTMENT

_CALLED = 1
"""Stage of a position whose owner was warned."""


class Liquidations:
    """
    Watches the positions of all accounts.

    Parameters
    ----------
    publish : callable
        Called with the rows of the public channel of liquidations.

    Attributes
    ----------
    absorbed : dict of int
        By currency: amounts that the exchange has paid for losses that exceeded a balance.
    """

    def __init__(
        self,
        engine: MatchingEngine,
        margin: Margin,
        now_mts: Callable[[], int],
        publish: Callable[[Row], None],
    ) -> None:
        self.absorbed: dict[str, int] = {}
        self._engine = engine
        self._margin = margin
        self._now_mts = now_mts
        self._publish = publish
        # Accounts with a position, by symbol, and the positions to check.
        self._holders: dict[str, dict[int, Account]] = {}
        self._due: dict[tuple[int, str], Account] = {}
        self._is_checking = False
        engine.on_idle = self._check_due

    def add(self, account: Account) -> None:
        """Watch the positions of an account, and its margin wallet."""

        def on_event(code: str, row: Row) -> None:
            if code in ("pn", "pc"):
                holders = self._holders.setdefault(row[0], {})
                if code == "pn":
                    holders[account.user_id] = account
                else:
                    holders.pop(account.user_id, None)
            elif code == "wu" and row[0] == "margin" and row[2] < 0:
                self._due[account.user_id, row[1]] = account

        account.listeners.append(on_event)
        for symbol in account.positions.open:
            self._holders.setdefault(symbol, {})[account.user_id] = account

    def market_moved(self, symbol: str) -> None:
        """Check the positions of a market, now or after the current request."""
        for account in self._holders.get(symbol, {}).values():
            currency = quote_of(account.positions.open[symbol])
            self._due[account.user_id, currency] = account
        self._check_due()

    def _check_due(self) -> None:
        if self._is_checking or self._engine.is_processing:
            return
        self._is_checking = True
        try:
            while self._due:
                (_, currency), account = self._due.popitem()
                self._check(account, currency)
        finally:
            self._is_checking = False

    def _check(self, account: Account, currency: str) -> None:
        wallet = account.wallets.get("margin", currency)
        held = account.positions.open.values()
        for position in [each for each in held if quote_of(each) == currency]:
            if position.symbol not in account.positions.open:
                continue  # closed together with another one
            together = self._margin.together(account, position)
            if wallet.balance < 0 or self._margin.is_below(account, position):
                self._liquidate(account, together)
            else:
                self._warn(account, together)
        wallet = account.wallets.get("margin", currency)
        if wallet.balance < 0:
            debt = -wallet.balance
            self.absorbed[currency] = self.absorbed.get(currency, 0) + debt
            text = "Adjustment of a negative balance"
            account.wallets.book("margin", currency, debt, ADJUSTMENT, text)

    def _warn(self, account: Account, positions: Iterable[EnginePosition]) -> None:
        """Announce the stage of positions if it has changed."""
        for position in positions:
            is_called = self._margin.is_below(account, position, is_call=True)
            stage = _CALLED if is_called else None
            if position.cause.get("liq_stage") != stage:
                position.cause = {**position.cause, "liq_stage": stage}
                account.positions.changed(position)

    def _liquidate(self, account: Account, positions: list[EnginePosition]) -> None:
        for position in positions:
            # A copy, as closing the position changes it.
            id, amount, base_price = position.id, position.amount, position.base_price
            now = self._now_mts()
            # fmt: off
            row: Row = [
                "pos", id, now, None, position.symbol, amount / SCALE, base_price, None,
            ]
            # fmt: on
            self._publish([*row, 0, 1, None, None])
            price = self._close(account, position)
            self._publish([*row, 1, 1, None, price])

    def _close(self, account: Account, position: EnginePosition) -> float:
        """Cancel the orders of a position, close it, and return the average price."""
        symbol, now = position.symbol, self._now_mts()
        orders = account.orders_on_margin(symbol)
        self._engine.cancel(account, orders)
        id, amount = next(account.ids.order), -position.amount
        # fmt: off
        order = EngineOrder(
            id, None, now, symbol, now, now, "MARKET", amount, amount_orig=amount,
            flags=CLOSE, lev=position.lev, is_forced=True,
        )
        # fmt: on
        last_price = self._margin.closing_price(position)
        self._engine.force(account, order, last_price)
        return order.price_avg
