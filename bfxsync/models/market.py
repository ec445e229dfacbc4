"""
Messages of the public channels: one class each, built from the exchange's rows.

Strategy: an object is created for every message. Objects are not frozen; treat them as read-only,
as other subscriptions and the book may use the same ones. The most frequent models screen their row
with one sum, which raises for text, null and lists, and read it field by field only if that fails
or `Decimal` is requested. A written-out sum is cheaper for short rows, and begins with 0.0, as
texts can be added to each other. Number fields are annotated `float`; a client with
``numbers=Decimal`` fills them with `decimal.Decimal`. As the exchange leaves out ``.0``, a whole
number may be an `int` in the first case.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from bfxsync._base.aliases import Mts, Row, Symbol
from bfxsync.models.market_model import MarketModel, Reader
from bfxsync.models.model import at, model
from bfxsync.models.moments import Moment, moment
from bfxsync.models.rows import INT64, SCREEN_ERRORS


@model
class Ticker(MarketModel):
    """
    Best bid and ask, and the last 24 hours, of a trading pair.

    A field is None where there is no value yet: no order on that side of the book, or no trade.

    https://docs.bitfinex.com/reference/ws-public-ticker
    """

    bid: float | None = at(0)
    """Best bid, in quote currency."""
    bid_size: float | None = at(1)
    """Sum of the 25 best bids, in base currency; never negative."""
    ask: float | None = at(2)
    """Best ask, in quote currency."""
    ask_size: float | None = at(3)
    """Sum of the 25 best asks, in base currency; never negative."""
    daily_change: float | None = at(4)
    """Change since yesterday's last price, in quote currency."""
    daily_change_relative: float | None = at(5)
    """The same as a ratio: 0.01 means 1 %."""
    last_price: float | None = at(6)
    """Price of the last trade."""
    volume: float | None = at(7)
    """Volume of the last 24 hours, in base currency."""
    high: float | None = at(8)
    """Highest price of the last 24 hours."""
    low: float | None = at(9)
    """Lowest price of the last 24 hours."""

    _least = 10
    _is_screened = True
    _origin_columns = ("symbol",)

    @classmethod
    def _screened(cls, read_checked: Reader, symbol: Symbol | None) -> Reader:
        make: Any = cls

        def read(row: Row, server_mts: Mts | None = None) -> Any:
            try:
                # fmt: off
                values = (
                    bid, bid_size, ask, ask_size, daily_change, daily_change_relative,
                    last_price, volume, high, low,
                ) = row[:10]
                sum(values)
                return make(
                    bid, bid_size, ask, ask_size, daily_change, daily_change_relative,
                    last_price, volume, high, low, symbol, server_mts,
                )
                # fmt: on
            except SCREEN_ERRORS:
                pass
            return read_checked(row, server_mts)

        return read


@model
class FundingTicker(MarketModel):
    """
    Best rates, and the last 24 hours, of a funding currency.

    A field is None where there is no value yet: no offer on that side of the book, or no trade.
    Rows of old servers have 13 values.

    https://docs.bitfinex.com/reference/ws-public-ticker
    """

    frr: float | None = at(0)
    """Flash return rate: the average of all fixed-rate funding of the last hour, per day."""
    bid: float | None = at(1)
    """Best bid: rate per day; 0.0002 means 0.02 % a day."""
    bid_period: int | None = at(2)
    """Period of the best bid, in days."""
    bid_size: float | None = at(3)
    """Amount at the best bid, in the currency."""
    ask: float | None = at(4)
    """Best ask: rate per day."""
    ask_period: int | None = at(5)
    """Period of the best ask, in days."""
    ask_size: float | None = at(6)
    """Amount at the best ask, in the currency."""
    daily_change: float | None = at(7)
    """Change since yesterday's last rate, per day."""
    daily_change_relative: float | None = at(8)
    """The same as a ratio."""
    last_price: float | None = at(9)
    """Rate of the last funding trade, per day."""
    volume: float | None = at(10)
    """Volume of the last 24 hours, in the currency."""
    high: float | None = at(11)
    """Highest rate of the last 24 hours."""
    low: float | None = at(12)
    """Lowest rate of the last 24 hours."""
    frr_amount_available: float | None = at(15)
    """Amount on offer at the flash return rate; None in the short rows of old servers."""

    _least = 13
    _origin_columns = ("symbol",)


@model
class Trade(MarketModel):
    """
    A trade of a pair.

    https://docs.bitfinex.com/reference/ws-public-trades
    """

    id: int = at(0)
    """Ascending with time, but trades may arrive out of order."""
    mts: Mts = at(1)
    """Execution time, in milliseconds UTC."""
    amount: float = at(2)
    """In base currency; positive if the taker bought, negative if the taker sold."""
    price: float = at(3)
    """In quote currency."""

    time: ClassVar[Moment[datetime]] = moment(mts)

    _is_screened = True

    @classmethod
    def _screened(cls, read_checked: Reader, symbol: Symbol | None) -> Reader:
        make: Any = cls

        def read(row: Row, server_mts: Mts | None = None) -> Any:
            try:
                identity, mts, amount, price = row[0], row[1], row[2], row[3]
                0.0 + identity + mts + amount + price
                if identity.__class__ is int is mts.__class__ and 0 <= identity < INT64:
                    return make(identity, mts, amount, price, symbol, server_mts)
            except SCREEN_ERRORS:
                pass
            return read_checked(row, server_mts)

        return read


@model
class TradeUpdate(Trade):
    """The exchange's confirmation (``tu``) of an earlier `Trade`; same fields."""


@model
class FundingTrade(MarketModel):
    """
    A funding trade.

    https://docs.bitfinex.com/reference/ws-public-trades
    """

    id: int = at(0)
    mts: Mts = at(1)
    """Execution time, in milliseconds UTC."""
    amount: float = at(2)
    """In the currency; positive if funding was provided, negative if it was taken."""
    rate: float = at(3)
    """Per day; 0.0002 means 0.02 % a day."""
    period: int = at(4)
    """In days."""

    time: ClassVar[Moment[datetime]] = moment(mts)


@model
class FundingTradeUpdate(FundingTrade):
    """The confirmation (``ftu``) of an earlier `FundingTrade`; same fields."""


@model
class BookUpdate(MarketModel):
    """
    The new state of one price level of a book.

    https://docs.bitfinex.com/reference/ws-public-books
    """

    price: float = at(0)
    """In quote currency."""
    count: int = at(1)
    """Orders at this price; 0 means that the level is removed."""
    amount: float = at(2)
    """
    Total amount in base currency: positive for bids, negative for asks. For a removed level: 1 from
    the bids, -1 from the asks.
    """

    _is_screened = True

    @classmethod
    def _screened(cls, read_checked: Reader, symbol: Symbol | None) -> Reader:
        make: Any = cls

        def read(row: Row, server_mts: Mts | None = None) -> Any:
            try:
                price, count, amount = row[0], row[1], row[2]
                0.0 + price + count + amount
                if count.__class__ is int:
                    return make(price, count, amount, symbol, server_mts)
            except SCREEN_ERRORS:
                pass
            return read_checked(row, server_mts)

        return read


@model
class FundingBookUpdate(MarketModel):
    """
    The new state of one level of a funding book.

    https://docs.bitfinex.com/reference/ws-public-books
    """

    rate: float = at(0)
    """Per day."""
    period: int = at(1)
    """In days; rate and period together identify the level."""
    count: int = at(2)
    """Offers at this level; 0 means that it is removed."""
    amount: float = at(3)
    """
    In the currency. The signs are the opposite of those of pairs: negative for bids (demand),
    positive for asks (offers). For a removed level: 1 from the asks, -1 from the bids.
    """


@model
class RawBookUpdate(MarketModel):
    """
    The new state of one order of a raw book (R0).

    https://docs.bitfinex.com/reference/ws-public-raw-books
    """

    order_id: int = at(0)
    price: float = at(1)
    """In quote currency; 0 means that the order is removed."""
    amount: float = at(2)
    """In base currency: positive for bids, negative for asks; 0 also means removed."""

    _is_screened = True

    @classmethod
    def _screened(cls, read_checked: Reader, symbol: Symbol | None) -> Reader:
        make: Any = cls

        def read(row: Row, server_mts: Mts | None = None) -> Any:
            try:
                order_id, price, amount = row[0], row[1], row[2]
                0.0 + order_id + price + amount
                if order_id.__class__ is int and 0 <= order_id < INT64:
                    return make(order_id, price, amount, symbol, server_mts)
            except SCREEN_ERRORS:
                pass
            return read_checked(row, server_mts)

        return read


@model
class FundingRawBookUpdate(MarketModel):
    """
    The new state of one offer of a raw funding book (R0).

    https://docs.bitfinex.com/reference/ws-public-raw-books
    """

    offer_id: int = at(0)
    period: int = at(1)
    """In days."""
    rate: float = at(2)
    """Per day; 0 means that the offer is removed."""
    amount: float = at(3)
    """In the currency: negative for bids, positive for asks; 0 also means removed."""
