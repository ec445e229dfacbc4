"""Orders: the open ones, submitting, changing and cancelling one."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from typing import Any, Mapping, Sequence, Union

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.checks.containers import optional
from bfxsync.checks.ids import check_cid, check_gid, check_ids
from bfxsync.checks.symbols import check_pair
from bfxsync.checks.times import check_cid_date
from bfxsync.errors import OrderNotPlaced, UsageError
from bfxsync.models.model_list import ModelList
from bfxsync.models.notification import Notification, of_one
from bfxsync.models.orders import AnyOrder, Order
from bfxsync.outcome.clocks import date_of
from bfxsync.rest.auth.base import Budget, Write, path_for
from bfxsync.rest.auth.order_writes import OrderWrites

Date = Union[str, date, datetime]
"""A day in UTC: ``"2026-01-31"``, a date, or a datetime with a time zone."""

_ORDERS = Budget("auth/r/orders", 90)
_SUBMIT = Budget("auth/w/order/submit", 90)
_UPDATE = Budget("auth/w/order/update", 90)
_CANCEL = Budget("auth/w/order/cancel", 90)

_read_order = of_one(Order.from_partial_row)


class OrderEndpoints(OrderWrites):
    """Orders: the open ones, submitting, changing and cancelling one."""

    def get_orders(
        self,
        *,
        symbol: Symbol | None = None,
        ids: Sequence[int] | None = None,
        gid: int | None = None,
        cid: int | None = None,
        cid_date: Date | None = None,
    ) -> ModelList[Order]:
        """
        Return the open orders.

        ``POST auth/r/orders[/{symbol}]``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-retrieve-orders

        Parameters
        ----------
        symbol : str, optional
            Only orders of this pair, such as ``tBTCUSD``.
        ids : list of int, optional
            Only orders with these ids.
        gid : int, optional
            Only orders of this group.
        cid, cid_date : int and str or date, optional
            Only the order with this client id, created on this UTC day. `cid_date` may be omitted
            as for `cancel_order`.
        """
        if cid is None and cid_date is not None:
            raise UsageError("cid and cid_date belong together")
        if cid is not None and cid_date is None:
            cid_date = self._cid_dates.date_for(check_cid("cid", cid))
        path = path_for(_ORDERS, symbol, check_pair)
        body = {
            "id": optional(check_ids, "ids", ids),
            "gid": optional(check_gid, "gid", gid),
            "cid": optional(check_cid, "cid", cid),
            "cid_date": optional(check_cid_date, "cid_date", cid_date),
        }
        orders = self._read_many(_ORDERS, Order.from_row, body, path=path)
        for order in orders:
            self._cid_dates.see(order)
        return orders

    def submit_order(
        self,
        type: OrderType | str,
        symbol: Symbol,
        amount: AnyNumber,
        price: AnyNumber | None = None,
        *,
        lev: int | None = None,
        price_trailing: AnyNumber | None = None,
        price_aux_limit: AnyNumber | None = None,
        price_oco_stop: AnyNumber | None = None,
        gid: int | None = None,
        cid: int | None = None,
        flags: OrderFlag | int | None = None,
        hidden: bool | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        close: bool | None = None,
        tif: datetime | str | None = None,
        meta: Mapping[str, Any] | None = None,
        make_visible: bool | None = None,
        protect_selfmatch: bool | None = None,
        round_price: bool = False,
    ) -> Notification[AnyOrder]:
        """
        Submit an order, at most once.

        ``POST auth/w/order/submit``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-submit-order

        Success means accepted, not filled: see `get_orders`, `get_orders_history` and
        `get_order_trades`. The notification may report a rejection, which `raise_for_status`
        raises.

        Parameters
        ----------
        type : OrderType or str
            ``"EXCHANGE LIMIT"``, …: with ``EXCHANGE`` from the exchange wallet, without it on
            margin or with derivatives.
        symbol : str
            The pair, such as ``tBTCUSD``.
        amount : str, int, Decimal or float
            In base currency: positive to buy, negative to sell. The exchange rounds it to 8
            places.
        price : str, int, Decimal or float, optional
            In quote currency; not needed for market orders and trailing stops.
        lev : int, optional
            Leverage of a derivative, 1 to 100; default 10.
        price_trailing : str, int, Decimal or float, optional
            Distance of a trailing stop.
        price_aux_limit : str, int, Decimal or float, optional
            Limit price of a stop limit order.
        price_oco_stop : str, int, Decimal or float, optional
            Stop price of an OCO order (`OrderFlag.OCO`); the stop is in `Notification.more`.
        gid : int, optional
            Group id, below 2**45.
        cid : int, optional
            Client order id, below 2**45, unique within the UTC day; random by default. It is used
            to find the order if the connection fails. One that this client has used on the same day
            is refused.
        flags : OrderFlag or int, optional
            Sum of flags.
        hidden, post_only, reduce_only, close : bool, optional
            True adds this flag to `flags`; False raises `UsageError` if `flags` contains it. Orders
            that take liquidity cannot be post-only, and only margin and derivatives orders can
            reduce or close a position.
        tif : datetime or str, optional
            Expiry: a datetime with a time zone, rounded up to whole seconds, or text in UTC such as
            ``"2026-01-31 12:00:00"``.
        meta : dict, optional
            ``aff_code`` (see `Client` for a default), ``make_visible``, ``protect_selfmatch``.
        make_visible : bool, optional
            Show the remainder of a hidden order after its first partial execution.
        protect_selfmatch : bool, optional
            Cancel this order if it would match another order of the account.
        round_price : bool, optional
            Round prices with more digits than the exchange accepts.

        Raises
        ------
        UsageError
            An argument is invalid, or a price has more than 5 significant digits, which the
            exchange would truncate.
        OrderNotPlaced
            There was no connection, so nothing was sent; `proof` is ``"never_sent"``.
        OutcomeUnknown
            The order may have been placed. `resolve` returns the `Order`, or raises
            `OrderNotPlaced` (`proof` is ``"absent"``) if there is no trace of it. An order with
            your `cid` whose day, time or terms match only in part is one of the `candidates`; an
            order with the random client id is always the result.
        """
        body = self._inputs.submit(
            type,
            symbol,
            amount,
            price,
            lev=lev,
            price_trailing=price_trailing,
            price_aux_limit=price_aux_limit,
            price_oco_stop=price_oco_stop,
            gid=gid,
            cid=cid,
            flags=flags,
            hidden=hidden,
            post_only=post_only,
            reduce_only=reduce_only,
            close=close,
            tif=tif,
            meta=meta,
            make_visible=make_visible,
            protect_selfmatch=protect_selfmatch,
            round_price=round_price,
        )
        number: int = body["cid"]
        return self._write_order(
            "on",
            Write(
                _SUBMIT,
                _read_order,
                body,
                search=self._find_orders.submitted(body, is_random=cid is None),
                not_executed=partial(OrderNotPlaced, cid=number),
                cid=number,
                cid_date=date_of(self._clock() * 1000),
            ),
            [number] if cid is None else (),
        )

    def update_order(
        self,
        id: int,
        *,
        amount: AnyNumber | None = None,
        price: AnyNumber | None = None,
        cid: int | None = None,
        cid_date: Date | None = None,
        gid: int | None = None,
        flags: OrderFlag | int | None = None,
        hidden: bool | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        close: bool | None = None,
        lev: int | None = None,
        delta: AnyNumber | None = None,
        price_aux_limit: AnyNumber | None = None,
        price_trailing: AnyNumber | None = None,
        tif: datetime | str | None = None,
        meta: Mapping[str, Any] | None = None,
        make_visible: bool | None = None,
        protect_selfmatch: bool | None = None,
        round_price: bool = False,
    ) -> Notification[AnyOrder]:
        """
        Change an open order.

        ``POST auth/w/order/update``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-update-order

        The notification may report a rejection, which `raise_for_status` raises.

        Parameters
        ----------
        amount : str, int, Decimal or float, optional
            The new amount: positive to buy, negative to sell.
        delta : str, int, Decimal or float, optional
            Change of the amount; instead of `amount`.
        cid, cid_date : int and str or date, optional
            Client order id, and the UTC day of the order's creation.
        flags, hidden, post_only, reduce_only, close
            As for `submit_order`. They replace all flags of the order: if any is passed, pass every
            flag that the order should keep.
        make_visible, protect_selfmatch : bool, optional
            As for `submit_order`; False disables it.
        price, gid, lev, price_aux_limit, price_trailing, tif, meta, round_price
            As for `submit_order`; omitted ones are not changed.

        Raises
        ------
        OutcomeUnknown
            The order may have been changed. `resolve` returns its current state, or raises
            `NotExecuted` if there is no such order.
        """
        body = self._inputs.update(
            id,
            amount=amount,
            price=price,
            cid=cid,
            cid_date=cid_date,
            gid=gid,
            flags=flags,
            hidden=hidden,
            post_only=post_only,
            reduce_only=reduce_only,
            close=close,
            lev=lev,
            delta=delta,
            price_aux_limit=price_aux_limit,
            price_trailing=price_trailing,
            tif=tif,
            meta=meta,
            make_visible=make_visible,
            protect_selfmatch=protect_selfmatch,
            round_price=round_price,
        )
        search = self._find_orders.by_id(id)
        return self._write_order("ou", Write(_UPDATE, _read_order, body, search=search))

    def cancel_order(
        self,
        *,
        id: int | None = None,
        cid: int | None = None,
        cid_date: Date | None = None,
    ) -> Notification[AnyOrder]:
        """
        Cancel an order.

        ``POST auth/w/order/cancel``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-cancel-order

        Success means accepted: the order may still fill before it is cancelled.

        Parameters
        ----------
        id : int, optional
            Id of the order; or
        cid, cid_date : int and str or date, optional
            its client id and the UTC day of its creation. The day may be omitted for the last
            10,000 orders that this client has sent, or received from `get_orders` or in the
            response to a write, unless another order with the same client id may be open.

        Returns
        -------
        Notification of Order or PartialOrder
            `data` may have only the id or client id. May report a rejection, which
            `raise_for_status` raises.

        Raises
        ------
        OutcomeUnknown
            The order may have been cancelled. `resolve` returns its current state, or raises
            `NotExecuted` if there is no such order.
        """
        body = self._inputs.cancel(id, cid=cid, cid_date=cid_date)
        number, day = body["cid"], body["cid_date"]
        if id is not None:
            search = self._find_orders.by_id(id)
        else:
            search = self._find_orders.by_cid(number, day)
        return self._write_order(
            "oc",
            Write(_CANCEL, _read_order, body, search=search, cid=number, cid_date=day),
        )
