"""Positions: open ones, past ones, and changes to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, NoReturn, Union

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync.models.model import RestModel, at, model
from bfxsync.models.moments import Moment, moment
from bfxsync.models.partial_rows import (
    N,
    PartialMoment,
    WholeOrPartial,
    read_whole_or_partial,
)


@model
class Position(RestModel):
    """
    An open position.

    https://docs.bitfinex.com/reference/rest-auth-positions
    """

    symbol: Symbol = at(0)
    status: str = at(1)
    """``ACTIVE``."""
    amount: float = at(2)
    """In base currency: positive is long, negative is short."""
    base_price: float = at(3)
    """Average entry price, in quote currency."""
    margin_funding: float = at(4)
    """Funding used by the position."""
    margin_funding_type: int = at(5)
    """0: daily; 1: term."""
    pl: float | None = at(6)
    """Profit (negative: loss) after a fee of 0.2 % for closing it."""
    pl_perc: float | None = at(7)
    """The same as a ratio: 0.01 means 1 %."""
    price_liq: float | None = at(8)
    """Liquidation price."""
    leverage: float | None = at(9)
    position_id: int | None = at(11)
    """Id of the position; None in short rows of older servers."""
    mts_create: Mts | None = at(12)
    """Time of opening, in milliseconds UTC."""
    mts_update: Mts | None = at(13)
    """Time of the last update, in milliseconds UTC."""
    type: int | None = at(15)
    """0: margin; 1: derivatives."""
    collateral: float | None = at(17)
    """Collateral of the position."""
    collateral_min: float | None = at(18)
    """Minimum collateral that is required."""
    meta: dict[str, Any] | None = at(19)
    """Cause of the last change: ``reason``, ``order_id``, ``trade_price``, …"""

    created_at: ClassVar[Moment[datetime | None]] = moment(mts_create)
    updated_at: ClassVar[Moment[datetime | None]] = moment(mts_update)


@model
class _PastPosition(RestModel):
    symbol: Symbol = at(0)
    status: str = at(1)
    """``ACTIVE`` or ``CLOSED``."""
    amount: float = at(2)
    """In base currency: positive is long, negative is short; 0 when closed."""
    base_price: float = at(3)
    """Average entry price, in quote currency."""
    funding: float = at(4)
    """Funding used by the position."""
    funding_type: int = at(5)
    """0: daily; 1: term."""
    position_id: int = at(11)
    mts_create: Mts = at(12)
    """Time of opening, in milliseconds UTC."""
    mts_update: Mts = at(13)
    """Time of the last update, in milliseconds UTC."""

    created_at: ClassVar[Moment[datetime]] = moment(mts_create)
    updated_at: ClassVar[Moment[datetime]] = moment(mts_update)


@model
class PositionHistory(_PastPosition):
    """
    A closed position: its `status` is ``CLOSED``. The exchange sends 20 values.

    https://docs.bitfinex.com/reference/rest-auth-positions-hist
    """


@model
class PositionSnapshot(_PastPosition):
    """
    A position on a given day: its `status` is ``ACTIVE``. The exchange sends 20 values.

    https://docs.bitfinex.com/reference/rest-auth-positions-snap
    """


@model
class PositionAudit(_PastPosition):
    """
    A position after one of its changes, at `mts_update`.

    https://docs.bitfinex.com/reference/rest-auth-positions-audit
    """

    type: int | None = at(15)
    """None: margin; 1: derivatives."""
    collateral: float | None = at(17)
    """Collateral of the position."""
    collateral_min: float | None = at(18)
    """Minimum collateral that was required."""
    meta: dict[str, Any] | None = at(19)
    """Cause of the change: ``reason``, ``order_id``, ``trade_price``, …"""


@model
class _PositionClaimFields(RestModel, WholeOrPartial[N]):
    symbol: Symbol | N = at(0)
    position_status: str | N = at(1)
    """``ACTIVE`` or ``CLOSED``."""
    amount: float | N = at(2)
    """In base currency: positive is long, negative is short."""
    base_price: float | N = at(3)
    """Average entry price, in quote currency."""
    margin_funding: float | N = at(4)
    """Funding used by the position."""
    margin_funding_type: int | N = at(5)
    """0: daily; 1: term."""
    position_id: int | N = at(11)
    mts_create: Mts | N = at(12)
    """Time of opening, in milliseconds UTC."""
    mts_update: Mts | N = at(13)
    """Time of the last update, in milliseconds UTC."""
    pos_type: int | None = at(15)
    """0 or None: margin; 1: derivatives."""
    collateral: float | None = at(17)
    """Collateral of the position."""
    min_collateral: float | None = at(18)
    """Minimum collateral that is required."""
    meta: dict[str, Any] | None = at(19)
    """Cause of the last change: ``reason``, ``order_id``, …"""

    created_at: ClassVar[PartialMoment] = PartialMoment(mts_create)
    updated_at: ClassVar[PartialMoment] = PartialMoment(mts_update)


@model
class PositionClaim(_PositionClaimFields[NoReturn]):
    """
    A position that was claimed, wholly or in part.

    https://docs.bitfinex.com/reference/rest-auth-position-claim
    """

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> AnyPositionClaim:
        """Build from the row of a notification, which may lack any field."""
        return read_whole_or_partial(cls, PartialPositionClaim, row, number)


@model
class PartialPositionClaim(_PositionClaimFields[None]):
    """A claim in a notification that lacks some fields of a `PositionClaim`."""


AnyPositionClaim = Union[PositionClaim, PartialPositionClaim]


@model
class _PositionIncreaseFields(RestModel, WholeOrPartial[N]):
    symbol: Symbol | N = at(0)
    amount: float | N = at(2)
    """In base currency: positive is long, negative is short."""
    base_price: float | N = at(3)
    """Average entry price, in quote currency."""


@model
class PositionIncrease(_PositionIncreaseFields[NoReturn]):
    """
    A position that was opened or increased from the margin wallet. The exchange sends 20 values.

    https://docs.bitfinex.com/reference/rest-auth-position-increase
    """

    @classmethod
    def from_partial_row(
        cls, row: Row, number: NumberType = float
    ) -> AnyPositionIncrease:
        """Build from the row of a notification, which may lack any field."""
        return read_whole_or_partial(cls, PartialPositionIncrease, row, number)


@model
class PartialPositionIncrease(_PositionIncreaseFields[None]):
    """An increase in a notification that lacks some fields of a `PositionIncrease`."""


AnyPositionIncrease = Union[PositionIncrease, PartialPositionIncrease]
