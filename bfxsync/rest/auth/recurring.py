"""Recurring orders, which buy or sell a fixed amount at regular intervals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Dict, Mapping, Union

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync.checks.containers import check_object, optional
from bfxsync.checks.ids import check_text_id
from bfxsync.checks.numbers import check_integer, check_positive
from bfxsync.checks.options import check_switch_as_bool
from bfxsync.checks.symbols import check_currency, check_optional_symbol, check_pair
from bfxsync.checks.texts import check_choice, check_text
from bfxsync.checks.times import check_moment
from bfxsync.errors import UsageError
from bfxsync.models.recurring import RecurringAlgoOrder
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write

Moment = Union[str, date, datetime]

_CREATE = Budget("auth/w/ext/recurring-ao/create")
_DETAIL = Budget("auth/r/ext/recurring-ao/detail")
_UPDATE = Budget("auth/w/ext/recurring-ao/update")
_CANCEL = Budget("auth/w/ext/recurring-ao/cancel")
_LIST = Budget("auth/r/ext/recurring-ao/list")
_ORDERS = Budget("auth/r/ext/recurring-ao/order/list")

_ACTIONS = ("buy", "sell")
_RECURRENCES = ("daily", "weekly", "monthly")
_SORT_ORDERS = ("asc", "desc")
_PAGES = range(0, 10**9)
_PAGE_SIZES = range(1, 10**6)


class RecurringOrderEndpoints(SignedEndpoints):
    """Recurring orders, which buy or sell a fixed amount at regular intervals."""

    def create_recurring_order(
        self,
        alias: str,
        symbol: Symbol,
        currency: str,
        action: str,
        amount: AnyNumber,
        recurrence: str,
        *,
        started_at: Moment | None = None,
        ended_at: Moment | None = None,
        endless: bool | None = None,
    ) -> RecurringAlgoOrder:
        """
        Create a recurring order.

        ``POST auth/w/ext/recurring-ao/create`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        alias : str
            Name of the recurring order.
        symbol : str
            The pair, such as ``tBTCUSD``.
        currency : str
            Currency of the amount, one of the pair, such as ``USD``.
        action : str
            ``"buy"`` or ``"sell"``.
        amount : str, int, Decimal or float
            Amount of each order; above zero.
        recurrence : str
            ``"daily"``, ``"weekly"`` or ``"monthly"``.
        started_at : str, date or datetime, optional
            Start: a text such as ``2026-01-31`` or ``2026-01-31T12:00:00Z``, a date, or a
            datetime with a time zone.
        ended_at : str, date or datetime, optional
            End. Either this or `endless` must be given.
        endless : bool, optional
            True: until it is cancelled.
        """
        body = {
            **_terms(alias, symbol, currency, action, amount, recurrence),
            **_period(started_at, ended_at, endless),
        }
        for name in ("alias", "_symbol", "currency", "action", "amount", "recurrence"):
            if body[name] is None:
                raise UsageError(f"{name.lstrip('_')} must be given")
        # A forgotten argument must not buy for ever.
        if body["endedAt"] is None and not body["endless"]:
            raise UsageError("ended_at or endless=True must be given")
        hint = "get_recurring_orders shows whether it exists"
        return self._write(
            Write(_CREATE, RecurringAlgoOrder.from_object, body, hint=hint)
        )

    def get_recurring_order(self, algo_order_id: str) -> RecurringAlgoOrder:
        """
        Return a recurring order.

        ``POST auth/r/ext/recurring-ao/detail/{id}`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        checked = check_text_id("algo_order_id", algo_order_id)
        path = f"auth/r/ext/recurring-ao/detail/{checked}"
        return self._read(_DETAIL, RecurringAlgoOrder.from_object, path=path)

    def update_recurring_order(
        self,
        algo_order_id: str,
        *,
        alias: str | None = None,
        symbol: Symbol | None = None,
        currency: str | None = None,
        action: str | None = None,
        amount: AnyNumber | None = None,
        recurrence: str | None = None,
        ended_at: Moment | None = None,
        endless: bool | None = None,
    ) -> RecurringAlgoOrder:
        """
        Change a recurring order; omitted arguments stay as they are.

        ``POST auth/w/ext/recurring-ao/update/{id}`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Arguments as for `create_recurring_order`; at least one.
        """
        checked = check_text_id("algo_order_id", algo_order_id)
        body = {
            **_terms(alias, symbol, currency, action, amount, recurrence),
            **_period(None, ended_at, endless),
        }
        if all(value is None for value in body.values()):
            raise UsageError("at least one field to change must be given")
        return self._write(
            Write(
                _UPDATE,
                RecurringAlgoOrder.from_object,
                # The exchange's own client sends the id in the path and here.
                {"algoOrderId": checked, **body},
                path=f"{_UPDATE.group}/{checked}",
                hint="get_recurring_order shows whether it was changed",
            )
        )

    def cancel_recurring_order(self, algo_order_id: str) -> RecurringAlgoOrder:
        """
        Cancel a recurring order.

        ``POST auth/w/ext/recurring-ao/cancel/{id}`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        checked = check_text_id("algo_order_id", algo_order_id)
        return self._write(
            Write(
                _CANCEL,
                RecurringAlgoOrder.from_object,
                path=f"{_CANCEL.group}/{checked}",
                hint="get_recurring_order shows its status; it may also be sent again",
            )
        )

    def get_recurring_orders(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        sort_field: str | None = None,
        sort_order: str | None = None,
        filter: Mapping[str, Any] | None = None,
    ) -> Any:
        """
        Return a page of recurring orders, as received.

        ``POST auth/r/ext/recurring-ao/list`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        page : int, optional
            Number of the page.
        limit : int, optional
            Rows per page.
        sort_field : str, optional
            Name of the field to sort by.
        sort_order : str, optional
            ``"asc"`` or ``"desc"``.
        filter : dict, optional
            In the exchange's form.
        """
        body = _page(page, limit, sort_field, sort_order, filter)
        return self._read_raw(_LIST, body)

    def get_recurring_order_orders(
        self,
        *,
        algo_order_id: str | None = None,
        page: int | None = None,
        limit: int | None = None,
        sort_field: str | None = None,
        sort_order: str | None = None,
        filter: Mapping[str, Any] | None = None,
    ) -> Any:
        """
        Return a page of the orders placed by recurring orders, as received.

        ``POST auth/r/ext/recurring-ao/order/list`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        algo_order_id : str, optional
            Only orders of this recurring order.
        page, limit, sort_field, sort_order, filter
            As for `get_recurring_orders`.
        """
        body = {
            "algoOrderId": optional(check_text_id, "algo_order_id", algo_order_id),
            **_page(page, limit, sort_field, sort_order, filter),
        }
        return self._read_raw(_ORDERS, body)


def _terms(
    alias: object,
    symbol: object,
    currency: object,
    action: object,
    amount: object,
    recurrence: object,
) -> Dict[str, Any]:
    # Omitted arguments are None.
    return {
        "alias": optional(check_text, "alias", alias),
        "_symbol": check_optional_symbol(symbol, check_pair),
        "currency": optional(check_currency, "currency", currency),
        "action": optional(check_choice, "action", action, _ACTIONS),
        "amount": optional(check_positive, "amount", amount),
        "recurrence": optional(check_choice, "recurrence", recurrence, _RECURRENCES),
    }


def _period(started_at: object, ended_at: object, endless: object) -> Dict[str, Any]:
    is_endless = optional(check_switch_as_bool, "endless", endless)
    if is_endless and ended_at is not None:
        raise UsageError("ended_at and endless=True exclude each other")
    return {
        "startedAt": optional(check_moment, "started_at", started_at),
        "endedAt": optional(check_moment, "ended_at", ended_at),
        "endless": is_endless,
    }


def _page(
    page: object, limit: object, sort_field: object, sort_order: object, filter: object
) -> Dict[str, Any]:
    return {
        "page": optional(check_integer, "page", page, _PAGES),
        "limit": optional(check_integer, "limit", limit, _PAGE_SIZES),
        "sortField": optional(check_text, "sort_field", sort_field),
        "sortOrder": optional(check_choice, "sort_order", sort_order, _SORT_ORDERS),
        "filter": optional(check_object, "filter", filter),
    }
