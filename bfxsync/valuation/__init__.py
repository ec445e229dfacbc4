"""The value of wallets in one currency, by cross rates."""
