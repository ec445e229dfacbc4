"""Deposits and withdrawals."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync.models.rows import Kind, Layout


@attrs.define
class Movement:
    """
    A deposit or a withdrawal.

    Attributes
    ----------
    id : int
    currency : str
    currency_name : str
        The way that it takes: ``BITCOIN``, ``TETHERUSE``, ``WIRE``.
    mts_start, mts_update : int
        When it began and changed last, in milliseconds UTC.
    status : str
        ``COMPLETED``, ``CANCELED``, ``PENDING``, …
    amount : float
        Positive for a deposit, negative for a withdrawal.
    fees : float or None
        Usually negative, as they are paid.
    destination_address : str or None
    payment_id : str or None
        The tag or memo, where the address needs one.
    transaction_id : str or None
        On the chain.
    withdraw_transaction_note : str or None
        What its owner has noted.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-movements
    """

    id: int
    currency: str
    currency_name: str
    mts_start: Mts
    mts_update: Mts
    status: str
    amount: float
    fees: float | None
    destination_address: str | None
    payment_id: str | None
    transaction_id: str | None
    withdraw_transaction_note: str | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Movement:
        """Build from a row of 13 or more values, 22 as the exchange sends it."""
        return cls(*_MOVEMENT.read(row, number))


# Of the id, the amount and the fees the page says that they are text; they come as numbers.
_MOVEMENT = Layout(
    "Movement",
    ("id", 0, Kind.INTEGER),
    ("currency", 1, Kind.TEXT),
    ("currency_name", 2, Kind.TEXT),
    ("mts_start", 5, Kind.INTEGER),
    ("mts_update", 6, Kind.INTEGER),
    ("status", 9, Kind.TEXT),
    ("amount", 12, Kind.NUMBER),
    ("fees", 13, Kind.OPTIONAL_NUMBER),
    ("destination_address", 16, Kind.OPTIONAL_TEXT),
    ("payment_id", 17, Kind.OPTIONAL_TEXT),
    ("transaction_id", 20, Kind.OPTIONAL_TEXT),
    ("withdraw_transaction_note", 21, Kind.OPTIONAL_TEXT),
)


@attrs.define
class MovementInfo:
    """
    All that is known of a deposit or a withdrawal.

    Attributes
    ----------
    id : int
    currency : str
    currency_method : str
        The way that it takes: ``BITCOIN``, ``WIRE``.
    remark : str or None
    mts_start, mts_update : int
        When it began and changed last, in milliseconds UTC.
    status : str
        ``COMPLETED``, ``CANCELED``, ``PENDING``, …
    amount : float
        Positive for a deposit, negative for a withdrawal.
    fees : float or None
        Usually negative, as they are paid.
    destination_address : str or None
    memo : str or None
        The tag or memo, where the address needs one.
    transaction_id : str or None
        On the chain.
    movement_note : str or None
        What its owner has noted.
    bank_fees : float or None
        Of the banks, for a wire.
    bank_router_id : int or None
    external_bank_mov_id, external_bank_mov_status : str or None
        What the bank calls it, and how it is there.
    external_bank_mov_description : str or None
    external_bank_acc_info : dict or None

    References
    ----------
    https://docs.bitfinex.com/reference/movement-info
    """

    id: int
    currency: str
    currency_method: str
    remark: str | None
    mts_start: Mts
    mts_update: Mts
    status: str
    amount: float
    fees: float | None
    destination_address: str | None
    memo: str | None
    transaction_id: str | None
    movement_note: str | None
    bank_fees: float | None
    bank_router_id: int | None
    external_bank_mov_id: str | None
    external_bank_mov_status: str | None
    external_bank_mov_description: str | None
    external_bank_acc_info: dict[str, Any] | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> MovementInfo:
        """Build from a row of 13 or more values, 32 as the exchange sends it."""
        return cls(*_MOVEMENT_INFO.read(row, number))


_MOVEMENT_INFO = Layout(
    "MovementInfo",
    ("id", 0, Kind.INTEGER),
    ("currency", 1, Kind.TEXT),
    ("currency_method", 2, Kind.TEXT),
    ("remark", 4, Kind.OPTIONAL_TEXT),
    ("mts_start", 5, Kind.INTEGER),
    ("mts_update", 6, Kind.INTEGER),
    ("status", 9, Kind.TEXT),
    ("amount", 12, Kind.NUMBER),
    ("fees", 13, Kind.OPTIONAL_NUMBER),
    ("destination_address", 16, Kind.OPTIONAL_TEXT),
    ("memo", 17, Kind.OPTIONAL_TEXT),
    ("transaction_id", 20, Kind.OPTIONAL_TEXT),
    ("movement_note", 21, Kind.OPTIONAL_TEXT),
    ("bank_fees", 24, Kind.OPTIONAL_NUMBER),
    ("bank_router_id", 25, Kind.OPTIONAL_INTEGER),
    ("external_bank_mov_id", 28, Kind.OPTIONAL_TEXT),
    ("external_bank_mov_status", 29, Kind.OPTIONAL_TEXT),
    ("external_bank_mov_description", 30, Kind.OPTIONAL_TEXT),
    ("external_bank_acc_info", 31, Kind.OPTIONAL_OBJECT),
)
