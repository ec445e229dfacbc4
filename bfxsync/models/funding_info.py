"""Funding of an account as a whole: averages, and what is offered again by itself."""

from __future__ import annotations

import attrs

from bfxsync._base.aliases import NumberType, Row, Symbol
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout


@attrs.define
class FundingInfo:
    """
    What the funding of one currency yields and costs on average.

    Attributes
    ----------
    symbol : str
        Such as ``fUSD``.
    yield_loan, yield_lend : float or None
        Average rate per day, as a fraction (0.0002 is 0.02 %), of what was borrowed and of what
        was lent.
    duration_loan, duration_lend : float or None
        Average time of these, in days.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-info-funding
    """

    symbol: Symbol
    yield_loan: float | None
    yield_lend: float | None
    duration_loan: float | None
    duration_lend: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingInfo:
        """Build from ``["sym", symbol, values]``."""
        symbol, values = _PARTS.read(row, number)
        try:
            return cls(symbol, *_FUNDING_INFO.read(values, number))
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=row) from None


_PARTS = Layout("FundingInfo", ("symbol", 1, Kind.TEXT), ("data", 2, Kind.ANY))
_FUNDING_INFO = Layout(
    "FundingInfo",
    ("yield_loan", 0, Kind.OPTIONAL_NUMBER),
    ("yield_lend", 1, Kind.OPTIONAL_NUMBER),
    ("duration_loan", 2, Kind.OPTIONAL_NUMBER),
    ("duration_lend", 3, Kind.OPTIONAL_NUMBER),
)


@attrs.define
class FundingAutoRenew:
    """
    How funding that comes back is offered again, as it was set.

    In a notification a field is None where the exchange does not have it.

    Attributes
    ----------
    currency : str
        Such as ``USD``.
    period : int
        Days.
    rate : float
        Per day, as a fraction: 0.0002 is 0.02 %; 0: the flash return rate.
    threshold : float
        The most that is offered.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-funding-auto-renew
    """

    currency: str
    period: int
    rate: float
    threshold: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingAutoRenew:
        """Build from a row of 4 or more values."""
        return cls(*_FUNDING_AUTO_RENEW.read(row, number))

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> FundingAutoRenew:
        """Build from the row of a notification, in which anything may be missing."""
        return cls(*_PARTIAL_FUNDING_AUTO_RENEW.read(row, number))


_FUNDING_AUTO_RENEW = Layout(
    "FundingAutoRenew",
    ("currency", 0, Kind.TEXT),
    ("period", 1, Kind.INTEGER),
    ("rate", 2, Kind.NUMBER),
    ("threshold", 3, Kind.NUMBER),
)
_PARTIAL_FUNDING_AUTO_RENEW = _FUNDING_AUTO_RENEW.tolerant()


@attrs.define
class FundingAutoRenewStatus:
    """
    How funding that comes back is offered again.

    Attributes
    ----------
    currency, period, rate
        As those of `FundingAutoRenew`.
    threshold : float
        The most that is offered; 0: all of it.
    """

    currency: str
    period: int
    rate: float
    threshold: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingAutoRenewStatus:
        """Build from a row of 4 or more values."""
        return cls(*_FUNDING_AUTO_RENEW_STATUS.read(row, number))


_FUNDING_AUTO_RENEW_STATUS = Layout(
    "FundingAutoRenewStatus", *_FUNDING_AUTO_RENEW.fields
)
