"""The endpoints of Bitfinex Pay in one class: ``rest.merchant.get_invoices()``."""

from __future__ import annotations

from bfxsync._base.describe import with_parts_named_publicly
from bfxsync.rest.merchant.deposits import MerchantDepositEndpoints
from bfxsync.rest.merchant.deprecated import DeprecatedMerchantEndpoints
from bfxsync.rest.merchant.invoice_reports import InvoiceReportEndpoints
from bfxsync.rest.merchant.invoices import InvoiceEndpoints
from bfxsync.rest.merchant.settings import MerchantSettingEndpoints

__all__ = ["MerchantEndpoints"]


@with_parts_named_publicly
class MerchantEndpoints(
    InvoiceEndpoints,
    InvoiceReportEndpoints,
    MerchantDepositEndpoints,
    MerchantSettingEndpoints,
    DeprecatedMerchantEndpoints,
):
    """
    Bitfinex Pay, for merchants with a key; the official Node client has dropped it (7.0.0).

    Arguments are checked before anything is sent: an invalid one raises `UsageError` at the
    caller's line. A refusal by the exchange raises `ApiError`. A write that raises
    `OutcomeUnknown` may have been executed; one that raises anything else was not.
    """
