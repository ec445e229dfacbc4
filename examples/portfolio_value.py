"""Add up all wallets in US dollars; tethers count as dollars."""

from bfxsync.paper import PaperExchange

total = 0.0

with PaperExchange() as exchange, exchange.client() as bfx:
    for wallet in bfx.rest.auth.get_wallets():
        rate = 1.0
        if wallet.currency not in ("USD", "UST", "USTF0"):
            rate = bfx.rest.public.get_fx_rate(wallet.currency, "USD").current_rate
        total += wallet.balance * rate
        print(f"{wallet.wallet_type:9} {wallet.currency:6} {wallet.balance:12,.2f}")
print(f"{'all':9} {'USD':6} {total:12,.2f}")
