"""Invoices of merchants, which the exchange sends as objects."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Union

from bfxsync._base.aliases import Mts, NumberType
from bfxsync._base.describe import elided_repr
from bfxsync.models.model import ObjectModel, key, model
from bfxsync.models.partial_rows import (
    N,
    PartialMoment,
    WholeOrPartial,
    read_whole_or_partial,
)


@model
class CustomerInfo(ObjectModel):
    """The customer of an invoice. A field is None where the exchange does not have it."""

    nationality: str | None = key("nationality")
    """Two letters: ``DE``."""
    resid_country: str | None = key("residCountry")
    """Country of residence, two letters."""
    resid_state: str | None = key("residState")
    resid_city: str | None = key("residCity")
    resid_zip_code: str | None = key("residZipCode")
    resid_street: str | None = key("residStreet")
    resid_building_no: str | None = key("residBuildingNo")
    full_name: str | None = key("fullName")
    email: str | None = key("email")
    tos_accepted: bool | None = key("tosAccepted")
    """True: the customer has accepted the terms."""
    customer_type: str | None = key("customerType")
    """``INDIVIDUAL`` or ``BUSINESS``."""


@model
class Invoice(ObjectModel):
    """Payment details of an invoice in one currency. A field is None where it was not sent."""

    amount: float | None = key("amount")
    """In `currency`."""
    currency: str | None = key("currency")
    """As in the invoice's `pay_currencies`: ``UST-ETH``."""
    pay_currency: str | None = key("payCurrency")
    """Currency of the payment."""
    pool_currency: str | None = key("poolCurrency")
    """The network."""
    address: str | None = key("address")
    """Address of the payment."""
    ext: dict[str, Any] | None = key("ext")
    """Further details, as sent."""


@model
class Payment(ObjectModel):
    """A payment of an invoice. A field is None where the exchange does not have it."""

    txid: str | None = key("txid")
    """Transaction id."""
    amount: float | None = key("amount")
    currency: str | None = key("currency")
    method: str | None = key("method")
    """Transfer method."""
    status: str | None = key("status")
    """``CREATED``, ``PROCESSING`` or ``COMPLETED``."""
    confirmations: int | None = key("confirmations")
    created_at: Any = key("createdAt")
    """Time of creation: a str, an int or None, as sent."""
    updated_at: Any = key("updatedAt")
    """Time of the last update: a str, an int or None, as sent."""
    deposit_id: int | None = key("depositId")
    """Id of the deposit in the account."""
    ledger_id: int | None = key("ledgerId")
    """Id of the ledger entry in the account."""
    force_completed: bool | None = key("forceCompleted")
    """True: the merchant marked the invoice as paid."""
    amount_diff: float | None = key("amountDiff")
    """Difference from the amount of the invoice."""


@model
class _InvoiceSubmissionFields(ObjectModel, WholeOrPartial[N]):
    id: str = key("id")
    t: Mts | N = key("t")
    """Time of creation, in milliseconds UTC."""
    type: str | None = key("type")
    """``ECOMMERCE``, or ``POS`` (point of sale)."""
    duration: int | None = key("duration")
    """Lifetime of the invoice, in seconds."""
    amount: float | N = key("amount")
    """In the currency of the invoice."""
    currency: str | N = key("currency")
    order_id: str | None = key("orderId")
    """The merchant's order id."""
    pay_currencies: list[str] | None = key("payCurrencies")
    """Currencies in which the invoice can be paid."""
    webhook: str | None = key("webhook")
    """URL that is called when the invoice is paid or has expired."""
    redirect_url: str | None = key("redirectUrl")
    """URL to which the customer is redirected afterwards."""
    status: str | N = key("status")
    """``CREATED``, ``PENDING``, ``COMPLETED`` or ``EXPIRED``."""
    customer_info: CustomerInfo | None = key("customerInfo")
    """None at the point of sale."""
    invoices: list[Invoice] | None = key("invoices", repr=elided_repr)
    """Amount to be paid, for each currency."""
    payment: Payment | None = key("payment")
    """None before the payment."""
    additional_payments: list[Payment] | None = key(
        "additionalPayments", repr=elided_repr
    )
    merchant_name: str | None = key("merchantName")
    metadata: dict[str, Any] | None = key("metadata")
    flags: list[str] | None = key("flags")
    recalculated_at: Mts | None = key("recalculatedAt")
    """Time of the last recalculation of the amounts, in milliseconds UTC."""

    time: ClassVar[PartialMoment] = PartialMoment(t)


@model
class InvoiceSubmission(_InvoiceSubmissionFields[NoReturn]):
    """
    An invoice. Optional fields are None where the exchange does not have them.

    https://docs.bitfinex.com/reference/submit-invoice
    """

    @classmethod
    def from_partial_object(
        cls, fields: object, number: NumberType = float
    ) -> AnyInvoiceSubmission:
        """Build from the response to a write, which must have ``id`` and may lack the others."""
        return read_whole_or_partial(cls, PartialInvoiceSubmission, fields, number)


@model
class PartialInvoiceSubmission(_InvoiceSubmissionFields[None]):
    """The response to a write that does not have all fields of an `InvoiceSubmission`."""


AnyInvoiceSubmission = Union[InvoiceSubmission, PartialInvoiceSubmission]


@model
class InvoicePage(ObjectModel):
    """
    One page of the list of invoices.

    https://docs.bitfinex.com/reference/invoice-list-paginated
    """

    page: int = key("page")
    """From 1."""
    page_size: int = key("pageSize")
    sort: str | None = key("sort")
    """``asc`` or ``desc``."""
    sort_field: str | None = key("sortField")
    """``t``, ``amount`` or ``status``."""
    total_pages: int = key("totalPages")
    total_items: int = key("totalItems")
    items: list[InvoiceSubmission] = key("items", repr=elided_repr)


@model
class InvoiceStats(ObjectModel):
    """
    Number of invoices, or earnings, of one period.

    https://docs.bitfinex.com/reference/invoice-count-stats
    """

    time: str = key("time")
    """Date of the period, UTC, in ISO 8601."""
    count: float = key("count")
    """Number of invoices, or earnings in the requested currency."""
