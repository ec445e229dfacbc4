"""What merchants have: invoices, deposits and conversions. They come as objects."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType
from bfxsync._base.describe import few
from bfxsync.errors import RemoteError
from bfxsync.models.objects import ObjectLayout, list_of, one_of, switch, texts
from bfxsync.models.rows import Kind


@attrs.define
class CustomerInfo:
    """
    Whom an invoice is for. A field is None where the exchange does not have it.

    Attributes
    ----------
    nationality, resid_country : str or None
        Two letters: ``DE``.
    resid_state, resid_city, resid_zip_code, resid_street, resid_building_no : str or None
        Where the customer lives.
    full_name, email : str or None
    tos_accepted : bool or None
        True: the customer has accepted the terms.
    customer_type : str or None
        ``INDIVIDUAL`` or ``BUSINESS``.
    """

    nationality: str | None
    resid_country: str | None
    resid_state: str | None
    resid_city: str | None
    resid_zip_code: str | None
    resid_street: str | None
    resid_building_no: str | None
    full_name: str | None
    email: str | None
    tos_accepted: bool | None
    customer_type: str | None

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> CustomerInfo:
        """Build from an object."""
        return cls(*_CUSTOMER_INFO.read(fields, number))


_CUSTOMER_INFO = ObjectLayout(
    "CustomerInfo",
    ("nationality", "nationality", Kind.OPTIONAL_TEXT),
    ("resid_country", "residCountry", Kind.OPTIONAL_TEXT),
    ("resid_state", "residState", Kind.OPTIONAL_TEXT),
    ("resid_city", "residCity", Kind.OPTIONAL_TEXT),
    ("resid_zip_code", "residZipCode", Kind.OPTIONAL_TEXT),
    ("resid_street", "residStreet", Kind.OPTIONAL_TEXT),
    ("resid_building_no", "residBuildingNo", Kind.OPTIONAL_TEXT),
    ("full_name", "fullName", Kind.OPTIONAL_TEXT),
    ("email", "email", Kind.OPTIONAL_TEXT),
    ("tos_accepted", "tosAccepted", switch),
    ("customer_type", "customerType", Kind.OPTIONAL_TEXT),
)


@attrs.define
class Invoice:
    """
    How an invoice can be paid in one currency. A field is None where the exchange lacks it.

    Attributes
    ----------
    amount : float or None
        In that currency.
    currency : str or None
        As the invoice's `pay_currencies` have it: ``UST-ETH``.
    pay_currency : str or None
        The currency that is paid.
    pool_currency : str or None
        The network.
    address : str or None
        Where it is to be sent.
    ext : dict or None
        More, as it is sent.
    """

    amount: float | None
    currency: str | None
    pay_currency: str | None
    pool_currency: str | None
    address: str | None
    ext: dict[str, Any] | None

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> Invoice:
        """Build from an object."""
        return cls(*_INVOICE.read(fields, number))


_INVOICE = ObjectLayout(
    "Invoice",
    ("amount", "amount", Kind.OPTIONAL_NUMBER),
    ("currency", "currency", Kind.OPTIONAL_TEXT),
    ("pay_currency", "payCurrency", Kind.OPTIONAL_TEXT),
    ("pool_currency", "poolCurrency", Kind.OPTIONAL_TEXT),
    ("address", "address", Kind.OPTIONAL_TEXT),
    ("ext", "ext", Kind.OPTIONAL_OBJECT),
)


@attrs.define
class Payment:
    """
    A payment of an invoice. A field is None where the exchange does not have it.

    Attributes
    ----------
    txid : str or None
        Id of the transaction.
    amount : float or None
    currency : str or None
    method : str or None
        The way that it took.
    status : str or None
        ``CREATED``, ``PROCESSING`` or ``COMPLETED``.
    confirmations : int or None
    created_at, updated_at : str or int or None
        When it began and changed last; as it is sent.
    deposit_id, ledger_id : int or None
        What of the account it is.
    force_completed : bool or None
        True: the merchant said that the invoice is paid.
    amount_diff : float or None
        By how much it differs from what the invoice asked for.
    """

    txid: str | None
    amount: float | None
    currency: str | None
    method: str | None
    status: str | None
    confirmations: int | None
    created_at: Any
    updated_at: Any
    deposit_id: int | None
    ledger_id: int | None
    force_completed: bool | None
    amount_diff: float | None

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> Payment:
        """Build from an object."""
        return cls(*_PAYMENT.read(fields, number))


_PAYMENT = ObjectLayout(
    "Payment",
    ("txid", "txid", Kind.OPTIONAL_TEXT),
    ("amount", "amount", Kind.OPTIONAL_NUMBER),
    ("currency", "currency", Kind.OPTIONAL_TEXT),
    ("method", "method", Kind.OPTIONAL_TEXT),
    ("status", "status", Kind.OPTIONAL_TEXT),
    ("confirmations", "confirmations", Kind.OPTIONAL_INTEGER),
    ("created_at", "createdAt", Kind.ANY),
    ("updated_at", "updatedAt", Kind.ANY),
    ("deposit_id", "depositId", Kind.OPTIONAL_INTEGER),
    ("ledger_id", "ledgerId", Kind.OPTIONAL_INTEGER),
    ("force_completed", "forceCompleted", switch),
    ("amount_diff", "amountDiff", Kind.OPTIONAL_NUMBER),
)


@attrs.define
class InvoiceSubmission:
    """
    An invoice. What may be None is so where the exchange does not have it.

    The answer to a write may lack more: all but `id`.

    Attributes
    ----------
    id : str
    t : int
        When it was made, in milliseconds UTC.
    type : str or None
        ``ECOMMERCE``, or ``POS`` (at the point of sale).
    duration : int or None
        For how many seconds it can be paid.
    amount : float
        In its currency.
    currency : str
    order_id : str or None
        The merchant's own.
    pay_currencies : list of str or None
        In what it can be paid.
    webhook : str or None
        Address that is called when it was paid or has expired.
    redirect_url : str or None
        Where the customer is sent then.
    status : str
        ``CREATED``, ``PENDING``, ``COMPLETED`` or ``EXPIRED``.
    customer_info : CustomerInfo or None
        None at the point of sale.
    invoices : list of Invoice or None
        What is to be paid, for each currency.
    payment : Payment or None
        None until somebody pays.
    additional_payments : list of Payment or None
    merchant_name : str or None
    metadata : dict or None
    flags : list of str or None
    recalculated_at : int or None
        When its amounts were reckoned again, in milliseconds UTC.

    References
    ----------
    https://docs.bitfinex.com/reference/submit-invoice
    """

    id: str
    t: Mts
    type: str | None
    duration: int | None
    amount: float
    currency: str
    order_id: str | None
    pay_currencies: list[str] | None
    webhook: str | None
    redirect_url: str | None
    status: str
    customer_info: CustomerInfo | None
    invoices: list[Invoice] | None = attrs.field(repr=few)
    payment: Payment | None
    additional_payments: list[Payment] | None = attrs.field(repr=few)
    merchant_name: str | None
    metadata: dict[str, Any] | None
    flags: list[str] | None
    recalculated_at: Mts | None

    @classmethod
    def from_object(
        cls, fields: object, number: NumberType = float
    ) -> InvoiceSubmission:
        """Build from an object with ``id``, ``t``, ``amount``, ``currency`` and ``status``."""
        return cls(*_INVOICE_SUBMISSION.read(fields, number))

    @classmethod
    def from_partial_object(
        cls, fields: object, number: NumberType = float
    ) -> InvoiceSubmission:
        """Build from an object with ``id``."""
        invoice = cls(*_PARTIAL_INVOICE_SUBMISSION.read(fields, number))
        if invoice.id is None:
            raise RemoteError("InvoiceSubmission: it has no id", raw=fields)
        return invoice


_INVOICE_SUBMISSION = ObjectLayout(
    "InvoiceSubmission",
    ("id", "id", Kind.TEXT),
    ("t", "t", Kind.INTEGER),
    ("type", "type", Kind.OPTIONAL_TEXT),
    ("duration", "duration", Kind.OPTIONAL_INTEGER),
    ("amount", "amount", Kind.NUMBER),
    ("currency", "currency", Kind.TEXT),
    ("order_id", "orderId", Kind.OPTIONAL_TEXT),
    ("pay_currencies", "payCurrencies", texts),
    ("webhook", "webhook", Kind.OPTIONAL_TEXT),
    ("redirect_url", "redirectUrl", Kind.OPTIONAL_TEXT),
    ("status", "status", Kind.TEXT),
    ("customer_info", "customerInfo", one_of(CustomerInfo.from_object)),
    ("invoices", "invoices", list_of(Invoice.from_object)),
    ("payment", "payment", one_of(Payment.from_object)),
    ("additional_payments", "additionalPayments", list_of(Payment.from_object)),
    ("merchant_name", "merchantName", Kind.OPTIONAL_TEXT),
    ("metadata", "metadata", Kind.OPTIONAL_OBJECT),
    ("flags", "flags", texts),
    ("recalculated_at", "recalculatedAt", Kind.OPTIONAL_INTEGER),
)
_PARTIAL_INVOICE_SUBMISSION = _INVOICE_SUBMISSION.tolerant()


@attrs.define
class InvoicePage:
    """
    One page of the invoices.

    Attributes
    ----------
    page : int
        From 1.
    page_size : int
    sort : str or None
        ``asc`` or ``desc``.
    sort_field : str or None
        ``t``, ``amount`` or ``status``.
    total_pages, total_items : int
        How many there are.
    items : list of InvoiceSubmission

    References
    ----------
    https://docs.bitfinex.com/reference/invoice-list-paginated
    """

    page: int
    page_size: int
    sort: str | None
    sort_field: str | None
    total_pages: int
    total_items: int
    items: list[InvoiceSubmission] = attrs.field(repr=few)

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> InvoicePage:
        """Build from an object with all of these but the order."""
        page = cls(*_INVOICE_PAGE.read(fields, number))
        # No list is not the same as none in it.
        if page.items is None:
            raise RemoteError(
                "InvoicePage.items: expected a list, got None", raw=fields
            )
        return page


_INVOICE_PAGE = ObjectLayout(
    "InvoicePage",
    ("page", "page", Kind.INTEGER),
    ("page_size", "pageSize", Kind.INTEGER),
    ("sort", "sort", Kind.OPTIONAL_TEXT),
    ("sort_field", "sortField", Kind.OPTIONAL_TEXT),
    ("total_pages", "totalPages", Kind.INTEGER),
    ("total_items", "totalItems", Kind.INTEGER),
    ("items", "items", list_of(InvoiceSubmission.from_object)),
)


@attrs.define
class InvoiceStats:
    """
    How many invoices there were in some time, or what they earned.

    Attributes
    ----------
    time : str
        Date of the time, UTC, as ISO 8601 has it.
    count : float
        How many, or what was earned, in the currency that was asked for.

    References
    ----------
    https://docs.bitfinex.com/reference/invoice-count-stats
    """

    time: str
    count: float

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> InvoiceStats:
        """Build from an object with ``time`` and ``count``."""
        return cls(*_INVOICE_STATS.read(fields, number))


_INVOICE_STATS = ObjectLayout(
    "InvoiceStats", ("time", "time", Kind.TEXT), ("count", "count", Kind.NUMBER)
)
