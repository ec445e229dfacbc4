"""Values of currencies in dollars, at the last prices of the markets."""

from __future__ import annotations

from typing import Mapping

from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.engine.venue import TradedMarket, Venue


def dollar_price(venues: Mapping[str, Venue], currency: str) -> int:
    """Return the price of a currency in dollars, in units; 0 if no market has one."""
    # Derivatives are settled in the currency itself.
    code = currency[:-2] if currency.endswith("F0") else currency
    if code == "USD":
        return SCALE
    price = _last_price(venues, code, "USD") or _last_price(venues, code, "UST")
    if price:
        return price
    if code == "UST":
        return SCALE
    return _last_price(venues, code, "BTC") * _last_price(venues, "BTC", "USD") // SCALE


def dollar_value(venues: Mapping[str, Venue], currency: str, amount: int) -> int:
    """Return the value of an amount in dollars."""
    return amount * dollar_price(venues, currency) // SCALE


def closing_price(market: TradedMarket, is_long: bool) -> int:
    """Return the best price of the other side, or the last price if it is empty."""
    side = market.book.depth("R0").side(is_long)
    return side.best().price if len(side) else market.last_price


def _last_price(venues: Mapping[str, Venue], base: str, quote: str) -> int:
    for colon in ("", ":"):
        venue = venues.get(f"t{base}{colon}{quote}")
        if venue is not None:
            return venue.market.last_price
    return 0
