"""Offer dollars for two days, and list the open offers."""

import os

from bfxsync import Client
from bfxsync.types import FundingOffer, Notification

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))

# The exchange accepts no offer below the equivalent of 150 USD.
result: Notification[FundingOffer] = bfx.rest.auth.submit_funding_offer(
    type="LIMIT", symbol="fUSD", amount=151.25, rate=0.001, period=2
)
print(result.status, result.data)

for offer in bfx.rest.auth.get_funding_offers(symbol="fUSD"):
    print(offer.id, offer.amount, offer.rate, offer.period)
