"""Publishes market data to Redis Streams, so that many consumers share one subscription."""

from bfxsync.relay.group_store import WorkFailed
from bfxsync.relay.relay import Relay
from bfxsync.relay.workers import GroupWorker

__all__ = ["GroupWorker", "Relay", "WorkFailed"]
