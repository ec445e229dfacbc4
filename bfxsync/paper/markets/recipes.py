"""
The parameters of the simulated markets, derived from recordings.

Measured on the recordings in ``bfxsync/paper/data``; ``python tests/paper/market_figures.py``
prints the figures, and those of the simulated markets beside them. The book is that of precision P0
with 100 levels. Spreads and distances are medians, in hundredths of a per cent (bps) of the middle
between the best prices. Sizes are medians in the base currency, with the standard deviation of
their logarithms: of the levels that came or changed, and of the trades, including the 30 of the
first snapshot. Where there was no other trade, the age of that snapshot gives the rate of trades.

====================  ==================  ==================  ===========================
measured              tBTCUSD 2018-11-12  tIOTETH 2021-04-17  tTESTBTC:TESTUSD 2021-04-17
====================  ==================  ==================  ===========================
book iterations       16.5 /s             3.89 /s             0.491 /s
rows new/gone/other   13130/13130/14635   371/372/40          38/38/3
trades                0.141 /s            0.0168 /s           0.0040 /s
spread                0.16, one tick      10.7                0.99, six ticks
distance of new rows  12.8                32.6                1.7
size of levels        0.63, sigma 1.83    120, sigma 1.93     1.18, sigma 0.73
size of trades        0.03, sigma 1.66    14.7, sigma 1.45    0.00024, sigma 2.72
volatility in 1 s     0.0074              0.78                0.45
volatility in 10 s    0.017               2.1                 1.5
====================  ==================  ==================  ===========================

So as many rows are added as removed, and there are about a hundred iterations for each trade. The
quarter of an hour of tBTCUSD had no price movement; bitcoin here moves like tTESTBTC:TESTUSD, and
the other coins like tIOTETH. Each market has the figures of one of the three, its sizes with the
same value in dollars, and those of orders smaller than those of levels, which hold several. In two
respects they differ: a side has at least 130 levels, so orders are on average at least 90 ticks
away, and more of them share a level than in tIOTETH.
"""

from __future__ import annotations

import attrs

from bfxsync.paper.engine.units import SCALE, to_units

LIVELY_TRADE_RATIO = 0.12
"""Ratio of trades to all events if a rate is given: for tests, which need many trades."""

USD_VALUES = {
    "USD": 1.0,
    "UST": 1.0005,
    "EUR": 1.08,
    "BTC": 64_250.0,
    "ETH": 2_480.0,
    "LTC": 137.5,
    "XRP": 0.62,
}
"""Initial values of currencies in dollars; others as in `currency_of`."""

VOLATILITIES_BPS = {
    "UST": 0.01,
    "EUR": 0.05,
    "BTC": 0.45,
    "ETH": 0.6,
    "LTC": 0.6,
    "XRP": 0.6,
    "fUSD": 0.5,
    "fUST": 0.5,
    "fBTC": 0.5,
}
"""Standard deviation of the change of a value in a second, in hundredths of a per cent."""


@attrs.frozen
class Traffic:
    """
    The figures of a recorded market.

    Attributes
    ----------
    rate : float
        Events per second: iterations of the book.
    trade_ratio : float
        Ratio of events that are trades.
    change_ratio : float
        Ratio of events that change the amount of an order, among those that are no trades; the
        others move orders.
    moves : int
        Orders that are cancelled and placed in one event.
    spread_bps, depth_bps : float
        Median spread, and median distance of new orders from the middle.
    order_usd, trade_usd : float
        Median values of orders and trades.
    order_sigma, trade_sigma : float
        Standard deviations of the logarithms of their sizes.
    """

    rate: float
    trade_ratio: float
    change_ratio: float
    moves: int
    spread_bps: float
    depth_bps: float
    order_usd: float
    order_sigma: float
    trade_usd: float
    trade_sigma: float


BUSY = Traffic(16.5, 0.0085, 0.1, 1, 0.16, 12.8, 16_000, 1.83, 1_900, 1.66)
QUIET = Traffic(3.9, 0.0043, 0.05, 3, 10.7, 32.6, 100, 1.93, 37, 1.45)
TEST = Traffic(0.49, 0.0082, 0.05, 2, 0.99, 1.7, 38_000, 0.73, 15, 2.7)

# Without a recording: rates as in a quiet market, sizes above the smallest offer of 150 dollars.
FUNDING = Traffic(3.9, 0.0043, 0.05, 3, 10.7, 32.6, 5_000, 1.0, 5_000, 1.0)


@attrs.frozen
class Recipe:
    """
    The parameters of a simulated market.

    Attributes
    ----------
    middle, tick : int
        The initial price, and the price step, in units.
    base, quote : str
        Names of the values whose quotient is the price; for an interest rate its own and ``USD``.
    periods : tuple of int
        Funding periods, in days.
    emptiness : float
        Ratio of the past minutes that have no trades.
    """

    symbol: str
    middle: int
    tick: int
    base: str
    quote: str
    traffic: Traffic
    emptiness: float = 0.05
    periods: tuple[int, ...] = (0,)

    @property
    def volatility_bps(self) -> float:
        """Standard deviation of the price changes in a second, in hundredths of a per cent."""
        base, quote = (VOLATILITIES_BPS.get(name, 0.0) for name in self.legs)
        return float((base**2 + quote**2) ** 0.5)

    @property
    def legs(self) -> tuple[str, str]:
        """`base` and `quote`."""
        return self.base, self.quote

    def ticks(self, bps: float) -> float:
        """Convert a distance in hundredths of a per cent of the price to ticks."""
        return self.middle / self.tick * bps / 10_000

    def amount(self, usd: float) -> float:
        """Convert a value in dollars to an amount of the base currency."""
        currency = self.symbol[1:] if self.symbol.startswith("f") else self.base
        return usd / USD_VALUES[currency]


def currency_of(code: str) -> str:
    """Return the currency that has the same value: of test money, or of a derivatives wallet."""
    code = code[4:] if code.startswith("TEST") else code
    code = code[:-2] if code.endswith("F0") else code
    return "UST" if code in ("USDT", "USDt") else code


def _pair(
    symbol: str,
    legs: str,
    tick: float,
    traffic: Traffic,
    emptiness: float = 0.05,
    premium: float = 1.0,
) -> Recipe:
    base, quote = legs.split("/")
    price = USD_VALUES[base] / USD_VALUES[quote] * premium
    step = to_units(tick)
    middle = round(price * SCALE / step) * step
    return Recipe(symbol, middle, step, base, quote, traffic, emptiness)


def _funding(symbol: str, rate: float, tick: float, emptiness: float) -> Recipe:
    # fmt: off
    return Recipe(
        symbol, to_units(rate), to_units(tick), symbol, "USD", FUNDING, emptiness,
        (2, 7, 14, 30, 120),
    )
    # fmt: on


RECIPES = {
    recipe.symbol: recipe
    for recipe in (
        _pair("tBTCUSD", "BTC/USD", 1, BUSY),
        _pair("tETHUSD", "ETH/USD", 0.1, BUSY),
        _pair("tLTCUSD", "LTC/USD", 0.01, QUIET, 0.3),
        _pair("tLTCBTC", "LTC/BTC", 1e-7, QUIET, 0.4),
        _pair("tETHBTC", "ETH/BTC", 1e-6, QUIET, 0.3),
        _pair("tUSTUSD", "UST/USD", 1e-4, BUSY, 0.3),
        _pair("tBTCUST", "BTC/UST", 1, BUSY),
        _pair("tXRPUSD", "XRP/USD", 1e-5, QUIET, 0.3),
        _pair("tTESTBTC:TESTUSD", "BTC/USD", 1, TEST, 0.6),
        _funding("fUSD", 0.00021, 1e-8, 0.6),
        _funding("fUST", 0.00025, 1e-8, 0.6),
        _funding("fBTC", 0.000012, 1e-9, 0.6),
        _pair("tBTCF0:USTF0", "BTC/UST", 1, BUSY, premium=1.0007),
        _pair("tETHF0:USTF0", "ETH/UST", 0.1, QUIET, 0.3, premium=1.0007),
    )
}
