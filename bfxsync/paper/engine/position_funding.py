"""
Funding of margin positions.

Strategy: a long position borrows its cost: first the unused loans of its account, then from the
book, cheapest first. If the book has too little, the remainder costs nothing. A short position
borrows nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Container

from bfxsync.paper.engine.funding import FundingEngine
from bfxsync.paper.engine.funding_loan import EngineLoan, Party, borrowed
from bfxsync.paper.engine.funding_offer import LIMIT, LONGEST, EngineOffer
from bfxsync.paper.engine.order import legs
from bfxsync.paper.engine.positions import EnginePosition
from bfxsync.paper.engine.units import SCALE

_HIGHEST_RATE = SCALE * 75 // 10_000
"""Maximum rate per day at which a position borrows automatically."""


class PositionFunding:
    """
    Borrows for the positions of accounts.

    Parameters
    ----------
    symbols : container of str
        The symbols of the funding markets.
    """

    def __init__(
        self,
        funding: FundingEngine,
        symbols: Container[str],
        now_mts: Callable[[], int],
    ) -> None:
        self._funding = funding
        self._symbols = symbols
        self._now_mts = now_mts

    def add(self, account: Party) -> None:
        """Let the positions of an account borrow."""
        account.positions.borrow = partial(self._cover, account)

    def _cover(self, account: Party, position: EnginePosition) -> None:
        """Borrow the cost of a position, or return funding that it no longer needs."""
        symbol = f"f{legs(position.symbol[1:])[1]}"
        if position.lev is not None or symbol not in self._symbols:
            return
        needed = position.cost if position.amount > 0 else 0
        with self._funding.processing():
            used = borrowed(account, position.symbol)
            missing = needed - sum(loan.amount for loan in used)
            if missing > 0:
                self._use(account, position, symbol, missing)
            elif missing < 0:
                self._return(used, -missing)
        used = borrowed(account, position.symbol)
        position.funding = sum(loan.amount for loan in used)

    def _use(
        self, account: Party, position: EnginePosition, symbol: str, missing: int
    ) -> None:
        for loan in borrowed(account, None):
            if loan.symbol == symbol and missing and _fits(loan, position):
                part = min(missing, loan.amount)
                self._funding.lending.use(loan, part, position.symbol)
                missing -= part
        if missing:
            now = self._now_mts()
            # fmt: off
            bid = EngineOffer(
                next(account.ids.offer), symbol, now, now, LIMIT, -missing, _HIGHEST_RATE,
                LONGEST, amount_orig=-missing,
            )
            # fmt: on
            self._funding.borrow(account, bid, position.symbol, position.only_fixed)

    def _return(self, used: list[EngineLoan], excess: int) -> None:
        """Return the most expensive funding; kept funding is only released as a whole."""
        lending, frr = self._funding.lending, self._funding.flash_return_rate
        used.sort(key=lambda loan: (loan.rate_at(frr(loan.symbol)), loan.id))
        while used and excess:
            loan = used.pop()
            part = min(excess, loan.amount)
            if not loan.is_kept:
                lending.give_back(loan, part)
            elif part == loan.amount:
                lending.stop_using(loan)
            else:
                continue
            excess -= part


def _fits(loan: EngineLoan, position: EnginePosition) -> bool:
    return loan.kind == LIMIT or not position.only_fixed
