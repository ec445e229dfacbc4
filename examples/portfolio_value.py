"""Add up all wallets in US dollars, by the current prices of pairs."""

from bfxsync.paper import PaperExchange

with PaperExchange() as exchange, exchange.client() as bfx:
    portfolio = bfx.portfolio("USD")
    print(portfolio)

# A test account has currencies that no pair joins with US dollars: they are listed, not counted.
for row in portfolio.unvalued:
    print(
        f"no rate for {row.balance:,.2f} {row.currency} in the {row.wallet_type} wallet"
    )
print(f"without them: {portfolio.total:,.2f} {portfolio.currency}")
