"""
The funding engine: requests of accounts, interest, and the end of loans.

Strategy: while the engine processes a request, its consequences are deferred to its end: returned
funding is offered again, positions whose funding has ended borrow again, and offers react to the
trades.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import Callable, Deque, Iterable, Iterator, Mapping, Sequence

from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.funding_book import FundingBook
from bfxsync.paper.engine.funding_loan import EngineLoan, Party, borrowed, lent
from bfxsync.paper.engine.funding_offer import (
    FRR_VAR,
    LIMIT,
    EngineOffer,
    check_offer,
    new_offer,
)
from bfxsync.paper.engine.lending import EXPIRED, RETURNED, Lending
from bfxsync.paper.engine.order_requests import Body
from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.engine.valuation import dollar_price
from bfxsync.paper.engine.venue import TradedMarket, Venue

_MINIMUM_DOLLARS = 150 * SCALE
_LEVERAGE = 5
"""Maximum amount borrowed by bids, as a multiple of the margin balance."""


class FundingEngine:
    """
    The funding of all accounts.

    Parameters
    ----------
    venues : mapping
        All markets by symbol; funding is offered on those whose symbol begins with ``f``.

    Attributes
    ----------
    lending : Lending
        The loans.
    """

    def __init__(
        self,
        venues: Mapping[str, Venue],
        now_mts: Callable[[], int],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self.lending: Lending = Lending(
            now_mts, call_later, self.flash_return_rate, self._returned, self._due
        )
        self._venues = venues
        self._now_mts = now_mts
        self._book = FundingBook(venues, now_mts, self.lending)
        self._is_processing = False
        self._moved: dict[str, None] = {}
        self._returns: Deque[tuple[EngineLoan, int]] = deque()
        self._ended: dict[tuple[int, str], Party] = {}

    def restore(self, accounts: Iterable[Party]) -> None:
        """
        Rest the open offers of restored accounts in new markets, and continue their loans.

        Resting offers are not filled by that, but offers that follow the flash return rate move
        with the new rate.
        """
        loans: dict[int, EngineLoan] = {}
        with self.processing():
            for account in accounts:
                loans.update(account.funding.loans)
                for offer in account.funding.offers.values():
                    self._market(offer.symbol)  # raises `Invalid`
                    self._book.restore(account, offer)
                    self._moved[offer.symbol] = None
            for symbol in self._moved:
                self._book.make_room(symbol)
            for loan in loans.values():
                self.lending.schedule(loan)

    def submit(
        self,
        account: Party,
        body: Body,
        on_accepted: Callable[[EngineOffer], None] = lambda offer: None,
    ) -> EngineOffer:
        """
        Accept an offer and match it; raises `Invalid` or `Declined` if it is not accepted.

        Calls `on_accepted` with the offer before it is matched.
        """
        market = self._market(body.get("symbol"))
        now = self._now_mts()
        offer = new_offer(body, next(account.ids.offer), now, market.symbol)
        check_offer(offer, self.smallest(offer.currency))
        self._check_funds(account, offer)
        on_accepted(offer)
        with self.processing():
            self._book.place(account, offer)
        return offer

    def borrow(
        self, account: Party, bid: EngineOffer, pair: str, only_fixed: bool
    ) -> None:
        """Borrow for a position, as much as is available at the rate of a bid."""
        with self.processing():
            self._book.borrow(account, bid, pair, only_fixed)

    def cancel(self, account: Party, offers: Sequence[EngineOffer]) -> None:
        """Cancel open offers."""
        with self.processing():
            for offer in offers:
                if offer.is_open:
                    self._book.cancel(account, offer)

    def close(self, loan: EngineLoan) -> None:
        """Return borrowed funding; the position that used it borrows again."""
        with self.processing():
            self._end(loan)

    def keep(self, loan: EngineLoan, is_kept: bool) -> None:
        """Set whether funding is kept when the position no longer needs it."""
        if loan.is_kept != is_kept:
            loan.is_kept = is_kept
            self.lending.changed(loan)

    def flash_return_rate(self, symbol: str) -> int:
        """Return the flash return rate of a symbol."""
        return self._venues[symbol].market.flash_return_rate

    def smallest(self, currency: str) -> int:
        """Return the smallest amount of an offer: 150 dollars."""
        price = dollar_price(self._venues, currency)
        return _MINIMUM_DOLLARS * SCALE // price if price else 0

    def offer_row(self, offer: EngineOffer) -> Row:
        """Return the row of an offer."""
        return self._book.row(offer)

    def offers(self, account: Party) -> list[Row]:
        """Return the rows of the open offers, oldest first."""
        return [self.offer_row(offer) for offer in account.funding.offers.values()]

    def loans(self, account: Party, is_used: bool) -> list[Row]:
        """Return the rows of the loans or, with `is_used`, of the credits."""
        loans = account.funding.loans.values()
        return [
            self.lending.row(each, account)
            for each in loans
            if (each.pair is not None) == is_used
        ]

    def info(self, account: Party, symbol: str) -> Row:
        """Return the average rates and periods of the funding that an account borrows and lends."""
        frr = self.flash_return_rate(symbol)
        sides: list[list[EngineLoan]] = [[], []]
        for loan in account.funding.loans.values():
            if loan.symbol == symbol:
                if loan.borrower is account:
                    sides[0].append(loan)
                if loan.lender is account:
                    sides[1].append(loan)
        totals = [sum(loan.amount for loan in loans) for loans in sides]
        rates = [
            sum(each.amount * each.rate_at(frr) for each in loans) / SCALE
            for loans in sides
        ]
        periods = [sum(each.amount * each.period for each in loans) for loans in sides]
        values = [
            round(value / total, 10) if total else 0
            for value, total in zip([*rates, *periods], totals * 2)
        ]
        return ["sym", symbol, values]

    def market_moved(self, symbol: str) -> None:
        """Check the offers that react to events of a market, now or after the current request."""
        if self._book.is_reactive(symbol):
            self._moved[symbol] = None
            with self.processing():
                pass

    @contextmanager
    def processing(self) -> Iterator[None]:
        """Defer the consequences of a request to its end; a nested request ends with the outer."""
        if self._is_processing:
            yield
            return
        self._is_processing = True
        try:
            yield
            while self._returns or self._ended or self._moved:
                if self._returns:
                    self._offer_again(*self._returns.popleft())
                elif self._ended:
                    (_, pair), account = self._ended.popitem()
                    account.positions.fund(pair)
                else:
                    self._book.check_reactive(self._moved.popitem()[0])
        finally:
            self._is_processing = False

    def _market(self, symbol: object) -> TradedMarket:
        venue = self._venues.get(symbol) if isinstance(symbol, str) else None
        if venue is None or not str(symbol).startswith("f"):
            raise Invalid("symbol: invalid")
        return venue.market

    def _check_funds(self, account: Party, offer: EngineOffer) -> None:
        wallets, currency = account.wallets, offer.currency
        if not offer.is_bid:
            if offer.amount > wallets.get("funding", currency).available:
                raise Declined("Invalid offer: not enough funding balance")
            return
        bids = sum(
            each.amount
            for each in account.funding.offers.values()
            if each.is_bid and each.symbol == offer.symbol
        )
        loans = borrowed(account, None)
        taken = sum(each.amount for each in loans if each.symbol == offer.symbol)
        most = _LEVERAGE * max(wallets.get("margin", currency).available, 0)
        if taken - bids - offer.amount > most:
            raise Declined("Invalid offer: not enough tradable balance")

    def _due(self, loan: EngineLoan) -> None:
        """Pay interest that is due, or end the loan."""
        if not loan.is_open:
            return
        now = self._now_mts()
        with self.processing():
            if now >= loan.mts_end:
                self._end(loan, EXPIRED)
                return
            if now >= loan.mts_due:
                self.lending.pay_interest(loan, now)
                self.lending.changed(loan)
            self.lending.schedule(loan)

    def _end(self, loan: EngineLoan, status: str = RETURNED) -> None:
        """Return a loan; a position that used it borrows again."""
        if loan.borrower is not None and loan.pair is not None:
            self._ended[loan.borrower.user_id, loan.pair] = loan.borrower
        self.lending.give_back(loan, loan.amount, status)

    def _returned(self, loan: EngineLoan, amount: int) -> None:
        if loan.lender is not None:
            self._returns.append((loan, amount))

    def _offer_again(self, loan: EngineLoan, amount: int) -> None:
        """Offer returned funding again, if the offer or the auto-renew settings request it."""
        account = loan.lender
        assert account is not None
        setting = account.funding.auto_renew.get(loan.currency)
        old = loan.renew_offer
        if old is not None:
            kind, rate, period, flags = old.kind, old.rate, old.period, old.flags
        elif setting is not None:
            kind, rate = (LIMIT, setting.rate) if setting.rate else (FRR_VAR, 0)
            period, flags = setting.period, 0
            amount = min(amount, setting.threshold - lent(account, loan.symbol))
        else:
            return
        free = account.wallets.get("funding", loan.currency).available
        amount = min(amount, free)
        if amount < max(self.smallest(loan.currency), 1):
            return
        now = self._now_mts()
        # fmt: off
        offer = EngineOffer(
            next(account.ids.offer), loan.symbol, now, now, kind, amount, rate, period,
            flags, renew=old is not None, amount_orig=amount,
        )
        # fmt: on
        self._book.place(account, offer)
