"""
Detects rows that belong to another kind of channel.

Strategy: rows may get more fields and nulls, so neither length nor nulls distinguish kinds. The
magnitude of numbers does: times in milliseconds and order ids are larger than any count, period or
rate, and prices have at most five significant digits. Only impossible rows are refused; other
mistakes are detected by sequence numbers and checksums.

https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

from bfxsync.models import market
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation

LEAST_TIME = 10**11
"""Less than any time in milliseconds since 1973, and far above all trade ids."""

MOST_PRICE = 10**8
"""Larger prices end in zeros, as only five digits are significant."""

MOST_COUNT = 10**9
MOST_DAYS = 100_000
MOST_RATE = 10_000
"""Maximum funding rate per day."""

MOST_ORDER_ID = 10**12
"""Order ids have reached 10**11 in ten years; times in milliseconds are larger than this."""

Fits = Callable[[Any, Any], bool]
"""Whether a row, and the model built from it, are of the expected kind."""


def _is_price(price: Any) -> bool:
    # The remainder of a Decimal would depend on the context of the thread.
    return price is None or price < MOST_PRICE or not float(price) % 1_000


def _is_ticker(row: Any, ticker: Any) -> bool:
    # A funding ticker has days where that of a pair has a price and a ratio.
    if len(row) > 12 and _is_days(row[2]) and _is_days(row[5]):
        return False
    return (
        _is_price(ticker.bid)
        and not _is_negative(ticker.bid_size)
        and not _is_negative(ticker.ask_size)
        and not _is_negative(ticker.volume)
    )


def _is_funding_ticker(_: Any, ticker: Any) -> bool:
    return (
        _is_below(ticker.frr, MOST_RATE)
        and _is_below(ticker.bid_period, MOST_DAYS)
        and _is_below(ticker.ask_period, MOST_DAYS)
        and not _is_negative(ticker.volume)
    )


def _is_days(value: Any) -> bool:
    return value.__class__ is int and 2 <= value <= 366


def _is_negative(value: Any) -> bool:
    return value is not None and value < 0


def _is_below(value: Any, most: int) -> bool:
    return value is None or value < most


def _is_trade(_: Any, trade: Any) -> bool:
    # Not recognized by its time, which may start at 0 on test servers. Rows of candles and
    # derivatives start with a time, and no other rows have an integer here.
    return bool(trade.id < LEAST_TIME) and _is_price(trade.price)


def _is_funding_trade(_: Any, trade: Any) -> bool:
    return bool(
        trade.id < LEAST_TIME and trade.rate < MOST_RATE and trade.period < MOST_DAYS
    )


FITS: dict[type, Fits] = {
    market.Ticker: _is_ticker,
    market.FundingTicker: _is_funding_ticker,
    market.Trade: _is_trade,
    market.TradeUpdate: _is_trade,
    market.FundingTrade: _is_funding_trade,
    market.FundingTradeUpdate: _is_funding_trade,
    market.BookUpdate: lambda _, level: (
        0 <= level.count < MOST_COUNT
        and (level.price < MOST_PRICE or _is_price(level.price))
    ),
    market.FundingBookUpdate: lambda _, level: (
        level.rate < MOST_RATE
        and level.period < MOST_DAYS
        and 0 <= level.count < MOST_COUNT
    ),
    market.RawBookUpdate: lambda _, order: (
        order.order_id < MOST_ORDER_ID
        and (order.price < MOST_PRICE or _is_price(order.price))
    ),
    market.FundingRawBookUpdate: lambda _, offer: (
        offer.offer_id < MOST_ORDER_ID
        and offer.period < MOST_DAYS
        and offer.rate < MOST_RATE
    ),
    Candle: lambda _, candle: candle.mts >= LEAST_TIME,
    # No other kind has so many fields at least.
    DerivativesStatus: lambda row, status: len(row) >= 18 and status.mts >= LEAST_TIME,
    Liquidation: lambda row, item: row[0] == "pos" and item.mts >= LEAST_TIME,
}


Columns = Sequence[Sequence[float]]

ColumnsFit = Callable[[int, Columns], bool]
"""
Returns whether the width of rows and the columns of their fields look like nearly all rows of a
kind. If not, `Fits` finds the row of another kind, if there is one.
"""


def _are_tickers(width: int, columns: Columns) -> bool:
    bid, bid_size, _, ask_size, _, _, _, volume, _, _ = columns
    return (
        max(bid) < MOST_PRICE
        and min(bid_size) >= 0
        and min(ask_size) >= 0
        and min(volume) >= 0
        and width <= 12
    )


def _are_funding_tickers(width: int, columns: Columns) -> bool:
    frr, _, bid_period, _, _, ask_period, _, _, _, _, volume, *_ = columns
    return (
        max(frr) < MOST_RATE
        and max(bid_period) < MOST_DAYS
        and max(ask_period) < MOST_DAYS
        and min(volume) >= 0
    )


def _are_trades(width: int, columns: Columns) -> bool:
    ids, _, _, prices = columns
    return max(ids) < LEAST_TIME and max(prices) < MOST_PRICE


def _are_funding_trades(width: int, columns: Columns) -> bool:
    ids, _, _, rates, periods = columns
    return max(ids) < LEAST_TIME and max(rates) < MOST_RATE and max(periods) < MOST_DAYS


def _are_levels(width: int, columns: Columns) -> bool:
    prices, counts, _ = columns
    return max(prices) < MOST_PRICE and 0 <= min(counts) and max(counts) < MOST_COUNT


def _are_funding_levels(width: int, columns: Columns) -> bool:
    rates, periods, counts, _ = columns
    return (
        max(rates) < MOST_RATE
        and max(periods) < MOST_DAYS
        and 0 <= min(counts)
        and max(counts) < MOST_COUNT
    )


def _are_orders(width: int, columns: Columns) -> bool:
    ids, prices, _ = columns
    return max(ids) < MOST_ORDER_ID and max(prices) < MOST_PRICE


def _are_offers(width: int, columns: Columns) -> bool:
    ids, periods, rates, _ = columns
    return (
        max(ids) < MOST_ORDER_ID and max(periods) < MOST_DAYS and max(rates) < MOST_RATE
    )


COLUMNS_FIT: dict[type, ColumnsFit] = {
    market.Ticker: _are_tickers,
    market.FundingTicker: _are_funding_tickers,
    market.Trade: _are_trades,
    market.TradeUpdate: _are_trades,
    market.FundingTrade: _are_funding_trades,
    market.FundingTradeUpdate: _are_funding_trades,
    market.BookUpdate: _are_levels,
    market.FundingBookUpdate: _are_funding_levels,
    market.RawBookUpdate: _are_orders,
    market.FundingRawBookUpdate: _are_offers,
    # With all known columns it has more than 18.
    DerivativesStatus: lambda _, columns: min(columns[0]) >= LEAST_TIME,
}
