"""
Creates, splits, charges and returns loans and credits.

Strategy: the borrower pays interest from its margin wallet. If its balance is not sufficient the
exchange advances the interest, so a lender is always paid, and no balance becomes negative.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Callable

import attrs

from bfxsync.paper.engine.amounts import share
from bfxsync.paper.engine.funding_loan import (
    FEE,
    HIDDEN_FEE,
    HOUR_MS,
    EngineLoan,
    Party,
)
from bfxsync.paper.engine.funding_offer import FRR_VAR, LIMIT, EngineOffer
from bfxsync.paper.engine.units import Row
from bfxsync.paper.engine.wallets import (
    INTEREST,
    UNUSED_FUNDING_CHARGE,
    USED_FUNDING_CHARGE,
)

EXPIRED, RETURNED = "CLOSED (expired)", "CLOSED (returned)"
_USED, _UNUSED = "CLOSED (used)", "CLOSED (unused)"


@attrs.frozen
class Terms:
    """
    The terms that lender and borrower agree on.

    Attributes
    ----------
    rate : int
        The effective rate.
    maker : EngineOffer or None
        The offer that was matched; None for an offer of the simulated market.
    pair : str or None
        Symbol of the position that uses the funding.
    """

    symbol: str
    amount: int
    rate: int
    period: int
    maker: EngineOffer | None = None
    pair: str | None = None


class Lending:
    """
    The loans of all accounts.

    Parameters
    ----------
    flash_return_rate : callable
        Returns the flash return rate of a funding symbol.
    on_return : callable
        Called with a loan and the amount returned to its lender.
    on_due : callable
        Called with each loan when its interest is due, or it must be returned.

    Attributes
    ----------
    fees, advanced : collections.Counter
        By currency: fees that the exchange has kept, and interest that it has advanced for
        borrowers.
    """

    def __init__(
        self,
        now_mts: Callable[[], int],
        call_later: Callable[[float, Callable[[], None]], object],
        flash_return_rate: Callable[[str], int],
        on_return: Callable[[EngineLoan, int], None],
        on_due: Callable[[EngineLoan], None],
    ) -> None:
        self.fees: Counter[str] = Counter()
        self.advanced: Counter[str] = Counter()
        self._now_mts = now_mts
        self._call_later = call_later
        self._flash_return_rate = flash_return_rate
        self._on_return = on_return
        self._on_due = on_due

    def lend(
        self,
        lender: Party | None,
        borrower: Party | None,
        terms: Terms,
        offer: EngineOffer | None,
    ) -> EngineLoan:
        """Create a loan; `offer` is the lender's, None for an offer of the simulated market."""
        account = lender or borrower
        assert account is not None
        now = self._now_mts()
        is_variable = terms.maker is not None and terms.maker.kind == FRR_VAR
        pair = terms.pair
        if borrower is None:
            # An account that borrows from the market does so for a position.
            currency = terms.symbol[1:]
            pair = "tBTCUSD" if currency == "BTC" else f"tBTC{currency}"
        loan = EngineLoan(
            id=next(account.ids.loan),
            symbol=terms.symbol,
            amount=terms.amount,
            kind=FRR_VAR if is_variable else LIMIT,
            rate=terms.maker.rate if terms.maker and is_variable else terms.rate,
            period=terms.period,
            mts_create=now,
            mts_update=now,
            mts_opening=now,
            mts_last_payout=now,
            lender=lender,
            borrower=borrower,
            pair=pair,
            is_hidden=offer is not None and offer.is_hidden,
            renew_offer=offer if offer is not None and offer.renew else None,
        )
        self._add(loan)
        return loan

    def use(self, loan: EngineLoan, amount: int, pair: str) -> None:
        """Use a loan, or a part of it, for a position."""
        if amount < loan.amount:
            # Both parts continue with the same terms.
            self._resize(loan, loan.amount - amount)
            account = loan.lender or loan.borrower
            assert account is not None
            part = attrs.evolve(
                loan, id=next(account.ids.loan), amount=amount, pair=pair
            )
            self._add(part)
            return
        self._announce(loan, "c", _USED)
        loan.pair = pair
        self._announce(loan, "n")

    def stop_using(self, loan: EngineLoan) -> None:
        """Turn a credit into a loan, which no position uses."""
        self._announce(loan, "c", _UNUSED)
        loan.pair = None
        self._announce(loan, "n")

    def give_back(self, loan: EngineLoan, amount: int, status: str = RETURNED) -> None:
        """Return a loan, or a part of it, with the interest so far."""
        now = self._now_mts()
        self.pay_interest(loan, now)
        loan.mts_update = now
        if amount < loan.amount:
            self._resize(loan, loan.amount - amount)
        else:
            loan.status = status
            self._hold(loan)
            for account in loan.parties:
                del account.funding.loans[loan.id]
                past = account.funding
                rows = past.past_loans if loan.pair is None else past.past_credits
                rows.append(self.row(loan, account))
            self._announce(loan, "c")
        self._on_return(loan, amount)

    def pay_interest(self, loan: EngineLoan, until: int) -> None:
        """Pay the interest since the last payout."""
        frr, currency = self._flash_return_rate(loan.symbol), loan.currency
        interest = loan.interest(until, frr)
        paid_until = max(until, loan.mts_opening + HOUR_MS)
        loan.mts_last_payout = min(max(paid_until, loan.mts_last_payout), loan.mts_end)
        if loan.borrower is not None:
            wallets = loan.borrower.wallets
            charge = min(interest, max(wallets.get("margin", currency).balance, 0))
            category, text = UNUSED_FUNDING_CHARGE, "Unused Margin Funding Fee"
            if loan.pair is not None:
                category, text = USED_FUNDING_CHARGE, "Used Margin Funding Charge"
            wallets.book("margin", currency, -charge, category, text)
            self.advanced[currency] += interest - charge
        if loan.lender is not None:
            fee = share(interest, HIDDEN_FEE if loan.is_hidden else FEE)
            text = "Margin Funding Payment"
            wallets = loan.lender.wallets
            wallets.book("funding", currency, interest - fee, INTEREST, text)
            self.fees[currency] += fee

    def row(self, loan: EngineLoan, account: Party) -> Row:
        """Return the row of a loan, as sent to an account."""
        return loan.row(account, self._flash_return_rate(loan.symbol))

    def changed(self, loan: EngineLoan) -> None:
        """Announce a change of a loan."""
        loan.mts_update = self._now_mts()
        self._announce(loan, "u")

    def schedule(self, loan: EngineLoan) -> None:
        """Call `on_due` when the next interest is due."""
        delay_s = max(loan.mts_due - self._now_mts(), 0) / 1000
        self._call_later(delay_s, partial(self._on_due, loan))

    def _add(self, loan: EngineLoan) -> None:
        for account in loan.parties:
            account.funding.loans[loan.id] = loan
        self._hold(loan)
        self.schedule(loan)
        self._announce(loan, "n")

    def _resize(self, loan: EngineLoan, amount: int) -> None:
        loan.amount = amount
        self._hold(loan)
        self.changed(loan)

    def _hold(self, loan: EngineLoan) -> None:
        if loan.lender is not None:
            amount = loan.amount if loan.is_open else 0
            wallets = loan.lender.wallets
            wallets.hold(("loan", loan.id), "funding", loan.currency, amount)

    def _announce(
        self, loan: EngineLoan, event: str, status: str | None = None
    ) -> None:
        code = f"{'fl' if loan.pair is None else 'fc'}{event}"
        for account in loan.parties:
            row = self.row(loan, account)
            if status is not None:
                row[7] = status
            account.emit(code, row)
