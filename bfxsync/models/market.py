"""
What the public channels bring: one class per message, built from the wire's row.

The objects are made for every message and therefore not frozen; treat them as read-only, as
other subscriptions and the book may hold the same ones. Number fields are annotated `float`; a
client with ``numbers=Decimal`` fills them with `decimal.Decimal` throughout. As the exchange
leaves out ``.0``, a whole number may be an `int` in the first case.
"""

from __future__ import annotations

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync.models.rows import INT64, SCREEN_ERRORS, Kind, Layout


@attrs.define
class Ticker:
    """
    Best bid and ask, and the last 24 hours, of a trading pair.

    A field is None where there is nothing yet: no order on that side of the book, or no trade.

    Attributes
    ----------
    bid, ask : float
        Best prices, in quote currency.
    bid_size, ask_size : float
        Sum of the 25 best levels' amounts, in base currency; never negative.
    daily_change : float
        Change of the price since yesterday's last, in quote currency.
    daily_change_relative : float
        The same as a ratio: 0.01 means 1 %.
    last_price : float
        Price of the last trade.
    volume : float
        Traded in 24 hours, in base currency.
    high, low : float
        Extremes of 24 hours.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-ticker
    """

    bid: float | None
    bid_size: float | None
    ask: float | None
    ask_size: float | None
    daily_change: float | None
    daily_change_relative: float | None
    last_price: float | None
    volume: float | None
    high: float | None
    low: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Ticker:
        """Build from the wire's row of 10 or more numbers."""
        if number is float:
            try:
                sum(row[:10])
                # fmt: off
                return cls(
                    row[0], row[1], row[2], row[3],  # bid, bid_size, ask, ask_size
                    row[4], row[5],                  # daily_change, daily_change_relative
                    row[6], row[7], row[8], row[9],  # last_price, volume, high, low
                )
                # fmt: on
            except SCREEN_ERRORS:
                pass
        return cls(*_TICKER.read(row, number))


_TICKER = Layout(
    "Ticker",
    ("bid", 0, Kind.OPTIONAL_NUMBER),
    ("bid_size", 1, Kind.OPTIONAL_NUMBER),
    ("ask", 2, Kind.OPTIONAL_NUMBER),
    ("ask_size", 3, Kind.OPTIONAL_NUMBER),
    ("daily_change", 4, Kind.OPTIONAL_NUMBER),
    ("daily_change_relative", 5, Kind.OPTIONAL_NUMBER),
    ("last_price", 6, Kind.OPTIONAL_NUMBER),
    ("volume", 7, Kind.OPTIONAL_NUMBER),
    ("high", 8, Kind.OPTIONAL_NUMBER),
    ("low", 9, Kind.OPTIONAL_NUMBER),
    least=10,
)


@attrs.define
class FundingTicker:
    """
    Best rates, and the last 24 hours, of a funding currency.

    A field is None where there is nothing yet: no offer on that side of the book, or no trade.

    Attributes
    ----------
    frr : float
        Flash return rate: the average of all fixed-rate funding of the last hour, per day.
    bid, ask : float
        Best rates per day; 0.0002 means 0.02 % a day.
    bid_period, ask_period : int
        Days of the best offers.
    bid_size, ask_size : float
        Amounts at the best rates, in the currency.
    daily_change : float
        Change of the rate since yesterday's last.
    daily_change_relative : float
        The same as a ratio.
    last_price : float
        Rate of the last funding trade, per day.
    volume : float
        Funded in 24 hours, in the currency.
    high, low : float
        Extremes of the rate in 24 hours.
    frr_amount_available : float or None
        Amount on offer at the flash return rate; None in the short rows of old servers.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-ticker
    """

    frr: float | None
    bid: float | None
    bid_period: int | None
    bid_size: float | None
    ask: float | None
    ask_period: int | None
    ask_size: float | None
    daily_change: float | None
    daily_change_relative: float | None
    last_price: float | None
    volume: float | None
    high: float | None
    low: float | None
    frr_amount_available: float | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingTicker:
        """Build from the wire's row of 16 or more values (13 from old servers)."""
        # One comes about every 15 s: no screen is worth its code here.
        return cls(*_FUNDING_TICKER.read(row, number))


_FUNDING_TICKER = Layout(
    "FundingTicker",
    ("frr", 0, Kind.OPTIONAL_NUMBER),
    ("bid", 1, Kind.OPTIONAL_NUMBER),
    ("bid_period", 2, Kind.OPTIONAL_INTEGER),
    ("bid_size", 3, Kind.OPTIONAL_NUMBER),
    ("ask", 4, Kind.OPTIONAL_NUMBER),
    ("ask_period", 5, Kind.OPTIONAL_INTEGER),
    ("ask_size", 6, Kind.OPTIONAL_NUMBER),
    ("daily_change", 7, Kind.OPTIONAL_NUMBER),
    ("daily_change_relative", 8, Kind.OPTIONAL_NUMBER),
    ("last_price", 9, Kind.OPTIONAL_NUMBER),
    ("volume", 10, Kind.OPTIONAL_NUMBER),
    ("high", 11, Kind.OPTIONAL_NUMBER),
    ("low", 12, Kind.OPTIONAL_NUMBER),
    ("frr_amount_available", 15, Kind.OPTIONAL_NUMBER),
    least=13,
)


@attrs.define
class Trade:
    """
    A trade of a pair.

    Attributes
    ----------
    id : int
        The exchange's number; rises, but not always in order of arrival.
    mts : int
        When, in milliseconds UTC.
    amount : float
        In base currency; positive if the taker bought, negative if the taker sold.
    price : float
        In quote currency.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-trades
    """

    id: int
    mts: Mts
    amount: float
    price: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Trade:
        """Build from the wire's row of 4 or more values."""
        if number is float:
            try:
                sum(row[:4])
                if row[0].__class__ is int is row[1].__class__ and 0 <= row[0] < INT64:
                    return cls(row[0], row[1], row[2], row[3])  # id, mts, amount, price
            except SCREEN_ERRORS:
                pass
        return cls(*_TRADE.read(row, number))


_TRADE = Layout(
    "Trade",
    ("id", 0, Kind.INTEGER),
    ("mts", 1, Kind.INTEGER),
    ("amount", 2, Kind.NUMBER),
    ("price", 3, Kind.NUMBER),
)


@attrs.define
class TradeUpdate(Trade):
    """The exchange's confirmation (`tu`) of a trade that came before as a `Trade`; same fields."""


@attrs.define
class FundingTrade:
    """
    A funding trade.

    Attributes
    ----------
    id : int
    mts : int
        When, in milliseconds UTC.
    amount : float
        In the currency; positive if funding was provided, negative if it was taken.
    rate : float
        Per day; 0.0002 means 0.02 % a day.
    period : int
        Days.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-trades
    """

    id: int
    mts: Mts
    amount: float
    rate: float
    period: int

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingTrade:
        """Build from the wire's row of 5 or more values."""
        return cls(*_FUNDING_TRADE.read(row, number))


_FUNDING_TRADE = Layout(
    "FundingTrade",
    ("id", 0, Kind.INTEGER),
    ("mts", 1, Kind.INTEGER),
    ("amount", 2, Kind.NUMBER),
    ("rate", 3, Kind.NUMBER),
    ("period", 4, Kind.INTEGER),
)


@attrs.define
class FundingTradeUpdate(FundingTrade):
    """The confirmation (`ftu`) of a funding trade that came before; same fields."""


@attrs.define
class BookUpdate:
    """
    One price level of a book, as it is now.

    Attributes
    ----------
    price : float
        In quote currency.
    count : int
        Orders at this price; 0 means that the level is gone.
    amount : float
        All of them together, in base currency: positive for bids, negative for asks. When the
        level is gone: 1 from the bids, -1 from the asks.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-books
    """

    price: float
    count: int
    amount: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> BookUpdate:
        """Build from the wire's row of 3 or more values."""
        if number is float:
            try:
                sum(row[:3])
                if row[1].__class__ is int:
                    return cls(row[0], row[1], row[2])  # price, count, amount
            except SCREEN_ERRORS:
                pass
        return cls(*_BOOK_UPDATE.read(row, number))


_BOOK_UPDATE = Layout(
    "BookUpdate",
    ("price", 0, Kind.NUMBER),
    ("count", 1, Kind.INTEGER),
    ("amount", 2, Kind.NUMBER),
)


@attrs.define
class FundingBookUpdate:
    """
    One level of a funding book, as it is now.

    Attributes
    ----------
    rate : float
        Per day.
    period : int
        Days; rate and period together name the level.
    count : int
        Offers at this level; 0 means that it is gone.
    amount : float
        In the currency. The sign is the other way round than for pairs: negative for bids
        (wanted), positive for asks (on offer). When gone: 1 from the asks, -1 from the bids.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-books
    """

    rate: float
    period: int
    count: int
    amount: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingBookUpdate:
        """Build from the wire's row of 4 or more values."""
        return cls(*_FUNDING_BOOK_UPDATE.read(row, number))


_FUNDING_BOOK_UPDATE = Layout(
    "FundingBookUpdate",
    ("rate", 0, Kind.NUMBER),
    ("period", 1, Kind.INTEGER),
    ("count", 2, Kind.INTEGER),
    ("amount", 3, Kind.NUMBER),
)


@attrs.define
class RawBookUpdate:
    """
    One order of a raw book (R0), as it is now.

    Attributes
    ----------
    order_id : int
    price : float
        In quote currency; 0 means that the order is gone.
    amount : float
        In base currency: positive for bids, negative for asks; 0 means that the order is gone too.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-raw-books
    """

    order_id: int
    price: float
    amount: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> RawBookUpdate:
        """Build from the wire's row of 3 or more values."""
        if number is float:
            try:
                sum(row[:3])
                if row[0].__class__ is int and 0 <= row[0] < INT64:
                    return cls(row[0], row[1], row[2])  # order_id, price, amount
            except SCREEN_ERRORS:
                pass
        return cls(*_RAW_BOOK_UPDATE.read(row, number))


_RAW_BOOK_UPDATE = Layout(
    "RawBookUpdate",
    ("order_id", 0, Kind.INTEGER),
    ("price", 1, Kind.NUMBER),
    ("amount", 2, Kind.NUMBER),
)


@attrs.define
class FundingRawBookUpdate:
    """
    One offer of a raw funding book (R0), as it is now.

    Attributes
    ----------
    offer_id : int
    period : int
        Days.
    rate : float
        Per day; 0 means that the offer is gone.
    amount : float
        In the currency: negative for bids, positive for asks; 0 means that the offer is gone too.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-raw-books
    """

    offer_id: int
    period: int
    rate: float
    amount: float

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> FundingRawBookUpdate:
        """Build from the wire's row of 4 or more values (the period stands before the rate)."""
        return cls(*_FUNDING_RAW_BOOK_UPDATE.read(row, number))


_FUNDING_RAW_BOOK_UPDATE = Layout(
    "FundingRawBookUpdate",
    ("offer_id", 0, Kind.INTEGER),
    ("period", 1, Kind.INTEGER),
    ("rate", 2, Kind.NUMBER),
    ("amount", 3, Kind.NUMBER),
)
