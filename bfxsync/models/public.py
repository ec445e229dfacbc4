"""
What only the public side of REST brings: statistics, rankings, averages, histories.

As everywhere, number fields are annotated `float` and filled with `decimal.Decimal` for a client
with ``numbers=Decimal``; None stands where the exchange has no value.
"""

from __future__ import annotations

import reprlib

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout


@attrs.define
class PlatformStatus:
    """
    Whether the exchange works.

    Attributes
    ----------
    status : int
        1: in operation; 0: in maintenance.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-platform-status
    """

    status: int

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> PlatformStatus:
        """Build from a row of 1 or more values."""
        return cls(*_PLATFORM_STATUS.read(row, number))


_PLATFORM_STATUS = Layout("PlatformStatus", ("status", 0, Kind.SWITCH))


@attrs.define
class TickersHistory:
    """
    Best bid and ask of a pair as they were at an hour.

    Attributes
    ----------
    symbol : str
    bid, ask : float or None
        Best prices, in quote currency; None for a side that had none.
    mts : int
        When, in milliseconds UTC.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-tickers-history
    """

    symbol: Symbol
    bid: float | None
    ask: float | None
    mts: Mts

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> TickersHistory:
        """Build from a row of 13 or more values, most of them null."""
        return cls(*_TICKERS_HISTORY.read(row, number))


_TICKERS_HISTORY = Layout(
    "TickersHistory",
    ("symbol", 0, Kind.TEXT),
    ("bid", 1, Kind.OPTIONAL_NUMBER),
    ("ask", 3, Kind.OPTIONAL_NUMBER),
    ("mts", 12, Kind.INTEGER),
)


@attrs.define
class Statistic:
    """
    One sample of a statistic.

    Attributes
    ----------
    mts : int
        When, in milliseconds UTC.
    value : float
        What the key says: an amount of base currency for ``pos.size``, of the currency for
        ``funding.size`` and ``credits.size``, of dollars for ``vol``, a price for ``vwap``.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-stats
    """

    mts: Mts
    value: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Statistic:
        """Build from a row of 2 or more values."""
        return cls(*_STATISTIC.read(row, number))


_STATISTIC = Layout("Statistic", ("mts", 0, Kind.INTEGER), ("value", 1, Kind.NUMBER))


@attrs.define
class Leaderboard:
    """
    One place of a ranking.

    Attributes
    ----------
    mts : int
        When, in milliseconds UTC.
    username : str
    ranking : int
        The place, from 1.
    value : float
        What is ranked: profit (negative for a loss) or volume, by the key.
    twitter_handle : str or None
        None if the user has not published one.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-rankings
    """

    mts: Mts
    username: str
    ranking: int
    value: float
    twitter_handle: str | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Leaderboard:
        """Build from a row of 10 or more values."""
        return cls(*_LEADERBOARD.read(row, number))


_LEADERBOARD = Layout(
    "Leaderboard",
    ("mts", 0, Kind.INTEGER),
    ("username", 2, Kind.TEXT),
    ("ranking", 3, Kind.INTEGER),
    ("value", 6, Kind.NUMBER),
    ("twitter_handle", 9, Kind.OPTIONAL_TEXT),
)


@attrs.define
class FundingStatistic:
    """
    The state of a currency's funding market.

    Attributes
    ----------
    mts : int
        When, in milliseconds UTC.
    frr : float
        A 365th of the flash return rate: 365 times this is the rate per day.
    avg_period : float
        Average of the periods, in days.
    funding_amount : float
        Funding provided, in the currency.
    funding_amount_used : float
        What of it is used in positions.
    funding_below_threshold : float or None
        Sum of the open offers below 0.75 %; None in rows from before it was told.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-funding-stats
    """

    mts: Mts
    frr: float
    avg_period: float
    funding_amount: float
    funding_amount_used: float
    funding_below_threshold: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingStatistic:
        """Build from a row of 12 or more values (9 without the last field)."""
        return cls(*_FUNDING_STATISTIC.read(row, number))


_FUNDING_STATISTIC = Layout(
    "FundingStatistic",
    ("mts", 0, Kind.INTEGER),
    ("frr", 3, Kind.NUMBER),
    ("avg_period", 4, Kind.NUMBER),
    ("funding_amount", 7, Kind.NUMBER),
    ("funding_amount_used", 8, Kind.NUMBER),
    ("funding_below_threshold", 11, Kind.OPTIONAL_NUMBER),
)


@attrs.define
class TradingMarketAveragePrice:
    """
    What an amount of a pair would cost on average, by the book as it is.

    Attributes
    ----------
    price_avg : float
        In quote currency.
    amount : float
        What of the amount can be had, in base currency: positive buys, negative sells.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-market-average-price
    """

    price_avg: float
    amount: float

    @classmethod
    def from_row(
        cls, row: Row, number: NumberType = float
    ) -> TradingMarketAveragePrice:
        """Build from a row of 2 or more values."""
        return cls(*_TRADING_MARKET_AVERAGE_PRICE.read(row, number))


_TRADING_MARKET_AVERAGE_PRICE = Layout(
    "TradingMarketAveragePrice",
    ("price_avg", 0, Kind.NUMBER),
    ("amount", 1, Kind.NUMBER),
)


@attrs.define
class FundingMarketAveragePrice:
    """
    The average rate of an amount of funding, by the book as it is.

    Attributes
    ----------
    rate_avg : float
        Per day; 0.0002 means 0.02 % a day.
    amount : float
        What of the amount can be had, in the currency.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-market-average-price
    """

    rate_avg: float
    amount: float

    @classmethod
    def from_row(
        cls, row: Row, number: NumberType = float
    ) -> FundingMarketAveragePrice:
        """Build from a row of 2 or more values."""
        return cls(*_FUNDING_MARKET_AVERAGE_PRICE.read(row, number))


_FUNDING_MARKET_AVERAGE_PRICE = Layout(
    "FundingMarketAveragePrice",
    ("rate_avg", 0, Kind.NUMBER),
    ("amount", 1, Kind.NUMBER),
)


@attrs.define
class FxRate:
    """
    An exchange rate of two currencies.

    Attributes
    ----------
    current_rate : float
        What one unit of the first is in the second.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-public-foreign-exchange-rate
    """

    current_rate: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FxRate:
        """Build from a row of 1 or more values."""
        return cls(*_FX_RATE.read(row, number))


_FX_RATE = Layout("FxRate", ("current_rate", 0, Kind.NUMBER))


@attrs.define
class Vasp:
    """
    A provider of virtual asset services, as a withdrawal to one has to name it.

    Attributes
    ----------
    id : str
        Its decentralised identifier: ``vasp_did`` of a withdrawal.
    name : str
        ``vasp_name`` of a withdrawal.

    References
    ----------
    https://docs.bitfinex.com/reference/virtual-asset-service-providers
    """

    id: str
    name: str

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> Vasp:
        """Build from an object with ``id`` and ``name``."""
        if not isinstance(fields, dict):
            raise RemoteError(
                f"Vasp: expected an object, got {reprlib.repr(fields)}", raw=fields
            )
        try:
            return cls(*_VASP.read([fields.get("id"), fields.get("name")], float))
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=fields) from None


_VASP = Layout("Vasp", ("id", 0, Kind.TEXT), ("name", 1, Kind.TEXT))
