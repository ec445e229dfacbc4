"""Deposit addresses, and invoices and payments of the Lightning network."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any, Iterator, List, Mapping, Set, Tuple

from bfxsync._base.aliases import AnyNumber, NumberType
from bfxsync.checks.containers import check_object, optional
from bfxsync.checks.numbers import check_integer, check_positive
from bfxsync.checks.options import check_switch
from bfxsync.checks.symbols import check_currency
from bfxsync.checks.texts import check_choice, check_token, check_wallet
from bfxsync.errors import RemoteError
from bfxsync.models.model_list import ModelList
from bfxsync.models.notification import Notification, of_one
from bfxsync.models.rows import read_rows
from bfxsync.models.transfers import (
    AnyDepositAddress,
    DepositAddress,
    DepositAddressItem,
    LightningNetworkInvoice,
    LightningPayment,
)
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.unreadable import strictly

MOST_ADDRESSES = 100

_ADDRESS = Budget("auth/w/deposit/address", 10)
_ADDRESSES = Budget("auth/r/deposit/address/all", 10)
_INVOICE = Budget("auth/w/deposit/invoice")
_PAYMENTS = Budget("auth/r/ext/invoice/payments")

_PAGES = range(1, 10**6)
_PAGE_SIZES = range(20, MOST_ADDRESSES + 1)
_OFFSETS = range(0, 10**9)

_OF_USER = ("getPaymentsByUser", "getInvoicesByUser")
_BY_ID = ("getInvoiceById", "getPaymentById")


class DepositEndpoints(SignedEndpoints):
    """Deposit addresses, and invoices and payments of the Lightning network."""

    def get_deposit_address(
        self, wallet: str, method: str, op_renew: bool = False
    ) -> Notification[AnyDepositAddress]:
        """
        Return the deposit address, or create a new one.

        ``POST auth/w/deposit/address``, 10 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-deposit-address

        The exchange creates at most 15 new addresses of a currency a month. The notification may
        report a rejection, which `raise_for_status` raises.

        Parameters
        ----------
        wallet : str
            Receiving wallet: ``"exchange"``, ``"margin"`` or ``"funding"``.
        method : str
            Transfer method, such as ``bitcoin``; all methods are in ``pub:map:tx:method``.
        op_renew : bool, optional
            True: create a new address; the older ones stay valid.

        Raises
        ------
        OutcomeUnknown
            A new address may have been created, if one was requested.
        """
        body = {
            "wallet": check_wallet("wallet", wallet),
            "method": check_token("method", method),
            "op_renew": check_switch("op_renew", op_renew),
        }
        hint = (
            "get_deposit_addresses shows whether there is a new one"
            if op_renew
            else "the address stays the same, so the request may be sent again"
        )
        read = of_one(DepositAddress.from_partial_row)
        return self._write(Write(_ADDRESS, read, body, hint=hint))

    def get_deposit_addresses(
        self, method: str, *, page: int | None = None, page_size: int | None = None
    ) -> ModelList[DepositAddressItem]:
        """
        Return the existing deposit addresses of a method.

        ``POST auth/r/deposit/address/all``, 10 requests per minute.
        https://docs.bitfinex.com/reference/deposit-address-all

        Parameters
        ----------
        method : str
            Transfer method, such as ``bitcoin``; all methods are in ``pub:map:tx:method``.
        page : int, optional
            From 1, the default.
        page_size : int, optional
            Rows, 20 to 100; default 20.
        """
        body = {
            "method": check_token("method", method),
            "page": optional(check_integer, "page", page, _PAGES),
            "pageSize": optional(check_integer, "page_size", page_size, _PAGE_SIZES),
        }
        return self._read_many(_ADDRESSES, DepositAddressItem.from_row, body)

    def iter_deposit_addresses(
        self, method: str, *, page_size: int = MOST_ADDRESSES
    ) -> HistoryRows[DepositAddressItem]:
        """Iterate over the deposit addresses of a method; see `get_deposit_addresses`."""
        check_token("method", method)
        check_integer("page_size", page_size, _PAGE_SIZES)
        rows = self._addresses(method, page_size)
        return HistoryRows(rows, DepositAddressItem, self._numbers)

    def generate_deposit_invoice(
        self, wallet: str, currency: str, amount: AnyNumber
    ) -> LightningNetworkInvoice:
        """
        Create a Lightning invoice for a deposit.

        ``POST auth/w/deposit/invoice``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/rest-auth-deposit-invoice

        The first invoice needs an address: ``get_deposit_address("exchange", "LNX")``.

        Parameters
        ----------
        wallet : str
            Receiving wallet; so far only ``"exchange"`` is supported.
        currency : str
            So far only ``"LNX"`` is supported.
        amount : str, int, Decimal or float
            In BTC, 0.000001 to 0.02.
        """
        body = {
            "wallet": check_wallet("wallet", wallet),
            "currency": check_currency("currency", currency),
            "amount": check_positive("amount", amount),
        }
        hint = "an unpaid invoice expires, so the request may be sent again"
        read = LightningNetworkInvoice.from_row
        return self._write(Write(_INVOICE, read, body, hint=hint))

    def get_lightning_payments(
        self, action: str, query: Mapping[str, Any] | None = None
    ) -> ModelList[LightningPayment]:
        """
        Return Lightning payments or invoices.

        ``POST auth/r/ext/invoice/payments``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/lnx-invoice-payments

        Parameters
        ----------
        action : str
            ``"getPaymentsByUser"``, ``"getInvoicesByUser"``, ``"getPaymentById"`` or
            ``"getInvoiceById"``.
        query : dict, optional
            ``{"offset": 20}`` skips the first rows; ``{"txid": "…"}`` is the payment hash for
            the actions by id.
        """
        checked = check_choice("action", action, _OF_USER + _BY_ID)
        given = check_object("query", {} if query is None else query)
        given = {name: value for name, value in given.items() if value is not None}
        if "offset" in given:
            check_integer("offset", given["offset"], _OFFSETS)
        if checked in _BY_ID or "txid" in given:
            check_token("txid", given.get("txid"))
        body = {"action": checked, "query": given}
        rows = self._rows(partial(self._read, _PAYMENTS, _read_payments, body))
        return ModelList(rows, LightningPayment, self._numbers)

    def _addresses(self, method: str, size: int) -> Iterator[DepositAddressItem]:
        given: Set[Tuple[str, str]] = set()
        items: List[DepositAddressItem]
        for page in count(1):
            error = None
            try:
                with strictly():
                    items = self.get_deposit_addresses(
                        method, page=page, page_size=size
                    )
            except RemoteError as exc:
                if not exc.unreadable:
                    raise
                items, error = exc.rows, exc
            known = len(given)
            for item in items:
                key = (item.address, item.wallet_type)
                # A new address moves the others to the next page meanwhile.
                if key not in given:
                    given.add(key)
                    yield item
            # A short page is not the last one: the exchange may return fewer than requested.
            is_last = len(given) == known
            if error is not None:
                if self._skip is None or is_last:
                    raise error
                self._skip(error)
            elif is_last:
                return


def _read_payments(answer: Any, number: NumberType) -> list[LightningPayment]:
    # A payment requested by its id may come without a list.
    objects = [answer] if isinstance(answer, dict) else answer
    return read_rows(LightningPayment.from_object, objects, number)
