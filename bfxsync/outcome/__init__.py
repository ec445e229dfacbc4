"""Resolves writes whose outcome is unknown, for REST and for the account channel."""
