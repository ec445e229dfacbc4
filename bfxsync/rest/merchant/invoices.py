"""Invoices of merchants: which there are, and what they came to."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Iterator, Sequence

from bfxsync.checks.containers import check_items, optional
from bfxsync.checks.merchant import STATUSES
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.private import check_token
from bfxsync.checks.symbols import check_currency, check_pay_currency
from bfxsync.checks.texts import check_choice, check_text
from bfxsync.checks.times import Time, page_params
from bfxsync.errors import RemoteError
from bfxsync.models.merchant import InvoicePage, InvoiceStats, InvoiceSubmission
from bfxsync.rest.auth.base import Budget, SignedEndpoints
from bfxsync.rest.history.history import History
from bfxsync.rest.history.options import iterator

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from bfxsync.rest.history.options import HistoryOptions

MOST_INVOICES = 100

_INVOICES = Budget("auth/r/ext/pay/invoices")
_PAGINATED = Budget("auth/r/ext/pay/invoices/paginated")
_COUNT = Budget("auth/r/ext/pay/invoice/stats/count", 90)
_EARNING = Budget("auth/r/ext/pay/invoice/stats/earning", 90)

_PAGES = range(1, 10**9)
_PAGE_SIZES = range(1, MOST_INVOICES + 1)
_SORTS = ("asc", "desc")
_SORT_FIELDS = ("t", "amount", "status")
_FORMATS = ("D", "W", "M", "Y", "A")

_HISTORY = History(
    InvoiceSubmission,
    MOST_INVOICES,
    attrgetter("t"),
    attrgetter("id"),
    is_sortable=False,
)


class InvoiceEndpoints(SignedEndpoints):
    """Invoices, and what they came to."""

    def get_invoices(
        self,
        *,
        id: str | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[InvoiceSubmission]:
        """
        Return invoices.

        ``POST auth/r/ext/pay/invoices``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        id : str, optional
            That one only.
        start, end : int or datetime, optional
            First and last time at which they were made, both included: milliseconds, or with a
            time zone.
        limit : int, optional
            Rows, at most 100; 10 without it.

        References
        ----------
        https://docs.bitfinex.com/reference/invoice-list
        """
        body = {
            "id": optional(check_token, "id", id),
            **page_params(start=start, end=end, limit=limit, maximum=MOST_INVOICES),
        }
        return self._read_many(
            "auth/r/ext/pay/invoices", _INVOICES, InvoiceSubmission.from_object, body
        )

    @iterator
    def iter_invoices(
        self, **options: Unpack[HistoryOptions[InvoiceSubmission]]
    ) -> Iterator[InvoiceSubmission]:
        """
        Iterate over invoices, newest first; each comes once.

        This order is not documented. If the exchange uses another one, this raises `RemoteError`
        and leaves none out; `get_invoices_paginated` takes the order.

        References
        ----------
        https://docs.bitfinex.com/reference/invoice-list
        """
        return self._history(_HISTORY, self._newest_invoices, "invoices", options)

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
        Return a page of the invoices, in any order.

        ``POST auth/r/ext/pay/invoices/paginated``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        page : int, optional
            From 1.
        page_size : int, optional
            Invoices of a page, at most 100.
        sort : str, optional
            ``"asc"`` or ``"desc"``.
        sort_field : str, optional
            ``"t"`` (when they were made), ``"amount"`` or ``"status"``.
        status : list of str, optional
            Those only that are ``"CREATED"``, ``"PENDING"``, ``"COMPLETED"`` or ``"EXPIRED"``.
        fiat : list of str, optional
            Those only that are in one of these currencies, such as ``USD``.
        crypto : list of str, optional
            Those only that can be paid in one of these, such as ``BTC``.
        id, order_id : str, optional
            The one only with this id, or with this one of the merchant's own.

        References
        ----------
        https://docs.bitfinex.com/reference/invoice-list-paginated
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
        return self._read(
            "auth/r/ext/pay/invoices/paginated",
            _PAGINATED,
            InvoicePage.from_object,
            body,
        )

    def get_invoice_count_stats(self, status: str, format: str) -> list[InvoiceStats]:
        """
        Return how many invoices there were.

        ``POST auth/r/ext/pay/invoice/stats/count``. Rate limit: 90 per minute.

        Parameters
        ----------
        status : str
            ``"CREATED"``, ``"PENDING"``, ``"COMPLETED"`` or ``"EXPIRED"``.
        format : str
            Of today (``"D"``), this week (``"W"``), month (``"M"``), year (``"Y"``), or of all
            times (``"A"``).

        References
        ----------
        https://docs.bitfinex.com/reference/invoice-count-stats
        """
        body = {
            "status": check_choice("status", status, STATUSES),
            "format": check_choice("format", format, _FORMATS),
        }
        return self._read_many(
            "auth/r/ext/pay/invoice/stats/count", _COUNT, InvoiceStats.from_object, body
        )

    def get_invoice_earning_stats(
        self, currency: str, format: str
    ) -> list[InvoiceStats]:
        """
        Return what invoices earned.

        ``POST auth/r/ext/pay/invoice/stats/earning``. Rate limit: 90 per minute.

        Parameters
        ----------
        currency : str
            In which it is told, such as ``USD``.
        format : str
            As for `get_invoice_count_stats`.

        References
        ----------
        https://docs.bitfinex.com/reference/invoice-earning-stats
        """
        body = {
            "currency": check_currency("currency", currency),
            "format": check_choice("format", format, _FORMATS),
        }
        return self._read_many(
            "auth/r/ext/pay/invoice/stats/earning",
            _EARNING,
            InvoiceStats.from_object,
            body,
        )

    def _newest_invoices(
        self, *, start: Time, end: Time, limit: int
    ) -> list[InvoiceSubmission]:
        """Return invoices as `get_invoices` does, if a page of them is of the newest."""
        found = self.get_invoices(start=start, end=end, limit=limit)
        # If these are all there are, the order does not matter.
        if found and found[0].t < found[-1].t and self._are_more(found, end, limit):
            error = RemoteError(
                "the oldest invoices came first, so those between pages would be lost; "
                "get_invoices_paginated takes the order"
            )
            error.endpoint = _INVOICES.group
            raise error
        return found

    def _are_more(self, found: list[InvoiceSubmission], end: Time, limit: int) -> bool:
        """Tell whether there are newer invoices than these, of which the newest is the last."""
        if len(found) >= limit:
            return True
        last = found[-1]
        newer = self.get_invoices(start=last.t, end=end, limit=limit)
        return any(invoice.t > last.t for invoice in newer)
