"""
What became of writes about funding whose outcome is not known: looking for it.

Strategy: a new offer has no id of ours, so it is known by what it is and by when it was made. One
that fits in everything and was made at that moment is taken for it if it is the only one. One that
fits but for the rate, which the exchange may have rounded, or but for a few seconds, may be it or
may not; so it is a candidate, and never a sign that nothing was executed.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any, Dict, Hashable, List, Union

from bfxsync._base.numbers import EXACT
from bfxsync.models.funding import FundingCredit, FundingLoan, FundingOffer
from bfxsync.outcome.clocks import Clocks
from bfxsync.rest.auth.funding import FundingEndpoints
from bfxsync.rest.auth.loans import FundingTakenEndpoints
from bfxsync.rest.auth.resolving import Attempt, Candidates, Found, Pending, Search
from bfxsync.rest.auth.transfer_search import FAR_S, approximately, edges_of, identify
from bfxsync.rest.auth.unread import UnreadRows, with_unread
from bfxsync.types import Mts

_OFFERS = "open offers and their history"

# Where rows of offers, loans and credits have them.
_ID, _SYMBOL = 0, 1

Taken = Union[FundingLoan, FundingCredit]

# The histories have the last three days.
_TAKEN_KEPT_S = 2 * 86_400.0

# What a float cannot tell apart: the steps between the rates of several offers are larger.
_PRECISION = Decimal("1e-12")


class FundingSearch(FundingEndpoints, FundingTakenEndpoints):
    """What looks for offers, loans and credits, for `OutcomeUnknown.resolve`."""

    def _search_new_offer(self, body: Dict[str, Any]) -> Search[FundingOffer]:
        """Return what looks for a new offer: among the open ones, then among the closed ones."""
        symbol = body["symbol"]

        def may_be_it(offer: FundingOffer) -> bool:
            return (
                offer.symbol == symbol
                and offer.offer_type == body["type"]
                and offer.period == body["period"]
                and approximately(offer.amount_orig, body["amount"])
                # Of an offer that follows the FRR nobody has written down which rate is shown.
                and (body["type"] != "LIMIT" or approximately(offer.rate, body["rate"]))
            )

        def is_it(offer: FundingOffer) -> bool:
            return _is_rate(offer.rate, body["rate"])

        def find(attempt: Attempt) -> Found[FundingOffer]:
            unread = UnreadRows()
            here = self._around(unread)
            # In this order, as one that is closed meanwhile goes from here to there. The answer
            # also tells how far the clocks are apart.
            offers = here.get_funding_offers(symbol=symbol)
            # Without an end, as it is asked by the last change.
            start = edges_of(attempt.span())[0]
            offers += unread.around(
                here.iter_funding_offers_history(symbol=symbol, start=start)
            )
            rows = {offer.id: offer for offer in offers if may_be_it(offer)}
            found = identify(list(rows.values()), _mts_create, attempt, is_it)
            return with_unread(found, unread.like({_SYMBOL: symbol}))

        return Search(find, _OFFERS, Clocks.KNOWN)

    def _offer_likeness(self, body: Dict[str, Any]) -> Hashable:
        """Return what `_search_new_offer` goes by."""
        numbers = Decimal(body["amount"]), Decimal(body["rate"])
        return "offer", body["symbol"], body["type"], body["period"], numbers

    def _search_offer(self, id: int) -> Search[FundingOffer]:
        """Return what looks for an offer as it is now; a closed one does not change any more."""

        def find(attempt: Attempt) -> Found[FundingOffer]:
            unread = UnreadRows()
            here = self._around(unread)
            for offer in here.get_funding_offers():
                if offer.id == id:
                    return Pending(offer)
            span = attempt.span()
            since = 0 if span.clocks is Clocks.UNKNOWN else span.since_mts(FAR_S)
            for offer in unread.around(here.iter_funding_offers_history()):
                if offer.id == id:
                    return offer
                # Whichever way they are sorted, this and all that follow are older.
                if offer.id < id and offer.mts_update < since:
                    break
            return with_unread(None, unread.like({_ID: id}))

        return Search(find, _OFFERS)

    def _search_open_offers(self, currency: str | None) -> Search[List[FundingOffer]]:
        """Return what looks for offers of a currency, or of all, that are still open."""
        symbol = None if currency is None else f"f{currency}"

        def find(attempt: Attempt) -> Found[List[FundingOffer]]:
            unread = UnreadRows()
            offers = self._around(unread).get_funding_offers()
            left = [offer for offer in offers if symbol in (None, offer.symbol)]
            strange = unread.like({} if symbol is None else {_SYMBOL: symbol})
            if strange:
                return Candidates([*left, *strange])
            return Pending(left) if left else left

        return Search(find, "open offers")

    def _search_taken(self, id: int) -> Search[Taken]:
        """Return what looks for a loan or credit as it is now, or as it ended."""

        def find(attempt: Attempt) -> Found[Taken]:
            unread = UnreadRows()
            here = self._around(unread)
            open_now: List[Taken] = [
                *here.get_funding_loans(),
                *here.get_funding_credits(),
            ]
            for taken in open_now:
                if taken.id == id:
                    return Pending(taken)
            for loan in unread.around(here.iter_funding_loans_history()):
                if loan.id == id:
                    return loan
            for credit in unread.around(here.iter_funding_credits_history()):
                if credit.id == id:
                    return credit
            return with_unread(None, unread.like({_ID: id}))

        places = "loans and credits, and the histories of both,"
        return Search(find, places, kept_s=_TAKEN_KEPT_S)


def _is_rate(found: Any, rate: str) -> bool:
    """Tell whether a rate is the very one that was sent as this text."""
    with localcontext(EXACT):
        wanted = Decimal(rate)
        return abs(Decimal(str(found)) - wanted) <= abs(wanted) * _PRECISION


def _mts_create(offer: FundingOffer) -> Mts:
    return offer.mts_create
