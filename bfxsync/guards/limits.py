"""
Limits of a client's orders, checked against the terms of a request before it is sent.

Strategy: an order that cannot be checked is refused. The value of an order is its amount times the
highest of its prices, which is the maximum for a limited purchase. A sale, or an order without a
limit, may be executed at a higher price: for these the market price counts if it is higher.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Callable, Dict, Mapping, Optional

import attrs

from bfxsync._base.enums import OrderFlag
from bfxsync._base.error_bases import OrderBlocked, UsageError
from bfxsync._base.numbers import EXACT, decimal_of
from bfxsync._base.pairs import split_pair
from bfxsync._base.plain import plain_integer
from bfxsync.checks.containers import optional
from bfxsync.checks.numbers import check_count, check_positive
from bfxsync.checks.options import check_bool
from bfxsync.checks.symbols import check_currency
from bfxsync.guards.requests import OrderAction, OrderRequest, Terms, is_oco

PriceOf = Callable[[str], Decimal]
"""Returns the highest of a pair's best bid, best ask and last price."""

_LIMIT = "LIMIT"
# The worst execution price of the order types that have a limit.
_LIMITS = {
    _LIMIT: "price",
    "IOC": "price",
    "FOK": "price",
    "STOP LIMIT": "price_aux_limit",
}

_PRICES = ("price", "price_aux_limit", "price_oco_stop")


def check_order_values(name: str, values: object) -> Dict[str, Decimal]:
    """Return the maximum value of an order by quote currency."""
    if not isinstance(values, Mapping) or not values:
        raise UsageError(
            f"{name} must be a dict of quote currencies such as {{'USD': 1000}}, not {values!r}"
        )
    return {
        check_currency(name, currency): Decimal(check_positive(name, value))
        for currency, value in values.items()
    }


@attrs.frozen(kw_only=True)
class OrderLimits:
    """
    The limits of a client's orders; parameters as for `Client`.

    With any limit, an unreadable request is refused.
    """

    post_only: bool = False
    max_order_value: Optional[Mapping[str, Decimal]] = None
    max_orders_per_minute: Optional[int] = None
    max_open_orders: Optional[int] = None
    cancel_on_exit: bool = False

    @classmethod
    def of(
        cls,
        *,
        post_only: object = False,
        max_order_value: object = None,
        max_orders_per_minute: object = None,
        max_open_orders: object = None,
        cancel_on_exit: object = False,
    ) -> OrderLimits:
        """Build from unchecked values; an invalid one raises `UsageError`."""
        return cls(
            post_only=check_bool("post_only", post_only),
            max_order_value=optional(
                check_order_values, "max_order_value", max_order_value
            ),
            max_orders_per_minute=optional(
                check_count, "max_orders_per_minute", max_orders_per_minute
            ),
            max_open_orders=optional(check_count, "max_open_orders", max_open_orders),
            cancel_on_exit=check_bool("cancel_on_exit", cancel_on_exit),
        )

    @property
    def needs_whole_order(self) -> bool:
        """Whether checking an update requires the current order."""
        return self.post_only or self.max_order_value is not None

    @property
    def needs_in_flight(self) -> bool:
        """Whether checking an order requires those that are in flight."""
        return (
            self.needs_whole_order
            or self.max_orders_per_minute is not None
            or self.max_open_orders is not None
        )

    def check(self, order: OrderRequest) -> Terms:
        """Return the terms to send; raise `OrderBlocked` if they alone exceed a limit."""
        if order.action is OrderAction.NEW:
            terms = _post_only(order.terms) if self.post_only else order.terms
            if self.cancel_on_exit and plain_integer(terms.get("cid")) is None:
                raise blocked("cancel_on_exit", "the order has no cid to find it by")
            if self.max_order_value is not None:
                self.check_value(terms)
            return terms
        if order.action is OrderAction.UPDATE:
            flags = order.terms.get("flags")
            if self.post_only and flags is not None:
                return {
                    **order.terms,
                    "flags": _flags(flags) | int(OrderFlag.POST_ONLY),
                }
        elif order.action is OrderAction.RECURRING:
            if self.post_only:
                raise blocked("post_only", "recurring orders take liquidity")
            if self.max_order_value is not None:
                raise blocked("max_order_value", "recurring orders have no price")
        elif self != OrderLimits():
            raise blocked("unreadable", "the request cannot be checked")
        return order.terms

    def check_update(self, terms: Terms, price_of: PriceOf) -> None:
        """Check the terms that an order would have after an update."""
        if self.post_only:
            _post_only(terms)
            if not _flags(terms.get("flags")) & OrderFlag.POST_ONLY:
                raise blocked("post_only", "the order to update is not post-only")
        if self.max_order_value is not None:
            self.check_value(terms, price_of)

    def check_value(self, terms: Terms, price_of: PriceOf | None = None) -> None:
        """Check the value of an order; without `price_of` by its own prices only."""
        assert self.max_order_value is not None
        symbol = terms.get("symbol")
        quote = split_pair(str(symbol)).quote
        largest = self.max_order_value.get(quote)
        if largest is None:
            allowed = ", ".join(self.max_order_value)
            raise blocked(
                "max_order_value",
                f"no maximum is set for {quote}, the quote currency of {symbol}, only for "
                f"{allowed}",
            )
        flags = _flags(terms.get("flags"))
        if flags & OrderFlag.CLOSE:
            raise blocked(
                "max_order_value", "the exchange sets the amount of a CLOSE order"
            )
        amount = _number(terms, "amount")
        if terms.get("delta") is not None:
            amount = EXACT.add(amount, _number(terms, "delta"))
        prices = [_number(terms, name) for name in _PRICES if terms.get(name)]
        if price_of is not None and not _is_bounded(terms, flags, amount):
            prices.append(price_of(str(symbol)))
        if not prices:
            return
        # Not `abs`, which rounds to the precision of the application's context.
        size, price = amount.copy_abs(), max(prices)
        value = EXACT.multiply(size, price)
        if value > largest:
            raise blocked(
                "max_order_value",
                f"{size:f} of {symbol} at {price:f} is {value:f} {quote}, more than {largest:f}",
            )


def _post_only(terms: Terms) -> Terms:
    """Return the terms with the flag POST_ONLY; only a limit order may have it."""
    kind = terms.get("type")
    if _plain_type(terms) != _LIMIT:
        raise blocked("post_only", f"an order of type {kind} may take liquidity")
    if is_oco(terms):
        raise blocked("post_only", "the stop of an OCO order takes liquidity")
    return {**terms, "flags": _flags(terms.get("flags")) | int(OrderFlag.POST_ONLY)}


def _is_bounded(terms: Terms, flags: int, amount: Decimal) -> bool:
    """Return whether an order cannot be executed above its own prices."""
    limit = _LIMITS.get(_plain_type(terms))
    if is_oco(terms) or limit is None or not terms.get(limit):
        return False
    is_maker = _plain_type(terms) == _LIMIT and bool(flags & OrderFlag.POST_ONLY)
    return amount > 0 or is_maker


def _plain_type(terms: Terms) -> str:
    return str(terms.get("type")).replace("EXCHANGE ", "")


def _flags(value: object) -> int:
    whole = 0 if value is None else plain_integer(value)
    if whole is None:
        raise blocked("unreadable", f"flags {value!r} cannot be checked")
    return whole


def _number(terms: Terms, name: str) -> Decimal:
    value: Any = terms.get(name)
    try:
        number = decimal_of(value)
    except (InvalidOperation, TypeError, ValueError):
        number = Decimal("NaN")
    if not number.is_finite():
        raise blocked("unreadable", f"{name} {value!r} cannot be checked")
    return number


def blocked(guard: str, reason: str) -> OrderBlocked:
    """Build the error of a write that a guard refuses."""
    return OrderBlocked(f"{guard}: {reason}; nothing was sent", guard=guard)
