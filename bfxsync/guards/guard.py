"""
The order guard of a client: limits, halt, and orders in flight.

Strategy: a write is admitted before it waits for anything, and confirmed again when it is sent, as
`halt` may have been called while it waited for a rate limit or for other calls. The state is one
immutable value that is replaced atomically, so that an interrupted thread never blocks others;
entries that it leaves behind expire.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Protocol,
    Sequence,
    Tuple,
)

from bfxsync._base.atomic import AtomicValue
from bfxsync._base.error_bases import OrderBlocked
from bfxsync._base.plain import plain_integer
from bfxsync.errors import BfxError, OutcomeUnknown
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

WINDOW_S = 60.0

# A call that was interrupted at the wrong moment counts as in flight for that long.
_LONGEST_CALL_S = 120.0


class OrderFacts(Protocol):
    """Queries of a guard to the exchange; they raise if there is no answer."""

    def orders(self, ids: Sequence[object]) -> Dict[object, Order]:
        """Return the open ones among these orders, by id."""
        ...

    def price(self, symbol: str) -> Any:
        """Return the highest of a pair's best bid, best ask and last price, as `Decimal`."""

    def open_order_count(self) -> int:
        """Return the number of open orders of the account."""
        ...


class _InFlight(NamedTuple):
    """Admitted orders that the exchange may not list as open yet."""

    owner: object
    orders: int
    at: float


class _State(NamedTuple):
    is_halted: bool = False
    sent_at: Tuple[float, ...] = ()
    in_flight: Tuple[_InFlight, ...] = ()


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
        """Record the orders that were placed according to the answer."""
        if self._guard.placed is not None:
            self._guard.placed.record(self.cids, answer)

    def confirm(self) -> None:
        """Raise `OrderBlocked` if orders were halted since; called just before sending."""
        if self.orders:
            self._guard.check_halt()

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
        self._clock = clock
        self._state: AtomicValue[_State] = AtomicValue(_State())

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

    def check_halt(self) -> None:
        """Raise `OrderBlocked` after `halt`."""
        if self.is_halted:
            raise blocked("halt", "orders are halted until resume() is called")

    def admit(self, path: str, body: Any, facts: OrderFacts) -> Admission:
        """
        Admit a write, or raise `OrderBlocked`; limits that need no query are checked first.

        Parameters
        ----------
        path : str
            Path of the request; only requests about orders are checked.
        body : object
            Body of the request.
        """
        orders = orders_in(path, body)
        if not orders:
            return Admission(self, body, ())
        self.check_halt()
        limits = self.limits
        terms = [limits.check(order) for order in orders]
        self._count(len(orders), is_final=False)
        if limits.needs_whole_order:
            self._check_whole(orders, terms, facts)
        if limits.post_only:
            body = with_terms(path, body, terms)
        admission = Admission(self, body, orders)
        try:
            if limits.max_open_orders is not None:
                new_count = sum(order.count for order in orders)
                self._check_open(admission, new_count, limits.max_open_orders, facts)
            self._count(len(orders), is_final=True)
        except BaseException:
            self.end(admission)
            raise
        if self.placed is not None:
            self.placed.expect(admission.cids)
        return admission

    def end(self, admission: Admission) -> None:
        """Remove the orders of an admission from those in flight, after its call."""

        def without(state: _State) -> Tuple[_State, None]:
            left = tuple(
                item for item in state.in_flight if item.owner is not admission
            )
            if len(left) == len(state.in_flight):
                return state, None
            return state._replace(in_flight=left), None

        self._state.update(without)

    def _count(self, count: int, is_final: bool) -> None:
        """Check the number of orders in the last minute; with `is_final`, add these to it."""
        most = self.limits.max_orders_per_minute
        if most is None:
            return
        now = self._clock()

        def change(state: _State) -> Tuple[_State, float]:
            sent_at = tuple(at for at in state.sent_at if at + WINDOW_S > now)
            excess = len(sent_at) + count - most
            if excess > 0:
                wait_s = sent_at[excess - 1] + WINDOW_S - now if count <= most else -1.0
                return state, wait_s
            if is_final:
                return state._replace(sent_at=sent_at + (now,) * count), 0.0
            return state, 0.0

        wait_s = self._state.update(change)
        if wait_s < 0:
            raise blocked(
                "max_orders_per_minute", f"{count} orders in one request exceed {most}"
            )
        if wait_s > 0:
            raise OrderBlocked(
                f"max_orders_per_minute: {most} orders or updates were sent within a minute; "
                f"the next may be sent in {wait_s:.1f} s; nothing was sent",
                guard="max_orders_per_minute",
                retry_after_s=wait_s,
            )

    def _check_whole(
        self, orders: Sequence[OrderRequest], terms: Sequence[Terms], facts: OrderFacts
    ) -> None:
        """Check limits that need the market price, or the current order of an update."""
        price_of: PriceOf = lru_cache(maxsize=None)(facts.price)
        changes = [
            after
            for order, after in zip(orders, terms)
            if order.action is OrderAction.UPDATE
        ]
        ids = [plain_integer(one.get("id")) for one in changes]
        if len(set(ids)) < len(ids):
            raise blocked("unreadable", "two updates of one order cannot be checked")
        known = facts.orders(ids) if ids else {}
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

    def _check_open(
        self, admission: Admission, new_count: int, most: int, facts: OrderFacts
    ) -> None:

        if not new_count:
            return
        now = self._clock()
        mine = _InFlight(admission, new_count, now)

        def join(state: _State) -> Tuple[_State, int]:
            current = tuple(
                item for item in state.in_flight if item.at + _LONGEST_CALL_S > now
            )
            count = sum(item.orders for item in current)
            return state._replace(in_flight=(*current, mine)), count

        others = self._state.update(join)
        # Queried afterwards: an order that is no longer in flight by then is listed as open.
        count = facts.open_order_count()
        if count + others + new_count > most:
            raise blocked(
                "max_open_orders",
                f"{count} orders are open and {others} in flight, so {new_count} more would exceed "
                f"{most}",
            )
