"""
Searches for funding offers, loans and credits with an unknown outcome.

Strategy: a new offer has no client id, so it is identified by its terms and its time. An offer that
matches in all terms and in time is the result if it is the only one. An offer that matches except
for the rate, which the exchange may have rounded, or for a few seconds, is a candidate; then the
write never counts as not executed.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from operator import attrgetter
from typing import Any, Dict, Hashable, List, Union

import attrs

from bfxsync._base.numbers import EXACT, approximately
from bfxsync.models.funding import FundingCredit, FundingLoan, FundingOffer
from bfxsync.outcome.clocks import Clocks
from bfxsync.outcome.identify import FAR_S, edges_of, identify
from bfxsync.outcome.reader import OpenReader
from bfxsync.outcome.resolve import Attempt, Candidates, Found, Pending, Search
from bfxsync.outcome.unread import with_unread

Loan = Union[FundingLoan, FundingCredit]

_OFFERS = "open offers and their history"

# Indexes in rows of offers, loans and credits.
_ID, _SYMBOL = 0, 1

# The histories go back three days.
_LOANS_KEPT_S = 2 * 86_400.0

# Precision of a float; the rates of different offers differ by more.
_PRECISION = Decimal("1e-12")


@attrs.frozen
class OfferFinder:
    """Builds the searches for offers, loans and credits over an `AccountReader`."""

    _open: OpenReader

    def submitted(self, body: Dict[str, Any]) -> Search[FundingOffer]:
        """Search for a new offer among the open ones, then among the closed ones."""
        symbol = body["symbol"]

        def may_be_it(offer: FundingOffer) -> bool:
            return (
                offer.symbol == symbol
                and offer.offer_type == body["type"]
                and offer.period == body["period"]
                and approximately(offer.amount_orig, body["amount"])
                # It is not documented which rate is shown for an offer that follows the FRR.
                and (body["type"] != "LIMIT" or approximately(offer.rate, body["rate"]))
            )

        def is_it(offer: FundingOffer) -> bool:
            return _is_rate(offer.rate, body["rate"])

        def find(attempt: Attempt) -> Found[FundingOffer]:
            here, unread = self._open()
            # In this order, as an offer that is closed between the requests moves from the first
            # list to the second. The response also shows the exchange's clock.
            offers = here.get_funding_offers(symbol=symbol)
            # Without an end, as the filter applies to the last change.
            start = edges_of(attempt.span())[0]
            offers += unread.readable(
                here.iter_funding_offers_history(symbol=symbol, start=start)
            )
            rows = {offer.id: offer for offer in offers if may_be_it(offer)}
            mts_of = attrgetter("mts_create")
            found = identify(list(rows.values()), mts_of, attempt, is_it)
            return with_unread(found, unread.matching({_SYMBOL: symbol}))

        return Search(find, _OFFERS, Clocks.KNOWN)

    def by_id(self, id: int) -> Search[FundingOffer]:
        """Search for the current state of an offer; a closed one is final."""

        def find(attempt: Attempt) -> Found[FundingOffer]:
            here, unread = self._open()
            for offer in here.get_funding_offers():
                if offer.id == id:
                    return Pending(offer)
            span = attempt.span()
            since = 0 if span.clocks is Clocks.UNKNOWN else span.since_mts(FAR_S)
            for offer in unread.readable(here.iter_funding_offers_history()):
                if offer.id == id:
                    return offer
                # However the history is sorted, this offer and all that follow are older.
                if offer.id < id and offer.mts_update < since:
                    break
            return with_unread(None, unread.matching({_ID: id}))

        return Search(find, _OFFERS)

    def still_open(self, currency: str | None) -> Search[List[FundingOffer]]:
        """Search for open offers of a currency, or of all."""
        symbol = None if currency is None else f"f{currency}"

        def find(attempt: Attempt) -> Found[List[FundingOffer]]:
            here, unread = self._open()
            offers = here.get_funding_offers()
            left = [offer for offer in offers if symbol in (None, offer.symbol)]
            unreadable = unread.matching({} if symbol is None else {_SYMBOL: symbol})
            if unreadable:
                return Candidates([*left, *unreadable])
            return Pending(left) if left else left

        return Search(find, "open offers")

    def loan_by_id(self, id: int) -> Search[Loan]:
        """Search for the current or final state of a loan or credit."""

        def find(attempt: Attempt) -> Found[Loan]:
            here, unread = self._open()
            open_now: List[Loan] = [
                *here.get_funding_loans(),
                *here.get_funding_credits(),
            ]
            for taken in open_now:
                if taken.id == id:
                    return Pending(taken)
            for loan in unread.readable(here.iter_funding_loans_history()):
                if loan.id == id:
                    return loan
            for credit in unread.readable(here.iter_funding_credits_history()):
                if credit.id == id:
                    return credit
            return with_unread(None, unread.matching({_ID: id}))

        searched = "loans and credits, and the histories of both,"
        return Search(find, searched, kept_s=_LOANS_KEPT_S)


def offer_fingerprint(body: Dict[str, Any]) -> Hashable:
    """Return the terms by which `OfferFinder.submitted` identifies an offer."""
    numbers = Decimal(body["amount"]), Decimal(body["rate"])
    return "offer", body["symbol"], body["type"], body["period"], numbers


def _is_rate(found: Any, rate: str) -> bool:
    """Return whether a rate is exactly the one that was sent as this text."""
    with localcontext(EXACT):
        wanted = Decimal(rate)
        return abs(Decimal(str(found)) - wanted) <= abs(wanted) * _PRECISION
