"""Funding: what is offered, and what was."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Any, Iterator, Optional

from bfxsync._base.aliases import NumberType, Symbol
from bfxsync.checks.arguments import Time, check_currency, check_funding, page_params
from bfxsync.models.funding import AccountFundingTrade, FundingOffer
from bfxsync.models.funding_info import FundingAutoRenewStatus, FundingInfo
from bfxsync.rest.auth.base import Budget, SignedEndpoints

MOST_FUNDING_ROWS = 500

_OFFERS = Budget("auth/r/funding/offers", 90)
_OFFERS_HISTORY = Budget("auth/r/funding/offers/hist", 90)
_TRADES = Budget("auth/r/funding/trades/hist", 90)
_INFO = Budget("auth/r/info/funding", 90)
_AUTO_RENEW = Budget("auth/r/funding/auto/status", 90)


class FundingEndpoints(SignedEndpoints):
    """What this account offers to lend and to borrow."""

    def get_funding_offers(self, *, symbol: Symbol | None = None) -> list[FundingOffer]:
        """
        Return the open offers.

        ``POST auth/r/funding/offers[/{symbol}]``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            Those of one currency only, such as ``fUSD``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-offers
        """
        path = "auth/r/funding/offers"
        if symbol is not None:
            path += f"/{check_funding(symbol)}"
        return self._read_many(path, _OFFERS, FundingOffer.from_row)

    def get_funding_offers_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[FundingOffer]:
        """
        Return offers that are closed, those first that changed last.

        ``POST auth/r/funding/offers[/{symbol}]/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            Those of one currency only, such as ``fUSD``.
        start, end : int or datetime, optional
            First and last time at which they changed last, both included: milliseconds, or with
            a time zone.
        limit : int, optional
            Rows, at most 500; 25 without it.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-offers-hist
        """
        path = "auth/r/funding/offers/hist"
        if symbol is not None:
            path = f"auth/r/funding/offers/{check_funding(symbol)}/hist"
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_FUNDING_ROWS)
        return self._read_many(path, _OFFERS_HISTORY, FundingOffer.from_row, page)

    def iter_funding_offers_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: FundingOffer | None = None,
        progress: bool = False,
    ) -> Iterator[FundingOffer]:
        """
        Iterate over closed offers, those first that changed last; each comes once.

        Parameters
        ----------
        symbol, start, end
            As for `get_funding_offers_history`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : FundingOffer, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-offers-hist
        """
        if symbol is not None:
            check_funding(symbol)
        return self._iterate(
            partial(self.get_funding_offers_history, symbol=symbol),
            FundingOffer,
            "funding offers",
            MOST_FUNDING_ROWS,
            mts_of=attrgetter("mts_update"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_funding_trades_history(
        self,
        *,
        symbol: Symbol | None = None,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[AccountFundingTrade]:
        """
        Return offers of this account that were taken.

        ``POST auth/r/funding/trades[/{symbol}]/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            Those of one currency only, such as ``fUSD``.
        sort : int, optional
            1: oldest first; -1: newest first. The page does not have it, a client of the
            exchange has.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows; the page does not say how many there are at most.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-trades-hist
        """
        path = "auth/r/funding/trades/hist"
        if symbol is not None:
            path = f"auth/r/funding/trades/{check_funding(symbol)}/hist"
        page = page_params(start=start, end=end, limit=limit, sort=sort)
        return self._read_many(path, _TRADES, AccountFundingTrade.from_row, page)

    def iter_funding_trades_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: AccountFundingTrade | None = None,
        progress: bool = False,
    ) -> Iterator[AccountFundingTrade]:
        """
        Iterate over offers that were taken, the newest first; each comes once.

        Parameters
        ----------
        symbol, start, end
            As for `get_funding_trades_history`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : AccountFundingTrade, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-trades-hist
        """
        if symbol is not None:
            check_funding(symbol)
        return self._iterate(
            partial(self.get_funding_trades_history, symbol=symbol),
            AccountFundingTrade,
            "funding trades",
            # What the other histories of funding have: more might be refused.
            MOST_FUNDING_ROWS,
            mts_of=attrgetter("mts_create"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_funding_info(self, key: Symbol) -> FundingInfo:
        """
        Return what the funding of a currency yields and costs on average.

        ``POST auth/r/info/funding/{key}``. Rate limit: 90 per minute.

        Parameters
        ----------
        key : str
            The symbol, such as ``fUSD``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-info-funding
        """
        path = f"auth/r/info/funding/{check_funding(key)}"
        return self._read(path, _INFO, FundingInfo.from_row)

    def get_auto_renew_status(self, currency: str) -> FundingAutoRenewStatus | None:
        """
        Return how funding that comes back is offered again; None if it is not.

        ``POST auth/r/funding/auto/status``. Rate limit: 90 per minute. The exchange's pages do
        not have it.

        Parameters
        ----------
        currency : str
            Such as ``USD``.

        References
        ----------
        https://github.com/JKorf/Bitfinex.Net
        """
        body = {"currency": check_currency("currency", currency)}
        return self._read(
            "auth/r/funding/auto/status", _AUTO_RENEW, _read_auto_renew_status, body
        )


def _read_auto_renew_status(
    answer: Any, number: NumberType
) -> Optional[FundingAutoRenewStatus]:
    if answer is None:
        return None
    return FundingAutoRenewStatus.from_row(answer, number)
