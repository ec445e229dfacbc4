"""Bitfinex Pay endpoints that neither the documentation nor an official client has any more."""

from __future__ import annotations

from typing import Any, Mapping

from bfxsync._base.aliases import AnyNumber
from bfxsync.checks.containers import check_object, optional
from bfxsync.checks.numbers import check_positive
from bfxsync.checks.options import check_switch_as_bool
from bfxsync.checks.symbols import check_pay_currency
from bfxsync.checks.texts import check_text, check_token
from bfxsync.errors import UsageError
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write, deprecated

_UPDATE = Budget("auth/w/ext/pay/invoice/update")
_EVENTS = Budget("auth/r/ext/pay/invoice/events")
_REFUND = Budget("auth/w/ext/pay/invoice/refund")
_MARK_REFUNDED = Budget("auth/w/ext/pay/invoice/mark/refunded")
_CURRENCIES = Budget("auth/r/ext/pay/currency/list")
_DETAILED = Budget("auth/r/ext/pay/currency/detailed")

_HINT_STATUS = "get_invoices(id=…) shows its status"
_HINT_REFUND = "check get_movements and the invoice before sending it again"


class DeprecatedMerchantEndpoints(SignedEndpoints):
    """Bitfinex Pay: endpoints dropped from the documentation and the official clients."""

    def update_invoice(
        self,
        id: str,
        *,
        fields: Mapping[str, Any] | None = None,
        private_note: str | None = None,
    ) -> Any:
        """
        Change an invoice and return the undocumented response. Deprecated.

        ``POST auth/w/ext/pay/invoice/update``, 10 requests per minute (undocumented); dropped from
        the documentation and the official clients.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        fields : dict, optional
            Keys of the exchange: ``{"customerInfo": {"tosAccepted": True}}``.
        private_note : str, optional
            Visible to the merchant only.
        """
        deprecated("update_invoice")
        body = {
            "id": check_token("id", id),
            "fields": optional(check_object, "fields", fields),
            "privateNote": optional(check_text, "private_note", private_note),
        }
        if fields is None and private_note is None:
            raise UsageError("at least one field to change must be given")
        return self._write(Write(_UPDATE, _as_sent, body, hint=_HINT_STATUS))

    def get_invoice_events(self, id: str) -> Any:
        """
        Return the events of an invoice, as received (undocumented). Deprecated.

        ``POST auth/r/ext/pay/invoice/events``, 10 requests per minute (undocumented); dropped from
        the documentation and the official clients.
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        deprecated("get_invoice_events")
        body = {"id": check_token("id", id)}
        return self._read_raw(_EVENTS, body)

    def refund_invoice(
        self,
        id: str,
        ccy: str,
        amount: AnyNumber,
        address: str,
        *,
        payment_id: str | None = None,
    ) -> Any:
        """
        Refund an invoice, at most once, and return the undocumented response. Deprecated.

        ``POST auth/w/ext/pay/invoice/refund``, 10 requests per minute (undocumented); dropped from
        the documentation and the official clients.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        id : str
            Id of the invoice.
        ccy : str
            Currency of the refund: ``BTC``, ``UST-ETH``.
        amount : str, int, Decimal or float
            Positive.
        address : str
            Destination of the refund.
        payment_id : str, optional
            Tag of the address, if it needs one.

        Raises
        ------
        OutcomeUnknown
            The refund may have been executed; no request can find out.
        """
        deprecated("refund_invoice")
        destination = {"address": check_token("address", address)}
        if payment_id is not None:
            destination["payment_id"] = check_token("payment_id", payment_id)
        body = {
            "id": check_token("id", id),
            "ccy": check_pay_currency("ccy", ccy),
            "amount": check_positive("amount", amount),
            "address": destination,
        }
        return self._write(Write(_REFUND, _as_sent, body, hint=_HINT_REFUND))

    def mark_invoice_refunded(self, id: str, refund_id: str) -> Any:
        """
        Mark an invoice as refunded and return the undocumented response. Deprecated.

        ``POST auth/w/ext/pay/invoice/mark/refunded``, 10 requests per minute (undocumented);
        dropped from the documentation and the official clients.
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        deprecated("mark_invoice_refunded")
        body = {
            "id": check_token("id", id),
            "refundId": check_token("refund_id", refund_id),
        }
        return self._write(Write(_MARK_REFUNDED, _as_sent, body, hint=_HINT_STATUS))

    def get_pay_currencies(
        self, *, detailed: bool | None = None, id: str | None = None
    ) -> Any:
        """
        Return the accepted currencies, as received (undocumented). Deprecated.

        ``POST auth/r/ext/pay/currency/list``, 10 requests per minute (undocumented); dropped from
        the documentation and the official clients.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        detailed : bool, optional
            True: with details of each currency.
        id : str, optional
            Only the currencies of this invoice.
        """
        deprecated("get_pay_currencies")
        body = {
            "detailed": optional(check_switch_as_bool, "detailed", detailed),
            "id": optional(check_token, "id", id),
        }
        return self._read_raw(_CURRENCIES, body)

    def get_pay_currencies_detailed(self, *, detailed: bool | None = None) -> Any:
        """
        Return the accepted currencies with details, as received (undocumented). Deprecated.

        ``POST auth/r/ext/pay/currency/detailed``, 10 requests per minute (undocumented); dropped
        from the documentation and the official clients.
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        deprecated("get_pay_currencies_detailed")
        body = {"detailed": optional(check_switch_as_bool, "detailed", detailed)}
        return self._read_raw(_DETAILED, body)


def _as_sent(answer: Any, number: Any) -> Any:
    return answer
