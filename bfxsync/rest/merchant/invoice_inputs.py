"""What merchants do with invoices: make them, and end them."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from bfxsync._base.aliases import AnyNumber
from bfxsync.checks.containers import check_items, check_object, optional
from bfxsync.checks.ids import check_id, check_ids
from bfxsync.checks.merchant import check_customer
from bfxsync.checks.numbers import check_integer, check_positive
from bfxsync.checks.private import check_token
from bfxsync.checks.symbols import check_currency, check_pay_currency
from bfxsync.checks.texts import check_text
from bfxsync.errors import UsageError
from bfxsync.models.merchant import InvoiceSubmission
from bfxsync.rest.auth.base import Budget, Write
from bfxsync.rest.merchant.invoices import InvoiceEndpoints

_CREATE = Budget("auth/w/ext/pay/invoice/create")
_CREATE_POS = Budget("auth/w/ext/pay/invoice/create/pos")
_COMPLETE = Budget("auth/w/ext/pay/invoice/complete")
_EXPIRE = Budget("auth/w/ext/pay/invoice/expire")

# The older clients stop at a day, the last one at three.
_DURATIONS = range(300, 259_201)

_HINT_CREATE = "get_invoices_paginated(order_id=…) shows whether it is there"
_HINT_STATUS = "get_invoices(id=…) shows its status"


class InvoiceInputEndpoints(InvoiceEndpoints):
    """Invoices: made, ended, listed and counted."""

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
    ) -> InvoiceSubmission:
        """
        Make an invoice for a customer.

        ``POST auth/w/ext/pay/invoice/create``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        amount : str, int, Decimal or float
            Above zero.
        currency : str
            Of the amount, such as ``USD``.
        order_id : str
            The merchant's own.
        customer_info : dict
            ``nationality`` and ``residCountry`` (two letters each), ``residCity``,
            ``residZipCode``, ``residStreet``, ``fullName`` and ``email``, which must be there;
            and what the exchange knows besides: ``residState``, ``residBuildingNo``, ….
        pay_currencies : list of str
            In what it can be paid: ``BTC``, ``UST-ETH``, ``LNX``, ….
        duration : int, optional
            For how many seconds, 300 to 259,200; 900 without it.
        webhook : str, optional
            Address that is called when it was paid or has expired.
        redirect_url : str, optional
            Where the customer is sent then.
        meta : dict, optional
            As the exchange has it.

        Returns
        -------
        InvoiceSubmission
            May lack anything but its id.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may be there; `known` has nothing of the customer.

        References
        ----------
        https://docs.bitfinex.com/reference/submit-invoice
        """
        body = _body(
            amount,
            currency,
            order_id,
            pay_currencies,
            duration,
            webhook,
            redirect_url,
            meta,
        )
        body["customerInfo"] = check_customer("customer_info", customer_info)
        return self._write(
            Write(
                _CREATE, InvoiceSubmission.from_partial_object, body, hint=_HINT_CREATE
            )
        )

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
    ) -> InvoiceSubmission:
        """
        Make an invoice at a point of sale, which names no customer.

        ``POST auth/w/ext/pay/invoice/create/pos``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        amount, currency, order_id, pay_currencies, duration, webhook, redirect_url, meta
            As for `submit_invoice`.

        Returns
        -------
        InvoiceSubmission
            May lack anything but its id.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may be there.

        References
        ----------
        https://docs.bitfinex.com/reference/submit-pos-invoice
        """
        body = _body(
            amount,
            currency,
            order_id,
            pay_currencies,
            duration,
            webhook,
            redirect_url,
            meta,
        )
        return self._write(
            Write(
                _CREATE_POS,
                InvoiceSubmission.from_partial_object,
                body,
                hint=_HINT_CREATE,
            )
        )

    def complete_invoice(
        self,
        id: str,
        pay_currency: str,
        *,
        deposit_id: int | None = None,
        deposit_ids: Sequence[int] | None = None,
        ledger_id: int | None = None,
    ) -> InvoiceSubmission:
        """
        Say that an invoice is paid.

        ``POST auth/w/ext/pay/invoice/complete``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        id : str
            The invoice's.
        pay_currency : str
            In what it was paid: one of its `pay_currencies`.
        deposit_id : int, optional
            The deposit by which it was paid; see `get_deposits`.
        deposit_ids : list of int, optional
            The same, if there were several.
        ledger_id : int, optional
            The change of the wallet by which it was paid. Of these three at most one is given.

        Returns
        -------
        InvoiceSubmission
            May lack anything but its id.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been executed.

        References
        ----------
        https://docs.bitfinex.com/reference/complete-invoice
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
        return self._write(
            Write(
                _COMPLETE,
                InvoiceSubmission.from_partial_object,
                body,
                hint=_HINT_STATUS,
            )
        )

    def expire_invoice(self, id: str) -> InvoiceSubmission:
        """
        End an invoice before its time: it can no longer be paid.

        ``POST auth/w/ext/pay/invoice/expire``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        id : str

        Returns
        -------
        InvoiceSubmission
            May lack anything but its id.

        Raises
        ------
        UsageError
            It is none.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been executed.

        References
        ----------
        https://docs.bitfinex.com/reference/expire-invoice
        """
        return self._write(
            Write(
                _EXPIRE,
                InvoiceSubmission.from_partial_object,
                {"id": check_token("id", id)},
                hint=_HINT_STATUS,
            )
        )


def _body(
    amount: object,
    currency: object,
    order_id: object,
    pay_currencies: object,
    duration: object,
    webhook: object,
    redirect_url: object,
    meta: object,
) -> Dict[str, Any]:
    """Return what is sent for an invoice, checked."""
    return {
        "amount": check_positive("amount", amount),
        "currency": check_currency("currency", currency),
        "orderId": check_text("order_id", order_id),
        "payCurrencies": check_items(
            "pay_currencies", pay_currencies, check_pay_currency
        ),
        "duration": optional(check_integer, "duration", duration, _DURATIONS),
        "webhook": optional(check_token, "webhook", webhook),
        "redirectUrl": optional(check_token, "redirect_url", redirect_url),
        "meta": optional(check_object, "meta", meta),
    }
