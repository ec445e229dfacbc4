"""Invoices of Bitfinex Pay: create, complete, expire and list them."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Dict, Mapping, Sequence

from bfxsync._base.aliases import AnyNumber
from bfxsync.checks.containers import check_items, check_object, optional
from bfxsync.checks.ids import check_id, check_ids
from bfxsync.checks.merchant import check_customer
from bfxsync.checks.numbers import check_integer, check_positive
from bfxsync.checks.symbols import check_currency, check_pay_currency
from bfxsync.checks.texts import check_text, check_token
from bfxsync.checks.times import Time, page_params
from bfxsync.errors import RemoteError, UsageError
from bfxsync.models.merchant import AnyInvoiceSubmission, InvoiceSubmission
from bfxsync.models.model_list import ModelList
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write
from bfxsync.rest.history.history import History
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import HistoryOptions, Unpack, iterator

MOST_INVOICES = 100

_CREATE = Budget("auth/w/ext/pay/invoice/create")
_CREATE_POS = Budget("auth/w/ext/pay/invoice/create/pos")
_COMPLETE = Budget("auth/w/ext/pay/invoice/complete")
_EXPIRE = Budget("auth/w/ext/pay/invoice/expire")
_INVOICES = Budget("auth/r/ext/pay/invoices")

# The exchange's older clients allow up to a day, the latest one up to three days.
_DURATIONS = range(300, 259_201)

_HINT_CREATE = "get_invoices_paginated(order_id=…) shows whether it exists"
_HINT_STATUS = "get_invoices(id=…) shows its status"

_READ = InvoiceSubmission.from_partial_object

_HISTORY = History(
    InvoiceSubmission,
    MOST_INVOICES,
    attrgetter("t"),
    attrgetter("id"),
    is_sortable=False,
)


class InvoiceEndpoints(SignedEndpoints):
    """Invoices: create, complete, expire and list them."""

    def submit_invoice(
        self,
        amount: AnyNumber,
        currency: str,
        order_id: str,
        customer_info: Mapping[str, Any],
        pay_currencies: Sequence[str],
        *,
        duration: int | None = None,
        webhook: str | None = None,
        redirect_url: str | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> AnyInvoiceSubmission:
        """
        Create an invoice for a customer; in the result any field but the id may be None.

        ``POST auth/w/ext/pay/invoice/create``, 10 requests per minute (undocumented); dropped by
        the official Node client.
        https://docs.bitfinex.com/reference/submit-invoice

        Parameters
        ----------
        amount : str, int, Decimal or float
            Positive.
        currency : str
            Currency of the amount, such as ``USD``.
        order_id : str
            Order id of the merchant.
        customer_info : dict
            Required: ``nationality`` and ``residCountry`` (two letters each), ``residCity``,
            ``residZipCode``, ``residStreet``, ``fullName`` and ``email``. Optional:
            ``residState``, ``residBuildingNo`` and other keys of the exchange.
        pay_currencies : list of str
            Accepted currencies: ``BTC``, ``UST-ETH``, ``LNX``, ….
        duration : int, optional
            Lifetime in seconds, 300 to 259,200; default 900.
        webhook : str, optional
            URL called when the invoice is paid or has expired.
        redirect_url : str, optional
            URL to which the customer is redirected after payment or expiry.
        meta : dict, optional
            As documented by the exchange.

        Raises
        ------
        OutcomeUnknown
            The invoice may exist; `known` contains no customer data.
        """
        body = {
            **_invoice(amount, currency, order_id, pay_currencies),
            **_options(duration, webhook, redirect_url, meta),
            "customerInfo": check_customer("customer_info", customer_info),
        }
        return self._write(Write(_CREATE, _READ, body, hint=_HINT_CREATE))

    def submit_pos_invoice(
        self,
        amount: AnyNumber,
        currency: str,
        order_id: str,
        pay_currencies: Sequence[str],
        *,
        duration: int | None = None,
        webhook: str | None = None,
        redirect_url: str | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> AnyInvoiceSubmission:
        """
        Create an invoice at a point of sale, without a customer.

        ``POST auth/w/ext/pay/invoice/create/pos``, 10 requests per minute (undocumented); dropped
        by the official Node client. Arguments and result as for `submit_invoice`.
        https://docs.bitfinex.com/reference/submit-pos-invoice
        """
        body = {
            **_invoice(amount, currency, order_id, pay_currencies),
            **_options(duration, webhook, redirect_url, meta),
        }
        return self._write(Write(_CREATE_POS, _READ, body, hint=_HINT_CREATE))

    def complete_invoice(
        self,
        id: str,
        pay_currency: str,
        *,
        deposit_id: int | None = None,
        deposit_ids: Sequence[int] | None = None,
        ledger_id: int | None = None,
    ) -> AnyInvoiceSubmission:
        """
        Mark an invoice as paid.

        ``POST auth/w/ext/pay/invoice/complete``, 10 requests per minute (undocumented); dropped by
        the official Node client. The result is like that of `submit_invoice`.
        https://docs.bitfinex.com/reference/complete-invoice

        Parameters
        ----------
        pay_currency : str
            Currency of the payment, one of the `pay_currencies`.
        deposit_id : int, optional
            The deposit that paid it; see `get_deposits`.
        deposit_ids : list of int, optional
            The deposits that paid it.
        ledger_id : int, optional
            The ledger entry that paid it. These three exclude each other.
        """
        body = {
            "id": check_token("id", id),
            "payCcy": check_pay_currency("pay_currency", pay_currency),
            "depositId": optional(check_id, "deposit_id", deposit_id),
            "depositIds": optional(check_ids, "deposit_ids", deposit_ids),
            "ledgerId": optional(check_id, "ledger_id", ledger_id),
        }
        if [deposit_id, deposit_ids, ledger_id].count(None) < 2:
            raise UsageError("deposit_id, deposit_ids and ledger_id exclude each other")
        return self._write(Write(_COMPLETE, _READ, body, hint=_HINT_STATUS))

    def expire_invoice(self, id: str) -> AnyInvoiceSubmission:
        """
        Expire an invoice: it can no longer be paid.

        ``POST auth/w/ext/pay/invoice/expire``, 10 requests per minute (undocumented); dropped by
        the official Node client. The result is like that of `submit_invoice`.
        https://docs.bitfinex.com/reference/expire-invoice
        """
        body = {"id": check_token("id", id)}
        return self._write(Write(_EXPIRE, _READ, body, hint=_HINT_STATUS))

    def get_invoices(
        self,
        *,
        id: str | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[InvoiceSubmission]:
        """
        Return invoices.

        ``POST auth/r/ext/pay/invoices``, 10 requests per minute (undocumented); dropped by the
        official Node client.
        https://docs.bitfinex.com/reference/invoice-list

        Parameters
        ----------
        id : str, optional
            Only the invoice with this id.
        start, end : int or datetime, optional
            First and last time of creation, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 100; default 10.
        """
        body = {
            "id": optional(check_token, "id", id),
            **page_params(start, end, limit, maximum=MOST_INVOICES),
        }
        return self._read_many(_INVOICES, InvoiceSubmission.from_object, body)

    @iterator
    def iter_invoices(
        self, **options: Unpack[HistoryOptions[InvoiceSubmission]]
    ) -> HistoryRows[InvoiceSubmission]:
        """
        Iterate over invoices, newest first, each once.

        This order is not documented. If the exchange uses another order, the iterator raises
        `RemoteError` rather than skip invoices; `get_invoices_paginated` has a parameter for the
        order.
        """
        return self._history(_HISTORY, self._newest_invoices, "invoices", options)

    def _newest_invoices(
        self, *, start: Time, end: Time, limit: int
    ) -> ModelList[InvoiceSubmission]:
        """Return invoices like `get_invoices`; raise if a page has the oldest first."""
        found = self.get_invoices(start=start, end=end, limit=limit)
        # Without more invoices the order does not matter.
        if found and found[0].t < found[-1].t and self._are_more(found, end, limit):
            error = RemoteError(
                "the exchange returned the oldest invoices first, so some between pages would be "
                "skipped; get_invoices_paginated has a parameter for the order"
            )
            error.endpoint = _INVOICES.group
            raise error
        return found

    def _are_more(self, found: list[InvoiceSubmission], end: Time, limit: int) -> bool:
        """Return whether there are newer invoices than the last of these."""
        if len(found) >= limit:
            return True
        last = found[-1]
        newer = self.get_invoices(start=last.t, end=end, limit=limit)
        return any(invoice.t > last.t for invoice in newer)


def _invoice(
    amount: object, currency: object, order_id: object, pay_currencies: object
) -> Dict[str, Any]:
    return {
        "amount": check_positive("amount", amount),
        "currency": check_currency("currency", currency),
        "orderId": check_text("order_id", order_id),
        "payCurrencies": check_items(
            "pay_currencies", pay_currencies, check_pay_currency
        ),
    }


def _options(
    duration: object, webhook: object, redirect_url: object, meta: object
) -> Dict[str, Any]:
    return {
        "duration": optional(check_integer, "duration", duration, _DURATIONS),
        "webhook": optional(check_token, "webhook", webhook),
        "redirectUrl": optional(check_token, "redirect_url", redirect_url),
        "meta": optional(check_object, "meta", meta),
    }
