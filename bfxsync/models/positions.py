"""Positions: open ones, past ones, and what was done to them."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync.models.rows import Kind, Layout


@attrs.define
class Position:
    """
    An open position.

    Attributes
    ----------
    symbol : str
    status : str
        ``ACTIVE``.
    amount : float
        In base currency: positive is long, negative is short.
    base_price : float
        Average price at which it was opened, in quote currency.
    margin_funding : float
        Funding that it uses.
    margin_funding_type : int
        0: by the day; 1: for a term.
    pl : float or None
        Profit (negative: loss) with a fee of 0.2 % for closing it.
    pl_perc : float or None
        The same as a ratio: 0.01 means 1 %.
    price_liq : float or None
        At this price it is closed by force.
    leverage : float or None
    position_id : int or None
        None in the short rows that were sent formerly.
    mts_create, mts_update : int or None
        When it was opened and changed last, in milliseconds UTC.
    type : int or None
        0: margin; 1: derivatives.
    collateral, collateral_min : float or None
        What secures it, and what must at least.
    meta : dict or None
        What changed it last: ``reason``, ``order_id``, ``trade_price``, …

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-positions
    """

    symbol: Symbol
    status: str
    amount: float
    base_price: float
    margin_funding: float
    margin_funding_type: int
    pl: float | None
    pl_perc: float | None
    price_liq: float | None
    leverage: float | None
    position_id: int | None
    mts_create: Mts | None
    mts_update: Mts | None
    type: int | None
    collateral: float | None
    collateral_min: float | None
    meta: dict[str, Any] | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Position:
        """Build from a row of 6 or more values, 20 as the exchange sends it."""
        return cls(*_POSITION.read(row, number))


_POSITION = Layout(
    "Position",
    ("symbol", 0, Kind.TEXT),
    ("status", 1, Kind.TEXT),
    ("amount", 2, Kind.NUMBER),
    ("base_price", 3, Kind.NUMBER),
    ("margin_funding", 4, Kind.NUMBER),
    ("margin_funding_type", 5, Kind.INTEGER),
    ("pl", 6, Kind.OPTIONAL_NUMBER),
    ("pl_perc", 7, Kind.OPTIONAL_NUMBER),
    ("price_liq", 8, Kind.OPTIONAL_NUMBER),
    ("leverage", 9, Kind.OPTIONAL_NUMBER),
    ("position_id", 11, Kind.OPTIONAL_INTEGER),
    ("mts_create", 12, Kind.OPTIONAL_INTEGER),
    ("mts_update", 13, Kind.OPTIONAL_INTEGER),
    ("type", 15, Kind.OPTIONAL_INTEGER),
    ("collateral", 17, Kind.OPTIONAL_NUMBER),
    ("collateral_min", 18, Kind.OPTIONAL_NUMBER),
    ("meta", 19, Kind.OPTIONAL_OBJECT),
)


@attrs.define
class PositionHistory:
    """
    A position that is closed.

    Attributes
    ----------
    symbol : str
    status : str
        ``CLOSED``.
    amount : float
        In base currency: positive is long, negative is short; 0 when closed.
    base_price : float
        Average price, in quote currency.
    funding : float
        Funding that it used.
    funding_type : int
        0: by the day; 1: for a term.
    position_id : int
    mts_create, mts_update : int
        When it was opened and changed last, in milliseconds UTC.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-positions-hist
    """

    symbol: Symbol
    status: str
    amount: float
    base_price: float
    funding: float
    funding_type: int
    position_id: int
    mts_create: Mts
    mts_update: Mts

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PositionHistory:
        """Build from a row of 14 or more values, 20 as the exchange sends it."""
        return cls(*_POSITION_HISTORY.read(row, number))


_PAST = (
    ("symbol", 0, Kind.TEXT),
    ("status", 1, Kind.TEXT),
    ("amount", 2, Kind.NUMBER),
    ("base_price", 3, Kind.NUMBER),
    ("funding", 4, Kind.NUMBER),
    ("funding_type", 5, Kind.INTEGER),
    ("position_id", 11, Kind.INTEGER),
    ("mts_create", 12, Kind.INTEGER),
    ("mts_update", 13, Kind.INTEGER),
)
_POSITION_HISTORY = Layout("PositionHistory", *_PAST)


@attrs.define
class PositionSnapshot:
    """
    A position as it was on a day.

    Attributes
    ----------
    symbol : str
    status : str
        ``ACTIVE``.
    amount : float
        In base currency: positive is long, negative is short.
    base_price : float
        Average price, in quote currency.
    funding : float
        Funding that it used.
    funding_type : int
        0: by the day; 1: for a term.
    position_id : int
    mts_create, mts_update : int
        When it was opened and changed last, in milliseconds UTC.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-positions-snap
    """

    symbol: Symbol
    status: str
    amount: float
    base_price: float
    funding: float
    funding_type: int
    position_id: int
    mts_create: Mts
    mts_update: Mts

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PositionSnapshot:
        """Build from a row of 14 or more values, 20 as the exchange sends it."""
        return cls(*_POSITION_SNAPSHOT.read(row, number))


_POSITION_SNAPSHOT = Layout("PositionSnapshot", *_PAST)


@attrs.define
class PositionAudit:
    """
    A position as it was after one of its changes.

    Attributes
    ----------
    symbol : str
    status : str
        ``ACTIVE`` or ``CLOSED``.
    amount : float
        In base currency: positive is long, negative is short.
    base_price : float
        Average price, in quote currency.
    funding : float
        Funding that it used.
    funding_type : int
        0: by the day; 1: for a term.
    position_id : int
    mts_create, mts_update : int
        When it was opened, and when this change was, in milliseconds UTC.
    type : int or None
        None: margin; 1: derivatives.
    collateral, collateral_min : float or None
        What secured it, and what had to at least.
    meta : dict or None
        What changed it: ``reason``, ``order_id``, ``trade_price``, …

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-positions-audit
    """

    symbol: Symbol
    status: str
    amount: float
    base_price: float
    funding: float
    funding_type: int
    position_id: int
    mts_create: Mts
    mts_update: Mts
    type: int | None
    collateral: float | None
    collateral_min: float | None
    meta: dict[str, Any] | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PositionAudit:
        """Build from a row of 14 or more values, 20 as the exchange sends it."""
        return cls(*_POSITION_AUDIT.read(row, number))


_POSITION_AUDIT = Layout(
    "PositionAudit",
    *_PAST,
    ("type", 15, Kind.OPTIONAL_INTEGER),
    ("collateral", 17, Kind.OPTIONAL_NUMBER),
    ("collateral_min", 18, Kind.OPTIONAL_NUMBER),
    ("meta", 19, Kind.OPTIONAL_OBJECT),
)


@attrs.define
class PositionClaim:
    """
    A position that was to be claimed, wholly or in part.

    In a notification a field is None where the exchange does not have it.

    Attributes
    ----------
    symbol : str
    position_status : str
        ``ACTIVE`` or ``CLOSED``.
    amount : float
        In base currency: positive is long, negative is short.
    base_price : float
        Average price, in quote currency.
    margin_funding : float
        Funding that it uses.
    margin_funding_type : int
        0: by the day; 1: for a term.
    position_id : int
    mts_create, mts_update : int
        When it was opened and changed last, in milliseconds UTC.
    pos_type : int or None
        0 or None: margin; 1: derivatives.
    collateral, min_collateral : float or None
        What secures it, and what must at least.
    meta : dict or None
        What changed it last: ``reason``, ``order_id``, …

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-position-claim
    """

    symbol: Symbol
    position_status: str
    amount: float
    base_price: float
    margin_funding: float
    margin_funding_type: int
    position_id: int
    mts_create: Mts
    mts_update: Mts
    pos_type: int | None
    collateral: float | None
    min_collateral: float | None
    meta: dict[str, Any] | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PositionClaim:
        """Build from a row of 14 or more values, 20 as the exchange sends it."""
        return cls(*_POSITION_CLAIM.read(row, number))

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> PositionClaim:
        """Build from the row of a notification, in which anything may be missing."""
        return cls(*_PARTIAL_POSITION_CLAIM.read(row, number))


_POSITION_CLAIM = Layout(
    "PositionClaim",
    ("symbol", 0, Kind.TEXT),
    ("position_status", 1, Kind.TEXT),
    ("amount", 2, Kind.NUMBER),
    ("base_price", 3, Kind.NUMBER),
    ("margin_funding", 4, Kind.NUMBER),
    ("margin_funding_type", 5, Kind.INTEGER),
    ("position_id", 11, Kind.INTEGER),
    ("mts_create", 12, Kind.INTEGER),
    ("mts_update", 13, Kind.INTEGER),
    ("pos_type", 15, Kind.OPTIONAL_INTEGER),
    ("collateral", 17, Kind.OPTIONAL_NUMBER),
    ("min_collateral", 18, Kind.OPTIONAL_NUMBER),
    ("meta", 19, Kind.OPTIONAL_OBJECT),
)
_PARTIAL_POSITION_CLAIM = _POSITION_CLAIM.tolerant()


@attrs.define
class PositionIncrease:
    """
    A position that was opened or made larger with what is in the margin wallet.

    In a notification a field is None where the exchange does not have it.

    Attributes
    ----------
    symbol : str
    amount : float
        In base currency: positive is long, negative is short.
    base_price : float
        Average price, in quote currency.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-position-increase
    """

    symbol: Symbol
    amount: float
    base_price: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PositionIncrease:
        """Build from a row of 4 or more values, 20 as the exchange sends it."""
        return cls(*_POSITION_INCREASE.read(row, number))

    @classmethod
    def from_partial_row(cls, row: Row, number: NumberType = float) -> PositionIncrease:
        """Build from the row of a notification, in which anything may be missing."""
        return cls(*_PARTIAL_POSITION_INCREASE.read(row, number))


_POSITION_INCREASE = Layout(
    "PositionIncrease",
    ("symbol", 0, Kind.TEXT),
    ("amount", 2, Kind.NUMBER),
    ("base_price", 3, Kind.NUMBER),
)
_PARTIAL_POSITION_INCREASE = _POSITION_INCREASE.tolerant()
