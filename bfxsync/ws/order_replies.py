"""The replies to new orders: the result, and what becomes of the order afterwards."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Protocol

from bfxsync._base.aliases import NumberType
from bfxsync._base.numbers import EXACT, approximately, decimal_of
from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.errors import (
    ApiError,
    BfxError,
    ClosedError,
    NotExecuted,
    OrderNotFilled,
    RequestTimeout,
    UsageError,
)
from bfxsync.models.orders import AnyOrder, Order
from bfxsync.ws.replies import Reply, ReplyOwner, Request

if TYPE_CHECKING:
    from bfxsync.models.account_trades import AccountTrade

FILLS_S = 1.0
"""Seconds that `OrderReply.wait_filled` waits for fills that follow the last state of the order."""


class OrderCalls(Protocol):
    """The inputs about an order that exists."""

    @property
    def update_order(self) -> Callable[..., Reply[AnyOrder]]: ...

    @property
    def cancel_order(self) -> Callable[..., Reply[AnyOrder]]: ...


class OrderReply(Reply[AnyOrder]):
    """
    The reply to a new order, which also follows the order until it is closed.

    `result` returns the order once the exchange lists it: open, or already closed. The other
    methods and attributes are about what comes afterwards. With ``dry_run`` everything is done at
    once, and the order has the terms of the request and no id.
    """

    def __init__(
        self,
        owner: ReplyOwner,
        request: Request,
        calls: OrderCalls,
        on_fill: Callable[[AccountTrade], object] | None = None,
        on_done: Callable[[OrderReply], object] | None = None,
        numbers: NumberType = float,
    ) -> None:
        super().__init__(owner, request)
        self._numbers = numbers
        self._inputs = calls
        self._on_fill = on_fill
        # Removed by the thread that calls it.
        self._on_done = [] if on_done is None else [on_done]
        self._order: AnyOrder | None = None
        # By id; replaced when the fee becomes known.
        self._fills: Dict[int, AccountTrade] = {}
        # Why the order is not followed any longer, although it may be open.
        self._ended_by: BfxError | None = None
        self._is_simulated = False

    def _state(self) -> str:
        order = self._order
        if order is None or self._error is not None:
            return super()._state()
        if self._is_simulated:
            return "dry run"
        return f"order {order.id} {order.status.word}".rstrip()

    # --- any thread ---------------------------------------------------------------------------

    @property
    def cid(self) -> int:
        """Client id of the order."""
        assert self._request.cid is not None
        return self._request.cid

    @property
    def order(self) -> AnyOrder | None:
        """The latest state of the order; None before the first."""
        return self._order

    @property
    def fills(self) -> List[AccountTrade]:
        """
        The trades of the order so far, each once, in order of arrival; a new list.

        The fee of a trade becomes known shortly after the trade. The last ones may arrive after
        the order is closed.
        """
        return list(self._fills.values())

    @property
    def executed(self) -> float:
        """
        The amount known to be executed so far: positive if bought, negative if sold.

        In base currency, 0 before the first execution is known. Of a closed order it is what
        `order` says, even if the last of `fills` have not arrived; of an order whose amount was
        updated it is the sum of `fills`, if that is more than the status of the order lists.
        """
        order = self._order
        executed = _sum_of(trade.exec_amount for trade in self.fills)
        if isinstance(order, Order):
            left = decimal_of(order.amount)
            without_updates = EXACT.subtract(decimal_of(order.amount_orig), left)
            listed = _sum_of(fill.amount for fill in order.status.fills)
            if approximately(listed, str(without_updates)):
                executed = without_updates
            else:
                executed = max(executed, listed, key=Decimal.copy_abs)
        number: Any = self._numbers
        result: float = number(executed)
        return result

    @property
    def remaining(self) -> float | None:
        """
        The amount that is not executed: positive to buy, negative to sell, in base currency.

        Of a closed order what was cancelled, or 0. None before the exchange has listed the order.
        """
        return None if self._order is None else self._order.amount

    @property
    def is_open(self) -> bool:
        """
        Whether the exchange has listed the order and it can still be executed, as far as known.

        After the end of the client, and while the link is down, it is what was known last.
        """
        order = self._order
        return order is not None and order.status.is_open and not self._is_simulated

    @property
    def is_closed(self) -> bool:
        """
        Whether nothing of the order is open, nor will be: it is closed, or was never placed.

        Not the opposite of `is_open`: while the order is in flight, or its fate is unknown, both
        are false. `wait_done` returns then, or raises why it was not placed.
        """
        error = self._error
        if error is None or not self.record.was_sent:
            return self.needs_nothing
        return isinstance(error, (ApiError, NotExecuted))

    def wait_done(self, timeout: float | None = None) -> AnyOrder:
        """
        Wait until the order is closed, and return it: executed or cancelled, see its `status`.

        Parameters
        ----------
        timeout : float, optional
            Seconds; 0 does not wait. By default it waits indefinitely.

        Raises
        ------
        RequestTimeout
            The order is still open; not `retryable`, as it must not be placed again.
        ClosedError
            The client was closed, or has a key of another account; the order may still be open.
        BfxError
            Those of `result`: `OrderRejected`, `OrderNotPlaced`, `OutcomeUnknown`, …
        """
        timeout_s = None
        if timeout is not None:
            timeout_s = check_seconds_or_zero("timeout", timeout)
        is_over = self._wait(lambda: self._is_over, timeout_s)
        if self._is_settled:
            # Raises its error.
            self.result(0)
        elif not is_over:
            raise self._unanswered()
        order = self._order
        assert order is not None
        if self.needs_nothing:
            return order
        if self._ended_by is not None:
            raise ClosedError(
                f"{self._request.name}: order {order.id} may still be open: {self._ended_by}"
            ) from self._ended_by
        error = RequestTimeout(
            f"{self._request.name}: order {order.id} is still open after {timeout_s:g} s: "
            f"{order.order_status}"
        )
        # Whoever repeats the whole call would have two orders.
        error.retryable = False
        raise error

    def wait_filled(self, timeout: float | None = None) -> AnyOrder:
        """
        Wait until the order is executed completely, and return it; see `wait_done`.

        Raises
        ------
        OrderNotFilled
            The order was closed before that: cancelled, or refused for lack of funds. `order` has
            its last state, of which a part may be executed.
        BfxError
            Those of `wait_done`.
        """
        order = self.wait_done(timeout)
        if not (self._is_simulated or order.status.is_executed):
            self._was_read = True
            raise OrderNotFilled(
                f"{self._request.name}: order {order.id} was closed before it was filled: "
                f"{order.order_status}",
                order=order,
            )
        if not self._has_all_fills():
            self._wait(self._has_all_fills, FILLS_S)
        return order

    def cancel_order(self) -> Reply[AnyOrder]:
        """
        Cancel the order: by its id, or by its client id before the exchange has listed it.

        See `cancel_order` of ``bfx.wss.inputs``; the result of that reply is the cancelled order.
        """
        self._check_followed()
        order = self._order
        if order is not None and order.id is not None:
            return self._inputs.cancel_order(id=order.id)
        return self._inputs.cancel_order(cid=self.cid, cid_date=self._request.cid_date)

    def update_order(self, **changes: Any) -> Reply[AnyOrder]:
        """
        Change the order; takes the arguments of `update_order` of ``bfx.wss.inputs``, but no `id`.

        Raises `UsageError` before the exchange has listed the order, and with ``dry_run``, as it
        has no id then.
        """
        self._check_followed()
        order = self._order
        if order is None or order.id is None:
            why = "is not known yet; call result() first"
            if self._is_simulated:
                why = "does not exist: in a dry run it cannot be changed"
            raise UsageError(f"{self._request.name}: the id of the order {why}")
        return self._inputs.update_order(order.id, **changes)

    def _check_followed(self) -> None:
        """Raise `ClosedError` if the client, or its account, is another one now."""
        error = self._ended_by
        if error is not None:
            raise ClosedError(f"{self._request.name}: {error}") from error

    def _has_all_fills(self) -> bool:
        """Whether the fills add up to what was executed, once the order is closed."""
        order = self._order
        if self._ended_by is not None or not isinstance(order, Order):
            return True
        filled = _sum_of(trade.exec_amount for trade in self.fills)
        # Not the original amount if the status lists fills: updates change the amount only.
        left = decimal_of(order.amount)
        executed = _sum_of(fill.amount for fill in order.status.fills)
        if not executed:
            executed = EXACT.subtract(decimal_of(order.amount_orig), left)
        is_reached = filled.copy_abs() >= executed.copy_abs()
        return is_reached or approximately(filled, str(executed))

    @property
    def _is_over(self) -> bool:
        return self.needs_nothing or self._ended_by is not None

    # --- the I/O thread -----------------------------------------------------------------------

    @property
    def needs_nothing(self) -> bool:
        """Whether it has failed, or the order is closed."""
        if self._error is not None or self._is_simulated:
            return True
        order = self._order
        return self._is_settled and order is not None and not order.status.is_open

    def settle(self, value: Any = None, error: BfxError | None = None) -> None:
        """Set the result or the error, unless one is set already."""
        if isinstance(value, Order):
            self._order = value
        super().settle(value, error)
        self._check_done()

    def simulate(self, order: AnyOrder) -> None:
        """Complete it in a dry run."""
        self._is_simulated = True
        self._order = order
        self.settle(order)

    def observe(
        self, order: Order | None = None, trade: AccountTrade | None = None
    ) -> None:
        """Record a state of the order, or a trade of it."""
        if order is not None:
            self._order = order
        if trade is not None:
            is_new = trade.id not in self._fills
            if is_new or trade.fee is not None:
                self._fills[trade.id] = trade
            if is_new and self._on_fill is not None:
                self._call(self._on_fill, trade)
        self._changes.wake_all()
        self._check_done()

    def end(self, error: BfxError) -> None:
        """End it with the client, whether the order is open or not."""
        self._ended_by = error
        super().end(error)
        self._changes.wake_all()

    def _check_done(self) -> None:
        """Call `on_done` once, when the order is closed or has failed."""
        if self._on_done and self.needs_nothing:
            with suppress(IndexError):
                self._call(self._on_done.pop(), self)


def _sum_of(amounts: Iterable[Any]) -> Decimal:
    total = decimal_of(0)
    for amount in amounts:
        total = EXACT.add(total, decimal_of(amount))
    return total
