"""
The order guard of a client: limits, halt, and orders in flight.

Strategy: a write is admitted before it waits for anything, and confirmed again when it is sent, as
`halt` may have been called while it waited for a rate limit or for other calls. The state is one
immutable value that is replaced atomically, so that an interrupted thread never blocks others. An
admission that it leaves behind ends when it is garbage collected.
"""

from __future__ import annotations

import time
import weakref
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    Optional,
    Protocol,
    Sequence,
    Tuple,
)

from bfxsync._base.atomic import AtomicValue
from bfxsync._base.error_bases import OrderBlocked
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.plain import plain_integer
from bfxsync.errors import BfxError, ClosedError, OutcomeUnknown
from bfxsync.guards.in_flight import WINDOW_S, GuardState, InFlight
from bfxsync.guards.limits import OrderLimits, PriceOf, blocked
from bfxsync.guards.placed import PlacedOrders
from bfxsync.guards.requests import (
    OrderAction,
    OrderRequest,
    Terms,
    orders_in,
    updated,
    with_terms,
)

if TYPE_CHECKING:
    from bfxsync.models.orders import Order

LiveOrder = Callable[[int], "Optional[Order]"]
"""Returns the order with an id if its latest state is known without a query, else None."""

_MOST_REMEMBERED = 50_000


class OrderQueries(Protocol):
    """The queries that a guard sends to the exchange; they raise if there is no response."""

    def orders(self, ids: Sequence[object]) -> Dict[object, Order]:
        """Return those of these orders that are open, by id."""
        ...

    def price(self, symbol: str) -> Any:
        """Return the highest of a pair's best bid, best ask and last price, as `Decimal`."""

    def open_order_count(self) -> int:
        """Return the number of open orders of the account."""
        ...


class Admission:
    """
    Permission to send one write; a context manager around its call.

    Attributes
    ----------
    body : object
        The body to send.
    orders : list of OrderRequest
        The orders that the write places or changes.
    """

    def __init__(
        self, guard: OrderGuard, body: Any, orders: Sequence[OrderRequest]
    ) -> None:
        self.body = body
        self.orders = orders
        self._guard = guard

    @property
    def cids(self) -> List[int]:
        """Client ids of the new orders."""
        return [
            order.terms["cid"]
            for order in self.orders
            if order.action is OrderAction.NEW
        ]

    def record(self, answer: object) -> None:
        """Record the orders that were placed according to the response."""
        if self._guard.placed is not None:
            self._guard.placed.record(self.cids, answer)

    def confirm(self) -> None:
        """Raise if orders were halted since the admission; called before each attempt to send."""
        if self.orders:
            self._guard.confirm(self)

    def __enter__(self) -> Admission:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._guard.end(self)
        placed = self._guard.placed
        is_known = isinstance(error, BfxError) and not isinstance(error, OutcomeUnknown)
        if placed is not None and is_known:
            placed.forget(self.cids)


class OrderGuard:
    """
    Decides whether orders may be sent, for all threads and transports of a client.

    Parameters
    ----------
    limits : OrderLimits
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    placed : PlacedOrders or None
        Orders to cancel at the end; None without ``cancel_on_exit``.
    """

    def __init__(
        self,
        limits: OrderLimits = OrderLimits(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.placed: PlacedOrders | None = (
            PlacedOrders() if limits.cancel_on_exit else None
        )
        self._needs_in_flight = limits.needs_in_flight
        self._clock = clock
        self._state: AtomicValue[GuardState] = AtomicValue(GuardState())
        # Ids; the connection of the account may report these updates after their responses.
        self._updated_by_rest: Dict[int, None] = {}
        reset_after_fork(self)

    @property
    def is_halted(self) -> bool:
        """Whether new orders and updates are refused; see `halt`."""
        return self._state.get().is_halted

    def halt(self) -> None:
        """Refuse new orders and updates, including those waiting to be sent."""
        self._state.update(lambda state: (state._replace(is_halted=True), None))

    def resume(self) -> None:
        """Allow orders again."""
        self._state.update(lambda state: (state._replace(is_halted=False), None))

    def close(self) -> None:
        """Refuse new orders and updates for ever, including those waiting to be sent."""
        self._state.update(lambda state: (state._replace(is_closed=True), None))

    def admit(
        self,
        path: str,
        body: Any,
        queries: OrderQueries,
        live_order: LiveOrder | None = None,
    ) -> Admission:
        """
        Admit a write, or raise `OrderBlocked`; limits that need no query are checked first.

        Parameters
        ----------
        path : str
            Path of the request; only requests about orders are checked.
        body : object
            Body of the request.
        live_order : callable, optional
            For a write over the connection of the account: what is known of the orders to update.
            None for one by REST.
        """
        orders = orders_in(path, body)
        if not orders:
            return Admission(self, body, ())
        self._check_halt()
        limits = self.limits
        terms = [limits.check(order) for order in orders]
        if limits.post_only:
            body = with_terms(path, body, terms)
        admission = Admission(self, body, orders)
        if self._needs_in_flight:
            self._check_in_flight(admission, terms, queries, live_order)
        if self.placed is not None:
            self.placed.expect(admission.cids)
        return admission

    def confirm(self, admission: Admission) -> None:
        """Raise if orders were halted since the admission; its orders count as sent now."""
        self._check_halt()
        if self.limits.max_orders_per_minute is None:
            return
        now = self._clock()
        self._state.update(lambda state: (state.sent(admission, now), None))

    def end(self, admission: Admission) -> None:
        """Remove the orders of an admission from those in flight, after its call."""
        if admission.orders and self._needs_in_flight:
            self._state.update(lambda state: (state.ended(admission), None))

    def _reset_after_fork(self) -> None:
        # In a forked child: the calls in flight belong to the parent.
        self._state = AtomicValue(self._state.get()._replace(in_flight=()))

    def _check_halt(self) -> None:
        state = self._state.get()
        if state.is_closed:
            raise ClosedError("the client is closed")
        if state.is_halted:
            raise blocked("halt", "orders are halted until resume() is called")

    def _check_in_flight(
        self,
        admission: Admission,
        terms: Sequence[Terms],
        queries: OrderQueries,
        live_order: LiveOrder | None,
    ) -> None:
        """Add the orders of an admission to those in flight, and check the other limits."""
        limits = self.limits
        try:
            self._join(admission, terms)
            if limits.needs_whole_order:
                self._check_whole(admission.orders, terms, queries, live_order)
            if limits.max_open_orders is not None:
                self._check_open(admission, limits.max_open_orders, queries)
        except BaseException:
            self._state.update(lambda state: (state.without(admission), None))
            raise

    def _join(self, admission: Admission, terms: Sequence[Terms]) -> None:
        """Add the orders of an admission to those in flight, if the limits allow it."""
        limits, orders = self.limits, admission.orders
        ids = [
            plain_integer(after.get("id"))
            for order, after in zip(orders, terms)
            if order.action is OrderAction.UPDATE and limits.needs_whole_order
        ]
        updates = frozenset(ids)
        if len(updates) < len(ids):
            raise blocked("unreadable", "two updates of one order cannot be checked")
        new_count = sum(order.count for order in orders)
        now = self._clock()
        counted = 0 if limits.max_orders_per_minute is None else len(orders)
        mine = InFlight(weakref.ref(admission), counted, new_count, updates, now)

        def join(state: GuardState) -> Tuple[GuardState, None]:
            state = state.current(now)
            if any(updates & item.updated for item in state.in_flight):
                reason = "another update of the order is in flight, so this one cannot be checked"
                raise blocked("unreadable", reason)
            self._check_minute(state, len(orders), now)
            return state._replace(in_flight=(*state.in_flight, mine)), None

        self._state.update(join)

    def _check_minute(self, state: GuardState, count: int, now: float) -> None:
        """Check the number of orders in the last minute; those in flight may be sent only now."""
        most = self.limits.max_orders_per_minute
        if most is None:
            return
        if count > most:
            raise blocked(
                "max_orders_per_minute", f"{count} orders in one request exceed {most}"
            )
        waiting = state.counted_in_flight
        sent_at = state.sent_at + (now,) * waiting
        excess = len(sent_at) + count - most
        if excess > 0:
            wait_s = sent_at[excess - 1] + WINDOW_S - now
            raise OrderBlocked(
                f"max_orders_per_minute: {most} orders or updates were sent within a minute; "
                f"the next may be sent in {wait_s:.1f} s; nothing was sent",
                guard="max_orders_per_minute",
                retry_after_s=wait_s,
            )

    def _check_whole(
        self,
        orders: Sequence[OrderRequest],
        terms: Sequence[Terms],
        queries: OrderQueries,
        live_order: LiveOrder | None,
    ) -> None:
        """Check limits that need the market price, or the current order of an update."""
        price_of: PriceOf = lru_cache(maxsize=None)(queries.price)
        changes = [
            after
            for order, after in zip(orders, terms)
            if order.action is OrderAction.UPDATE
        ]
        ids = [plain_integer(one.get("id")) for one in changes]
        known = self._open_orders(ids, queries, live_order)
        for order, after in zip(orders, terms):
            if order.action is OrderAction.UPDATE:
                before = known.get(plain_integer(after.get("id")))
                if before is None:
                    guard = "post_only" if self.limits.post_only else "max_order_value"
                    reason = f"there is no open order {after.get('id')!r} to update"
                    raise blocked(guard, reason)
                self.limits.check_update(updated(before, after), price_of)
            elif self.limits.max_order_value is not None:
                self.limits.check_value(after, price_of)

    def _open_orders(
        self,
        ids: Sequence[int | None],
        queries: OrderQueries,
        live_order: LiveOrder | None,
    ) -> Dict[object, Order]:
        """Return those of these orders that are open, by id; only unknown ones are requested."""
        found: Dict[object, Order] = {}
        for id in ids:
            if id is None:
                continue
            if live_order is None:
                self._updated_by_rest[id] = None
                if len(self._updated_by_rest) > _MOST_REMEMBERED:
                    del self._updated_by_rest[next(iter(self._updated_by_rest))]
            elif id not in self._updated_by_rest:
                order = live_order(id)
                if order is not None:
                    found[id] = order
        missing = [id for id in ids if id not in found]
        return {**found, **queries.orders(missing)} if missing else found

    def _check_open(
        self, admission: Admission, most: int, queries: OrderQueries
    ) -> None:
        """Check the number of open orders, including those in flight."""
        new_count = sum(order.count for order in admission.orders)
        if not new_count:
            return
        # Orders that are admitted later count these.
        others = self._state.get().new_before(admission)
        # Queried afterwards: an order that is no longer in flight by then is listed as open.
        count = queries.open_order_count()
        if count + others + new_count > most:
            raise blocked(
                "max_open_orders",
                f"{count} orders are open and {others} in flight, so {new_count} more would exceed "
                f"{most}",
            )
