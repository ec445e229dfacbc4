"""
What the market maker wants: plain functions of what it knows.

Nothing here talks to the exchange, so each decision can be tested by a line in a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from bfxsync.symbols import Symbols

BUY, SELL = 1, -1

Level = Tuple[Decimal, Decimal]
"""A price, and the amount that is offered there; never negative."""


@dataclass(frozen=True)
class Settings:
    """What the trader decides. Amounts are in base currency; 0.001 as a ratio means 0.1 %."""

    symbol: str = "tBTCUSD"
    size: Decimal = Decimal("0.01")
    """Amount of each order."""
    max_position: Decimal = Decimal("0.05")
    """How far the balance may be above or below `target`."""
    target: Optional[Decimal] = None
    """Balance at which there is no position; by default that at the start."""
    edge: Decimal = Decimal("0.002")
    """Distance of both quotes from the fair price, as a ratio; should exceed the fees."""
    skew: Decimal = Decimal("0.001")
    """How far the largest position moves both quotes, as a ratio."""
    tolerance: Decimal = Decimal("0.0002")
    """An order is moved when its price is off by more than this ratio."""
    max_order_value: Decimal = Decimal(1000)
    """In quote currency; the client refuses larger orders."""

    def __post_init__(self) -> None:
        if not (self.size > 0 and self.max_position > 0 and self.max_order_value > 0):
            raise ValueError("sizes and limits must be positive")
        if not (0 < self.edge < 1 and 0 <= self.skew < 1 and 0 <= self.tolerance < 1):
            raise ValueError("ratios must be below 1, and the edge positive")

    @property
    def currencies(self) -> Tuple[str, str]:
        """Base and quote currency: BTC and USD of ``tBTCUSD``, TESTBTC of ``tTESTBTC:TESTUSD``."""
        return Symbols.split(self.symbol)


@dataclass(frozen=True)
class Quote:
    """An order that is wanted, or what is left of one that is open."""

    amount: Decimal
    """Positive to buy, negative to sell."""
    price: Decimal

    def __str__(self) -> str:
        return f"{self.amount:+f} at {self.price:f}"


@dataclass(frozen=True)
class State:
    """What the market maker knows at one moment."""

    bids: Sequence[Level]
    """Of the whole book, best first; own orders are among them."""
    asks: Sequence[Level]
    position: Decimal = Decimal(0)
    own: Mapping[int, Quote] = field(default_factory=dict)
    """The open orders, by side."""
    min_size: Decimal = Decimal(0)
    max_size: Decimal = Decimal("Infinity")
    is_trusted: bool = True
    """Whether all of this is current."""


def quotes(state: State, settings: Settings) -> Dict[int, Quote]:
    """Return the wanted orders by side; none if the market is not known for certain."""
    fair = fair_price(
        others(state.bids, state.own.get(BUY)), others(state.asks, state.own.get(SELL))
    )
    if fair is None or not state.is_trusted:
        return {}
    # With a long position both prices are lower: selling is more likely, buying less.
    fair *= 1 - settings.skew * state.position / settings.max_position
    sizes = {side: size_of(side, state, settings) for side in (BUY, SELL)}
    return {
        side: Quote(side * size, price_of(side, fair, state, settings))
        for side, size in sizes.items()
        if size
    }


def others(levels: Sequence[Level], own: Optional[Quote]) -> List[Level]:
    """Return the levels without an own order: a market maker must not follow itself."""
    found = []
    for price, amount in levels:
        if own is not None and own.price == price:
            amount -= abs(own.amount)
        if amount > 0:
            found.append((price, amount))
    return found


def fair_price(bids: Sequence[Level], asks: Sequence[Level]) -> Optional[Decimal]:
    """Return the microprice: the middle, but closer to the side on which less is offered."""
    if not bids or not asks:
        return None
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    return (bid * ask_size + ask * bid_size) / (bid_size + ask_size)


def size_of(side: int, state: State, settings: Settings) -> Decimal:
    """Return the size of an order that cannot exceed the largest position; 0 if there is none."""
    room = settings.max_position - side * state.position
    size = min(settings.size, room, state.max_size)
    size = size.quantize(Decimal("1e-8"), ROUND_DOWN)
    return size if size >= state.min_size and size > 0 else Decimal(0)


def price_of(side: int, fair: Decimal, state: State, settings: Settings) -> Decimal:
    """Return the price of an order, which does not reach the other side of the book."""
    price = round_price(fair * (1 - side * settings.edge), side)
    if side == BUY:
        best_ask = state.asks[0][0]
        return min(price, best_ask - tick(best_ask))
    best_bid = state.bids[0][0]
    return max(price, best_bid + tick(best_bid))


def tick(price: Decimal) -> Decimal:
    """Return the smallest step of a price: five significant digits, at most eight places."""
    return Decimal(1).scaleb(max(price.adjusted() - 4, -8))


def round_price(price: Decimal, side: int) -> Decimal:
    """Round to a price that the exchange accepts: down to buy, up to sell."""
    return price.quantize(tick(price), ROUND_FLOOR if side == BUY else ROUND_CEILING)


def change(
    wanted: Optional[Quote], current: Optional[Quote], tolerance: Decimal
) -> Optional[str]:
    """Return what to do with an order: ``place``, ``move`` or ``cancel`` it; None: nothing."""
    if current is None:
        return None if wanted is None else "place"
    if wanted is None or abs(current.amount) > abs(wanted.amount):
        return "cancel"
    is_off = abs(current.price - wanted.price) > tolerance * wanted.price
    return "move" if is_off else None
