"""Rates of funding, and ladders of offers."""

from bfxsync.funding.markets import flash_return_rates
from bfxsync.funding.offers import Ladder, LadderStep, ladder
from bfxsync.funding.rates import daily_rate, yearly_rate
from bfxsync.funding.spread import spread_amount, spread_rates

__all__ = [
    "Ladder",
    "LadderStep",
    "daily_rate",
    "flash_return_rates",
    "ladder",
    "spread_amount",
    "spread_rates",
    "yearly_rate",
]
