"""Wallets, a transfer between two of them, deposit address and invoice, and a withdrawal."""

import os
from typing import List

from bfxsync import Client
from bfxsync.types import (
    DepositAddress,
    LightningNetworkInvoice,
    Notification,
    Transfer,
    Wallet,
    Withdrawal,
)

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))

wallets: List[Wallet] = bfx.rest.auth.get_wallets()
for wallet in wallets:
    print(wallet.wallet_type, wallet.currency, wallet.balance)

transfer: Notification[Transfer] = bfx.rest.auth.transfer_between_wallets(
    from_wallet="exchange",
    to_wallet="funding",
    currency="ETH",
    currency_to="ETH",
    amount=0.001,
)
print(transfer.data)

address: Notification[DepositAddress] = bfx.rest.auth.get_deposit_address(
    wallet="exchange", method="bitcoin", op_renew=False
)
print(address.data)

# The exchange wallet is the only one that can be paid by Lightning.
invoice: LightningNetworkInvoice = bfx.rest.auth.generate_deposit_invoice(
    wallet="exchange", currency="LNX", amount=0.001
)
print(invoice)

withdrawal: Notification[Withdrawal] = bfx.rest.auth.submit_wallet_withdrawal(
    wallet="exchange",
    method="tetheruse",
    address="0x0000000000000000000000000000000000000001",
    amount=1.0,
)
print(withdrawal.data)
