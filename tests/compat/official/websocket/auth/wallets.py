"""Follow the wallets of an account, and nothing else of it."""

import os
from typing import List

from bfxapi import Client
from bfxapi.types import Wallet

bfx = Client(
    api_key=os.getenv("BFX_API_KEY"),
    api_secret=os.getenv("BFX_API_SECRET"),
    filters=["wallet"],
)


@bfx.wss.on("wallet_snapshot")
def on_wallet_snapshot(wallets: List[Wallet]):
    for wallet in wallets:
        print(wallet.wallet_type, wallet.currency, wallet.available_balance)
        print("  last trade:", wallet.trade_details)


@bfx.wss.on("wallet_update")
def on_wallet_update(wallet: Wallet):
    print("changed:", wallet)


bfx.wss.run()
