"""The rest of what merchants have: conversions, limits and deposits. They come as objects."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.objects import ObjectLayout
from bfxsync.models.rows import Kind


@attrs.define
class CurrencyConversion:
    """
    What is exchanged by itself when it was paid.

    Attributes
    ----------
    base_ccy : str
        The currency that is exchanged.
    convert_ccy : str
        The one that is got for it.
    created : int or None
        When this was set up, in seconds or milliseconds since 1970, as it is sent.

    References
    ----------
    https://docs.bitfinex.com/reference/conversion-list
    """

    base_ccy: str
    convert_ccy: str
    created: int | None

    @classmethod
    def from_object(
        cls, fields: object, number: NumberType = float
    ) -> CurrencyConversion:
        """Build from an object with ``baseCcy`` and ``convertCcy``."""
        return cls(*_CURRENCY_CONVERSION.read(fields, number))


_CURRENCY_CONVERSION = ObjectLayout(
    "CurrencyConversion",
    ("base_ccy", "baseCcy", Kind.TEXT),
    ("convert_ccy", "convertCcy", Kind.TEXT),
    ("created", "created", Kind.OPTIONAL_INTEGER),
)


@attrs.define
class MerchantLimits:
    """
    What may be taken in a day. A field is None where the exchange does not have it.

    Attributes
    ----------
    ecommerce_limit, pos_limit : float or None
        Of invoices in shops on the web, and at points of sale.
    ecommerce_customer_email : str or None
        Whom the next is about.
    ecommerce_customer_usage : float or None
        What that customer has used of it.
    pos_usage : float or None
        What was used at points of sale.

    References
    ----------
    https://docs.bitfinex.com/reference/merchant-limits
    """

    ecommerce_limit: float | None
    pos_limit: float | None
    ecommerce_customer_email: str | None
    ecommerce_customer_usage: float | None
    pos_usage: float | None

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> MerchantLimits:
        """
        Build from an object in which there is at least one of the fields.

        The page names them, but not how they are written: neither capitals nor underscores are
        heeded.
        """
        plain: Any = fields
        if isinstance(fields, dict):
            plain = {key.replace("_", "").lower(): fields[key] for key in fields}
        try:
            return cls(*_MERCHANT_LIMITS.read_some(plain, number))
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=fields) from None


_MERCHANT_LIMITS = ObjectLayout(
    "MerchantLimits",
    ("ecommerce_limit", "ecommercelimit", Kind.OPTIONAL_NUMBER),
    ("pos_limit", "poslimit", Kind.OPTIONAL_NUMBER),
    ("ecommerce_customer_email", "ecommercecustomeremail", Kind.OPTIONAL_TEXT),
    ("ecommerce_customer_usage", "ecommercecustomerusage", Kind.OPTIONAL_NUMBER),
    ("pos_usage", "posusage", Kind.OPTIONAL_NUMBER),
)


@attrs.define
class MerchantDeposit:
    """
    A deposit, or a change of the wallet, that may belong to an invoice.

    Attributes
    ----------
    id : int
    invoice_id, order_id : str or None
        The invoice and the merchant's order that it belongs to.
    type : str or None
        ``deposit`` or ``ledger``.
    amount : float
    t : int
        When, in milliseconds UTC.
    txid : str or None
        Id of the transaction.
    currency : str
    method : str or None
        The way that it took.
    pay_method : str or None

    References
    ----------
    https://docs.bitfinex.com/reference/complete-invoice
    """

    id: int
    invoice_id: str | None
    order_id: str | None
    type: str | None
    amount: float
    t: Mts
    txid: str | None
    currency: str
    method: str | None
    pay_method: str | None

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> MerchantDeposit:
        """Build from an object with ``id``, ``amount``, ``t`` and ``currency``."""
        return cls(*_MERCHANT_DEPOSIT.read(fields, number))


_MERCHANT_DEPOSIT = ObjectLayout(
    "MerchantDeposit",
    ("id", "id", Kind.INTEGER),
    ("invoice_id", "invoiceId", Kind.OPTIONAL_TEXT),
    ("order_id", "orderId", Kind.OPTIONAL_TEXT),
    ("type", "type", Kind.OPTIONAL_TEXT),
    ("amount", "amount", Kind.NUMBER),
    ("t", "t", Kind.INTEGER),
    ("txid", "txid", Kind.OPTIONAL_TEXT),
    ("currency", "currency", Kind.TEXT),
    ("method", "method", Kind.OPTIONAL_TEXT),
    ("pay_method", "payMethod", Kind.OPTIONAL_TEXT),
)


@attrs.define
class MerchantUnlinkedDeposit:
    """
    A deposit that belongs to no invoice.

    Attributes
    ----------
    id : int
    method : str or None
        The way that it took.
    currency : str
    created_at, updated_at : int or None
        When it began and changed last, in milliseconds UTC.
    amount : float
    fee : float or None
    txid : str or None
        Id of the transaction.
    address : str or None
        Where it was sent to.
    payment_id : int or str or None
        The tag that came with it, as it is sent.
    status : str or None
    note : str or None

    References
    ----------
    https://docs.bitfinex.com/reference/complete-invoice
    """

    id: int
    method: str | None
    currency: str
    created_at: Mts | None
    updated_at: Mts | None
    amount: float
    fee: float | None
    txid: str | None
    address: str | None
    payment_id: Any
    status: str | None
    note: str | None

    @classmethod
    def from_object(
        cls, fields: object, number: NumberType = float
    ) -> MerchantUnlinkedDeposit:
        """Build from an object with ``id``, ``currency`` and ``amount``."""
        return cls(*_MERCHANT_UNLINKED_DEPOSIT.read(fields, number))


_MERCHANT_UNLINKED_DEPOSIT = ObjectLayout(
    "MerchantUnlinkedDeposit",
    ("id", "id", Kind.INTEGER),
    ("method", "method", Kind.OPTIONAL_TEXT),
    ("currency", "currency", Kind.TEXT),
    ("created_at", "createdAt", Kind.OPTIONAL_INTEGER),
    ("updated_at", "updatedAt", Kind.OPTIONAL_INTEGER),
    ("amount", "amount", Kind.NUMBER),
    ("fee", "fee", Kind.OPTIONAL_NUMBER),
    ("txid", "txid", Kind.OPTIONAL_TEXT),
    ("address", "address", Kind.OPTIONAL_TEXT),
    ("payment_id", "paymentId", Kind.ANY),
    ("status", "status", Kind.OPTIONAL_TEXT),
    ("note", "note", Kind.OPTIONAL_TEXT),
)
