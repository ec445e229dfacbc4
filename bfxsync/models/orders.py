"""Orders, in the order books and over the counter."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, NoReturn, Union

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync._base.enums import OrderFlag
from bfxsync.models.model import RestModel, Switch, at, model
from bfxsync.models.moments import Moment, moment
from bfxsync.models.notification import Notification, of_list, of_one
from bfxsync.models.order_status import OrderStatus, status_of
from bfxsync.models.partial_rows import (
    N,
    PartialMoment,
    WholeOrPartial,
    read_whole_or_partial,
)


@model
class _OrderFields(RestModel, WholeOrPartial[N]):
    id: int | N = at(0)
    gid: int | None = at(1)
    """Group id, set by the client."""
    cid: int | None = at(2)
    """Client order id, set by the client or the exchange; unique within a UTC day."""
    symbol: Symbol | N = at(3)
    mts_create: Mts | N = at(4)
    """Time of creation, in milliseconds UTC."""
    mts_update: Mts | N = at(5)
    """Time of the last update, in milliseconds UTC."""
    amount: float | N = at(6)
    """Remaining amount in base currency: positive to buy, negative to sell."""
    amount_orig: float | N = at(7)
    """Original amount; updates do not change it."""
    order_type: str | N = at(8)
    """See `OrderType`."""
    type_prev: str | None = at(9)
    """Order type before the last update."""
    mts_tif: Mts | None = at(10)
    """Expiry time (time in force), in milliseconds UTC."""
    flags: OrderFlag | None = at(12)
    order_status: str | N = at(13)
    """Raw status text; `status` has it parsed."""
    price: float | None = at(16)
    """In quote currency; None where the exchange sends none, as for some market orders."""
    price_avg: float | None = at(17)
    """Average execution price; 0 before the first execution."""
    price_trailing: float | None = at(18)
    """Distance of a trailing stop."""
    price_aux_limit: float | None = at(19)
    """Limit price of a stop limit order, or stop price of an OCO order."""
    notify: Switch | None = at(23)
    hidden: Switch | None = at(24)
    placed_id: int | None = at(25)
    """Id of the order that caused this one to be placed (OCO)."""
    routing: str | None = at(28)
    """Origin of the order: ``BFX``, ``API>BFX``."""
    meta: dict[str, Any] | None = at(31)
    """
    ``aff_code``, ``make_visible``, ``protect_selfmatch``, ``$F7`` (post only), ``$F33``
    (leverage), …
    """

    created_at: ClassVar[PartialMoment] = PartialMoment(mts_create)
    updated_at: ClassVar[PartialMoment] = PartialMoment(mts_update)
    expires_at: ClassVar[Moment[datetime | None]] = moment(mts_tif)

    @property
    def status(self) -> OrderStatus:
        """The parsed status: word (empty if there is no status), fills, history."""
        return status_of(self.order_status, self.amount)


@model
class Order(_OrderFields[NoReturn]):
    """
    An order, open or closed.

    https://docs.bitfinex.com/reference/rest-auth-retrieve-orders
    """

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> AnyOrder:
        """Build from the row of a notification; a `PartialOrder` if required fields are missing."""
        return read_whole_or_partial(cls, PartialOrder, row, number)


@model
class PartialOrder(_OrderFields[None]):
    """
    An order in a notification that lacks some fields of an `Order`.

    A field is None where the exchange does not know it (yet): the order of a cancellation may have
    its `id` and nothing else.
    """


AnyOrder = Union[Order, PartialOrder]
"""The order of a notification: an `Order` if the exchange sent all fields, else partial."""


@model
class OtcOrder(RestModel):
    """
    An over-the-counter order between two users.

    https://docs.bitfinex.com/reference/otc-orders-history
    """

    id: int = at(0)
    symbol: Symbol = at(1)
    mts_create: Mts = at(2)
    """Time of creation, in milliseconds UTC."""
    mts_update: Mts = at(3)
    """Time of the last update, in milliseconds UTC."""
    initiator: Switch = at(5)
    """1: created by this account; 0: created by the counterparty."""
    initiator_nickname: str | None = at(6)
    counter_party_nickname: str | None = at(7)
    amount: float = at(9)
    """In base currency: positive to buy, negative to sell."""
    price: float = at(10)
    """In quote currency."""
    order_status: str = at(12)
    """``PENDING``, ``CANCELED``, ``REJECTED`` or ``COMPLETED``."""
    mts_tif: Mts | None = at(13)
    """Expiry time, in milliseconds UTC."""

    created_at: ClassVar[Moment[datetime]] = moment(mts_create)
    updated_at: ClassVar[Moment[datetime]] = moment(mts_update)
    expires_at: ClassVar[Moment[datetime | None]] = moment(mts_tif)


def read_operation(row: Row, number: NumberType) -> Notification[Any]:
    """Read the response to one operation of several, by its type."""
    kind = row[1] if isinstance(row, list) and len(row) > 1 else None
    if kind == "oc_multi-req":
        return of_list(Order.from_partial_row)(row, number)
    return of_one(Order.from_partial_row)(row, number)
