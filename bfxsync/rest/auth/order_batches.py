"""Several orders in one request."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

from bfxsync.models.notification import Notification, of_list
from bfxsync.models.orders import AnyOrder, Order, read_operation
from bfxsync.rest.auth.base import Budget, Write
from bfxsync.rest.auth.order_writes import SEVERAL, OrderWrites
from bfxsync.rest.auth.orders import Date

Operation = Tuple[str, Mapping[str, Any]]
"""``"on"``, ``"ou"``, ``"oc"`` or ``"oc_multi"``, and the arguments of the method for it."""

_CANCEL_MULTI = Budget("auth/w/order/cancel/multi", 90)
_MULTI = Budget("auth/w/order/multi", 90)

_read_orders = of_list(Order.from_partial_row)


class OrderBatchEndpoints(OrderWrites):
    """Several orders in one request."""

    def cancel_order_multi(
        self,
        *,
        id: Sequence[int] | None = None,
        cid: Sequence[int | tuple[int, Date]] | None = None,
        gid: Sequence[int] | None = None,
        all: bool | None = None,
    ) -> Notification[List[AnyOrder]]:
        """
        Cancel several orders.

        ``POST auth/w/order/cancel/multi``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-cancel-orders-multiple

        The notification may report a rejection, which `raise_for_status` raises.

        Parameters
        ----------
        id : list of int, optional
            Ids of orders.
        cid : list of (int, str or date) or int, optional
            Client ids of orders, each with the UTC day on which the order was created, or without
            it as for `cancel_order`.
        gid : list of int, optional
            Ids of groups.
        all : bool, optional
            True: all open orders, on margin, from the exchange wallet and in derivatives.

        Raises
        ------
        OutcomeUnknown
            The orders may have been cancelled. `resolve` returns those that are still open.
        """
        body = self._inputs.cancel_multi(id=id, cid=cid, gid=gid, all=all)
        search = self._find_orders.still_open(body)
        return self._write_order(
            "oc_multi", Write(_CANCEL_MULTI, _read_orders, body, search=search)
        )

    def cancel_all_orders(self) -> Notification[List[AnyOrder]]:
        """
        Cancel all open orders, by `cancel_order_multi`.

        https://docs.bitfinex.com/reference/rest-auth-cancel-orders-multiple
        """
        return self.cancel_order_multi(all=True)

    def submit_order_multi(
        self, ops: Sequence[Operation]
    ) -> Notification[List[Notification[Any]]]:
        """
        Submit, change and cancel several orders with one request, at most once.

        ``POST auth/w/order/multi``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-order-multi

        Parameters
        ----------
        ops : list of (str, dict)
            1 to 75 operations: ``"on"``, ``"ou"``, ``"oc"`` or ``"oc_multi"``, and the
            arguments of `submit_order`, `update_order`, `cancel_order` or `cancel_order_multi`
            by name.

        Returns
        -------
        Notification of list of Notification
            One per operation, in the same order, each with its own status. The outer
            `raise_for_status` checks all of them.

        Raises
        ------
        OutcomeUnknown
            The operations may have been executed. `resolve` returns a list: for a new order its
            current state, for a change or cancellation the current state of the order, for
            ``"oc_multi"`` the orders that are still open. None means that no trace of the order was
            found, which is an inference, not a proof.
        """
        body, random_cids = self._inputs.operations(ops)
        search = self._find_orders.operations(body["ops"], random_cids)
        return self._write_order(
            SEVERAL,
            Write(_MULTI, of_list(read_operation), body, search=search),
            random_cids,
        )
