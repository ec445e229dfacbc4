"""Tickers, trades, books, candles, and calculations from them."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping

from bfxsync.paper.engine.book import round_price
from bfxsync.paper.engine.units import SCALE, Row, to_units
from bfxsync.paper.markets.bars import HOUR, MINUTE_MS
from bfxsync.paper.markets.chart import CandleKey
from bfxsync.paper.markets.market import Market
from bfxsync.paper.markets.recipes import currency_of
from bfxsync.paper.server.book_window import Window
from bfxsync.paper.server.feeds import PRECISIONS
from bfxsync.paper.server.rest.query import Query, Refused
from bfxsync.paper.server.wire_json import Text

_BOOK_LENGTHS = (1, 25, 100)
_HOUR_MS = HOUR * MINUTE_MS
_YEAR_MS = 365 * 24 * _HOUR_MS
# Tickers are sampled a little after the full hour.
_SAMPLE_MS = 4_000
# Currencies through which a rate may be derived.
_BRIDGES = ("USD", "BTC")
# Two names for the worst price, as clients send them.
_LIMITS = ("rate_limit", "price_limit")


def ticker(query: Query) -> Row:
    """Return the ticker of a symbol."""
    return query.market().ticker()


def tickers(query: Query) -> Iterator[Row]:
    """Iterate over tickers with their symbols; unknown symbols are skipped (a guess)."""
    for market in _markets(query):
        yield [market.symbol, *market.ticker()]


def tickers_hist(query: Query) -> Iterator[Row]:
    """Iterate over hourly samples of best prices, a year back, without funding."""
    page = query.page(100, 250)
    now = query.market_data.now_mts()
    hours = page.shifted(-_SAMPLE_MS).times(now - _YEAR_MS, now - _SAMPLE_MS, _HOUR_MS)
    return page.cut(_samples(_markets(query), hours))


def trades_hist(query: Query) -> Iterator[Row]:
    """Iterate over trades."""
    page = query.page(125, 10_000)
    tape = query.market().tape
    return page.cut(tape.rows(page.start, page.end, page.newest_first))


def book(query: Query) -> Text:
    """Return the book in the state of its subscribers."""
    market = query.market()
    prec = query.text("precision")
    if prec not in PRECISIONS:
        raise Refused("precision: invalid")
    length = query.integer("len")
    length = 25 if length is None else length
    if length not in _BOOK_LENGTHS:
        raise Refused("len: invalid")
    window = Window(market.book.depth(prec), prec, length, market.is_funding)
    return Text(f"[{','.join(window.snapshot())}]")


def candles_hist(query: Query) -> Iterator[Row]:
    """Iterate over candles."""
    page = query.page(100, 10_000)
    key = _candle_key(query)
    chart = query.market_data.markets[key.symbol].chart
    return page.cut(chart.rows(key, page.start, page.end, page.newest_first))


def candles_last(query: Query) -> Row:
    """Return the newest candle, or an empty list."""
    key = _candle_key(query)
    return next(query.market_data.markets[key.symbol].chart.rows(key), [])


def trade_average(query: Query) -> Row:
    """
    Return the average price of an amount, and the part of it that the book can fill.

    A positive amount buys, or borrows; the limit is the worst price.
    """
    market = query.market()
    amount = _units(query, "amount")
    if not amount:
        raise Refused("amount: invalid")
    limits = [_units(query, name) for name in _LIMITS if query.has(name)]
    period = query.integer("period")
    if market.is_funding and period is None:
        raise Refused("period: invalid")
    is_bid = amount < 0
    done = cost = 0
    for entry in market.book.depth("R0").side(is_bid):
        is_worse = entry.price.__lt__ if is_bid else entry.price.__gt__
        if any(map(is_worse, limits)):
            break
        if market.is_funding and period is not None and entry.period > period:
            continue
        part = min(abs(amount) - done, entry.amount)
        done += part
        cost += part * entry.price
        if done == abs(amount):
            break
    average = cost / done / SCALE if done else 0
    return [average, (-done if is_bid else done) / SCALE]


def fx(query: Query) -> Row:
    """
    Return the value of the first currency in the second.

    Test money and derivatives wallets have the value of the real currency.
    """
    base, quote = (currency_of(query.text(name)) for name in ("ccy1", "ccy2"))
    markets = query.market_data.markets
    for bridge in (quote, *_BRIDGES):
        first, second = _rate(base, bridge, markets), _rate(bridge, quote, markets)
        if first and second:
            return [first * second]
    # Of a currency without a market, such as EUR.
    in_usd, now = query.market_data.values.in_usd, query.market_data.now_mts()
    first, second = in_usd(base, now), in_usd(quote, now)
    if first is None or second is None:
        raise Refused("ccy: invalid")
    return [first / second]


def _candle_key(query: Query) -> CandleKey:
    key = CandleKey.parse(query.text("candle"))
    if key is None:
        raise Refused("key: invalid")
    if key.symbol not in query.market_data.markets:
        raise Refused("symbol: invalid")
    return key


def _markets(query: Query) -> list[Market]:
    symbols = query.text("symbols").split(",")
    markets = query.market_data.markets
    if "ALL" in symbols:
        return list(markets.values())
    return [markets[symbol] for symbol in symbols if symbol in markets]


def _samples(markets: list[Market], hours: Iterable[int]) -> Iterator[Row]:
    empty: Row = [None]
    for hour in hours:
        minute = hour // MINUTE_MS
        for market in markets:
            bar = market.chart.bar(minute - HOUR, minute, range(1))
            if bar is not None and not market.is_funding:
                spread = bar.close // 10_000
                bid = round_price(bar.close - spread, 5, up=False) / SCALE
                ask = round_price(bar.close + spread, 5, up=True) / SCALE
                mts = hour + _SAMPLE_MS
                yield [market.symbol, bid, None, ask, *empty * 8, mts]


def _rate(base: str, quote: str, markets: Mapping[str, Market]) -> float | None:
    if base == quote:
        return 1.0
    for colon in ("", ":"):
        market = markets.get(f"t{base}{colon}{quote}")
        if market is not None:
            return float(market.ticker()[6])
        market = markets.get(f"t{quote}{colon}{base}")
        if market is not None:
            return 1 / float(market.ticker()[6])
    return None


def _units(query: Query, name: str) -> int:
    try:
        return to_units(round(float(query.text(name)), 8))
    except (ValueError, ArithmeticError) as exc:  # infinity and NaN among them
        raise Refused(f"{name}: invalid") from exc
