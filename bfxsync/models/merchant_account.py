"""Conversions, limits and deposits of merchants, which the exchange sends as objects."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from bfxsync._base.aliases import Mts
from bfxsync.models.model import ObjectModel, key, model
from bfxsync.models.moments import Moment, moment


@model
class CurrencyConversion(ObjectModel):
    """
    A currency that is converted automatically when it is received.

    https://docs.bitfinex.com/reference/conversion-list
    """

    base_ccy: str = key("baseCcy")
    """Currency that is converted."""
    convert_ccy: str = key("convertCcy")
    """Currency of the result."""
    created: int | None = key("created")
    """Time of creation, in seconds or milliseconds since 1970, as sent."""


@model
class MerchantLimits(ObjectModel):
    """
    Daily limits of a merchant. A field is None where the exchange does not have it.

    The exchange's page names the fields, but does not show how they are written: capitals and
    underscores are ignored. A response without any of them is unreadable.

    https://docs.bitfinex.com/reference/merchant-limits
    """

    ecommerce_limit: float | None = key("ecommerceLimit")
    """Limit for invoices of web shops."""
    pos_limit: float | None = key("posLimit")
    """Limit for points of sale."""
    ecommerce_customer_email: str | None = key("ecommerceCustomerEmail")
    """E-mail address of the customer of `ecommerce_customer_usage`."""
    ecommerce_customer_usage: float | None = key("ecommerceCustomerUsage")
    """Amount used by that customer."""
    pos_usage: float | None = key("posUsage")
    """Amount used at points of sale."""

    _any_spelling = True
    _needs_any = True


@model
class MerchantDeposit(ObjectModel):
    """
    A deposit, or a change of the wallet, that may belong to an invoice.

    https://docs.bitfinex.com/reference/complete-invoice
    """

    id: int = key("id")
    invoice_id: str | None = key("invoiceId")
    order_id: str | None = key("orderId")
    """The merchant's order id."""
    type: str | None = key("type")
    """``deposit`` or ``ledger``."""
    amount: float = key("amount")
    t: Mts = key("t")
    """In milliseconds UTC."""
    txid: str | None = key("txid")
    """Transaction id."""
    currency: str = key("currency")
    method: str | None = key("method")
    """Transfer method."""
    pay_method: str | None = key("payMethod")

    time: ClassVar[Moment[datetime]] = moment(t)


@model
class MerchantUnlinkedDeposit(ObjectModel):
    """
    A deposit that does not belong to any invoice.

    https://docs.bitfinex.com/reference/complete-invoice
    """

    id: int = key("id")
    method: str | None = key("method")
    """Transfer method."""
    currency: str = key("currency")
    created_at: Mts | None = key("createdAt")
    """Time of creation, in milliseconds UTC."""
    updated_at: Mts | None = key("updatedAt")
    """Time of the last update, in milliseconds UTC."""
    amount: float = key("amount")
    fee: float | None = key("fee")
    txid: str | None = key("txid")
    """Transaction id."""
    address: str | None = key("address")
    """Destination address."""
    payment_id: Any = key("paymentId")
    """Tag of the deposit: an int, a str or None, as sent."""
    status: str | None = key("status")
    note: str | None = key("note")
