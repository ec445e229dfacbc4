"""Funding in use: loans (not used in a position), credits (used in one), and their renewal."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, Optional, Sequence

from bfxsync._base.aliases import AnyNumber, NumberType, Symbol
from bfxsync.checks.ids import check_id
from bfxsync.checks.symbols import check_currency, check_funding, check_optional_symbol
from bfxsync.checks.times import Time, page_params
from bfxsync.models.funding import FundingCredit, FundingLoan
from bfxsync.models.funding_info import (
    AnyFundingAutoRenew,
    FundingAutoRenew,
    FundingAutoRenewStatus,
    FundingInfo,
)
from bfxsync.models.model_list import ModelList
from bfxsync.models.notification import Notification, of_nothing, of_one
from bfxsync.outcome.find_offers import OfferFinder
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write, path_for
from bfxsync.rest.auth.funding import MOST_FUNDING_ROWS
from bfxsync.rest.history.history import newest_first
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import HistoryOptions, Unpack, iterator
from bfxsync.wire.inputs import auto_renew_body, keep_body

_LOANS = Budget("auth/r/funding/loans", 90)
_LOANS_HISTORY = Budget("auth/r/funding/loans/hist", 90)
_CREDITS = Budget("auth/r/funding/credits", 90)
_CREDITS_HISTORY = Budget("auth/r/funding/credits/hist", 90)
_INFO = Budget("auth/r/info/funding", 90)
_STATUS = Budget("auth/r/funding/auto/status", 90)
_CLOSE = Budget("auth/w/funding/close", 90)
_AUTO_RENEW = Budget("auth/w/funding/auto", 90)
_KEEP = Budget("auth/w/funding/keep", 90)

_PAST_LOANS = newest_first(FundingLoan, MOST_FUNDING_ROWS, "mts_update")
_PAST_CREDITS = newest_first(FundingCredit, MOST_FUNDING_ROWS, "mts_update")


class LoanEndpoints(SignedEndpoints):
    """Funding in use: loans (not used in a position), credits (used in one), their renewal."""

    _find_offers: OfferFinder

    def get_funding_loans(
        self, *, symbol: Symbol | None = None
    ) -> ModelList[FundingLoan]:
        """
        Return lent or borrowed funding not used in a position, all or in one currency (``fUSD``).

        ``POST auth/r/funding/loans[/{symbol}]``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-loans
        """
        path = path_for(_LOANS, symbol, check_funding)
        return self._read_many(_LOANS, FundingLoan.from_row, path=path)

    def get_funding_loans_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[FundingLoan]:
        """
        Return ended loans of the last three days, last changed first.

        ``POST auth/r/funding/loans[/{symbol}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-loans-hist

        Parameters
        ----------
        symbol : str, optional
            Only loans of this currency, such as ``fUSD``.
        start, end : int or datetime, optional
            First and last time of last change, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 500; default 25.
        """
        path = path_for(_LOANS_HISTORY, symbol, check_funding)
        page = page_params(start, end, limit, maximum=MOST_FUNDING_ROWS)
        return self._read_many(_LOANS_HISTORY, FundingLoan.from_row, page, path)

    @iterator
    def iter_funding_loans_history(
        self,
        *,
        symbol: Symbol | None = None,
        **options: Unpack[HistoryOptions[FundingLoan]],
    ) -> HistoryRows[FundingLoan]:
        """Iterate over ended loans, last changed first; see `get_funding_loans_history`."""
        check_optional_symbol(symbol, check_funding)
        get = partial(self.get_funding_loans_history, symbol=symbol)
        return self._history(_PAST_LOANS, get, "funding loans", options)

    def get_funding_credits(
        self, *, symbol: Symbol | None = None
    ) -> ModelList[FundingCredit]:
        """
        Return lent or borrowed funding used in a position, all or in one currency (``fUSD``).

        ``POST auth/r/funding/credits[/{symbol}]``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-credits
        """
        path = path_for(_CREDITS, symbol, check_funding)
        return self._read_many(_CREDITS, FundingCredit.from_row, path=path)

    def get_funding_credits_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[FundingCredit]:
        """
        Return ended credits of the last three days, last changed first.

        ``POST auth/r/funding/credits[/{symbol}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-credits-hist

        Parameters
        ----------
        symbol : str, optional
            Only credits of this currency, such as ``fUSD``.
        start, end : int or datetime, optional
            First and last time of last change, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 500; default 25.
        """
        path = path_for(_CREDITS_HISTORY, symbol, check_funding)
        page = page_params(start, end, limit, maximum=MOST_FUNDING_ROWS)
        return self._read_many(
            _CREDITS_HISTORY, FundingCredit.from_row, page, path=path
        )

    @iterator
    def iter_funding_credits_history(
        self,
        *,
        symbol: Symbol | None = None,
        **options: Unpack[HistoryOptions[FundingCredit]],
    ) -> HistoryRows[FundingCredit]:
        """Iterate over ended credits, last changed first; see `get_funding_credits_history`."""
        check_optional_symbol(symbol, check_funding)
        get = partial(self.get_funding_credits_history, symbol=symbol)
        return self._history(_PAST_CREDITS, get, "funding credits", options)

    def get_funding_info(self, key: Symbol) -> FundingInfo:
        """
        Return the average rates and periods of funding in a currency, such as ``fUSD``.

        ``POST auth/r/info/funding/{key}``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-info-funding
        """
        path = f"auth/r/info/funding/{check_funding(key)}"
        return self._read(_INFO, FundingInfo.from_row, path=path)

    def get_auto_renew_status(self, currency: str) -> FundingAutoRenewStatus | None:
        """
        Return the auto-renew settings of a currency, such as ``USD``; None if auto-renew is off.

        ``POST auth/r/funding/auto/status`` (undocumented), 90 requests per minute.
        https://github.com/JKorf/Bitfinex.Net
        """
        body = {"currency": check_currency("currency", currency)}
        return self._read(_STATUS, _read_status, body)

    def submit_funding_close(self, id: int) -> Notification[None]:
        """
        Return borrowed funding, by the `id` of its `FundingLoan` or `FundingCredit`.

        ``POST auth/w/funding/close``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-close

        The notification may report a rejection, which `raise_for_status` raises.

        Raises
        ------
        OutcomeUnknown
            The funding may have been returned. `resolve` returns the current `FundingLoan` or
            `FundingCredit`, or raises `NotExecuted` if there is none.
        """
        body = {"id": check_id("id", id)}
        search = self._find_offers.loan_by_id(id)
        return self._write(Write(_CLOSE, of_nothing(), body, search=search))

    def toggle_auto_renew(
        self,
        status: bool,
        currency: str,
        *,
        amount: AnyNumber | None = None,
        rate: AnyNumber | None = None,
        period: int | None = None,
    ) -> Notification[Optional[AnyFundingAutoRenew]]:
        """
        Switch auto-renew, which offers returned funding again, on or off.

        ``POST auth/w/funding/auto``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-funding-auto-renew

        Parameters
        ----------
        status : bool
            True: on; False: off.
        currency : str
            Currency, such as ``USD``.
        amount : str, int, Decimal or float, optional
            Maximum to offer; default: the amount lent now.
        rate : str, int, Decimal or float, optional
            Daily rate in percent, according to the documentation: 0.02 means 0.02 %. 0, the
            default, means the flash return rate. All other rates, including that of the response,
            are fractions: check the returned rate.
        period : int, optional
            Days, 2 to 120; default 2.

        Returns
        -------
        Notification of FundingAutoRenew or PartialFundingAutoRenew
            Or of None where the exchange returns none. May report a rejection, which
            `raise_for_status` raises.
        """
        body = auto_renew_body(status, currency, amount, rate, period)
        hint = "get_auto_renew_status() shows it; the request is idempotent"
        return self._write(
            Write(_AUTO_RENEW, of_one(_read_auto_renew), body, hint=hint)
        )

    def toggle_keep_funding(
        self,
        type: str,
        *,
        ids: Sequence[int] | None = None,
        changes: Mapping[int, int] | None = None,
    ) -> Notification[None]:
        """
        Keep borrowed funding, or stop keeping it.

        ``POST auth/w/funding/keep``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-keep-funding

        The notification may report a rejection, which `raise_for_status` raises.

        Parameters
        ----------
        type : str
            ``"credit"``: funding used in a position; ``"loan"``: funding not used.
        ids : list of int, optional
            Ids of loans or credits; each is toggled unless it is in `changes`.
        changes : dict of int to int, optional
            New state by id (or its text): 1: kept; 2: not kept. Needed unless there are `ids`.

        Raises
        ------
        OutcomeUnknown
            The funding may have been changed. With `ids` alone, a second request undoes it.
        """
        hint = (
            "get_funding_loans() and get_funding_credits() show the current state; a request with "
            "changes for all ids may be sent again, a second one with ids alone undoes the first"
        )
        body = keep_body(type, ids, changes)
        return self._write(Write(_KEEP, of_nothing(), body, hint=hint))


def _read_status(answer: Any, number: NumberType) -> Optional[FundingAutoRenewStatus]:
    return None if answer is None else FundingAutoRenewStatus.from_row(answer, number)


def _read_auto_renew(data: Any, number: NumberType) -> Optional[AnyFundingAutoRenew]:
    # There may be no object when auto-renew is switched off.
    return None if data is None else FundingAutoRenew.from_partial_row(data, number)
