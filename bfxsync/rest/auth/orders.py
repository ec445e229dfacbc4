"""Orders: those that are open, and those that were."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from operator import attrgetter
from typing import Iterator, Sequence, Union

from bfxsync._base.aliases import Symbol
from bfxsync.checks.arguments import Time, check_pair, page_params
from bfxsync.checks.order_arguments import (
    check_cid,
    check_cid_date,
    check_gid,
    check_ids,
    optional,
)
from bfxsync.errors import UsageError
from bfxsync.models.orders import Order, OtcOrder
from bfxsync.rest.auth.base import Budget, SignedEndpoints
from bfxsync.rest.auth.order_pages import OrderPages

Date = Union[str, date, datetime]
"""A day in UTC: ``"2026-01-31"``, a date, or a datetime with a time zone."""

MOST_ORDERS = 2500
MOST_OTC_ORDERS = 500

_ORDERS = Budget("auth/r/orders", 90)
_HISTORY = Budget("auth/r/orders/hist", 90)
_OTC = Budget("auth/r/orders/otc/hist", 90)


class OrderEndpoints(SignedEndpoints):
    """What orders there are and were."""

    def get_orders(
        self,
        *,
        symbol: Symbol | None = None,
        ids: Sequence[int] | None = None,
        gid: int | None = None,
        cid: int | None = None,
        cid_date: Date | None = None,
    ) -> list[Order]:
        """
        Return the open orders.

        ``POST auth/r/orders[/{symbol}]``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            Those of one pair only, such as ``tBTCUSD``.
        ids : list of int, optional
            Those with these ids only.
        gid : int, optional
            Those of one group only.
        cid, cid_date : int and str or date, optional
            The one with this client id; the date is the UTC day on which it was made.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-retrieve-orders
        """
        if (cid is None) != (cid_date is None):
            raise UsageError("cid and cid_date belong together")
        path = "auth/r/orders"
        if symbol is not None:
            path += f"/{check_pair(symbol)}"
        body = {
            "id": optional(check_ids, "ids", ids),
            "gid": optional(check_gid, "gid", gid),
            "cid": optional(check_cid, "cid", cid),
            "cid_date": optional(check_cid_date, "cid_date", cid_date),
        }
        return self._read_many(path, _ORDERS, Order.from_row, body)

    def get_orders_history(
        self,
        *,
        symbol: Symbol | None = None,
        ids: Sequence[int] | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[Order]:
        """
        Return orders of the last two weeks that are closed, the newest first.

        ``POST auth/r/orders[/{symbol}]/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            Those of one pair only, such as ``tBTCUSD``.
        ids : list of int, optional
            Those with these ids only.
        start, end : int or datetime, optional
            First and last time at which they were made, both included: milliseconds, or with a
            time zone.
        limit : int, optional
            Rows, at most 2,500.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-orders-history
        """
        path = "auth/r/orders/hist"
        if symbol is not None:
            path = f"auth/r/orders/{check_pair(symbol)}/hist"
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_ORDERS)
        body = {**page, "id": optional(check_ids, "ids", ids)}
        return self._read_many(path, _HISTORY, Order.from_row, body)

    def iter_orders_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: Order | None = None,
        progress: bool = False,
    ) -> Iterator[Order]:
        """
        Iterate over closed orders, the newest first, however many there are; each comes once.

        Parameters
        ----------
        symbol, start, end
            As for `get_orders_history`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : Order, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-orders-history
        """
        if symbol is not None:
            check_pair(symbol)
        return self._iterate(
            OrderPages(partial(self.get_orders_history, symbol=symbol), MOST_ORDERS),
            Order,
            "orders",
            MOST_ORDERS,
            mts_of=attrgetter("mts_create"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_otc_orders_history(
        self,
        *,
        symbol: Symbol | None = None,
        ids: Sequence[int] | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[OtcOrder]:
        """
        Return orders over the counter, the newest first.

        ``POST auth/r/orders/otc[/{symbol}]/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            Those of one pair only, such as ``tBTCUSD``.
        ids : list of int, optional
            Those with these ids only.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 500; 25 without it.

        References
        ----------
        https://docs.bitfinex.com/reference/otc-orders-history
        """
        path = "auth/r/orders/otc/hist"
        if symbol is not None:
            path = f"auth/r/orders/otc/{check_pair(symbol)}/hist"
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_OTC_ORDERS)
        body = {**page, "id": optional(check_ids, "ids", ids)}
        return self._read_many(path, _OTC, OtcOrder.from_row, body)

    def iter_otc_orders_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: OtcOrder | None = None,
        progress: bool = False,
    ) -> Iterator[OtcOrder]:
        """
        Iterate over orders over the counter, the newest first; each comes once.

        Parameters
        ----------
        symbol, start, end
            As for `get_otc_orders_history`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : OtcOrder, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/otc-orders-history
        """
        if symbol is not None:
            check_pair(symbol)
        return self._iterate(
            partial(self.get_otc_orders_history, symbol=symbol),
            OtcOrder,
            "OTC orders",
            MOST_OTC_ORDERS,
            mts_of=attrgetter("mts_create"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )
