"""Candles of a pair, and of a funding currency for all periods together."""

from bfxsync import Client

bfx = Client()

for candle in bfx.rest.public.get_candles_hist(symbol="tBTCUSD"):
    print(candle.time, candle.close)
# A funding candle needs its periods: from 2 to 30 days, in steps of 30.
for candle in bfx.rest.public.get_candles_hist(tf="15m", symbol="fUSD:a30:p2:p30"):
    print(candle.time, candle.close)
