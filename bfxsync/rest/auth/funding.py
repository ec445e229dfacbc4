"""Funding offers: open and closed ones, their trades, submitting and cancelling them."""

from __future__ import annotations

from functools import partial

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync._base.enums import OrderFlag
from bfxsync.checks.containers import optional
from bfxsync.checks.ids import check_id
from bfxsync.checks.symbols import check_currency, check_funding, check_optional_symbol
from bfxsync.checks.times import Time, page_params
from bfxsync.models.funding import AccountFundingTrade, AnyFundingOffer, FundingOffer
from bfxsync.models.model_list import ModelList
from bfxsync.models.notification import Notification, of_nothing, of_one
from bfxsync.outcome.find_offers import OfferFinder, offer_fingerprint
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write, path_for
from bfxsync.rest.history.history import newest_first
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import HistoryOptions, Unpack, iterator
from bfxsync.wire.inputs import offer_body

MOST_FUNDING_ROWS = 500

_OFFERS = Budget("auth/r/funding/offers", 90)
_HISTORY = Budget("auth/r/funding/offers/hist", 90)
_TRADES = Budget("auth/r/funding/trades/hist", 90)
_SUBMIT = Budget("auth/w/funding/offer/submit", 90)
_CANCEL = Budget("auth/w/funding/offer/cancel", 90)
_CANCEL_ALL = Budget("auth/w/funding/offer/cancel/all", 90)

_OFFER_HISTORY = newest_first(FundingOffer, MOST_FUNDING_ROWS, "mts_update")
# The maximum of the other histories of funding: more might be refused.
_TRADE_HISTORY = newest_first(AccountFundingTrade, MOST_FUNDING_ROWS, "mts_create")

_read_offer = of_one(FundingOffer.from_partial_row)


class FundingEndpoints(SignedEndpoints):
    """Funding offers: open and closed ones, their trades, submitting and cancelling them."""

    _find_offers: OfferFinder

    def get_funding_offers(
        self, *, symbol: Symbol | None = None
    ) -> ModelList[FundingOffer]:
        """
        Return the open offers, all or those in one currency, such as ``fUSD``.

        ``POST auth/r/funding/offers[/{symbol}]``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-offers
        """
        path = path_for(_OFFERS, symbol, check_funding)
        return self._read_many(_OFFERS, FundingOffer.from_row, path=path)

    def get_funding_offers_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[FundingOffer]:
        """
        Return closed offers, last changed first.

        ``POST auth/r/funding/offers[/{symbol}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-offers-hist

        Parameters
        ----------
        symbol : str, optional
            Only offers of this currency, such as ``fUSD``.
        start, end : int or datetime, optional
            First and last time of last change, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 500; default 25.
        """
        path = path_for(_HISTORY, symbol, check_funding)
        page = page_params(start, end, limit, maximum=MOST_FUNDING_ROWS)
        return self._read_many(_HISTORY, FundingOffer.from_row, page, path)

    @iterator
    def iter_funding_offers_history(
        self,
        *,
        symbol: Symbol | None = None,
        **options: Unpack[HistoryOptions[FundingOffer]],
    ) -> HistoryRows[FundingOffer]:
        """Iterate over closed offers, last changed first; see `get_funding_offers_history`."""
        check_optional_symbol(symbol, check_funding)
        get = partial(self.get_funding_offers_history, symbol=symbol)
        return self._history(_OFFER_HISTORY, get, "funding offers", options)

    def get_funding_trades_history(
        self,
        *,
        symbol: Symbol | None = None,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[AccountFundingTrade]:
        """
        Return the account's funding trades.

        ``POST auth/r/funding/trades[/{symbol}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-trades-hist

        Parameters
        ----------
        symbol : str, optional
            Only trades of this currency, such as ``fUSD``.
        sort : int, optional
            1: oldest first; -1: newest first. The parameter is not documented, but one of the
            exchange's clients sends it.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows; the maximum is not documented.
        """
        path = path_for(_TRADES, symbol, check_funding)
        page = page_params(start, end, limit, sort)
        return self._read_many(_TRADES, AccountFundingTrade.from_row, page, path)

    @iterator
    def iter_funding_trades_history(
        self,
        *,
        symbol: Symbol | None = None,
        **options: Unpack[HistoryOptions[AccountFundingTrade]],
    ) -> HistoryRows[AccountFundingTrade]:
        """Iterate over funding trades, newest first; see `get_funding_trades_history`."""
        check_optional_symbol(symbol, check_funding)
        get = partial(self.get_funding_trades_history, symbol=symbol)
        return self._history(_TRADE_HISTORY, get, "funding trades", options)

    def submit_funding_offer(
        self,
        type: str,
        symbol: Symbol,
        amount: AnyNumber,
        rate: AnyNumber,
        period: int,
        *,
        flags: OrderFlag | int | None = None,
        hidden: bool | None = None,
    ) -> Notification[AnyFundingOffer]:
        """
        Offer to lend, or bid to borrow, at most once.

        ``POST auth/w/funding/offer/submit``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-submit-funding-offer

        The notification may report a rejection, which `raise_for_status` raises.

        Parameters
        ----------
        type : str
            ``"LIMIT"``: at `rate`. ``"FRRDELTAVAR"``: at the flash return rate plus `rate`,
            following its changes. ``"FRRDELTAFIX"``: at the flash return rate plus `rate`, fixed
            when the offer is matched.
        symbol : str
            The currency, such as ``fUSD``.
        amount : str, int, Decimal or float
            Positive to lend, negative to borrow.
        rate : str, int, Decimal or float
            Daily rate as a fraction: 0.0002 is 0.02 %. Above zero for ``"LIMIT"``, not negative
            for ``"FRRDELTAVAR"``.
        period : int
            Days, 2 to 120.
        flags : OrderFlag or int, optional
            `OrderFlag.HIDDEN`.
        hidden : bool, optional
            True adds that flag; False raises `UsageError` if `flags` contains it.

        Raises
        ------
        OutcomeUnknown
            The offer may have been placed. `resolve` returns the `FundingOffer`, or raises
            `NotExecuted` if there is none. If the result is not certain, as with equal offers of
            this process within seconds, it raises the error again with `candidates`. It may mistake
            an equal offer of another program for this one.
        """
        body = offer_body(type, symbol, amount, rate, period, flags, hidden)
        return self._write(
            Write(
                _SUBMIT,
                _read_offer,
                body,
                search=self._find_offers.submitted(body),
                fingerprint=offer_fingerprint(body),
            )
        )

    def cancel_funding_offer(self, id: int) -> Notification[AnyFundingOffer]:
        """
        Cancel an offer, by the `id` of its `FundingOffer`.

        ``POST auth/w/funding/offer/cancel``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-cancel-funding-offer

        Success means accepted: the offer may still be matched before it is cancelled. The
        notification may report a rejection, which `raise_for_status` raises.

        Raises
        ------
        OutcomeUnknown
            The offer may have been cancelled. `resolve` returns its current state, or raises
            `NotExecuted` if there is no such offer.
        """
        body = {"id": check_id("id", id)}
        search = self._find_offers.by_id(id)
        return self._write(Write(_CANCEL, _read_offer, body, search=search))

    def cancel_all_funding_offers(
        self, currency: str | None = None
    ) -> Notification[None]:
        """
        Cancel all open offers, or those in one currency, such as ``USD``.

        ``POST auth/w/funding/offer/cancel/all``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-cancel-all-funding-offers

        The notification may report a rejection, which `raise_for_status` raises.

        Raises
        ------
        OutcomeUnknown
            The offers may have been cancelled. `resolve` returns those that are still open.
        """
        body = {"currency": optional(check_currency, "currency", currency)}
        search = self._find_offers.still_open(currency)
        return self._write(Write(_CANCEL_ALL, of_nothing(), body, search=search))
