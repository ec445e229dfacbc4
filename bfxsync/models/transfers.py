"""What the exchange answers when money is to move: transfers, withdrawals, deposits."""

from __future__ import annotations

import reprlib

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout


@attrs.define
class Transfer:
    """
    A transfer between wallets, or a conversion.

    In a notification a field is None where the exchange does not have it.

    Attributes
    ----------
    mts : int
        When, in milliseconds UTC.
    wallet_from, wallet_to : str
        ``exchange``, ``margin`` or ``funding``.
    currency : str
    currency_to : str or None
        What it was converted to.
    amount : float

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-transfer
    """

    mts: Mts
    wallet_from: str
    wallet_to: str
    currency: str
    currency_to: str | None
    amount: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Transfer:
        """Build from a row of 8 or more values."""
        return cls(*_TRANSFER.read(row, number))

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> Transfer:
        """Build from the row of a notification, in which anything may be missing."""
        return cls(*_PARTIAL_TRANSFER.read(row, number))


_TRANSFER = Layout(
    "Transfer",
    ("mts", 0, Kind.INTEGER),
    ("wallet_from", 1, Kind.TEXT),
    ("wallet_to", 2, Kind.TEXT),
    ("currency", 4, Kind.TEXT),
    ("currency_to", 5, Kind.OPTIONAL_TEXT),
    ("amount", 7, Kind.NUMBER),
)
_PARTIAL_TRANSFER = _TRANSFER.tolerant()


@attrs.define
class Withdrawal:
    """
    A withdrawal as it was taken.

    In a notification a field is None where the exchange does not have it.

    Attributes
    ----------
    withdrawal_id : int or None
        That of its `Movement`; 0: there is no withdrawal.
    method : str
        The way that it takes: ``bitcoin``, ``tetheruse``.
    payment_id : str or None
        The tag or memo, where the address needs one.
    wallet : str
        Where it comes from.
    amount : float
        Without the fee.
    withdrawal_fee : float or None

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-withdraw
    """

    withdrawal_id: int | None
    method: str
    payment_id: str | None
    wallet: str
    amount: float
    withdrawal_fee: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Withdrawal:
        """Build from a row of 6 or more values, 9 as the exchange sends it."""
        return cls(*_WITHDRAWAL.read(row, number))

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> Withdrawal:
        """Build from the row of a notification, in which anything may be missing."""
        return cls(*_PARTIAL_WITHDRAWAL.read(row, number))


_WITHDRAWAL = Layout(
    "Withdrawal",
    ("withdrawal_id", 0, Kind.OPTIONAL_INTEGER),
    ("method", 2, Kind.TEXT),
    ("payment_id", 3, Kind.OPTIONAL_TEXT),
    ("wallet", 4, Kind.TEXT),
    ("amount", 5, Kind.NUMBER),
    ("withdrawal_fee", 8, Kind.OPTIONAL_NUMBER),
)
_PARTIAL_WITHDRAWAL = _WITHDRAWAL.tolerant()


@attrs.define
class DepositAddress:
    """
    Where to send a deposit.

    In a notification a field is None where the exchange does not have it.

    Attributes
    ----------
    method : str
        The way that it takes: ``BITCOIN``.
    currency_code : str
    address : str
        The address; where there is a `pool_address`, the tag or memo that has to go with it.
    pool_address : str or None
        The address of all, for currencies that need a tag or memo.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-deposit-address
    """

    method: str
    currency_code: str
    address: str
    pool_address: str | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> DepositAddress:
        """Build from a row of 5 or more values, 6 as the exchange sends it."""
        return cls(*_DEPOSIT_ADDRESS.read(row, number))

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> DepositAddress:
        """Build from the row of a notification, in which anything may be missing."""
        return cls(*_PARTIAL_DEPOSIT_ADDRESS.read(row, number))


_DEPOSIT_ADDRESS = Layout(
    "DepositAddress",
    ("method", 1, Kind.TEXT),
    ("currency_code", 2, Kind.TEXT),
    ("address", 4, Kind.TEXT),
    ("pool_address", 5, Kind.OPTIONAL_TEXT),
)
_PARTIAL_DEPOSIT_ADDRESS = _DEPOSIT_ADDRESS.tolerant()


@attrs.define
class DepositAddressItem:
    """
    One of the addresses to which deposits can be sent.

    Attributes
    ----------
    address : str
        The address, or the tag or memo for currencies that need one.
    wallet_type : str
        Where deposits go to: ``exchange``, ``margin`` or ``funding``.

    References
    ----------
    https://docs.bitfinex.com/reference/deposit-address-all
    """

    address: str
    wallet_type: str

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> DepositAddressItem:
        """Build from a row of 2 or more values."""
        return cls(*_DEPOSIT_ADDRESS_ITEM.read(row, number))


_DEPOSIT_ADDRESS_ITEM = Layout(
    "DepositAddressItem",
    ("address", 0, Kind.TEXT),
    ("wallet_type", 1, Kind.TEXT),
)


@attrs.define
class LightningNetworkInvoice:
    """
    An invoice by which a deposit can be paid over the Lightning network.

    Attributes
    ----------
    invoice_hash : str
        By which it is found again: the ``txid`` of `get_lightning_payments`.
    invoice : str
        What has to be paid, as wallets read it: ``lnbc…``.
    amount : float or None
        In BTC.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-deposit-invoice
    """

    invoice_hash: str
    invoice: str
    amount: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> LightningNetworkInvoice:
        """Build from a row of 2 or more values, 5 as the exchange sends it."""
        return cls(*_LIGHTNING_NETWORK_INVOICE.read(row, number))


_LIGHTNING_NETWORK_INVOICE = Layout(
    "LightningNetworkInvoice",
    ("invoice_hash", 0, Kind.TEXT),
    ("invoice", 1, Kind.TEXT),
    ("amount", 4, Kind.OPTIONAL_NUMBER),
)


@attrs.define
class LightningPayment:
    """
    A payment over the Lightning network, or an invoice for one.

    Attributes
    ----------
    payment_hash : str
    created_at : int or None
        When, in milliseconds UTC.
    invoice_expiry : int or None
        Until when it can be paid, in milliseconds UTC.
    invoice : str or None
        As wallets read it: ``lnbc…``.
    recipient_pub_key : str or None
    memo : str or None
    amount : float or None
        In satoshi.
    bfx_amount : float or None
        In BTC.
    status : str or None

    References
    ----------
    https://docs.bitfinex.com/reference/lnx-invoice-payments
    """

    payment_hash: str
    created_at: Mts | None
    invoice_expiry: Mts | None
    invoice: str | None
    recipient_pub_key: str | None
    memo: str | None
    amount: float | None
    bfx_amount: float | None
    status: str | None

    @classmethod
    def from_object(
        cls, fields: object, number: NumberType = float
    ) -> LightningPayment:
        """
        Build from an object with ``payment_hash``.

        The page names the fields, but not how they are written: neither capitals nor underscores
        are heeded. The status has come as ``state`` too.
        """
        if not isinstance(fields, dict):
            raise RemoteError(
                f"LightningPayment: expected an object, got {reprlib.repr(fields)}",
                raw=fields,
            )
        plain = {_plain(key): value for key, value in fields.items()}
        plain.setdefault("status", plain.get("state"))
        row = [plain.get(_plain(name)) for name, _, _ in _LIGHTNING_PAYMENT.fields]
        try:
            return cls(*_LIGHTNING_PAYMENT.read(row, number))
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=fields) from None


_LIGHTNING_PAYMENT = Layout(
    "LightningPayment",
    ("payment_hash", 0, Kind.TEXT),
    ("created_at", 1, Kind.OPTIONAL_INTEGER),
    ("invoice_expiry", 2, Kind.OPTIONAL_INTEGER),
    ("invoice", 3, Kind.OPTIONAL_TEXT),
    ("recipient_pub_key", 4, Kind.OPTIONAL_TEXT),
    ("memo", 5, Kind.OPTIONAL_TEXT),
    ("amount", 6, Kind.OPTIONAL_NUMBER),
    ("bfx_amount", 7, Kind.OPTIONAL_NUMBER),
    ("status", 8, Kind.OPTIONAL_TEXT),
)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
