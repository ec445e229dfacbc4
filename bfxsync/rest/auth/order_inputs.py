"""Orders: making, changing and cancelling them, and what became of that."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, List, Mapping, Sequence, Tuple

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.errors import OrderNotPlaced
from bfxsync.models.notification import Notification, of_list, of_one
from bfxsync.models.orders import AnyOrder, Order, read_operation
from bfxsync.outcome.clocks import date_of
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.rest.auth.base import Budget
from bfxsync.rest.auth.order_bodies import (
    cancel_body,
    cancel_multi_body,
    operations_body,
    submit_body,
    update_body,
)
from bfxsync.rest.auth.orders import Date, OrderEndpoints

Operation = Tuple[str, Mapping[str, Any]]
"""``"on"``, ``"ou"``, ``"oc"`` or ``"oc_multi"``, and the arguments of the method for it."""

_SUBMIT = Budget("auth/w/order/submit", 90)
_UPDATE = Budget("auth/w/order/update", 90)
_CANCEL = Budget("auth/w/order/cancel", 90)
_CANCEL_MULTI = Budget("auth/w/order/cancel/multi", 90)
_MULTI = Budget("auth/w/order/multi", 90)

_HINT = "resolve() asks the exchange; do not send it again before that is known"


class OrderInputEndpoints(OrderEndpoints):
    """Making, changing and cancelling orders."""

    _find_orders: OrderFinder

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
        tif: datetime | None = None,
        meta: Mapping[str, Any] | None = None,
        round_price: bool = False,
    ) -> Notification[AnyOrder]:
        """
        Submit an order, at most once.

        ``POST auth/w/order/submit``. Rate limit: 90 per minute. That it succeeds means that the
        exchange has taken it: what has become of it is in `get_orders`, `get_orders_history` and
        `get_order_trades`.

        Parameters
        ----------
        type : OrderType or str
            ``"EXCHANGE LIMIT"``, …: with ``EXCHANGE`` from the exchange wallet, else on margin
            or with derivatives.
        symbol : str
            The pair, such as ``tBTCUSD``.
        amount : str, int, Decimal or float
            In base currency: positive buys, negative sells. The exchange rounds it to 8 places.
        price : str, int, Decimal or float, optional
            In quote currency; market orders and trailing stops need none.
        lev : int, optional
            Leverage of a derivative, 1 to 100; 10 without it.
        price_trailing : str, int, Decimal or float, optional
            Distance of a trailing stop.
        price_aux_limit : str, int, Decimal or float, optional
            Limit of a stop limit order.
        price_oco_stop : str, int, Decimal or float, optional
            Stop of an OCO order (`OrderFlag.OCO`); that order is in `Notification.more`.
        gid : int, optional
            Group to put it into, below 2**45.
        cid : int, optional
            Your id for it, below 2**45, unique within the UTC day. A random one is made without
            it, as by this the order is found if the link fails.
        flags : OrderFlag or int, optional
            Their sum.
        tif : datetime, optional
            When it ends by itself, with a time zone; rounded up to whole seconds.
        meta : dict, optional
            ``aff_code``, ``make_visible``, ``protect_selfmatch``.
        round_price : bool, optional
            Round prices that have more digits than the exchange takes.

        Returns
        -------
        Notification of Order or PartialOrder
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible, or a price has more than 5 significant digits: the
            exchange would cut the others.
        OrderRejected
            The exchange refused it.
        OrderNotPlaced
            It has not left: there was no connection. Its `proof` is ``"never_sent"``.
        OutcomeUnknown
            It may have been placed. Its `resolve` returns the `Order`, or raises
            `OrderNotPlaced` (`proof` is ``"absent"``) when nothing shows it any more. An order
            with your `cid` whose day, time or terms do not quite fit is one of its
            `candidates`; one with a random client id is taken for it in any case.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-submit-order
        """
        body = submit_body(
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
            tif=tif,
            meta=meta,
            round_price=round_price,
        )
        number: int = body["cid"]
        return self._write_order(
            "auth/w/order/submit",
            _SUBMIT,
            of_one(Order.from_partial_row),
            body,
            search=self._find_orders.submitted(body, is_random=cid is None),
            not_executed=partial(OrderNotPlaced, cid=number),
            hint=_HINT,
            cid=number,
            cid_date=date_of(self._clock() * 1000),
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
        lev: int | None = None,
        delta: AnyNumber | None = None,
        price_aux_limit: AnyNumber | None = None,
        price_trailing: AnyNumber | None = None,
        tif: datetime | None = None,
        meta: Mapping[str, Any] | None = None,
        round_price: bool = False,
    ) -> Notification[AnyOrder]:
        """
        Change an open order.

        ``POST auth/w/order/update``. Rate limit: 90 per minute.

        Parameters
        ----------
        id : int
        amount : str, int, Decimal or float, optional
            The new amount: positive buys, negative sells.
        delta : str, int, Decimal or float, optional
            What is added to the amount; instead of `amount`.
        cid, cid_date : int and str or date, optional
            Client id, and the UTC day to which it belongs.
        price, gid, flags, lev, price_aux_limit, price_trailing, tif, meta, round_price
            As for `submit_order`; what is not given stays as it is.

        Returns
        -------
        Notification of Order or PartialOrder
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        OrderRejected
            The exchange refused it.
        OutcomeUnknown
            It may have been changed. Its `resolve` returns the `Order` as it is, or raises
            `NotExecuted` if there is none.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-update-order
        """
        body = update_body(
            id,
            amount=amount,
            price=price,
            cid=cid,
            cid_date=cid_date,
            gid=gid,
            flags=flags,
            lev=lev,
            delta=delta,
            price_aux_limit=price_aux_limit,
            price_trailing=price_trailing,
            tif=tif,
            meta=meta,
            round_price=round_price,
        )
        return self._write_order(
            "auth/w/order/update",
            _UPDATE,
            of_one(Order.from_partial_row),
            body,
            search=self._find_orders.by_id(id),
            hint=_HINT,
        )

    def cancel_order(
        self,
        *,
        id: int | None = None,
        cid: int | None = None,
        cid_date: Date | None = None,
    ) -> Notification[AnyOrder]:
        """
        Cancel an order.

        ``POST auth/w/order/cancel``. Rate limit: 90 per minute. That it succeeds means that the
        exchange has taken it: the order may still be executed before.

        Parameters
        ----------
        id : int, optional
            Of the order; or
        cid, cid_date : int and str or date, optional
            its client id, and the UTC day on which it was made.

        Returns
        -------
        Notification of Order or PartialOrder
            Which may have the id, or the client id, and nothing else.
            The notification may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        OrderRejected
            The exchange refused it.
        OutcomeUnknown
            It may have been cancelled. Its `resolve` returns the `Order` as it is, or raises
            `NotExecuted` if there is none.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-cancel-order
        """
        body = cancel_body(id, cid=cid, cid_date=cid_date)
        if id is not None:
            search = self._find_orders.by_id(id)
        else:
            search = self._find_orders.by_cid(body["cid"], body["cid_date"])
        return self._write_order(
            "auth/w/order/cancel",
            _CANCEL,
            of_one(Order.from_partial_row),
            body,
            search=search,
            hint=_HINT,
            cid=body["cid"],
            cid_date=body["cid_date"],
        )

    def cancel_order_multi(
        self,
        *,
        id: Sequence[int] | None = None,
        cid: Sequence[tuple[int, Date]] | None = None,
        gid: Sequence[int] | None = None,
        all: bool | None = None,
    ) -> Notification[List[AnyOrder]]:
        """
        Cancel several orders.

        ``POST auth/w/order/cancel/multi``. Rate limit: 90 per minute.

        Parameters
        ----------
        id : list of int, optional
            Those with these ids.
        cid : list of (int, str or date), optional
            Those with these client ids, each with the UTC day on which it was made.
        gid : list of int, optional
            Those of these groups.
        all : bool, optional
            All that are open, those of margin, of the exchange wallet and of derivatives.

        Returns
        -------
        Notification of list of Order or PartialOrder
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        OrderRejected
            The exchange refused it.
        OutcomeUnknown
            They may have been cancelled. Its `resolve` returns those of them that are still
            open.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-cancel-orders-multiple
        """
        body = cancel_multi_body(id=id, cid=cid, gid=gid, all=all)
        return self._write_order(
            "auth/w/order/cancel/multi",
            _CANCEL_MULTI,
            of_list(Order.from_partial_row),
            body,
            search=self._find_orders.still_open(body),
            hint=_HINT,
        )

    def cancel_all_orders(self) -> Notification[List[AnyOrder]]:
        """
        Cancel all open orders, those of margin, of the exchange wallet and of derivatives.

        As `cancel_order_multi` with ``all=True``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-cancel-orders-multiple
        """
        return self.cancel_order_multi(all=True)

    def submit_order_multi(
        self, ops: Sequence[Operation]
    ) -> Notification[List[Notification[Any]]]:
        """
        Make, change and cancel several orders with one request, at most once.

        ``POST auth/w/order/multi``. Rate limit: 90 per minute.

        Parameters
        ----------
        ops : list of (str, dict)
            1 to 75 operations: ``"on"``, ``"ou"``, ``"oc"`` or ``"oc_multi"``, and the
            arguments of `submit_order`, `update_order`, `cancel_order` or `cancel_order_multi`
            by name.

        Returns
        -------
        Notification of list of Notification
            One for each operation, in their order, each with a status of its own: some may have
            been refused. `raise_for_status` of the outer one looks at all of them.

        Raises
        ------
        UsageError
            An argument is impossible; nothing was sent.
        OrderRejected
            The exchange refused all of it.
        OutcomeUnknown
            They may have been executed. Its `resolve` returns a list: for a new order what it
            has become, for a change or a cancellation the order as it is, for either None if
            nothing shows it (which is an inference), for ``"oc_multi"`` the list of those that
            are still open.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-order-multi
        """
        body, own = operations_body(ops)
        return self._write_order(
            "auth/w/order/multi",
            _MULTI,
            of_list(read_operation),
            body,
            search=self._find_orders.operations(body["ops"], own),
            hint=_HINT,
        )
