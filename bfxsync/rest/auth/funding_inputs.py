"""Funding: making and cancelling offers, and what is done with what was lent or borrowed."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Mapping, Optional, Sequence

from bfxsync._base.aliases import AnyNumber, NumberType, Symbol
from bfxsync._base.enums import OrderFlag
from bfxsync._base.numbers import plain_decimal
from bfxsync.checks.arguments import (
    PERIODS,
    check_choice,
    check_currency,
    check_funding,
    check_integer,
)
from bfxsync.checks.order_arguments import (
    check_amount,
    check_flags,
    check_id,
    check_ids,
    check_switch,
    optional,
)
from bfxsync.errors import UsageError
from bfxsync.models.funding import FundingOffer
from bfxsync.models.funding_info import FundingAutoRenew
from bfxsync.models.notification import Notification, of_nothing, of_one
from bfxsync.outcome.find_offers import OfferFinder, offer_fingerprint
from bfxsync.rest.auth.base import Budget
from bfxsync.rest.auth.funding import FundingEndpoints
from bfxsync.rest.auth.loans import FundingTakenEndpoints

_SUBMIT = Budget("auth/w/funding/offer/submit", 90)
_CANCEL = Budget("auth/w/funding/offer/cancel", 90)
_CANCEL_ALL = Budget("auth/w/funding/offer/cancel/all", 90)
_CLOSE = Budget("auth/w/funding/close", 90)
_AUTO_RENEW = Budget("auth/w/funding/auto", 90)
_KEEP = Budget("auth/w/funding/keep", 90)

_TYPES = ("LIMIT", "FRRDELTAVAR", "FRRDELTAFIX")
_KINDS = ("credit", "loan")
_KEEP_OR_NOT = range(1, 3)
_DIGITS = re.compile("[1-9][0-9]{0,18}")

_HINT = "resolve() asks the exchange; do not send it again before that is known"


class FundingInputEndpoints(FundingEndpoints, FundingTakenEndpoints):
    """Lending and borrowing."""

    _find_offers: OfferFinder

    def submit_funding_offer(
        self,
        type: str,
        symbol: Symbol,
        amount: AnyNumber,
        rate: AnyNumber,
        period: int,
        *,
        flags: OrderFlag | int | None = None,
    ) -> Notification[FundingOffer]:
        """
        Offer to lend, or bid to borrow, at most once.

        ``POST auth/w/funding/offer/submit``. Rate limit: 90 per minute.

        Parameters
        ----------
        type : str
            ``"LIMIT"``: at this rate. ``"FRRDELTAVAR"``: at the flash return rate and this on
            top of it, also afterwards. ``"FRRDELTAFIX"``: at the flash return rate of the moment
            when it is taken, and this on top of it.
        symbol : str
            Such as ``fUSD``.
        amount : str, int, Decimal or float
            Positive lends, negative borrows.
        rate : str, int, Decimal or float
            Per day, as a fraction: 0.0002 is 0.02 %. Above zero for ``"LIMIT"``, not negative for
            ``"FRRDELTAVAR"``.
        period : int
            Days, 2 to 120.
        flags : OrderFlag or int, optional
            `OrderFlag.HIDDEN`.

        Returns
        -------
        Notification of FundingOffer
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been made. Its `resolve` returns the `FundingOffer`, or raises
            `NotExecuted` if there is none. Where it is not certain it raises the error again
            with `candidates`, also for equal offers that this program has made within seconds.
            One that somebody else makes just then it may take for this one.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-submit-funding-offer
        """
        kind = check_choice("type", type, _TYPES)
        body = {
            "type": kind,
            "symbol": check_funding(symbol),
            "amount": check_amount("amount", amount),
            "rate": _check_rate(kind, rate),
            "period": check_integer("period", period, PERIODS),
            "flags": optional(check_flags, "flags", flags, OrderFlag.HIDDEN),
        }
        return self._write(
            "auth/w/funding/offer/submit",
            _SUBMIT,
            of_one(FundingOffer.from_partial_row),
            body,
            search=self._find_offers.submitted(body),
            fingerprint=offer_fingerprint(body),
            hint=_HINT,
        )

    def cancel_funding_offer(self, id: int) -> Notification[FundingOffer]:
        """
        Cancel an offer.

        ``POST auth/w/funding/offer/cancel``. Rate limit: 90 per minute. That it succeeds means
        that the exchange has taken it: the offer may still be taken before.

        Parameters
        ----------
        id : int
            The `id` of a `FundingOffer`.

        Returns
        -------
        Notification of FundingOffer
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been cancelled. Its `resolve` returns the `FundingOffer` as it is, or
            raises `NotExecuted` if there is none.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-cancel-funding-offer
        """
        return self._write(
            "auth/w/funding/offer/cancel",
            _CANCEL,
            of_one(FundingOffer.from_partial_row),
            {"id": check_id("id", id)},
            search=self._find_offers.by_id(id),
            hint=_HINT,
        )

    def cancel_all_funding_offers(
        self, currency: str | None = None
    ) -> Notification[None]:
        """
        Cancel all open offers.

        ``POST auth/w/funding/offer/cancel/all``. Rate limit: 90 per minute.

        Parameters
        ----------
        currency : str, optional
            Those of one currency only, such as ``USD``; those of all currencies without it.

        Returns
        -------
        Notification of None
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            They may have been cancelled. Its `resolve` returns those of them that are still
            open.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-cancel-all-funding-offers
        """
        return self._write(
            "auth/w/funding/offer/cancel/all",
            _CANCEL_ALL,
            of_nothing(),
            {"currency": optional(check_currency, "currency", currency)},
            search=self._find_offers.still_open(currency),
            hint=_HINT,
        )

    def submit_funding_close(self, id: int) -> Notification[None]:
        """
        Return funding that was borrowed.

        ``POST auth/w/funding/close``. Rate limit: 90 per minute.

        Parameters
        ----------
        id : int
            The `id` of a `FundingLoan` or a `FundingCredit`; not that of an offer.

        Returns
        -------
        Notification of None
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been returned. Its `resolve` returns the `FundingLoan` or the
            `FundingCredit` as it is, or raises `NotExecuted` if there is none.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-close
        """
        return self._write(
            "auth/w/funding/close",
            _CLOSE,
            of_nothing(),
            {"id": check_id("id", id)},
            search=self._find_offers.loan_by_id(id),
            hint=_HINT,
        )

    def toggle_auto_renew(
        self,
        status: bool,
        currency: str,
        *,
        amount: AnyNumber | None = None,
        rate: AnyNumber | None = None,
        period: int | None = None,
    ) -> Notification[Optional[FundingAutoRenew]]:
        """
        Have funding that comes back offered again by itself, or no longer.

        ``POST auth/w/funding/auto``. Rate limit: 90 per minute.

        Parameters
        ----------
        status : bool
            True: it is; False: it is not.
        currency : str
            Such as ``USD``.
        amount : str, int, Decimal or float, optional
            The most that is offered; without it what is provided now.
        rate : str, int, Decimal or float, optional
            Per day, and in percent, as its page calls it: 0.02 is 0.02 %; 0, or none: the flash
            return rate. All other rates are fractions, also that of the answer: see that it is
            the one that you mean.
        period : int, optional
            Days, 2 to 120; 2 without it.

        Returns
        -------
        Notification of FundingAutoRenew
            Or of None, where the exchange sends nothing about it.
            The notification may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been changed.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-funding-auto-renew
        """
        body = {
            "status": check_switch("status", status),
            "currency": check_currency("currency", currency),
            "amount": optional(_check_not_negative, "amount", amount),
            "rate": optional(_check_not_negative, "rate", rate),
            "period": optional(check_integer, "period", period, PERIODS),
        }
        return self._write(
            "auth/w/funding/auto",
            _AUTO_RENEW,
            of_one(_read_auto_renew),
            body,
            hint="get_auto_renew_status() shows it; sent twice it does the same as once",
        )

    def toggle_keep_funding(
        self,
        type: str,
        *,
        ids: Sequence[int] | None = None,
        changes: Mapping[int, int] | None = None,
    ) -> Notification[None]:
        """
        Have funding that was borrowed kept, or no longer.

        ``POST auth/w/funding/keep``. Rate limit: 90 per minute.

        Parameters
        ----------
        type : str
            ``"credit"``: funding that is used in a position; ``"loan"``: funding that is not.
        ids : list of int, optional
            Of loans or credits, for each of which it becomes the opposite of what it was, unless
            `changes` says something else.
        changes : dict of int to int, optional
            What it becomes, by the id (or its text): 1, it is kept; 2, it is not.

        Returns
        -------
        Notification of None
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible, or there is neither `ids` nor `changes`.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been changed. With `ids` alone, sent twice it undoes itself.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-keep-funding
        """
        if ids is None and changes is None:
            raise UsageError("one of ids and changes must be given")
        to_what = optional(_check_changes, "changes", changes)
        if ids is None and to_what is not None:
            # The page has changes beside the ids only.
            ids = list(map(int, to_what))
        body = {
            "type": check_choice("type", type, _KINDS),
            "id": check_ids("ids", ids),
            "changes": to_what,
        }
        return self._write(
            "auth/w/funding/keep",
            _KEEP,
            of_nothing(),
            body,
            hint=(
                "get_funding_loans() and get_funding_credits() show what there is; with changes "
                "for all of it, it may be sent again, with ids alone that would undo it"
            ),
        )


def _check_rate(kind: str, rate: object) -> str:
    """Return a rate as text: an offset to the FRR may be zero, and a fixed one negative."""
    text = plain_decimal(rate, "rate")
    if kind == "LIMIT" and Decimal(text) <= 0:
        raise UsageError(f"rate must be above zero for {kind}, and is {text}")
    if kind == "FRRDELTAVAR" and Decimal(text) < 0:
        raise UsageError(f"rate must not be negative for {kind}, and is {text}")
    return text


def _check_not_negative(name: str, value: object) -> str:
    text = plain_decimal(value, name)
    if Decimal(text) < 0:
        raise UsageError(f"{name} must not be negative, and is {text}")
    return text


def _check_changes(name: str, value: object) -> dict[str, int]:
    if not isinstance(value, Mapping) or not value:
        raise UsageError(
            f"{name} must be a dict of ids, and not empty; it is {value!r}"
        )
    changes = {}
    for id, keep in value.items():
        # As text, which all names in JSON are.
        if isinstance(id, str) and _DIGITS.fullmatch(id):
            id = int(id)
        key = str(check_id(f"an id of {name}", id))
        if key in changes:
            raise UsageError(f"{name} has {key} twice, as a number and as text")
        changes[key] = check_integer(f"a value of {name}", keep, _KEEP_OR_NOT)
    return changes


def _read_auto_renew(data: Any, number: NumberType) -> Optional[FundingAutoRenew]:
    # There may be nothing to say of what is switched off.
    if data is None:
        return None
    return FundingAutoRenew.from_partial_row(data, number)
