"""Trades of an account; the official client calls `AccountTrade` ``Trade``."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from bfxsync._base.aliases import Mts, Symbol
from bfxsync.models.model import RestModel, Switch, at, model
from bfxsync.models.moments import Moment, moment


@model
class AccountTrade(RestModel):
    """
    A trade of this account.

    https://docs.bitfinex.com/reference/rest-auth-trades
    """

    id: int = at(0)
    symbol: Symbol = at(1)
    mts_create: Mts = at(2)
    """Execution time, in milliseconds UTC."""
    order_id: int = at(3)
    exec_amount: float = at(4)
    """In base currency: positive bought, negative sold."""
    exec_price: float = at(5)
    """In quote currency."""
    order_type: str | None = at(6)
    """See `OrderType`; None for trades before March 2020."""
    order_price: float | None = at(7)
    """Price of the order, in quote currency."""
    maker: Switch | None = at(8)
    """1: maker; -1: taker. The example of the exchange's page has 0, which it does not explain."""
    fee: float | None = at(9)
    """In `fee_currency`: negative is paid, positive is received."""
    fee_currency: str | None = at(10)
    cid: int | None = at(11)
    """Client order id of the order."""

    created_at: ClassVar[Moment[datetime]] = moment(mts_create)


@model
class OrderTrade(RestModel):
    """
    A trade of one order.

    https://docs.bitfinex.com/reference/rest-auth-order-trades
    """

    id: int = at(0)
    symbol: Symbol = at(1)
    mts_create: Mts = at(2)
    """Execution time, in milliseconds UTC."""
    order_id: int = at(3)
    exec_amount: float = at(4)
    """In base currency: positive bought, negative sold."""
    exec_price: float = at(5)
    """In quote currency."""
    order_type: str | None = at(6)
    """See `OrderType`. The exchange's page documents it; in the page's own example it is null."""
    maker: Switch | None = at(8)
    """1: maker; -1: taker. The example of the exchange's page has 0, which it does not explain."""
    fee: float | None = at(9)
    """In `fee_currency`: negative is paid, positive is received."""
    fee_currency: str | None = at(10)
    cid: int | None = at(11)
    """Client order id of the order."""

    created_at: ClassVar[Moment[datetime]] = moment(mts_create)


@model
class WeightedAverages(RestModel):
    """Amounts bought and sold of a pair, and their average prices."""

    trade_count: int = at(0)
    sum_buying_spent: float = at(1)
    """Paid for all buys, in quote currency."""
    sum_buying_amount: float = at(2)
    """In base currency."""
    sum_selling_spent: float = at(4)
    """Received for all sells, in quote currency."""
    sum_selling_amount: float = at(5)
    """In base currency."""
    buying_weighted_price: float = at(7)
    """In quote currency, weighted by amount."""
    selling_weighted_price: float = at(8)
    """In quote currency, weighted by amount."""
    first_trade_mts: Mts | None = at(10)
    """In milliseconds UTC; None without trades."""
    last_trade_mts: Mts | None = at(11)
    """In milliseconds UTC; None without trades."""
    symbol: Symbol | None = at(default=None, eq=False)
    """Symbol of the request."""

    first_trade_at: ClassVar[Moment[datetime | None]] = moment(first_trade_mts)
    last_trade_at: ClassVar[Moment[datetime | None]] = moment(last_trade_mts)
