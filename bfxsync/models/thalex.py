"""Transfers to and from Thalex, an exchange of derivatives. They come as objects."""

from __future__ import annotations

import reprlib
from typing import Any

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout


@attrs.define
class ThalexTransfer:
    """
    A deposit to Thalex, or a withdrawal from there.

    A field is None where the exchange does not have it.

    Attributes
    ----------
    type : str or None
        ``deposit`` or ``withdrawal``.
    address_dest : str or None
        Where it goes.
    amount : float or None
    ccy : str or None
        The currency.
    created_at, updated_at : int or None
        When it began and changed last, since 1970: the page does not say in what.
    id : str or None
    status : str or None
    fee : float or None
        What it costs.

    References
    ----------
    https://docs.bitfinex.com/reference/thalex-deposit-request
    """

    type: str | None
    address_dest: str | None
    amount: float | None
    ccy: str | None
    created_at: int | None
    updated_at: int | None
    id: str | None
    status: str | None
    fee: float | None

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> ThalexTransfer:
        """Build from an object in which there is at least one of the fields."""
        found = cls(*_read(_THALEX_TRANSFER, _TRANSFER_KEYS, fields, number))
        if all(value is None for value in attrs.astuple(found)):
            raise RemoteError("ThalexTransfer: nothing of it is there", raw=fields)
        return found


_TRANSFER_KEYS = (
    "type",
    "addressDest",
    "amount",
    "ccy",
    "createdAt",
    "updatedAt",
    "id",
    "status",
    "fee",
)
_THALEX_TRANSFER = Layout(
    "ThalexTransfer",
    ("type", 0, Kind.OPTIONAL_TEXT),
    ("address_dest", 1, Kind.OPTIONAL_TEXT),
    ("amount", 2, Kind.OPTIONAL_NUMBER),
    ("ccy", 3, Kind.OPTIONAL_TEXT),
    ("created_at", 4, Kind.OPTIONAL_INTEGER),
    ("updated_at", 5, Kind.OPTIONAL_INTEGER),
    ("id", 6, Kind.OPTIONAL_TEXT),
    ("status", 7, Kind.OPTIONAL_TEXT),
    ("fee", 8, Kind.OPTIONAL_NUMBER),
)


@attrs.define
class ThalexFreeTransfers:
    """
    Transfers in one direction that cost nothing.

    Attributes
    ----------
    available : int
        How many are left.
    resets_at : int or None
        When there are new ones, since 1970: the page does not say in what.
    """

    available: int
    resets_at: int | None

    @classmethod
    def from_object(
        cls, fields: object, number: NumberType = float
    ) -> ThalexFreeTransfers:
        """Build from an object with ``available``."""
        keys = ("available", "resetsAt")
        return cls(*_read(_THALEX_FREE_TRANSFERS, keys, fields, number))


_THALEX_FREE_TRANSFERS = Layout(
    "ThalexFreeTransfers",
    ("available", 0, Kind.INTEGER),
    ("resets_at", 1, Kind.OPTIONAL_INTEGER),
)


@attrs.define
class ThalexFreeTransferCount:
    """
    Transfers to and from Thalex that cost nothing.

    Attributes
    ----------
    deposits, withdrawals : ThalexFreeTransfers

    References
    ----------
    https://docs.bitfinex.com/reference/thalex-free-transfer-count
    """

    deposits: ThalexFreeTransfers
    withdrawals: ThalexFreeTransfers

    @classmethod
    def from_object(
        cls, fields: object, number: NumberType = float
    ) -> ThalexFreeTransferCount:
        """Build from an object with ``deposits`` and ``withdrawals``."""
        keys = ("deposits", "withdrawals")
        parts = _read(_THALEX_FREE_TRANSFER_COUNT, keys, fields, number)
        try:
            return cls(
                *(ThalexFreeTransfers.from_object(part, number) for part in parts)
            )
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=fields) from None


_THALEX_FREE_TRANSFER_COUNT = Layout(
    "ThalexFreeTransferCount",
    ("deposits", 0, Kind.ANY),
    ("withdrawals", 1, Kind.ANY),
)


def _read(
    layout: Layout, keys: tuple[str, ...], fields: object, number: NumberType
) -> list[Any]:
    """Return the checked values of an object, whatever else there is in it."""
    if not isinstance(fields, dict):
        raise RemoteError(
            f"{layout.name}: expected an object, got {reprlib.repr(fields)}", raw=fields
        )
    try:
        return layout.read([fields.get(key) for key in keys], number)
    except RemoteError as exc:
        raise RemoteError(str(exc), raw=fields) from None
