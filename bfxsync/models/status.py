"""Candles, derivatives status and liquidations: the same rows on WebSocket and REST."""

from __future__ import annotations

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync.errors import RemoteError
from bfxsync.models.rows import SCREEN_ERRORS, Kind, Layout


@attrs.define
class Candle:
    """
    The trades of one interval.

    There is none for an interval without trades, and the exchange does not say when one is
    closed: the first row with a later time tells it, and a late correction may still follow.

    Attributes
    ----------
    mts : int
        Begin of the interval, in milliseconds UTC.
    open, close, high, low : float
        First, last, largest and smallest price, in quote currency; rates per day for funding.
    volume : float
        In base currency (the currency itself for funding).

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-candles
    https://docs.bitfinex.com/reference/rest-public-candles
    """

    mts: Mts
    open: float
    close: float
    high: float
    low: float
    volume: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Candle:
        """Build from the wire's row of 6 or more values; the close stands before the high."""
        if number is float:
            try:
                sum(row[:6])
                if row[0].__class__ is int:
                    # mts, open, close, high, low, volume
                    return cls(row[0], row[1], row[2], row[3], row[4], row[5])
            except SCREEN_ERRORS:
                pass
        return cls(*_CANDLE.read(row, number))


_CANDLE = Layout(
    "Candle",
    ("mts", 0, Kind.INTEGER),
    ("open", 1, Kind.NUMBER),
    ("close", 2, Kind.NUMBER),
    ("high", 3, Kind.NUMBER),
    ("low", 4, Kind.NUMBER),
    ("volume", 5, Kind.NUMBER),
)


@attrs.define
class DerivativesStatus:
    """
    The state of a derivative.

    Attributes
    ----------
    key : str or None
        The symbol, such as ``tBTCF0:USTF0``; None where the row does not carry it (WebSocket
        and history), as the request named it.
    mts : int
        When, in milliseconds UTC.
    deriv_price, spot_price : float or None
        Last prices of the derivative and of its underlying.
    insurance_fund_balance : float or None
        What is there to cover losses of liquidated positions.
    next_funding_evt_mts : int or None
        When funding is due next.
    next_funding_accrued : float or None
        Accrued for that event.
    next_funding_step : int or None
        Incremental accrual counter.
    current_funding : float or None
        Funding applied in the current period.
    mark_price : float or None
        Price by which positions are valued.
    open_interest : float or None
        Contracts that are open.
    clamp_min, clamp_max : float or None
        Range in which the average spread does not cause funding; absent in short rows.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-status
    https://docs.bitfinex.com/reference/rest-public-derivatives-status
    """

    key: Symbol | None
    mts: Mts
    deriv_price: float | None
    spot_price: float | None
    insurance_fund_balance: float | None
    next_funding_evt_mts: Mts | None
    next_funding_accrued: float | None
    next_funding_step: int | None
    current_funding: float | None
    mark_price: float | None
    open_interest: float | None
    clamp_min: float | None
    clamp_max: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> DerivativesStatus:
        """Build from a row of 18 or more values without key, as on WebSocket and in history."""
        return cls(None, *_DERIVATIVES_STATUS.read(row, number))

    @classmethod
    def from_rest_row(cls, row: Row, number: NumberType = float) -> DerivativesStatus:
        """Build from a row that begins with the key."""
        if not isinstance(row, list) or not row or not isinstance(row[0], str):
            raise RemoteError("DerivativesStatus: expected a row with a key", raw=row)
        return cls(row[0], *_DERIVATIVES_STATUS.read(row[1:], number))


_DERIVATIVES_STATUS = Layout(
    "DerivativesStatus",
    ("mts", 0, Kind.INTEGER),
    ("deriv_price", 2, Kind.OPTIONAL_NUMBER),
    ("spot_price", 3, Kind.OPTIONAL_NUMBER),
    ("insurance_fund_balance", 5, Kind.OPTIONAL_NUMBER),
    ("next_funding_evt_mts", 7, Kind.OPTIONAL_INTEGER),
    ("next_funding_accrued", 8, Kind.OPTIONAL_NUMBER),
    ("next_funding_step", 9, Kind.OPTIONAL_INTEGER),
    ("current_funding", 11, Kind.OPTIONAL_NUMBER),
    ("mark_price", 14, Kind.OPTIONAL_NUMBER),
    ("open_interest", 17, Kind.OPTIONAL_NUMBER),
    ("clamp_min", 21, Kind.OPTIONAL_NUMBER),
    ("clamp_max", 22, Kind.OPTIONAL_NUMBER),
)


@attrs.define
class Liquidation:
    """
    A step in the liquidation of a position.

    Attributes
    ----------
    pos_id : int
    mts : float
        When, in milliseconds UTC; the exchange sends fractions.
    symbol : str
    amount : float
        Size of the position: positive long, negative short.
    base_price : float
        Its entry price.
    is_match : int
        0: the liquidation begins; 1: it was executed on the market.
    is_market_sold : int
        As sent: the exchange's two pages about its meaning (sold into the market, or taken over
        by the system) contradict each other.
    liquidation_price : float or None
        Price of the execution.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-status
    https://docs.bitfinex.com/reference/rest-public-liquidations
    """

    pos_id: int
    mts: float
    symbol: Symbol
    amount: float
    base_price: float
    is_match: int
    is_market_sold: int
    liquidation_price: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Liquidation:
        """Build from a row of 12 values that begins with the word ``pos``."""
        return cls(*_LIQUIDATION.read(row, number))


_LIQUIDATION = Layout(
    "Liquidation",
    ("pos_id", 1, Kind.INTEGER),
    ("mts", 2, Kind.NUMBER),
    ("symbol", 4, Kind.TEXT),
    ("amount", 5, Kind.NUMBER),
    ("base_price", 6, Kind.NUMBER),
    ("is_match", 8, Kind.SWITCH),
    ("is_market_sold", 9, Kind.SWITCH),
    ("liquidation_price", 11, Kind.OPTIONAL_NUMBER),
)
