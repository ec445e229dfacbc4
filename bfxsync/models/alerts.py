"""Price alerts."""

from __future__ import annotations

from typing import Union

from bfxsync._base.aliases import NumberType, Row, Symbol
from bfxsync.errors import RemoteError
from bfxsync.models.model import RestModel, at, model
from bfxsync.models.partial_rows import partial_of, read_whole_or_partial
from bfxsync.models.rows import short


@model
class Alert(RestModel):
    """
    An alert for a price.

    https://docs.bitfinex.com/reference/rest-auth-alerts
    """

    key: str = at(0)
    """Type, symbol and price: ``price:tETHUSD:220``."""
    alert_type: str = at(1)
    """``price``."""
    symbol: Symbol = at(2)
    price: float = at(3)
    """In quote currency."""
    countdown: int = at(4)
    """Remaining number of notifications; the alert is removed at 0."""

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> AnyAlert:
        """Build from the answer to a new alert, in which anything may be missing."""
        return read_whole_or_partial(cls, PartialAlert, row, number)


@partial_of(Alert)
class PartialAlert(RestModel):
    """The answer to a new alert that does not have all fields of an `Alert`."""

    key: str | None
    alert_type: str | None
    symbol: Symbol | None
    price: float | None
    countdown: int | None


AnyAlert = Union[Alert, PartialAlert]


def _true_or_false(value: object, number: NumberType) -> bool:
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise RemoteError(f"expected true or false, got {short(value)}")


@model
class AlertDeletion(RestModel):
    """
    Result of deleting an alert.

    https://docs.bitfinex.com/reference/rest-auth-alert-del
    """

    ok: bool = at(0, read=_true_or_false)
    """True: deleted. The exchange sends true, false, 1 or 0."""
