"""
The matching engine: order books, orders, positions and wallets. Pure and deterministic.

Strategy: amounts and prices are integers, time and ids come from the caller, and a market is known
only as a `matching.Venue`. Every change of a balance goes through `wallets`, which records it in
the ledger; orders and markets meet in `matching`.
"""
