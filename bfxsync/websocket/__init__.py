"""Modules under the names of bitfinex-api-py; the client itself is in ``bfxsync/ws``."""
