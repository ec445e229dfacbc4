import os

from bfxsync.compat import WssClient

key, secret = os.environ["BITFINEX_KEY"], os.environ["BITFINEX_SECRET"]

my_client = WssClient(key, secret)
my_client.authenticate(print)
my_client.start()
my_client.calc(["margin_sym_tBTCUSD", "funding_sym_fUSD"])
my_client.calc(["margin_sym_tBTCUSD"])
my_client.calc(["position_tBTCUSD"])
my_client.calc(["wallet_exachange_USD"])
