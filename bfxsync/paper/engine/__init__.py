"""
Accounts of the paper exchange: keys, wallets, orders, positions.

Everything that changes a balance goes through `wallets`, which writes it into the ledger; what
orders do to a market, and a market to orders, goes through `desk`. Nothing here knows of HTTP.
"""
