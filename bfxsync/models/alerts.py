"""Alerts: that a price was reached."""

from __future__ import annotations

import reprlib

import attrs

from bfxsync._base.aliases import NumberType, Row, Symbol
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout


@attrs.define
class Alert:
    """
    What tells when a price is reached.

    In the answer to a new one a field is None where the exchange does not have it.

    Attributes
    ----------
    key : str
        Type, symbol and price: ``price:tETHUSD:220``.
    alert_type : str
        ``price``.
    symbol : str
    price : float
        In quote currency.
    countdown : int
        How often it may still tell; with 0 it is gone.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-alerts
    """

    key: str
    alert_type: str
    symbol: Symbol
    price: float
    countdown: int

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Alert:
        """Build from a row of 5 or more values."""
        return cls(*_ALERT.read(row, number))

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> Alert:
        """Build from the answer to a new one, in which anything may be missing."""
        return cls(*_PARTIAL_ALERT.read(row, number))


_ALERT = Layout(
    "Alert",
    ("key", 0, Kind.TEXT),
    ("alert_type", 1, Kind.TEXT),
    ("symbol", 2, Kind.TEXT),
    ("price", 3, Kind.NUMBER),
    ("countdown", 4, Kind.INTEGER),
)
_PARTIAL_ALERT = _ALERT.tolerant()


@attrs.define
class AlertDeletion:
    """
    Whether an alert was deleted.

    Attributes
    ----------
    ok : bool

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-alert-del
    """

    ok: bool

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> AlertDeletion:
        """Build from a row of 1 or more values, the first of which is true, false, 1 or 0."""
        (ok,) = _ALERT_DELETION.read(row, number)
        if not isinstance(ok, int) or ok not in (0, 1):
            raise RemoteError(
                f"AlertDeletion.ok: expected true or false, got {reprlib.repr(ok)}",
                raw=row,
            )
        return cls(bool(ok))


_ALERT_DELETION = Layout("AlertDeletion", ("ok", 0, Kind.ANY))
