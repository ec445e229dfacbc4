"""Orders, on the exchange's books and over the counter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync._base.enums import OrderFlag
from bfxsync.models.notification import Notification, of_list, of_one
from bfxsync.models.order_status import OrderStatus
from bfxsync.models.rows import Kind, Layout


@attrs.define
class Order:
    """
    An order, as it is or as it was.

    The orders of a notification have None in all fields that the exchange does not (yet) know:
    that of a cancellation may have its `id` and nothing else.

    Attributes
    ----------
    id : int
    gid : int or None
        The group that its owner has put it into.
    cid : int or None
        The id that its owner has given it, or the exchange; unique within a UTC day.
    symbol : str
    mts_create, mts_update : int
        When it was made and changed last, in milliseconds UTC.
    amount : float
        What is left of it, in base currency: positive buys, negative sells.
    amount_orig : float
        The amount that it began with; updates do not change it.
    order_type : str
        See `OrderType`.
    type_prev : str or None
        Before the last update.
    mts_tif : int or None
        When it ends by itself, in milliseconds UTC.
    flags : OrderFlag or None
    order_status : str
        See `status`, which takes it apart.
    price : float or None
        In quote currency; None where the exchange sends none, as for some market orders.
    price_avg : float or None
        Of what was executed; 0 before.
    price_trailing : float or None
        Distance of a trailing stop.
    price_aux_limit : float or None
        Limit of a stop limit order, or stop of an OCO order.
    notify, hidden : int or None
        1 or 0.
    placed_id : int or None
        The order that has brought this one about (OCO).
    routing : str or None
        Where it came from: ``BFX``, ``API>BFX``.
    meta : dict or None
        ``aff_code``, ``make_visible``, ``protect_selfmatch``, ``$F7`` (post only), ``$F33``
        (leverage), …

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-retrieve-orders
    """

    id: int
    gid: int | None
    cid: int | None
    symbol: Symbol
    mts_create: Mts
    mts_update: Mts
    amount: float
    amount_orig: float
    order_type: str
    type_prev: str | None
    mts_tif: Mts | None
    flags: OrderFlag | None
    order_status: str
    price: float | None
    price_avg: float | None
    price_trailing: float | None
    price_aux_limit: float | None
    notify: int | None
    hidden: int | None
    placed_id: int | None
    routing: str | None
    meta: dict[str, Any] | None

    @property
    def status(self) -> OrderStatus:
        """The status taken apart: word, fills, history."""
        is_decimal = isinstance(self.amount, Decimal)
        return OrderStatus.parse(
            self.order_status or "", Decimal if is_decimal else float
        )

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Order:
        """Build from a row of 14 or more values, 32 as the exchange sends it."""
        return cls._of(_ORDER.read(row, number))

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> Order:
        """Build from the row of a notification, in which anything may be missing."""
        return cls._of(_PARTIAL_ORDER.read(row, number))

    @classmethod
    def _of(cls, values: list[Any]) -> Order:
        order = cls(*values)
        if order.flags is not None:
            order.flags = OrderFlag(order.flags)
        return order


_ORDER = Layout(
    "Order",
    ("id", 0, Kind.INTEGER),
    ("gid", 1, Kind.OPTIONAL_INTEGER),
    ("cid", 2, Kind.OPTIONAL_INTEGER),
    ("symbol", 3, Kind.TEXT),
    ("mts_create", 4, Kind.INTEGER),
    ("mts_update", 5, Kind.INTEGER),
    ("amount", 6, Kind.NUMBER),
    ("amount_orig", 7, Kind.NUMBER),
    ("order_type", 8, Kind.TEXT),
    ("type_prev", 9, Kind.OPTIONAL_TEXT),
    ("mts_tif", 10, Kind.OPTIONAL_INTEGER),
    ("flags", 12, Kind.OPTIONAL_INTEGER),
    ("order_status", 13, Kind.TEXT),
    ("price", 16, Kind.OPTIONAL_NUMBER),
    ("price_avg", 17, Kind.OPTIONAL_NUMBER),
    ("price_trailing", 18, Kind.OPTIONAL_NUMBER),
    ("price_aux_limit", 19, Kind.OPTIONAL_NUMBER),
    ("notify", 23, Kind.OPTIONAL_SWITCH),
    ("hidden", 24, Kind.OPTIONAL_SWITCH),
    ("placed_id", 25, Kind.OPTIONAL_INTEGER),
    ("routing", 28, Kind.OPTIONAL_TEXT),
    ("meta", 31, Kind.OPTIONAL_OBJECT),
)
_PARTIAL_ORDER = _ORDER.tolerant()


@attrs.define
class OtcOrder:
    """
    An order over the counter, between two users.

    Attributes
    ----------
    id : int
    symbol : str
    mts_create, mts_update : int
        When it was made and changed last, in milliseconds UTC.
    initiator : int
        1: you have made it; 0: the other side has.
    initiator_nickname, counter_party_nickname : str or None
    amount : float
        In base currency: positive buys, negative sells.
    price : float
        In quote currency.
    order_status : str
        ``PENDING``, ``CANCELED``, ``REJECTED`` or ``COMPLETED``.
    mts_tif : int or None
        When it is cancelled by itself, in milliseconds UTC.

    References
    ----------
    https://docs.bitfinex.com/reference/otc-orders-history
    """

    id: int
    symbol: Symbol
    mts_create: Mts
    mts_update: Mts
    initiator: int
    initiator_nickname: str | None
    counter_party_nickname: str | None
    amount: float
    price: float
    order_status: str
    mts_tif: Mts | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> OtcOrder:
        """Build from a row of 13 or more values."""
        return cls(*_OTC_ORDER.read(row, number))


_OTC_ORDER = Layout(
    "OtcOrder",
    ("id", 0, Kind.INTEGER),
    ("symbol", 1, Kind.TEXT),
    ("mts_create", 2, Kind.INTEGER),
    ("mts_update", 3, Kind.INTEGER),
    ("initiator", 5, Kind.SWITCH),
    ("initiator_nickname", 6, Kind.OPTIONAL_TEXT),
    ("counter_party_nickname", 7, Kind.OPTIONAL_TEXT),
    ("amount", 9, Kind.NUMBER),
    ("price", 10, Kind.NUMBER),
    ("order_status", 12, Kind.TEXT),
    ("mts_tif", 13, Kind.OPTIONAL_INTEGER),
)


def read_operation(row: Row, number: NumberType) -> Notification[Any]:
    """Read the answer to one of several operations, by what it says that it is."""
    kind = row[1] if isinstance(row, list) and len(row) > 1 else None
    if kind == "oc_multi-req":
        return of_list(Order.from_partial_row)(row, number)
    return of_one(Order.from_partial_row)(row, number)
