"""Order books of a pair and of a funding currency, by price and order by order."""

from typing import List

from bfxsync import Client
from bfxsync.types import (
    FundingCurrencyBook,
    FundingCurrencyRawBook,
    TradingPairBook,
    TradingPairRawBook,
)

bfx = Client()

levels: List[TradingPairBook] = bfx.rest.public.get_t_book(
    "tBTCUSD", precision="P0", len=25
)
print(len(levels), "price levels:", levels[0])

orders: List[TradingPairRawBook] = bfx.rest.public.get_t_raw_book("tBTCUSD")
print(len(orders), "orders:", orders[0])

rates: List[FundingCurrencyBook] = bfx.rest.public.get_f_book(
    "fUSD", precision="P0", len=25
)
print(len(rates), "rates:", rates[0])

offers: List[FundingCurrencyRawBook] = bfx.rest.public.get_f_raw_book("fUSD")
print(len(offers), "offers:", offers[0])
