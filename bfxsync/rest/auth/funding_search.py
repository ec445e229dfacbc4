"""
What became of writes about funding whose outcome is not known: looking for it.

Strategy: a new offer has no id of ours, so it is known by what it is and by when it was made. One
that fits in everything and was made at that moment is taken for it if it is the only one. One that
fits but for the rate, which the exchange may have rounded, or but for a few seconds, may be it or
may not; so it is a candidate, and never proof that nothing was executed.
"""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation, localcontext
from typing import Any, Dict, Hashable, List, Union

from bfxsync.models.funding import FundingCredit, FundingLoan, FundingOffer
from bfxsync.rest.auth.funding import FundingEndpoints
from bfxsync.rest.auth.funding_taken import FundingTakenEndpoints
from bfxsync.rest.auth.resolving import Attempt, Find, Found, Pending
from bfxsync.rest.auth.transfer_search import FAR_S, is_about, times_of, told_apart
from bfxsync.types import Mts

Taken = Union[FundingLoan, FundingCredit]

# What a float cannot tell apart: the steps between the rates of several offers are larger.
_PRECISION = Decimal("1e-12")

# Independent of the precision and the traps that an application has set for its own decimals.
_EXACT = Context(prec=100, traps=[InvalidOperation])


class FundingSearch(FundingEndpoints, FundingTakenEndpoints):
    """What looks for offers, loans and credits, for `OutcomeUnknown.resolve`."""

    def _find_new_offer(self, body: Dict[str, Any]) -> Find[FundingOffer]:
        """Return what looks for a new offer: among the open ones, then among the closed ones."""
        symbol = body["symbol"]

        def may_be_it(offer: FundingOffer) -> bool:
            return (
                offer.symbol == symbol
                and offer.offer_type == body["type"]
                and offer.period == body["period"]
                and is_about(offer.amount_orig, body["amount"])
                # Of an offer that follows the FRR nobody has written down which rate is shown.
                and (body["type"] != "LIMIT" or is_about(offer.rate, body["rate"]))
            )

        def is_it(offer: FundingOffer) -> bool:
            return _is_rate(offer.rate, body["rate"])

        def find(attempt: Attempt) -> Found[FundingOffer]:
            # In this order, as one that is closed meanwhile goes from here to there. The answer
            # also tells how far the clocks are apart.
            offers = self.get_funding_offers(symbol=symbol)
            # Without an end, as it is asked by the last change.
            start = times_of(attempt, FAR_S)[0]
            offers += self.iter_funding_offers_history(symbol=symbol, start=start)
            rows = {offer.id: offer for offer in offers if may_be_it(offer)}
            return told_apart(list(rows.values()), _mts_create, attempt, is_it)

        return find

    def _offer_likeness(self, body: Dict[str, Any]) -> Hashable:
        """Return what `_find_new_offer` goes by."""
        numbers = Decimal(body["amount"]), Decimal(body["rate"])
        return "offer", body["symbol"], body["type"], body["period"], numbers

    def _find_offer(self, id: int) -> Find[FundingOffer]:
        """Return what looks for an offer as it is now; a closed one does not change any more."""

        def find(attempt: Attempt) -> Found[FundingOffer]:
            for offer in self.get_funding_offers():
                if offer.id == id:
                    return Pending(offer)
            since = attempt.since_mts(FAR_S)
            for offer in self.iter_funding_offers_history():
                if offer.id == id:
                    return offer
                # Whichever way they are sorted, this and all that follow are older.
                if offer.id < id and offer.mts_update < since:
                    break
            return None

        return find

    def _find_open_offers(self, currency: str | None) -> Find[List[FundingOffer]]:
        """Return what looks for offers of a currency, or of all, that are still open."""
        symbol = None if currency is None else f"f{currency}"

        def find(attempt: Attempt) -> Found[List[FundingOffer]]:
            offers = self.get_funding_offers()
            left = [offer for offer in offers if symbol in (None, offer.symbol)]
            return Pending(left) if left else left

        return find

    def _find_taken(self, id: int) -> Find[Taken]:
        """Return what looks for a loan or credit as it is now, or as it ended."""

        def find(attempt: Attempt) -> Found[Taken]:
            open_now: List[Taken] = [
                *self.get_funding_loans(),
                *self.get_funding_credits(),
            ]
            for taken in open_now:
                if taken.id == id:
                    return Pending(taken)
            for loan in self.iter_funding_loans_history():
                if loan.id == id:
                    return loan
            for credit in self.iter_funding_credits_history():
                if credit.id == id:
                    return credit
            return None

        return find


def _is_rate(found: Any, rate: str) -> bool:
    """Tell whether a rate is the very one that was sent as this text."""
    with localcontext(_EXACT):
        wanted = Decimal(rate)
        return abs(Decimal(str(found)) - wanted) <= abs(wanted) * _PRECISION


def _mts_create(offer: FundingOffer) -> Mts:
    return offer.mts_create
