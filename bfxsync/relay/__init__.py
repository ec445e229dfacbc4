"""Publishes market data to Redis Streams, so that many consumers share one subscription."""

from bfxsync.relay.relay import Relay

__all__ = ["Relay"]
