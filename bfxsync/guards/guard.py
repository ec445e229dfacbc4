"""
The order guard of a client: its limits, its halt, and the orders on their way.

Strategy: a write is admitted before it waits for anything, and confirmed again when it is sent, as
it may have waited for a rate limit or for other calls while `halt` came. The state is one value
that is replaced atomically, so that an interrupted thread never blocks others; what it leaves
behind expires.
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

# A call that was interrupted at the wrong moment counts as on its way for that long.
_LONGEST_CALL_S = 120.0


class OrderFacts(Protocol):
    """What a guard asks the exchange; it raises if the exchange does not say it."""

    def orders(self, ids: Sequence[object]) -> Dict[object, Order]:
        """Return open orders by id."""
        ...

    def price(self, symbol: str) -> Any:
        """Return the highest of a pair's best bid, best ask and last price, as `Decimal`."""

    def open_order_count(self) -> int:
        """Return the number of open orders of the account."""
        ...


class _OnItsWay(NamedTuple):
    """Orders that were admitted, and may not be among the open ones yet."""

    owner: object
    orders: int
    at: float


class _State(NamedTuple):
    is_halted: bool = False
    sent_at: Tuple[float, ...] = ()
    on_their_way: Tuple[_OnItsWay, ...] = ()


class Admission:
    """
    Permission to send one write; a context that ends with its call.

    Attributes
    ----------
    body : object
        The body to send.
    orders : list of OrderRequest
        Those that it places or changes.
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
        """Note which orders the answer says were placed."""
        if self._guard.placed is not None:
            self._guard.placed.record(self.cids, answer)

    def confirm(self) -> None:
        """Raise `OrderBlocked` if orders have been halted since; called when it is sent."""
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
        What to cancel at the end; None without ``cancel_on_exit``.
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
        """Whether new orders are refused, see `halt`."""
        return self._state.get().is_halted

    def halt(self) -> None:
        """Refuse new orders and updates, also those that wait to be sent."""
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
        Admit a write, or raise `OrderBlocked`; the limits that need no request are checked first.

        Parameters
        ----------
        path : str
            Of the request; only those about orders are checked.
        body : object
            Its body.
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
        """The call of an admission is over."""

        def without(state: _State) -> Tuple[_State, None]:
            left = tuple(
                item for item in state.on_their_way if item.owner is not admission
            )
            if len(left) == len(state.on_their_way):
                return state, None
            return state._replace(on_their_way=left), None

        self._state.update(without)

    def _count(self, count: int, is_final: bool) -> None:
        """Check the orders of the last minute; if it is final, count these among them."""
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
                "max_orders_per_minute", f"{count} orders at once are more than {most}"
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
        """Check what needs the market's price, or the order that is updated."""
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
        """Check the number of open orders, and count these as on their way."""
        if not new_count:
            return
        now = self._clock()
        mine = _OnItsWay(admission, new_count, now)

        def join(state: _State) -> Tuple[_State, int]:
            current = tuple(
                item for item in state.on_their_way if item.at + _LONGEST_CALL_S > now
            )
            count = sum(item.orders for item in current)
            return state._replace(on_their_way=(*current, mine)), count

        others = self._state.update(join)
        # Asked afterwards: what is no longer on its way by then is among the open ones.
        count = facts.open_order_count()
        if count + others + new_count > most:
            raise blocked(
                "max_open_orders",
                f"{count} orders are open and {others} on their way, so {new_count} more would "
                f"exceed {most}",
            )
