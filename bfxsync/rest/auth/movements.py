"""Deposits and withdrawals: those that were, and where deposits can be sent."""

from __future__ import annotations

from functools import partial
from itertools import count
from operator import attrgetter
from typing import Any, Iterator, Mapping, Sequence, Set, Tuple

from bfxsync._base.aliases import NumberType
from bfxsync.checks.arguments import (
    Time,
    check_choice,
    check_currency,
    check_integer,
    page_params,
)
from bfxsync.checks.order_arguments import check_id, check_ids, check_object, optional
from bfxsync.errors import RemoteError
from bfxsync.models.movements import Movement, MovementInfo
from bfxsync.models.rows import read_rows
from bfxsync.models.transfers import DepositAddressItem, LightningPayment
from bfxsync.rest.auth.base import Budget, SignedEndpoints
from bfxsync.rest.auth.transfer_bodies import check_token
from bfxsync.rest.history.unreadable import strictly

MOST_MOVEMENTS = 2500
MOST_ADDRESSES = 100

_MOVEMENTS = Budget("auth/r/movements", 90)
_MOVEMENT = Budget("auth/r/movements/info", 90)
_ADDRESSES = Budget("auth/r/deposit/address/all", 10)
_LIGHTNING = Budget("auth/r/ext/invoice/payments")

_PAGES = range(1, 10**6)
_PAGE_SIZES = range(20, MOST_ADDRESSES + 1)
_OFFSETS = range(0, 10**9)

_OF_USER = ("getPaymentsByUser", "getInvoicesByUser")
_BY_ID = ("getInvoiceById", "getPaymentById")


class MovementEndpoints(SignedEndpoints):
    """What was deposited and withdrawn."""

    def get_movements(
        self,
        *,
        currency: str | None = None,
        ids: Sequence[int] | None = None,
        address: str | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[Movement]:
        """
        Return deposits and withdrawals, those first that changed last.

        ``POST auth/r/movements[/{currency}]/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        currency : str, optional
            Those of one currency only, such as ``BTC``.
        ids : list of int, optional
            Those with these ids only.
        address : str, optional
            Deposits to this address only.
        start, end : int or datetime, optional
            First and last time at which they changed last, both included: milliseconds, or with
            a time zone.
        limit : int, optional
            Rows, at most 2,500.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-movements
        """
        path = "auth/r/movements/hist"
        if currency is not None:
            path = f"auth/r/movements/{check_currency('currency', currency)}/hist"
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_MOVEMENTS)
        body = {
            "id": optional(check_ids, "ids", ids),
            "address": optional(check_token, "address", address),
            **page,
        }
        return self._read_many(path, _MOVEMENTS, Movement.from_row, body)

    def iter_movements(
        self,
        *,
        currency: str | None = None,
        address: str | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: Movement | None = None,
        progress: bool = False,
    ) -> Iterator[Movement]:
        """
        Iterate over deposits and withdrawals, those first that changed last; each comes once.

        Parameters
        ----------
        currency, address, start, end
            As for `get_movements`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : Movement, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-movements
        """
        optional(check_currency, "currency", currency)
        optional(check_token, "address", address)
        return self._iterate(
            partial(self.get_movements, currency=currency, address=address),
            Movement,
            "movements",
            MOST_MOVEMENTS,
            mts_of=attrgetter("mts_update"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_movement_info(self, id: int) -> MovementInfo:
        """
        Return all that is known of a deposit or a withdrawal.

        ``POST auth/r/movements/info``. Rate limit: 90 per minute.

        Parameters
        ----------
        id : int
            Of the `Movement`.

        References
        ----------
        https://docs.bitfinex.com/reference/movement-info
        """
        body = {"id": check_id("id", id)}
        return self._read(
            "auth/r/movements/info", _MOVEMENT, MovementInfo.from_row, body
        )

    def get_deposit_addresses(
        self, method: str, *, page: int | None = None, page_size: int | None = None
    ) -> list[DepositAddressItem]:
        """
        Return the addresses that there are for deposits of one kind.

        ``POST auth/r/deposit/address/all``. Rate limit: 10 per minute.

        Parameters
        ----------
        method : str
            The way that deposits take, such as ``bitcoin``; the exchange lists all ways under
            ``pub:map:tx:method``.
        page : int, optional
            From 1, which is that without it.
        page_size : int, optional
            Rows, 20 to 100; 20 without it.

        References
        ----------
        https://docs.bitfinex.com/reference/deposit-address-all
        """
        body = {
            "method": check_token("method", method),
            "page": optional(check_integer, "page", page, _PAGES),
            "pageSize": optional(check_integer, "page_size", page_size, _PAGE_SIZES),
        }
        return self._read_many(
            "auth/r/deposit/address/all", _ADDRESSES, DepositAddressItem.from_row, body
        )

    def iter_deposit_addresses(
        self, method: str, *, page_size: int = MOST_ADDRESSES
    ) -> Iterator[DepositAddressItem]:
        """
        Iterate over the addresses for deposits of one kind; each comes once.

        Parameters
        ----------
        method, page_size
            As for `get_deposit_addresses`.

        References
        ----------
        https://docs.bitfinex.com/reference/deposit-address-all
        """
        check_token("method", method)
        check_integer("page_size", page_size, _PAGE_SIZES)
        return self._addresses(method, page_size)

    def get_lightning_payments(
        self, action: str, query: Mapping[str, Any] | None = None
    ) -> list[LightningPayment]:
        """
        Return payments over the Lightning network, or invoices for them.

        ``POST auth/r/ext/invoice/payments``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        action : str
            ``"getPaymentsByUser"``, ``"getInvoicesByUser"``, ``"getPaymentById"`` or
            ``"getInvoiceById"``.
        query : dict, optional
            ``{"offset": 20}`` leaves out the first ones; by id, ``{"txid": "…"}`` is the hash of
            the payment.

        References
        ----------
        https://docs.bitfinex.com/reference/lnx-invoice-payments
        """
        checked = check_choice("action", action, _OF_USER + _BY_ID)
        given = check_object("query", {} if query is None else query)
        given = {name: value for name, value in given.items() if value is not None}
        if "offset" in given:
            check_integer("offset", given["offset"], _OFFSETS)
        if checked in _BY_ID or "txid" in given:
            check_token("txid", given.get("txid"))
        body = {"action": checked, "query": given}
        return self._rows(
            partial(
                self._read,
                "auth/r/ext/invoice/payments",
                _LIGHTNING,
                _read_payments,
                body,
            )
        )

    def _addresses(self, method: str, size: int) -> Iterator[DepositAddressItem]:
        given: Set[Tuple[str, str]] = set()
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
                # An address that was made meanwhile moves the others to the next page.
                if key not in given:
                    given.add(key)
                    yield item
            # A short page is not the last one: the exchange may give fewer than were asked for.
            is_last = len(given) == known
            if error is not None:
                if self._skip is None or is_last:
                    raise error
                self._skip(error)
            elif is_last:
                return


def _read_payments(answer: Any, number: NumberType) -> list[LightningPayment]:
    """Read the payments; asked for by its id, one may come alone."""
    objects = [answer] if isinstance(answer, dict) else answer
    return read_rows(LightningPayment.from_object, objects, number)
