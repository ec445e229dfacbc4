"""Calculations: average price of an amount, and exchange rates."""

from __future__ import annotations

from typing import Mapping

from bfxsync.paper.engine.units import SCALE, Row, to_units
from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.rest.query import Query, Refused

# Currencies through which a rate may be derived.
_BRIDGES = ("USD", "BTC")
# Two names for the worst price, as clients send them.
_LIMITS = ("rate_limit", "price_limit")


def trade_average(query: Query) -> Row:
    """
    Return the average price of an amount, and how much of it the book can fill.

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
    """Return the value of the first currency in the second."""
    base, quote = query.text("ccy1"), query.text("ccy2")
    markets = query.market_data.markets
    for bridge in (quote, *_BRIDGES):
        first, second = _rate(base, bridge, markets), _rate(bridge, quote, markets)
        if first and second:
            return [first * second]
    raise Refused("ccy: invalid")


def _rate(base: str, quote: str, markets: Mapping[str, Market]) -> float | None:
    if base == quote:
        return 1.0
    for colon in ("", ":"):
        market = markets.get(f"t{base}{colon}{quote}")
        if market is not None:
            return _last(market)
        market = markets.get(f"t{quote}{colon}{base}")
        if market is not None:
            return 1 / _last(market)
    return None


def _last(market: Market) -> float:
    last: float = market.ticker()[6]
    return last


def _units(query: Query, name: str) -> int:
    try:
        return to_units(round(float(query.text(name)), 8))
    except (ValueError, ArithmeticError) as exc:  # infinity and NaN among them
        raise Refused(f"{name}: invalid") from exc
