"""Transfers to and from Thalex, a derivatives exchange; sent as objects."""

from __future__ import annotations

from bfxsync.models.model import ObjectModel, key, model


@model
class ThalexTransfer(ObjectModel):
    """
    A deposit to Thalex, or a withdrawal from it.

    A field is None where the exchange does not have it; a response without any of them is
    unreadable.

    https://docs.bitfinex.com/reference/thalex-deposit-request
    """

    type: str | None = key("type")
    """``deposit`` or ``withdrawal``."""
    address_dest: str | None = key("addressDest")
    """Destination address."""
    amount: float | None = key("amount")
    ccy: str | None = key("ccy")
    """The currency."""
    created_at: int | None = key("createdAt")
    """Time of creation since 1970; the exchange's page does not name the unit."""
    updated_at: int | None = key("updatedAt")
    """Time of the last update since 1970; the exchange's page does not name the unit."""
    id: str | None = key("id")
    status: str | None = key("status")
    fee: float | None = key("fee")

    _needs_any = True


@model
class ThalexFreeTransfers(ObjectModel):
    """Free transfers in one direction."""

    available: int = key("available")
    """Number of remaining free transfers."""
    resets_at: int | None = key("resetsAt")
    """Time of the next reset since 1970; the exchange's page does not name the unit."""


@model
class ThalexFreeTransferCount(ObjectModel):
    """
    Free transfers to and from Thalex.

    https://docs.bitfinex.com/reference/thalex-free-transfer-count
    """

    deposits: ThalexFreeTransfers = key("deposits")
    withdrawals: ThalexFreeTransfers = key("withdrawals")
