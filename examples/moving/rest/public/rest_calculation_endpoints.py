"""Average price and rate of an amount at the current books, and a rate of exchange."""

from bfxsync import Client
from bfxsync.types import FundingMarketAveragePrice, FxRate, TradingMarketAveragePrice

bfx = Client()

price: TradingMarketAveragePrice = bfx.rest.public.get_trading_market_average_price(
    symbol="tBTCUSD", amount=-100, price_limit=20000.5
)
print("sold at", price.price_avg)

rate: FundingMarketAveragePrice = bfx.rest.public.get_funding_market_average_price(
    symbol="fUSD", amount=100, period=2, rate_limit=0.0015
)
print("borrowed at", rate.rate_avg)

fx: FxRate = bfx.rest.public.get_fx_rate(ccy1="USD", ccy2="EUR")
print("a dollar in euros:", fx.current_rate)
