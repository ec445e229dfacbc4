"""Funding of an account: what it offers, what it has lent and borrowed."""

from __future__ import annotations

import reprlib
from decimal import Decimal
from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync._base.enums import OrderFlag
from bfxsync.errors import RemoteError
from bfxsync.models.order_status import OrderStatus
from bfxsync.models.rows import Kind, Layout


@attrs.define
class FundingOffer:
    """
    An offer to lend, or a bid to borrow, as it is or as it was.

    The offers of a notification have None in all fields that the exchange does not (yet) know.

    Attributes
    ----------
    id : int
    symbol : str
        Such as ``fUSD``.
    mts_create, mts_update : int
        When it was made and changed last, in milliseconds UTC.
    amount : float
        What is left of it: positive lends, negative borrows.
    amount_orig : float
        The amount that it began with.
    offer_type : str
        ``LIMIT``, ``FRRDELTAVAR`` or ``FRRDELTAFIX``.
    flags : OrderFlag or None
        None as well where the exchange sends no number.
    offer_status : str
        See `status`, which takes it apart.
    rate : float
        Per day, as a fraction: 0.0002 is 0.02 %. Of the types with FRR what is added to the flash
        return rate.
    period : int
        Days.
    notify, hidden, renew : int or None
        1 or 0.
    rate_real : float or None
        The rate per day that it comes to.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-funding-offers
    """

    id: int
    symbol: Symbol
    mts_create: Mts
    mts_update: Mts
    amount: float
    amount_orig: float
    offer_type: str
    flags: OrderFlag | None
    offer_status: str
    rate: float
    period: int
    notify: int | None
    hidden: int | None
    renew: int | None
    rate_real: float | None

    @property
    def status(self) -> OrderStatus:
        """The status taken apart: word, fills, history. The prices of its fills are rates."""
        is_decimal = isinstance(self.amount, Decimal)
        return OrderStatus.parse(
            self.offer_status or "", Decimal if is_decimal else float
        )

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingOffer:
        """Build from a row of 16 or more values, 21 as the exchange sends it."""
        return cls._of(_FUNDING_OFFER.read(row, number), row)

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> FundingOffer:
        """Build from the row of a notification, in which anything may be missing."""
        return cls._of(_PARTIAL_FUNDING_OFFER.read(row, number), row)

    @classmethod
    def _of(cls, values: list[Any], row: Row) -> FundingOffer:
        offer = cls(*values)
        flags: Any = offer.flags
        # The pages also speak of an object, of which they say nothing else.
        offer.flags = OrderFlag(flags) if type(flags) is int else None
        _read_switches(offer, ("notify", "hidden", "renew"), row)
        return offer


_FUNDING_OFFER = Layout(
    "FundingOffer",
    ("id", 0, Kind.INTEGER),
    ("symbol", 1, Kind.TEXT),
    ("mts_create", 2, Kind.INTEGER),
    ("mts_update", 3, Kind.INTEGER),
    ("amount", 4, Kind.NUMBER),
    ("amount_orig", 5, Kind.NUMBER),
    ("offer_type", 6, Kind.TEXT),
    ("flags", 9, Kind.ANY),
    ("offer_status", 10, Kind.TEXT),
    ("rate", 14, Kind.NUMBER),
    ("period", 15, Kind.INTEGER),
    ("notify", 16, Kind.ANY),
    ("hidden", 17, Kind.ANY),
    ("renew", 19, Kind.ANY),
    ("rate_real", 20, Kind.OPTIONAL_NUMBER),
)
_PARTIAL_FUNDING_OFFER = _FUNDING_OFFER.tolerant()


@attrs.define
class FundingLoan:
    """
    Funding that is not used in a position.

    Attributes
    ----------
    id : int
    symbol : str
        Such as ``fUSD``.
    side : int
        1: you have lent it; -1: you have borrowed it; 0: both.
    mts_create, mts_update : int
        When it was made and changed last, in milliseconds UTC.
    amount : float
    flags : object
        As sent: the page keeps it for later.
    status : str
        ``ACTIVE``; in the history how it ended.
    rate_type : str or None
        ``FIXED`` or ``VAR``.
    rate : float
        Per day, as a fraction: 0.0002 is 0.02 %; 0 for the flash return rate.
    period : int
        Days.
    mts_opening, mts_last_payout : int or None
        When it began and when interest was paid last, in milliseconds UTC.
    notify, hidden, renew : int or None
        1 or 0.
    rate_real : float or None
        The rate per day that it comes to.
    no_close : int or None
        1: it is returned when the position closes; 0: it is kept.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-funding-loans
    """

    id: int
    symbol: Symbol
    side: int
    mts_create: Mts
    mts_update: Mts
    amount: float
    flags: Any
    status: str
    rate_type: str | None
    rate: float
    period: int
    mts_opening: Mts | None
    mts_last_payout: Mts | None
    notify: int | None
    hidden: int | None
    renew: int | None
    rate_real: float | None
    no_close: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingLoan:
        """Build from a row of 13 or more values, 21 as the exchange sends it."""
        loan = cls(*_FUNDING_LOAN.read(row, number))
        _read_switches(loan, ("notify", "hidden", "renew", "no_close"), row)
        return loan


_FUNDING_LOAN = Layout(
    "FundingLoan",
    ("id", 0, Kind.INTEGER),
    ("symbol", 1, Kind.TEXT),
    ("side", 2, Kind.INTEGER),
    ("mts_create", 3, Kind.INTEGER),
    ("mts_update", 4, Kind.INTEGER),
    ("amount", 5, Kind.NUMBER),
    ("flags", 6, Kind.ANY),
    ("status", 7, Kind.TEXT),
    ("rate_type", 8, Kind.OPTIONAL_TEXT),
    ("rate", 11, Kind.NUMBER),
    ("period", 12, Kind.INTEGER),
    ("mts_opening", 13, Kind.OPTIONAL_INTEGER),
    ("mts_last_payout", 14, Kind.OPTIONAL_INTEGER),
    ("notify", 15, Kind.ANY),
    ("hidden", 16, Kind.ANY),
    ("renew", 18, Kind.ANY),
    ("rate_real", 19, Kind.OPTIONAL_NUMBER),
    ("no_close", 20, Kind.ANY),
)


@attrs.define
class FundingCredit:
    """
    Funding that is used in a position.

    Attributes
    ----------
    id, symbol, side, mts_create, mts_update, amount, flags, status, rate_type, rate, period
        As those of `FundingLoan`.
    mts_opening, mts_last_payout, notify, hidden, renew, rate_real, no_close
        As those of `FundingLoan`.
    position_pair : str or None
        The pair of the position, such as ``tBTCUST``.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-funding-credits
    """

    id: int
    symbol: Symbol
    side: int
    mts_create: Mts
    mts_update: Mts
    amount: float
    flags: Any
    status: str
    rate_type: str | None
    rate: float
    period: int
    mts_opening: Mts | None
    mts_last_payout: Mts | None
    notify: int | None
    hidden: int | None
    renew: int | None
    rate_real: float | None
    no_close: int | None
    position_pair: Symbol | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingCredit:
        """Build from a row of 13 or more values, 22 as the exchange sends it."""
        credit = cls(*_FUNDING_CREDIT.read(row, number))
        _read_switches(credit, ("notify", "hidden", "renew", "no_close"), row)
        return credit


_FUNDING_CREDIT = Layout(
    "FundingCredit",
    *_FUNDING_LOAN.fields,
    ("position_pair", 21, Kind.OPTIONAL_TEXT),
)


@attrs.define
class AccountFundingTrade:
    """
    An offer of this account that was taken, or a part of it.

    Attributes
    ----------
    id : int
    currency : str
        The symbol, such as ``fUSD``.
    mts_create : int
        When, in milliseconds UTC.
    offer_id : int
    amount : float
        Positive was lent, negative was borrowed.
    rate : float
        Per day, as a fraction: 0.0002 is 0.02 %.
    period : int
        Days.
    maker : int or None
        1: the offer was in the book; None: it took from there, or it was not told.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-funding-trades-hist
    """

    id: int
    currency: Symbol
    mts_create: Mts
    offer_id: int
    amount: float
    rate: float
    period: int
    maker: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> AccountFundingTrade:
        """Build from a row of 7 or more values, 8 where the exchange tells who was first."""
        return cls(*_ACCOUNT_FUNDING_TRADE.read(row, number))


_ACCOUNT_FUNDING_TRADE = Layout(
    "AccountFundingTrade",
    ("id", 0, Kind.INTEGER),
    ("currency", 1, Kind.TEXT),
    ("mts_create", 2, Kind.INTEGER),
    ("offer_id", 3, Kind.INTEGER),
    ("amount", 4, Kind.NUMBER),
    ("rate", 5, Kind.NUMBER),
    ("period", 6, Kind.INTEGER),
    ("maker", 7, Kind.OPTIONAL_SWITCH),
)


def _read_switches(model: Any, names: tuple[str, ...], row: Row) -> None:
    """Make 1 and 0 of true and false, as which some answers have them."""
    for name in names:
        value = getattr(model, name)
        if value is None:
            continue
        if not isinstance(value, int):
            raise RemoteError(
                f"{type(model).__name__}.{name}: expected 1, 0 or null, "
                f"got {reprlib.repr(value)}",
                raw=row,
            )
        setattr(model, name, int(value))
