"""Results of requests that move funds: transfers, withdrawals, deposits."""

from __future__ import annotations

from typing import ClassVar, NoReturn, Union

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync.models.model import ObjectModel, RestModel, at, key, model
from bfxsync.models.partial_rows import (
    N,
    PartialMoment,
    WholeOrPartial,
    read_whole_or_partial,
)


@model
class _TransferFields(RestModel, WholeOrPartial[N]):
    mts: Mts | N = at(0)
    """In milliseconds UTC."""
    wallet_from: str | N = at(1)
    """``exchange``, ``margin`` or ``funding``."""
    wallet_to: str | N = at(2)
    """``exchange``, ``margin`` or ``funding``."""
    currency: str | N = at(4)
    currency_to: str | None = at(5)
    """Target currency of a conversion."""
    amount: float | N = at(7)

    time: ClassVar[PartialMoment] = PartialMoment(mts)


@model
class Transfer(_TransferFields[NoReturn]):
    """
    A transfer between wallets, or a conversion.

    https://docs.bitfinex.com/reference/rest-auth-transfer
    """

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> AnyTransfer:
        """Build from the row of a notification, which may lack any field."""
        return read_whole_or_partial(cls, PartialTransfer, row, number)


@model
class PartialTransfer(_TransferFields[None]):
    """A transfer in a notification that lacks some fields of a `Transfer`."""


AnyTransfer = Union[Transfer, PartialTransfer]


@model
class _WithdrawalFields(RestModel, WholeOrPartial[N]):
    withdrawal_id: int | None = at(0)
    """Id of the `Movement`; 0: no withdrawal was made."""
    method: str | N = at(2)
    """Transfer method: ``bitcoin``, ``tetheruse``."""
    payment_id: str | None = at(3)
    """Tag or memo, where the address needs one."""
    wallet: str | N = at(4)
    """Wallet from which the withdrawal is debited."""
    amount: float | N = at(5)
    """Without the fee."""
    withdrawal_fee: float | None = at(8)


@model
class Withdrawal(_WithdrawalFields[NoReturn]):
    """
    A withdrawal as it was accepted.

    https://docs.bitfinex.com/reference/rest-auth-withdraw
    """

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> AnyWithdrawal:
        """Build from the row of a notification, which may lack any field."""
        return read_whole_or_partial(cls, PartialWithdrawal, row, number)


@model
class PartialWithdrawal(_WithdrawalFields[None]):
    """A withdrawal in a notification that lacks some fields of a `Withdrawal`."""


AnyWithdrawal = Union[Withdrawal, PartialWithdrawal]


@model
class _DepositAddressFields(RestModel, WholeOrPartial[N]):
    method: str | N = at(1)
    """Transfer method: ``BITCOIN``."""
    currency_code: str | N = at(2)
    address: str | N = at(4)
    """The address; where there is a `pool_address`, the tag or memo that must accompany it."""
    pool_address: str | None = at(5)
    """The shared address of currencies that need a tag or memo."""


@model
class DepositAddress(_DepositAddressFields[NoReturn]):
    """
    An address for deposits.

    https://docs.bitfinex.com/reference/rest-auth-deposit-address
    """

    @classmethod
    def from_partial_row(
        cls, row: Row, number: NumberType = float
    ) -> AnyDepositAddress:
        """Build from the row of a notification, which may lack any field."""
        return read_whole_or_partial(cls, PartialDepositAddress, row, number)


@model
class PartialDepositAddress(_DepositAddressFields[None]):
    """An address in a notification that lacks some fields of a `DepositAddress`."""


AnyDepositAddress = Union[DepositAddress, PartialDepositAddress]


@model
class DepositAddressItem(RestModel):
    """
    One of the account's addresses for deposits.

    https://docs.bitfinex.com/reference/deposit-address-all
    """

    address: str = at(0)
    """The address, or the tag or memo for currencies that need one."""
    wallet_type: str = at(1)
    """Wallet that deposits are credited to: ``exchange``, ``margin`` or ``funding``."""


@model
class LightningNetworkInvoice(RestModel):
    """
    An invoice for a deposit over the Lightning network.

    https://docs.bitfinex.com/reference/rest-auth-deposit-invoice
    """

    invoice_hash: str = at(0)
    """Identifies the invoice: the ``txid`` of `get_lightning_payments`."""
    invoice: str = at(1)
    """The payment request that wallets read: ``lnbc…``."""
    amount: float | None = at(4)
    """In BTC."""


@model
class LightningPayment(ObjectModel):
    """
    A payment over the Lightning network, or an invoice for one.

    A field is None where the exchange does not have it. Its page names the fields, but does not
    show how they are written: capitals and underscores are ignored. The status has been seen
    as ``state`` too.

    https://docs.bitfinex.com/reference/lnx-invoice-payments
    """

    payment_hash: str = key("payment_hash")
    created_at: Mts | None = key("created_at")
    """Time of creation, in milliseconds UTC."""
    invoice_expiry: Mts | None = key("invoice_expiry")
    """Expiry time, in milliseconds UTC."""
    invoice: str | None = key("invoice")
    """The payment request that wallets read: ``lnbc…``."""
    recipient_pub_key: str | None = key("recipient_pub_key")
    memo: str | None = key("memo")
    amount: float | None = key("amount")
    """In satoshi."""
    bfx_amount: float | None = key("bfx_amount")
    """In BTC."""
    status: str | None = key("status", "state")

    _any_spelling = True
