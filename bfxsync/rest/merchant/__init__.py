"""What merchants can do, composed flat: ``rest.merchant.get_invoices()``."""

from __future__ import annotations

from bfxsync._base.describe import with_parts_named_publicly
from bfxsync.rest.merchant.deposits import MerchantDepositEndpoints
from bfxsync.rest.merchant.deprecated import FormerMerchantEndpoints
from bfxsync.rest.merchant.invoice_inputs import InvoiceInputEndpoints
from bfxsync.rest.merchant.settings import MerchantSettingEndpoints

__all__ = ["MerchantEndpoints"]


@with_parts_named_publicly
class MerchantEndpoints(
    InvoiceInputEndpoints,
    MerchantDepositEndpoints,
    MerchantSettingEndpoints,
    FormerMerchantEndpoints,
):
    """
    What merchants can do with a key: a method per request, and an iterator over invoices.

    Arguments are checked before anything is sent: a wrong one raises `UsageError` at the
    caller's line. What the exchange refuses raises `ApiError`. A write that raises
    `OutcomeUnknown` may have been executed; one that raises anything else was not.

    Parameters
    ----------
    transport : RestTransport
        Made with a signer.
    numbers : type
        What the number fields of the models are: `float` or `decimal.Decimal`; the same that
        the transport was made with.
    """
