"""Sorted pages of invoices, and statistics of invoices."""

from __future__ import annotations

from typing import Sequence

from bfxsync.checks.containers import check_items, optional
from bfxsync.checks.merchant import STATUSES
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.symbols import check_currency, check_pay_currency
from bfxsync.checks.texts import check_choice, check_text, check_token
from bfxsync.models.merchant import InvoicePage, InvoiceStats
from bfxsync.models.model_list import ModelList
from bfxsync.rest.auth.base import Budget, SignedEndpoints
from bfxsync.rest.merchant.invoices import MOST_INVOICES

_PAGINATED = Budget("auth/r/ext/pay/invoices/paginated")
_COUNT = Budget("auth/r/ext/pay/invoice/stats/count", 90)
_EARNING = Budget("auth/r/ext/pay/invoice/stats/earning", 90)

_PAGES = range(1, 10**9)
_PAGE_SIZES = range(1, MOST_INVOICES + 1)
_SORTS = ("asc", "desc")
_SORT_FIELDS = ("t", "amount", "status")
_FORMATS = ("D", "W", "M", "Y", "A")


class InvoiceReportEndpoints(SignedEndpoints):
    """Sorted pages of invoices, and statistics of invoices."""

    def get_invoices_paginated(
        self,
        page: int = 1,
        page_size: int = 10,
        sort: str = "asc",
        sort_field: str = "t",
        *,
        status: Sequence[str] | None = None,
        fiat: Sequence[str] | None = None,
        crypto: Sequence[str] | None = None,
        id: str | None = None,
        order_id: str | None = None,
    ) -> InvoicePage:
        """
        Return a page of the invoices, in the order requested.

        ``POST auth/r/ext/pay/invoices/paginated``, 10 requests per minute (undocumented); dropped
        by the official Node client.
        https://docs.bitfinex.com/reference/invoice-list-paginated

        Parameters
        ----------
        page : int, optional
            From 1.
        page_size : int, optional
            Invoices per page, at most 100.
        sort : str, optional
            ``"asc"`` or ``"desc"``.
        sort_field : str, optional
            ``"t"`` (time of creation), ``"amount"`` or ``"status"``.
        status : list of str, optional
            Any of ``"CREATED"``, ``"PENDING"``, ``"COMPLETED"`` and ``"EXPIRED"``.
        fiat : list of str, optional
            Only invoices in these currencies, such as ``USD``.
        crypto : list of str, optional
            Only invoices that accept one of these, such as ``BTC``.
        id, order_id : str, optional
            Only the invoice with this id, or with this order id of the merchant.
        """
        body = {
            "page": check_integer("page", page, _PAGES),
            "pageSize": check_integer("page_size", page_size, _PAGE_SIZES),
            "sort": check_choice("sort", sort, _SORTS),
            "sortField": check_choice("sort_field", sort_field, _SORT_FIELDS),
            "status": optional(check_items, "status", status, check_choice, STATUSES),
            "fiat": optional(check_items, "fiat", fiat, check_currency),
            "crypto": optional(check_items, "crypto", crypto, check_pay_currency),
            "id": optional(check_token, "id", id),
            "orderId": optional(check_text, "order_id", order_id),
        }
        return self._read(_PAGINATED, InvoicePage.from_object, body)

    def get_invoice_count_stats(
        self, status: str, format: str
    ) -> ModelList[InvoiceStats]:
        """
        Return the number of invoices over time.

        ``POST auth/r/ext/pay/invoice/stats/count``, 90 requests per minute; dropped by the official
        Node client.
        https://docs.bitfinex.com/reference/invoice-count-stats

        Parameters
        ----------
        status : str
            ``"CREATED"``, ``"PENDING"``, ``"COMPLETED"`` or ``"EXPIRED"``.
        format : str
            Period: today (``"D"``), this week (``"W"``), month (``"M"``) or year (``"Y"``), or
            all time (``"A"``).
        """
        body = {
            "status": check_choice("status", status, STATUSES),
            "format": check_choice("format", format, _FORMATS),
        }
        return self._read_many(_COUNT, InvoiceStats.from_object, body)

    def get_invoice_earning_stats(
        self, currency: str, format: str
    ) -> ModelList[InvoiceStats]:
        """
        Return the earnings of invoices over time.

        ``POST auth/r/ext/pay/invoice/stats/earning``, 90 requests per minute; dropped by the
        official Node client.
        https://docs.bitfinex.com/reference/invoice-earning-stats

        Parameters
        ----------
        currency : str
            Currency of the earnings, such as ``USD``.
        format : str
            As for `get_invoice_count_stats`.
        """
        body = {
            "currency": check_currency("currency", currency),
            "format": check_choice("format", format, _FORMATS),
        }
        return self._read_many(_EARNING, InvoiceStats.from_object, body)
