import os

from bfxsync.compat import WssClient

key, secret = os.environ["BITFINEX_KEY"], os.environ["BITFINEX_SECRET"]


def on_account_message(message):
    print(message)


my_client = WssClient(key, secret)
my_client.authenticate(callback=on_account_message)
my_client.start()
