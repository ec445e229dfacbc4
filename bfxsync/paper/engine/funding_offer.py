"""One offer to lend, or bid to borrow: its request, status text and row."""

from __future__ import annotations

import attrs

from bfxsync.paper.engine.amounts import QUANTUM, integer, read_amount, read_rate
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.order import HIDDEN
from bfxsync.paper.engine.order_requests import Body
from bfxsync.paper.engine.units import SCALE, Row, number_text

LIMIT, FRR_VAR, FRR_FIX = "LIMIT", "FRRDELTAVAR", "FRRDELTAFIX"
OFFER_TYPES = (LIMIT, FRR_VAR, FRR_FIX)
SHORTEST, LONGEST = 2, 120
"""Periods in days."""
HIGHEST_RATE = SCALE * 7 // 100
"""Maximum rate per day of the real exchange."""


@attrs.define(eq=False)
class EngineOffer:
    """
    An offer of an account.

    Attributes
    ----------
    amount : int
        Remaining amount: positive to lend, negative to borrow.
    rate : int
        Per day; for the FRR types the offset from the flash return rate.
    fills : list of (int, int)
        Rate and amount of each fill, oldest first.
    closed_as : str
        First word of the final status, empty while the offer is open.
    resting_rate : int
        The effective rate of its entry in the book.
    """

    id: int
    symbol: str
    mts_create: int
    mts_update: int
    kind: str
    amount: int
    rate: int
    period: int
    flags: int = 0
    notify: bool = False
    renew: bool = False
    amount_orig: int = 0
    fills: list[tuple[int, int]] = attrs.field(factory=list)
    closed_as: str = ""
    resting_rate: int = 0

    @property
    def is_bid(self) -> bool:
        """Whether this is a bid to borrow."""
        return self.amount_orig < 0

    @property
    def is_open(self) -> bool:
        """Whether the offer may still be matched or cancelled."""
        return not self.closed_as

    @property
    def is_hidden(self) -> bool:
        """Whether the offer is hidden from the book."""
        return bool(self.flags & HIDDEN)

    @property
    def currency(self) -> str:
        """Currency of the offer, without the ``f`` of the symbol."""
        return self.symbol[1:]

    def rate_at(self, flash_return_rate: int) -> int:
        """Return the effective rate per day."""
        return effective(self.kind, self.rate, flash_return_rate)

    @property
    def status(self) -> str:
        """The status text, as the exchange writes it."""
        filled = ", ".join(
            f"at {number_text(round(rate / SCALE * 100, 10))}% ({number_text(amount / SCALE)})"
            for rate, amount in self.fills[-10:][::-1]
        )
        if not self.closed_as:
            return f"PARTIALLY FILLED {filled}" if filled else "ACTIVE"
        if self.closed_as == "EXECUTED":
            return f"EXECUTED {filled}"
        was = f" was: PARTIALLY FILLED {filled}" if filled else ""
        return self.closed_as + was

    def row(self, flash_return_rate: int) -> Row:
        """Return the row of the offer, as sent."""
        real = None
        if self.kind != LIMIT:
            real = self.rate_at(flash_return_rate) / SCALE
        # fmt: off
        return [
            self.id, self.symbol, self.mts_create, self.mts_update, self.amount / SCALE,
            self.amount_orig / SCALE, self.kind, None, None, self.flags, self.status, None,
            None, None, self.rate / SCALE, self.period, int(self.notify),
            int(self.is_hidden), None, int(self.renew), real,
        ]
        # fmt: on


def effective(kind: str, rate: int, flash_return_rate: int) -> int:
    """Return the effective rate of an offer or loan; always positive for the FRR types."""
    return rate if kind == LIMIT else max(flash_return_rate + rate, QUANTUM)


def new_offer(body: Body, id: int, now_mts: int, symbol: str) -> EngineOffer:
    """Create an offer from a request; a missing or invalid field raises `Invalid`."""
    kind = body.get("type")
    if kind not in OFFER_TYPES:
        raise Invalid("type: invalid")
    amount = read_amount("amount", body.get("amount"))
    rate = read_rate("rate", body.get("rate"))
    period = integer("period", body.get("period"), LONGEST + 1)
    if period is None or period < SHORTEST:
        raise Invalid("period: invalid")
    flags = integer("flags", body.get("flags"), 2**31)
    offer = EngineOffer(
        id=id,
        symbol=symbol,
        mts_create=now_mts,
        mts_update=now_mts,
        kind=str(kind),
        amount=amount,
        amount_orig=amount,
        rate=rate,
        period=period,
        flags=flags or 0,
        notify=_switch("notify", body),
        renew=_switch("renew", body),
    )
    if offer.kind == LIMIT and rate <= 0 or offer.kind == FRR_VAR and rate < 0:
        raise Invalid("rate: invalid")
    return offer


def check_offer(offer: EngineOffer, smallest: int) -> None:
    """Check size and rate, which do not depend on the account; raise `Declined`."""
    if abs(offer.amount) < smallest:
        least = number_text(round(smallest / SCALE, 8))
        raise Declined(
            "Invalid offer: incorrect amount, minimum is 150.0 dollar or equivalent in "
            f"{offer.currency}: {least}"
        )
    if abs(offer.rate) > HIGHEST_RATE:
        raise Declined("Invalid offer: incorrect rate, maximum is 7% a day")


def _switch(name: str, body: Body) -> bool:
    value = body.get(name)
    if value not in (None, 0, 1):
        raise Invalid(f"{name}: invalid")
    return bool(value)
