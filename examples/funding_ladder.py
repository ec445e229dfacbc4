"""Lend US dollars at five rates, from the flash return rate up to twice of it."""

from bfxsync.funding import flash_return_rates, ladder
from bfxsync.paper import PaperExchange

with PaperExchange() as exchange, exchange.client() as bfx:
    rate = flash_return_rates(bfx)["fUSD"]
    offers = ladder(
        "fUSD", 5000, low=rate, high=2 * rate, steps=5, period=[2, 2, 7, 30, 120]
    )
    print(offers)
    offers.place(bfx)
    for step in offers:
        print(step.state, step.offer.id, step.offer.offer_status)
