"""Write, read and list the settings of Bitfinex Pay."""

import os

from bfxsync import Client

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))

if not bfx.rest.merchant.set_merchant_settings("bfx_pay_recommend_store", 1):
    print("not changed")

fiat = bfx.rest.merchant.get_merchant_settings("bfx_pay_preferred_fiat")
print("preferred currency:", fiat)

settings = bfx.rest.merchant.list_merchant_settings(
    [
        "bfx_pay_dust_balance_ui",
        "bfx_pay_merchant_customer_support_url",
        "bfx_pay_merchant_underpaid_threshold",
    ]
)
for key, value in settings.items():
    print(key, "=", value)
