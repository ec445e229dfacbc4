"""Rows of the exchange's configuration, as ``rest.public.conf`` returns them."""

from __future__ import annotations

import attrs

from bfxsync._base.aliases import NumberType, Row
from bfxsync.models.rows import Kind, Layout


@attrs.define
class PairInfo:
    """
    How much of a pair may be ordered: a row of ``pub:info:pair`` or ``pub:info:pair:futures``.

    Attributes
    ----------
    pair : str
        Without prefix: ``BTCUSD``, ``BTCF0:USTF0``.
    min_order_size, max_order_size : float
        In base currency. The exchange sends them as text.
    initial_margin, min_margin : float or None
        Ratios: 0.3 means that 30 % of a position must be there at its begin, and must stay
        there; None for a pair without margin trading.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-conf
    """

    pair: str
    min_order_size: float
    max_order_size: float
    initial_margin: float | None
    min_margin: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PairInfo:
        """Build from a pair and its list of 5 or more values."""
        pair, info = _PAIR.read(row, number)
        return cls(pair, *_PAIR_INFO.read(info, number))


_PAIR = Layout("PairInfo", ("pair", 0, Kind.TEXT), ("info", 1, Kind.ANY))

_PAIR_INFO = Layout(
    "PairInfo",
    ("min_order_size", 3, Kind.NUMBER),
    ("max_order_size", 4, Kind.NUMBER),
    ("initial_margin", 8, Kind.OPTIONAL_NUMBER),
    ("min_margin", 9, Kind.OPTIONAL_NUMBER),
)


@attrs.define
class TxStatus:
    """
    Whether a way of transfer works: a row of ``pub:info:tx:status``.

    Attributes
    ----------
    method : str
        In capitals: ``BITCOIN``.
    dep_status, wd_status : int
        Deposits and withdrawals: 1 if they work; 0 in maintenance.
    payment_id_dep, payment_id_wd : int
        1 if a payment id belongs to a deposit, a withdrawal.
    deposit_confirmations_required : int or None
        None if the exchange does not say it.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-conf
    """

    method: str
    dep_status: int
    wd_status: int
    payment_id_dep: int
    payment_id_wd: int
    deposit_confirmations_required: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> TxStatus:
        """Build from a row of 12 or more values (9 without the last field)."""
        return cls(*_TX_STATUS.read(row, number))


_TX_STATUS = Layout(
    "TxStatus",
    ("method", 0, Kind.TEXT),
    ("dep_status", 1, Kind.SWITCH),
    ("wd_status", 2, Kind.SWITCH),
    ("payment_id_dep", 7, Kind.SWITCH),
    ("payment_id_wd", 8, Kind.SWITCH),
    ("deposit_confirmations_required", 11, Kind.OPTIONAL_INTEGER),
)
