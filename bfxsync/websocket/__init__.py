"""Modules under the names of bitfinex-api-py; the client itself is in ``bfxsync/ws``."""

from bfxsync.ws.client import WebSocketClient as BfxWebSocketClient

__all__ = ["BfxWebSocketClient"]
