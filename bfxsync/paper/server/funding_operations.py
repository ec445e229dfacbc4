"""The operations on funding offers, for REST and for the account channel."""

from __future__ import annotations

from functools import partial
from typing import Callable

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.errors import PARAMETERS, Declined, Invalid
from bfxsync.paper.engine.funding import FundingEngine
from bfxsync.paper.engine.order_requests import Body
from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.server.order_operations import (
    Reply,
    attempt,
    number,
    scalar,
)

_OFFER_LENGTH = 21


def execute(funding: FundingEngine, account: Account, name: str, body: Body) -> Reply:
    """Execute one of `OPERATIONS`; never raises, even for an invalid body."""
    return attempt(
        lambda: OPERATIONS[name](funding, account, body), partial(refusal, name, body)
    )


def refusal(name: str, body: Body, text: str, code: int) -> Reply:
    """Return the reply to a refused operation, with the fields of the requested offer."""
    row: Row = [None] * _OFFER_LENGTH
    row[0] = 0 if name == "fon" else scalar(body.get("id"))
    row[1], row[6] = scalar(body.get("symbol")), scalar(body.get("type"))
    row[4], row[14] = number(body.get("amount")), number(body.get("rate"))
    row[15] = scalar(body.get("period"))
    return Reply([row], text, code=code)


def _submit(funding: FundingEngine, account: Account, body: Body) -> Reply:
    accepted: list[Row] = []
    offer = funding.submit(
        account, body, lambda offer: accepted.append(funding.offer_row(offer))
    )
    word = "bid" if offer.is_bid else "offer"
    amount = abs(offer.amount_orig) / SCALE
    text = (
        f"Submitting funding {word} of {amount} {offer.currency} at "
        f"{offer.rate / SCALE * 100:.3f} for {offer.period} days."
    )
    return Reply([funding.offer_row(offer)], text, accepted[0])


def _cancel(funding: FundingEngine, account: Account, body: Body) -> Reply:
    id = body.get("id")
    if type(id) is not int:
        raise Invalid("id: invalid", PARAMETERS)
    offer = account.funding.offers.get(id)
    if offer is None:
        raise Declined("Offer not found.")
    row = funding.offer_row(offer)
    funding.cancel(account, [offer])
    return Reply([row], "Submitted for cancellation.")


OPERATIONS: dict[str, Callable[[FundingEngine, Account, Body], Reply]] = {
    "fon": _submit,
    "foc": _cancel,
}
