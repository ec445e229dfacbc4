"""What an account has traded. The official client calls the first one ``Trade``."""

from __future__ import annotations

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row, Symbol
from bfxsync.models.rows import Kind, Layout


@attrs.define
class AccountTrade:
    """
    A trade of this account.

    Attributes
    ----------
    id : int
    symbol : str
    mts_create : int
        When, in milliseconds UTC.
    order_id : int
        The order that it came of.
    exec_amount : float
        In base currency: positive bought, negative sold.
    exec_price : float
        In quote currency.
    order_type : str or None
        See `OrderType`; None for trades before March 2020.
    order_price : float or None
        The order's price, in quote currency.
    maker : int or None
        1: the order was in the book (maker); -1: it took from there. The page's own example
        has a 0, of which it says nothing.
    fee : float or None
        In `fee_currency`: negative is paid, positive is received.
    fee_currency : str or None
    cid : int or None
        The order's client id.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-trades
    """

    id: int
    symbol: Symbol
    mts_create: Mts
    order_id: int
    exec_amount: float
    exec_price: float
    order_type: str | None
    order_price: float | None
    maker: int | None
    fee: float | None
    fee_currency: str | None
    cid: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> AccountTrade:
        """Build from a row of 6 or more values, 12 as the exchange sends it."""
        return cls(*_ACCOUNT_TRADE.read(row, number))


_ACCOUNT_TRADE = Layout(
    "AccountTrade",
    ("id", 0, Kind.INTEGER),
    ("symbol", 1, Kind.TEXT),
    ("mts_create", 2, Kind.INTEGER),
    ("order_id", 3, Kind.INTEGER),
    ("exec_amount", 4, Kind.NUMBER),
    ("exec_price", 5, Kind.NUMBER),
    ("order_type", 6, Kind.OPTIONAL_TEXT),
    ("order_price", 7, Kind.OPTIONAL_NUMBER),
    ("maker", 8, Kind.OPTIONAL_SWITCH),
    ("fee", 9, Kind.OPTIONAL_NUMBER),
    ("fee_currency", 10, Kind.OPTIONAL_TEXT),
    ("cid", 11, Kind.OPTIONAL_INTEGER),
)


@attrs.define
class OrderTrade:
    """
    A trade that came of an order.

    Attributes
    ----------
    id : int
    symbol : str
    mts_create : int
        When, in milliseconds UTC.
    order_id : int
    exec_amount : float
        In base currency: positive bought, negative sold.
    exec_price : float
        In quote currency.
    order_type : str or None
        See `OrderType`. The page has it; in its own example it is None.
    maker : int or None
        1: the order was in the book (maker); -1: it took from there. The page's own example
        has a 0, of which it says nothing.
    fee : float or None
        In `fee_currency`: negative is paid, positive is received.
    fee_currency : str or None
    cid : int or None
        The order's client id.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-order-trades
    """

    id: int
    symbol: Symbol
    mts_create: Mts
    order_id: int
    exec_amount: float
    exec_price: float
    order_type: str | None
    maker: int | None
    fee: float | None
    fee_currency: str | None
    cid: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> OrderTrade:
        """Build from a row of 6 or more values, 12 as the exchange sends it."""
        return cls(*_ORDER_TRADE.read(row, number))


_ORDER_TRADE = Layout(
    "OrderTrade",
    ("id", 0, Kind.INTEGER),
    ("symbol", 1, Kind.TEXT),
    ("mts_create", 2, Kind.INTEGER),
    ("order_id", 3, Kind.INTEGER),
    ("exec_amount", 4, Kind.NUMBER),
    ("exec_price", 5, Kind.NUMBER),
    ("order_type", 6, Kind.OPTIONAL_TEXT),
    ("maker", 8, Kind.OPTIONAL_SWITCH),
    ("fee", 9, Kind.OPTIONAL_NUMBER),
    ("fee_currency", 10, Kind.OPTIONAL_TEXT),
    ("cid", 11, Kind.OPTIONAL_INTEGER),
)


@attrs.define
class WeightedAverages:
    """
    What was bought and sold of a pair, and at what prices on average.

    Attributes
    ----------
    trade_count : int
    sum_buying_spent, sum_selling_spent : float
        In quote currency: paid for what was bought, received for what was sold.
    sum_buying_amount, sum_selling_amount : float
        In base currency.
    buying_weighted_price, selling_weighted_price : float
        In quote currency, weighted by amount.
    first_trade_mts, last_trade_mts : int or None
        In milliseconds UTC; None without trades.
    """

    trade_count: int
    sum_buying_spent: float
    sum_buying_amount: float
    sum_selling_spent: float
    sum_selling_amount: float
    buying_weighted_price: float
    selling_weighted_price: float
    first_trade_mts: Mts | None
    last_trade_mts: Mts | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> WeightedAverages:
        """Build from a row of 9 or more values, 12 as the exchange sends it."""
        return cls(*_WEIGHTED_AVERAGES.read(row, number))


_WEIGHTED_AVERAGES = Layout(
    "WeightedAverages",
    ("trade_count", 0, Kind.INTEGER),
    ("sum_buying_spent", 1, Kind.NUMBER),
    ("sum_buying_amount", 2, Kind.NUMBER),
    ("sum_selling_spent", 4, Kind.NUMBER),
    ("sum_selling_amount", 5, Kind.NUMBER),
    ("buying_weighted_price", 7, Kind.NUMBER),
    ("selling_weighted_price", 8, Kind.NUMBER),
    ("first_trade_mts", 10, Kind.OPTIONAL_INTEGER),
    ("last_trade_mts", 11, Kind.OPTIONAL_INTEGER),
)
