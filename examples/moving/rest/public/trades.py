"""Trades of a pair from the oldest on, and of a funding currency from the newest back."""

from typing import List

from bfxsync import Client
from bfxsync.types import FundingCurrencyTrade, TradingPairTrade

bfx = Client()

first: List[TradingPairTrade] = bfx.rest.public.get_t_trades(
    "tBTCUSD", limit=15, sort=+1
)
print(*first, sep="\n")

last: List[FundingCurrencyTrade] = bfx.rest.public.get_f_trades(
    "fUSD", limit=15, sort=-1
)
print(*last, sep="\n")
