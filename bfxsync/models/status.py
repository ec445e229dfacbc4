"""Candles, derivatives status and liquidations: the same rows on WebSocket and REST."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync.errors import RemoteError
from bfxsync.models.market_model import MarketModel, Reader
from bfxsync.models.model import Switch, at, model
from bfxsync.models.moments import Moment, moment
from bfxsync.models.rows import SCREEN_ERRORS


@model
class Candle(MarketModel):
    """
    Prices and volume of one interval.

    An interval without trades has no candle. The exchange does not announce that a candle is
    closed: the first row with a later time shows it, and a correction may still follow.

    https://docs.bitfinex.com/reference/ws-public-candles
    https://docs.bitfinex.com/reference/rest-public-candles
    """

    mts: Mts = at(0)
    """Start of the interval, in milliseconds UTC."""
    open: float = at(1)
    """First price, in quote currency; for funding a rate per day."""
    close: float = at(2)
    """Last price."""
    high: float = at(3)
    """Highest price."""
    low: float = at(4)
    """Lowest price."""
    volume: float = at(5)
    """In base currency; for funding in the currency."""
    timeframe: str | None = at(default=None, eq=False)
    """Length of the interval, such as ``1m``, as requested; ``7D`` is a week."""

    time: ClassVar[Moment[datetime]] = moment(mts)

    # As programs that draw candles expect them.
    _first_columns = ("open", "high", "low", "close", "volume")

    @classmethod
    def from_row(
        cls,
        row: Row,
        number: NumberType = float,
        symbol: Symbol | None = None,
        timeframe: str | None = None,
    ) -> Candle:
        """Build from a row of 6 or more values; the close stands before the high."""
        found: Candle = cls.reader(number, symbol, timeframe)(row)
        return found

    @classmethod
    def reader(
        cls,
        number: NumberType = float,
        symbol: Symbol | None = None,
        timeframe: str | None = None,
    ) -> Reader:
        """Return a function that builds candles of one symbol and timeframe, like `from_row`."""
        make: Any = cls
        values = cls._layout.read

        def read_checked(row: Row, server_mts: Mts | None = None) -> Any:
            return make(*values(row, number), symbol, server_mts, timeframe)

        def read(row: Row, server_mts: Mts | None = None) -> Any:
            try:
                values = mts, start, close, high, low, volume = row[:6]
                sum(values)
                if mts.__class__ is int:
                    # fmt: off
                    return make(
                        mts, start, close, high, low, volume,
                        symbol, server_mts, timeframe,
                    )
                    # fmt: on
            except SCREEN_ERRORS:
                pass
            return read_checked(row, server_mts)

        return read if number is float else read_checked


@model
class DerivativesStatus(MarketModel):
    """
    The state of a derivative. `symbol` is also `key`, as in the official client.

    https://docs.bitfinex.com/reference/ws-public-status
    https://docs.bitfinex.com/reference/rest-public-derivatives-status
    """

    mts: Mts = at(0)
    """In milliseconds UTC."""
    deriv_price: float | None = at(2)
    """Last price of the derivative."""
    spot_price: float | None = at(3)
    """Last price of the underlying."""
    insurance_fund_balance: float | None = at(5)
    """Balance available to cover losses of liquidated positions."""
    next_funding_evt_mts: Mts | None = at(7)
    """Time of the next funding event, in milliseconds UTC."""
    next_funding_accrued: float | None = at(8)
    """Funding accrued for the next funding event."""
    next_funding_step: int | None = at(9)
    """Incremental accrual counter."""
    current_funding: float | None = at(11)
    """Funding applied in the current period."""
    mark_price: float | None = at(14)
    """Price at which positions are valued."""
    open_interest: float | None = at(17)
    """Number of open contracts."""
    clamp_min: float | None = at(21)
    """Start of the range in which the average spread causes no funding; absent in short rows."""
    clamp_max: float | None = at(22)
    """End of the range of `clamp_min`; absent in short rows."""

    time: ClassVar[Moment[datetime]] = moment(mts)
    next_funding_evt_at: ClassVar[Moment[datetime | None]] = moment(
        next_funding_evt_mts
    )

    # One list has several.
    _origin_columns = ("symbol",)

    @property
    def key(self) -> Symbol | None:
        """The symbol, such as ``tBTCF0:USTF0``, under the official client's name."""
        return self.symbol

    @classmethod
    def from_rest_row(cls, row: Row, number: NumberType = float) -> DerivativesStatus:
        """Build from a row that begins with the symbol; all other indexes are one higher."""
        if not isinstance(row, list) or not row or not isinstance(row[0], str):
            raise RemoteError("DerivativesStatus: expected a row with a key", raw=row)
        return cls.from_row(row[1:], number, row[0])


@model
class OpenInterest(MarketModel):
    """
    The open interest of a derivative at one time, from the rows of `DerivativesStatus`.

    https://docs.bitfinex.com/reference/rest-public-derivatives-status-history
    """

    mts: Mts = at(0)
    """In milliseconds UTC."""
    open_interest: float | None = at(17)
    """Number of open contracts."""

    time: ClassVar[Moment[datetime]] = moment(mts)


@model
class Liquidation(MarketModel):
    """
    A step in the liquidation of a position. Its row begins with the word ``pos``.

    https://docs.bitfinex.com/reference/ws-public-status
    https://docs.bitfinex.com/reference/rest-public-liquidations
    """

    pos_id: int = at(1)
    mts: float = at(2)
    """In milliseconds UTC; the exchange sends fractions."""
    # Never None, as rows have it.
    symbol: Symbol = at(4)  # pyright: ignore[reportIncompatibleVariableOverride]
    """Symbol of the position."""
    amount: float = at(5)
    """Size of the position: positive long, negative short."""
    base_price: float = at(6)
    """Entry price of the position."""
    is_match: Switch = at(8)
    """0: the liquidation begins; 1: it was executed on the market."""
    is_market_sold: Switch = at(9)
    """
    As sent. The exchange's two pages contradict each other about its meaning: sold into the
    market, or acquired by the system.
    """
    liquidation_price: float | None = at(11)
    """Execution price."""

    time: ClassVar[Moment[datetime]] = moment(mts)

    @classmethod
    def reader(cls, number: NumberType = float, symbol: Symbol | None = None) -> Reader:
        """Return a function that builds liquidations; each row has its own symbol."""
        values = cls._layout.read

        def read(row: Row, server_mts: Mts | None = None) -> Liquidation:
            return cls(*values(row, number), server_mts=server_mts)

        return read
