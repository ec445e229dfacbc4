"""Price alerts."""

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
class _AlertFields(RestModel, WholeOrPartial[N]):
    key: str | N = at(0)
    """Type, symbol and price: ``price:tETHUSD:220``."""
    alert_type: str | N = at(1)
    """``price``."""
    symbol: Symbol | N = at(2)
    price: float | N = at(3)
    """In quote currency."""
    countdown: int | N = at(4)
    """Remaining number of notifications; the alert is removed at 0."""


@model
class Alert(_AlertFields[NoReturn]):
    """
    A price alert.

    https://docs.bitfinex.com/reference/rest-auth-alerts
    """

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> AnyAlert:
        """Build from the response to a new alert, which may lack any field."""
        return read_whole_or_partial(cls, PartialAlert, row, number)


@model
class PartialAlert(_AlertFields[None]):
    """The response to a new alert that does not have all fields of an `Alert`."""


AnyAlert = Union[Alert, PartialAlert]


@model
class AlertDeletion(RestModel):
    """
    Result of deleting an alert.

    https://docs.bitfinex.com/reference/rest-auth-alert-del
    """

    ok: bool = at(0)
    """True: deleted. The exchange sends true, false, 1 or 0."""
