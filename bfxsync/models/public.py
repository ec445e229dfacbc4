"""
Rows of the public REST endpoints: statistics, rankings, averages, histories.

Number fields are annotated `float` and filled with `decimal.Decimal` for a client with
``numbers=Decimal``; a field is None where the exchange has no value.
"""

from __future__ import annotations

from datetime import datetime
from decimal import localcontext
from typing import ClassVar

from bfxsync._base.aliases import Mts, Symbol
from bfxsync._base.numbers import EXACT
from bfxsync.models.model import ObjectModel, RestModel, Switch, at, key, model
from bfxsync.models.moments import Moment, moment


@model
class PlatformStatus(RestModel):
    """
    Operational state of the exchange.

    https://docs.bitfinex.com/reference/rest-public-platform-status
    """

    status: Switch = at(0)
    """1: operative; 0: maintenance."""


@model
class TickersHistory(RestModel):
    """
    Best bid and ask of a pair at a past hour.

    https://docs.bitfinex.com/reference/rest-public-tickers-history
    """

    symbol: Symbol = at(0)
    bid: float | None = at(1)
    """Best bid, in quote currency; None if there was none."""
    ask: float | None = at(3)
    """Best ask, in quote currency; None if there was none."""
    mts: Mts = at(12)
    """In milliseconds UTC."""

    time: ClassVar[Moment[datetime]] = moment(mts)


@model
class Statistic(RestModel):
    """
    One sample of a statistic.

    https://docs.bitfinex.com/reference/rest-public-stats
    """

    mts: Mts = at(0)
    """In milliseconds UTC."""
    value: float = at(1)
    """
    Depends on the key: an amount of base currency for ``pos.size``, of the currency for
    ``funding.size`` and ``credits.size``, of dollars for ``vol``; a price for ``vwap``.
    """

    time: ClassVar[Moment[datetime]] = moment(mts)


@model
class Leaderboard(RestModel):
    """
    One entry of a ranking.

    https://docs.bitfinex.com/reference/rest-public-rankings
    """

    mts: Mts = at(0)
    """In milliseconds UTC."""
    username: str = at(2)
    ranking: int = at(3)
    """Rank, from 1."""
    value: float = at(6)
    """Profit (negative for a loss) or volume, depending on the key."""
    twitter_handle: str | None = at(9)
    """None if the user has not published one."""

    time: ClassVar[Moment[datetime]] = moment(mts)


@model
class FundingStatistic(RestModel):
    """
    The state of a currency's funding market.

    https://docs.bitfinex.com/reference/rest-public-funding-stats
    """

    mts: Mts = at(0)
    """In milliseconds UTC."""
    frr: float = at(3)
    """A 365th of the flash return rate: 365 times this is the rate per day."""
    avg_period: float = at(4)
    """Average period, in days."""
    funding_amount: float = at(7)
    """Funding provided, in the currency."""
    funding_amount_used: float = at(8)
    """Part of `funding_amount` that is used in positions."""
    funding_below_threshold: float | None = at(11)
    """Sum of the open offers below 0.75 %; None in old rows, which lack it."""
    symbol: Symbol | None = at(default=None, eq=False)
    """Symbol of the request."""

    time: ClassVar[Moment[datetime]] = moment(mts)

    @property
    def flash_return_rate(self) -> float:
        """The flash return rate per day, as in `FundingTicker.frr`: 365 times `frr`."""
        with localcontext(EXACT):
            return self.frr * 365


@model
class TradingMarketAveragePrice(RestModel):
    """
    Average price of an amount of a pair in the current book.

    https://docs.bitfinex.com/reference/rest-public-market-average-price
    """

    price_avg: float = at(0)
    """In quote currency."""
    amount: float = at(1)
    """Part of the amount that is available, in base currency: positive buys, negative sells."""
    symbol: Symbol | None = at(default=None, eq=False)
    """Symbol of the request."""


@model
class FundingMarketAveragePrice(RestModel):
    """
    Average rate of an amount of funding in the current book.

    https://docs.bitfinex.com/reference/rest-public-market-average-price
    """

    rate_avg: float = at(0)
    """Per day; 0.0002 means 0.02 % a day."""
    amount: float = at(1)
    """Part of the amount that is available, in the currency."""
    symbol: Symbol | None = at(default=None, eq=False)
    """Symbol of the request."""


@model
class FxRate(RestModel):
    """
    An exchange rate of two currencies.

    https://docs.bitfinex.com/reference/rest-public-foreign-exchange-rate
    """

    current_rate: float = at(0)
    """Price of one unit of the first currency, in the second."""


@model
class Vasp(ObjectModel):
    """
    A virtual asset service provider (VASP), to be named in withdrawals to it.

    https://docs.bitfinex.com/reference/virtual-asset-service-providers
    """

    id: str = key("id")
    """Decentralised identifier: ``vasp_did`` of a withdrawal."""
    name: str = key("name")
    """``vasp_name`` of a withdrawal."""
