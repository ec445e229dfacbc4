"""
The first argument of event handlers, as typed dicts under the names of bitfinex-api-py.

>>> from bfxsync.types import TradingPairTicker
>>> from bfxsync.websocket.subscriptions import Ticker
>>> def on_ticker(subscription: Ticker, data: TradingPairTicker) -> None:
...     print(subscription["symbol"], data.bid)
"""

from __future__ import annotations

from typing import Literal, TypedDict, Union

__all__ = [
    "Book",
    "Candles",
    "Channel",
    "Status",
    "Subscription",
    "Ticker",
    "Trades",
]

Channel = Literal["ticker", "trades", "book", "candles", "status"]


class Ticker(TypedDict):
    """A subscription to a ticker."""

    channel: Literal["ticker"]
    sub_id: str
    symbol: str


class Trades(TypedDict):
    """A subscription to trades."""

    channel: Literal["trades"]
    sub_id: str
    symbol: str


class Book(TypedDict):
    """A subscription to an order book."""

    channel: Literal["book"]
    sub_id: str
    symbol: str
    prec: Literal["R0", "P0", "P1", "P2", "P3", "P4"]
    freq: Literal["F0", "F1"]
    len: Literal["1", "25", "100", "250"]


class Candles(TypedDict):
    """A subscription to candles."""

    channel: Literal["candles"]
    sub_id: str
    key: str


class Status(TypedDict):
    """A subscription to the status of a derivative, or to liquidations."""

    channel: Literal["status"]
    sub_id: str
    key: str


Subscription = Union[Ticker, Trades, Book, Candles, Status]
