"""
Loans and credits: their interest, and their rows for lender and borrower.

Strategy: lender and borrower share one object. The funds stay on hold in the lender's wallet until
they are returned; only interest is paid. So lent funds can never be lost or spent twice.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Dict, Protocol

import attrs

from bfxsync.paper.engine.amounts import QUANTUM
from bfxsync.paper.engine.funding_offer import FRR_VAR, LIMIT, EngineOffer, effective
from bfxsync.paper.engine.ids import IdSequences
from bfxsync.paper.engine.positions import Positions
from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.engine.wallets import KEPT, Wallets

DAY_MS = 24 * 60 * 60 * 1000
HOUR_MS = 60 * 60 * 1000
FEE, HIDDEN_FEE = 150_000, 180_000
"""Fees of the exchange, in millionths of the interest."""


class Party(Protocol):
    """The part of an account that lending needs."""

    user_id: int
    ids: IdSequences
    wallets: Wallets
    positions: Positions
    funding: AccountFunding

    def emit(self, code: str, row: Row) -> None:
        """Notify the listeners."""


@attrs.define(eq=False)
class EngineLoan:
    """
    Funding in use: a *credit* while a position uses it, otherwise a *loan*.

    Attributes
    ----------
    amount : int
        Always positive.
    kind : str
        `FRR_VAR` if the rate follows the flash return rate, with `rate` as the offset.
    lender, borrower : Party or None
        None: the simulated market, not an account of this exchange.
    pair : str or None
        Symbol of the position that uses the funding.
    is_kept : bool
        Whether the borrower keeps the funding when the position no longer needs it.
    renew_offer : EngineOffer or None
        The offer that is submitted again when the funding is returned.
    """

    id: int
    symbol: str
    amount: int
    kind: str
    rate: int
    period: int
    mts_create: int
    mts_update: int
    mts_opening: int
    mts_last_payout: int
    lender: Party | None = attrs.field(repr=False)
    borrower: Party | None = attrs.field(repr=False)
    pair: str | None = None
    is_hidden: bool = False
    is_kept: bool = False
    renew_offer: EngineOffer | None = attrs.field(default=None, repr=False)
    status: str = "ACTIVE"

    @property
    def is_open(self) -> bool:
        """Whether the loan has not been returned."""
        return self.status == "ACTIVE"

    @property
    def currency(self) -> str:
        """Currency of the loan, without the ``f`` of the symbol."""
        return self.symbol[1:]

    @property
    def mts_end(self) -> int:
        """Time at which the loan must be returned."""
        return self.mts_opening + self.period * DAY_MS

    @property
    def mts_due(self) -> int:
        """Time of the next interest payment: daily, and at the end."""
        return min(self.mts_last_payout + DAY_MS, self.mts_end)

    @property
    def parties(self) -> list[Party]:
        """The accounts of lender and borrower; only one if it lends to itself or to the market."""
        found = [each for each in (self.lender, self.borrower) if each is not None]
        return found[:1] if self.lender is self.borrower else found

    def rate_at(self, flash_return_rate: int) -> int:
        """Return the effective rate per day."""
        return effective(self.kind, self.rate, flash_return_rate)

    def interest(self, until: int, flash_return_rate: int) -> int:
        """
        Return the interest since the last payout, rounded up to the quantum.

        The first hour is always charged in full.
        """
        since = self.mts_last_payout
        elapsed = min(until, self.mts_end) - since
        if since == self.mts_opening:
            elapsed = max(elapsed, HOUR_MS)
        if elapsed <= 0:
            return 0
        interest = self.amount * self.rate_at(flash_return_rate) * elapsed
        return -(-interest // (SCALE * DAY_MS) // QUANTUM) * QUANTUM

    def row(self, account: Party, flash_return_rate: int) -> Row:
        """Return the row of the loan, as sent to an account; that of a credit includes the pair."""
        is_lender, is_borrower = self.lender is account, self.borrower is account
        real = None
        if self.kind != LIMIT:
            real = self.rate_at(flash_return_rate) / SCALE
        # fmt: off
        row: Row = [
            self.id, self.symbol, int(is_lender) - int(is_borrower), self.mts_create,
            self.mts_update, self.amount / SCALE, 0, self.status,
            "VAR" if self.kind == FRR_VAR else "FIXED", None, None, self.rate / SCALE,
            self.period, self.mts_opening, self.mts_last_payout, 0, int(self.is_hidden),
            None, int(is_lender and self.renew_offer is not None), real, int(self.is_kept),
        ]
        # fmt: on
        return row if self.pair is None else [*row, self.pair]


@attrs.define
class AutoRenew:
    """The auto-renew settings of a currency; a rate of zero is the flash return rate."""

    currency: str
    period: int
    rate: int
    threshold: int

    def row(self) -> Row:
        """Return the row of the settings, as sent."""
        amounts = [self.rate / SCALE, self.threshold / SCALE]
        return [self.currency, self.period, *amounts]


@attrs.define
class AccountFunding:
    """
    The funding of one account.

    Attributes
    ----------
    offers, closed_offers : dict of EngineOffer
        Open offers, and the last `KEPT` closed ones, by id.
    loans : dict of EngineLoan
        Loans and credits that have not been returned, by id, lent and borrowed.
    past_loans, past_credits : collections.deque of list
        Rows of the returned ones: the last `KEPT`, oldest first.
    trades : collections.deque of list
        Rows as in ``ftu`` events: the last `KEPT`, oldest first.
    """

    offers: Dict[int, EngineOffer] = attrs.field(factory=dict)
    closed_offers: Dict[int, EngineOffer] = attrs.field(factory=dict)
    loans: Dict[int, EngineLoan] = attrs.field(factory=dict)
    past_loans: Deque[Row] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    past_credits: Deque[Row] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    trades: Deque[Row] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    auto_renew: Dict[str, AutoRenew] = attrs.field(factory=dict)

    def remember(self, offer: EngineOffer) -> None:
        """Keep a closed offer for histories."""
        self.closed_offers[offer.id] = offer
        if len(self.closed_offers) > KEPT:
            del self.closed_offers[next(iter(self.closed_offers))]


def borrowed(account: Party, pair: str | None) -> list[EngineLoan]:
    """Return the loans that an account uses for the position of a pair, or (None) for none."""
    loans = account.funding.loans.values()
    return [each for each in loans if each.borrower is account and each.pair == pair]


def lent(account: Party, symbol: str) -> int:
    """Return the amount of a currency that an account lends and offers."""
    offers, loans = account.funding.offers.values(), account.funding.loans.values()
    offered = [each.amount for each in offers if each.symbol == symbol]
    given = [
        each.amount
        for each in loans
        if each.symbol == symbol and each.lender is account
    ]
    return sum(max(amount, 0) for amount in offered) + sum(given)
