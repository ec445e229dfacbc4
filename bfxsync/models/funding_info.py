"""Funding of an account as a whole: averages, and automatic renewal of offers."""

from __future__ import annotations

from typing import NoReturn, Union

from bfxsync._base.aliases import NumberType, Row, Symbol
from bfxsync.models.model import RestModel, at, model
from bfxsync.models.partial_rows import (
    N,
    WholeOrPartial,
    read_whole_or_partial,
)


@model
class FundingInfo(RestModel):
    """
    Average yield and cost of the funding of one currency. The row is ``["sym", symbol, values]``.

    https://docs.bitfinex.com/reference/rest-auth-info-funding
    """

    symbol: Symbol = at(1)
    """Such as ``fUSD``."""
    yield_loan: float | None = at(2, 0)
    """Average rate of borrowed funding, per day, as a fraction: 0.0002 is 0.02 %."""
    yield_lend: float | None = at(2, 1)
    """Average rate of lent funding, per day, as a fraction."""
    duration_loan: float | None = at(2, 2)
    """Average duration of borrowed funding, in days."""
    duration_lend: float | None = at(2, 3)
    """Average duration of lent funding, in days."""


@model
class _FundingAutoRenewFields(RestModel, WholeOrPartial[N]):
    currency: str | N = at(0)
    """Such as ``USD``."""
    period: int | N = at(1)
    """In days."""
    rate: float | N = at(2)
    """Per day, as a fraction: 0.0002 is 0.02 %; 0: the flash return rate."""
    threshold: float | N = at(3)
    """Maximum amount that is offered."""


@model
class FundingAutoRenew(_FundingAutoRenewFields[NoReturn]):
    """
    Settings of the automatic renewal of returned funding, after a change.

    https://docs.bitfinex.com/reference/rest-auth-funding-auto-renew
    """

    @classmethod
    def from_partial_row(
        cls, row: Row, number: NumberType = float
    ) -> AnyFundingAutoRenew:
        """Build from the row of a notification, which may lack any field."""
        return read_whole_or_partial(cls, PartialFundingAutoRenew, row, number)


@model
class PartialFundingAutoRenew(_FundingAutoRenewFields[None]):
    """A renewal in a notification that lacks some fields of a `FundingAutoRenew`."""


AnyFundingAutoRenew = Union[FundingAutoRenew, PartialFundingAutoRenew]


@model
class FundingAutoRenewStatus(RestModel):
    """Current settings of the automatic renewal of returned funding."""

    currency: str = at(0)
    """Such as ``USD``."""
    period: int = at(1)
    """In days."""
    rate: float = at(2)
    """Per day, as a fraction: 0.0002 is 0.02 %; 0: the flash return rate."""
    threshold: float = at(3)
    """Maximum amount that is offered; 0: no limit."""
