"""Deposits and withdrawals."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from bfxsync._base.aliases import Mts
from bfxsync.models.model import RestModel, at, model
from bfxsync.models.moments import Moment, moment


@model
class Movement(RestModel):
    """
    A deposit or a withdrawal.

    The exchange's page says that id, amount and fees are text; they come as numbers.

    https://docs.bitfinex.com/reference/rest-auth-movements
    """

    id: int = at(0)
    currency: str = at(1)
    currency_name: str = at(2)
    """Transfer method: ``BITCOIN``, ``TETHERUSE``, ``WIRE``."""
    mts_start: Mts = at(5)
    """Start time, in milliseconds UTC."""
    mts_update: Mts = at(6)
    """Time of the last update, in milliseconds UTC."""
    status: str = at(9)
    """``COMPLETED``, ``CANCELED``, ``PENDING``, …"""
    amount: float = at(12)
    """Positive for a deposit, negative for a withdrawal."""
    fees: float | None = at(13)
    """Usually negative: paid."""
    destination_address: str | None = at(16)
    payment_id: str | None = at(17)
    """Tag or memo, where the address needs one."""
    transaction_id: str | None = at(20)
    """Id of the transaction on the blockchain."""
    withdraw_transaction_note: str | None = at(21)
    """Personal note of the account's owner."""

    started_at: ClassVar[Moment[datetime]] = moment(mts_start)
    updated_at: ClassVar[Moment[datetime]] = moment(mts_update)


@model
class MovementInfo(RestModel):
    """
    All details of a deposit or a withdrawal.

    https://docs.bitfinex.com/reference/movement-info
    """

    id: int = at(0)
    currency: str = at(1)
    currency_method: str = at(2)
    """Transfer method: ``BITCOIN``, ``WIRE``."""
    remark: str | None = at(4)
    mts_start: Mts = at(5)
    """Start time, in milliseconds UTC."""
    mts_update: Mts = at(6)
    """Time of the last update, in milliseconds UTC."""
    status: str = at(9)
    """``COMPLETED``, ``CANCELED``, ``PENDING``, …"""
    amount: float = at(12)
    """Positive for a deposit, negative for a withdrawal."""
    fees: float | None = at(13)
    """Usually negative: paid."""
    destination_address: str | None = at(16)
    memo: str | None = at(17)
    """Tag or memo, where the address needs one."""
    transaction_id: str | None = at(20)
    """Id of the transaction on the blockchain."""
    movement_note: str | None = at(21)
    """Personal note of the account's owner."""
    bank_fees: float | None = at(24)
    """Fees of the banks, for a wire."""
    bank_router_id: int | None = at(25)
    external_bank_mov_id: str | None = at(28)
    """Id of the transfer at the bank."""
    external_bank_mov_status: str | None = at(29)
    """Status of the transfer at the bank."""
    external_bank_mov_description: str | None = at(30)
    external_bank_acc_info: dict[str, Any] | None = at(31)

    started_at: ClassVar[Moment[datetime]] = moment(mts_start)
    updated_at: ClassVar[Moment[datetime]] = moment(mts_update)
