"""Funding that is lent or borrowed: not used in a position (loans), and used (credits)."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Iterator

from bfxsync._base.aliases import Symbol
from bfxsync.checks.arguments import Time, check_funding, page_params
from bfxsync.models.funding import FundingCredit, FundingLoan
from bfxsync.rest.auth.base import Budget, SignedEndpoints
from bfxsync.rest.auth.funding import MOST_FUNDING_ROWS

_LOANS = Budget("auth/r/funding/loans", 90)
_LOANS_HISTORY = Budget("auth/r/funding/loans/hist", 90)
_CREDITS = Budget("auth/r/funding/credits", 90)
_CREDITS_HISTORY = Budget("auth/r/funding/credits/hist", 90)


class FundingTakenEndpoints(SignedEndpoints):
    """What this account has lent and borrowed."""

    def get_funding_loans(self, *, symbol: Symbol | None = None) -> list[FundingLoan]:
        """
        Return funding that is lent or borrowed now and not used in a position.

        ``POST auth/r/funding/loans[/{symbol}]``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            That of one currency only, such as ``fUSD``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-loans
        """
        path = "auth/r/funding/loans"
        if symbol is not None:
            path += f"/{check_funding(symbol)}"
        return self._read_many(path, _LOANS, FundingLoan.from_row)

    def get_funding_loans_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[FundingLoan]:
        """
        Return funding of the last three days that has ended and was not used in a position.

        ``POST auth/r/funding/loans[/{symbol}]/hist``. Rate limit: 90 per minute. That which
        changed last comes first.

        Parameters
        ----------
        symbol : str, optional
            That of one currency only, such as ``fUSD``.
        start, end : int or datetime, optional
            First and last time at which it changed last, both included: milliseconds, or with a
            time zone.
        limit : int, optional
            Rows, at most 500; 25 without it.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-loans-hist
        """
        path = "auth/r/funding/loans/hist"
        if symbol is not None:
            path = f"auth/r/funding/loans/{check_funding(symbol)}/hist"
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_FUNDING_ROWS)
        return self._read_many(path, _LOANS_HISTORY, FundingLoan.from_row, page)

    def iter_funding_loans_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: FundingLoan | None = None,
        progress: bool = False,
    ) -> Iterator[FundingLoan]:
        """
        Iterate over funding that has ended and was not used in a position; each comes once.

        Parameters
        ----------
        symbol, start, end
            As for `get_funding_loans_history`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : FundingLoan, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-loans-hist
        """
        if symbol is not None:
            check_funding(symbol)
        return self._iterate(
            partial(self.get_funding_loans_history, symbol=symbol),
            FundingLoan,
            "funding loans",
            MOST_FUNDING_ROWS,
            mts_of=attrgetter("mts_update"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_funding_credits(
        self, *, symbol: Symbol | None = None
    ) -> list[FundingCredit]:
        """
        Return funding that is lent or borrowed now and used in a position.

        ``POST auth/r/funding/credits[/{symbol}]``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            That of one currency only, such as ``fUSD``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-credits
        """
        path = "auth/r/funding/credits"
        if symbol is not None:
            path += f"/{check_funding(symbol)}"
        return self._read_many(path, _CREDITS, FundingCredit.from_row)

    def get_funding_credits_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[FundingCredit]:
        """
        Return funding of the last three days that has ended and was used in a position.

        ``POST auth/r/funding/credits[/{symbol}]/hist``. Rate limit: 90 per minute. That which
        changed last comes first.

        Parameters
        ----------
        symbol : str, optional
            That of one currency only, such as ``fUSD``.
        start, end : int or datetime, optional
            First and last time at which it changed last, both included: milliseconds, or with a
            time zone.
        limit : int, optional
            Rows, at most 500; 25 without it.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-credits-hist
        """
        path = "auth/r/funding/credits/hist"
        if symbol is not None:
            path = f"auth/r/funding/credits/{check_funding(symbol)}/hist"
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_FUNDING_ROWS)
        return self._read_many(path, _CREDITS_HISTORY, FundingCredit.from_row, page)

    def iter_funding_credits_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: FundingCredit | None = None,
        progress: bool = False,
    ) -> Iterator[FundingCredit]:
        """
        Iterate over funding that has ended and was used in a position; each comes once.

        Parameters
        ----------
        symbol, start, end
            As for `get_funding_credits_history`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : FundingCredit, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-credits-hist
        """
        if symbol is not None:
            check_funding(symbol)
        return self._iterate(
            partial(self.get_funding_credits_history, symbol=symbol),
            FundingCredit,
            "funding credits",
            MOST_FUNDING_ROWS,
            mts_of=attrgetter("mts_update"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )
