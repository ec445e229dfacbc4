"""The methods of `WssClient` that place, change and cancel orders."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

from bfxsync import Client, UsageError
from bfxsync._base.plain import plain_items
from bfxsync.checks.ids import check_cid
from bfxsync.checks.options import check_bool
from bfxsync.compat.operations import (
    integer_of,
    request_calculations,
    send_operations,
)
from bfxsync.compat.utils import create_cid, order_symbol


class OrderOperation(list[Any]):
    """
    An operation: its code and its body, ``["on", {...}]``.

    The fields of the body can also be read from it: ``operation["cid"]``.
    """

    def __getitem__(self, key: Any) -> Any:
        return self[1][key] if isinstance(key, str) else super().__getitem__(key)


class OrderMethods:
    """
    The inputs of `WssClient`.

    They raise what those of `bfxsync.Client` raise, then nothing was sent: `UsageError` for invalid
    arguments, `OrderNotPlaced` or `NotExecuted` without a connection, `AuthError` for a refused
    key. What the exchange refuses comes as a notification to the callback of `authenticate`, and is
    logged.
    """

    def _running_client(self) -> Client:
        """Return the client; raise `UsageError` before `start`."""
        raise NotImplementedError

    def new_order_op(
        self,
        order_type: str,
        symbol: str | None = None,
        amount: Any = None,
        price: Any = None,
        price_trailing: Any = None,
        price_aux_limit: Any = None,
        price_oco_stop: Any = None,
        hidden: Any = 0,
        flags: Any = None,
        tif: Any = None,
        set_cid: bool = True,
        *,
        pair: str | None = None,
    ) -> OrderOperation:
        """
        Return the operation of a new order, for `multi_order`.

        Parameters
        ----------
        order_type : str
            ``LIMIT``, ``EXCHANGE MARKET``, …
        symbol : str
            ``BTCUSD`` or ``tBTCUSD``. `pair` is another name of it.
        amount : str, int, Decimal or float
            Positive to buy, negative to sell.
        price
            Rounded to the five significant digits that the exchange keeps; ignored for market
            orders.
        price_trailing, price_aux_limit, price_oco_stop
            For orders of the types ``TRAILING STOP``, ``STOP LIMIT``, and with the flag OCO.
        hidden : bool or int
        flags : list of int, optional
            `OrderFlag` values, which are added.
        tif : str, optional
            Time at which the exchange cancels the order: ``"2026-01-31 10:45:23"``, in UTC.
        set_cid : bool
            Whether to include a client id.
        """
        if symbol is not None and pair is not None:
            raise UsageError("pass either symbol or pair")
        name: Any = pair if symbol is None else symbol
        numbers = [flags] if isinstance(flags, int) else plain_items(flags or [])
        if numbers is None or not all(isinstance(flag, int) for flag in numbers):
            raise UsageError(f"flags must be a list of integers, not {flags!r}")
        body = {
            "type": order_type,
            "symbol": order_symbol(name),
            "amount": amount,
            "price": price,
            "hidden": hidden,
            # As a plain number, also of `OrderFlag` values.
            "flags": int(sum(numbers)),
        }
        optional = {
            "price_trailing": price_trailing,
            "price_aux_limit": price_aux_limit,
            "price_oco_stop": price_oco_stop,
            "tif": tif,
            "cid": create_cid() if check_bool("set_cid", set_cid) else None,
        }
        body.update((key, value) for key, value in optional.items() if value)
        return OrderOperation(["on", body])

    def new_order(
        self,
        order_type: str,
        symbol: str | None = None,
        amount: Any = None,
        price: Any = None,
        price_trailing: Any = None,
        price_aux_limit: Any = None,
        price_oco_stop: Any = None,
        hidden: Any = 0,
        flags: Any = None,
        tif: Any = None,
        set_cid: bool = True,
        *,
        pair: str | None = None,
    ) -> int | None:
        """Send a new order, as `new_order_op` makes it; return its client id, or None."""
        operation = self.new_order_op(
            order_type,
            symbol,
            amount,
            price,
            price_trailing,
            price_aux_limit,
            price_oco_stop,
            hidden,
            flags,
            tif,
            set_cid,
            pair=pair,
        )
        (cid,) = self.multi_order([operation])
        return cid

    def multi_order(self, operations: Sequence[object]) -> List[int | None]:
        """
        Send several operations together, or none of them if one is invalid.

        Parameters
        ----------
        operations : list
            Pairs of a code (``on``, ``ou``, ``oc``, ``oc_multi``) and a body; a body alone cancels
            the order of its ``id``, or ``cid`` and ``cid_date``.

        Returns
        -------
        list of int or None
            The client id in each operation.
        """
        items = plain_items(operations)
        if items is None or isinstance(operations, Mapping):
            raise UsageError(f"operations must be a list, not {operations!r}")
        return send_operations(self._running_client(), items)

    def cancel_order(
        self,
        order_id: Any = None,
        order_cid: Any = None,
        order_date: str | None = None,
    ) -> None:
        """
        Cancel an order by its id, or by its client id and date.

        Without `order_date` the date is that of `utils.cid_to_date`.
        """
        body = {"id": order_id, "cid": order_cid, "cid_date": order_date}
        self.multi_order([("oc", {k: v for k, v in body.items() if v is not None})])

    def cancel_order_cid(self, order_cid: Any, order_date: str | None = None) -> None:
        """Cancel an order by its client id and date, as `cancel_order`."""
        self.cancel_order(order_cid=order_cid, order_date=order_date)

    def update_order(self, **order_settings: Any) -> None:
        """
        Change an open order.

        Parameters
        ----------
        id : int
            Or its client id, as `cid`, while the order is open.
        price, amount, delta, price_aux_limit, price_trailing, tif, gid, flags, …
            Those of `Inputs.update_order`.
        """
        cid = order_settings.get("cid")
        if cid is not None and order_settings.get("id") is None:
            account = self._running_client().wss.account
            order = account.orders.by_cid(check_cid("cid", integer_of(cid)))
            if order is None:
                raise UsageError(f"cid must be that of an open order, not {cid!r}")
            order_settings["id"] = order.id
        self.multi_order([("ou", order_settings)])

    def calc(self, *calculations: Any) -> None:
        """
        Ask the exchange to calculate values, which then come to the callback of `authenticate`.

        Parameters
        ----------
        *calculations : str or list of str
            ``"margin_sym_tBTCUSD"``, ``"funding_sym_fUSD"``, ``"position_tBTCUSD"``,
            ``"wallet_exchange_USD"``, … A name that the exchange does not know is logged.
        """
        request_calculations(self._running_client(), calculations)
