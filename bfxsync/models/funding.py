"""Funding of an account: offers, loans, credits and trades."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, NoReturn, Union

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync._base.enums import OrderFlag
from bfxsync.errors import RemoteError
from bfxsync.models.model import RestModel, Switch, at, model
from bfxsync.models.moments import Moment, moment
from bfxsync.models.order_status import OrderStatus, status_of
from bfxsync.models.partial_rows import (
    N,
    PartialMoment,
    WholeOrPartial,
    read_whole_or_partial,
)
from bfxsync.models.rows import short


def _flags(value: object, number: NumberType) -> OrderFlag | None:
    # The exchange's pages also mention an object, without any details.
    return OrderFlag(value) if type(value) is int else None


def _switch(value: object, number: NumberType) -> int | None:
    if value is None or isinstance(value, int):
        # Some responses have true and false.
        return None if value is None else int(value)
    raise RemoteError(f"expected 1, 0 or null, got {short(value)}")


@model
class _FundingOfferFields(RestModel, WholeOrPartial[N]):
    id: int | N = at(0)
    symbol: Symbol | N = at(1)
    """Such as ``fUSD``."""
    mts_create: Mts | N = at(2)
    """Time of creation, in milliseconds UTC."""
    mts_update: Mts | N = at(3)
    """Time of the last update, in milliseconds UTC."""
    amount: float | N = at(4)
    """Remaining amount: positive to lend, negative to borrow."""
    amount_orig: float | N = at(5)
    """Original amount."""
    offer_type: str | N = at(6)
    """``LIMIT``, ``FRRDELTAVAR`` or ``FRRDELTAFIX``."""
    flags: OrderFlag | None = at(9, read=_flags)
    """Flags of the offer; None also where the exchange sends no number."""
    offer_status: str | N = at(10)
    """Raw status text; `status` has it parsed."""
    rate: float | N = at(14)
    """
    Per day, as a fraction: 0.0002 is 0.02 %. For the FRR types the offset from the flash return
    rate.
    """
    period: int | N = at(15)
    """In days."""
    notify: Switch | None = at(16, read=_switch)
    hidden: Switch | None = at(17, read=_switch)
    renew: Switch | None = at(19, read=_switch)
    rate_real: float | None = at(20)
    """Effective rate per day."""

    created_at: ClassVar[PartialMoment] = PartialMoment(mts_create)
    updated_at: ClassVar[PartialMoment] = PartialMoment(mts_update)

    @property
    def status(self) -> OrderStatus:
        """The parsed status, see `Order.status`. The prices of its fills are rates."""
        return status_of(self.offer_status, self.amount)


@model
class FundingOffer(_FundingOfferFields[NoReturn]):
    """
    An offer to lend, or a bid to borrow, open or closed.

    https://docs.bitfinex.com/reference/rest-auth-funding-offers
    """

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> AnyFundingOffer:
        """Build from the row of a notification, which may lack any field."""
        return read_whole_or_partial(cls, PartialFundingOffer, row, number)


@model
class PartialFundingOffer(_FundingOfferFields[None]):
    """An offer in a notification that lacks some fields of a `FundingOffer`."""


AnyFundingOffer = Union[FundingOffer, PartialFundingOffer]


@model
class _OwnFunding(RestModel):
    id: int = at(0)
    symbol: Symbol = at(1)
    """Such as ``fUSD``."""
    side: int = at(2)
    """1: lender; -1: borrower; 0: both."""
    mts_create: Mts = at(3)
    """Time of creation, in milliseconds UTC."""
    mts_update: Mts = at(4)
    """Time of the last update, in milliseconds UTC."""
    amount: float = at(5)
    flags: Any = at(6)
    """As sent: reserved for future use."""
    status: str = at(7)
    """``ACTIVE``; in the history the final status."""
    rate_type: str | None = at(8)
    """``FIXED`` or ``VAR``."""
    rate: float = at(11)
    """Per day, as a fraction: 0.0002 is 0.02 %; 0 for the flash return rate."""
    period: int = at(12)
    """In days."""
    mts_opening: Mts | None = at(13)
    """Opening time, in milliseconds UTC."""
    mts_last_payout: Mts | None = at(14)
    """Time of the last interest payment, in milliseconds UTC."""
    notify: Switch | None = at(15, read=_switch)
    hidden: Switch | None = at(16, read=_switch)
    renew: Switch | None = at(18, read=_switch)
    rate_real: float | None = at(19)
    """Effective rate per day."""
    no_close: Switch | None = at(20, read=_switch)
    """1: returned when the position closes; 0: kept."""

    created_at: ClassVar[Moment[datetime]] = moment(mts_create)
    updated_at: ClassVar[Moment[datetime]] = moment(mts_update)
    opened_at: ClassVar[Moment[datetime | None]] = moment(mts_opening)
    last_payout_at: ClassVar[Moment[datetime | None]] = moment(mts_last_payout)


@model
class FundingLoan(_OwnFunding):
    """
    Funding that is not used in a position.

    https://docs.bitfinex.com/reference/rest-auth-funding-loans
    """


@model
class FundingCredit(_OwnFunding):
    """
    Funding that is used in a position.

    https://docs.bitfinex.com/reference/rest-auth-funding-credits
    """

    position_pair: Symbol | None = at(21)
    """Pair of the position, such as ``tBTCUST``."""


@model
class AccountFundingTrade(RestModel):
    """
    A full or partial execution of an offer of this account.

    https://docs.bitfinex.com/reference/rest-auth-funding-trades-hist
    """

    id: int = at(0)
    currency: Symbol = at(1)
    """The symbol, such as ``fUSD``."""
    mts_create: Mts = at(2)
    """Execution time, in milliseconds UTC."""
    offer_id: int = at(3)
    amount: float = at(4)
    """Positive: lent; negative: borrowed."""
    rate: float = at(5)
    """Per day, as a fraction: 0.0002 is 0.02 %."""
    period: int = at(6)
    """In days."""
    maker: Switch | None = at(7)
    """1: maker; None: taker, or not sent."""

    created_at: ClassVar[Moment[datetime]] = moment(mts_create)
