"""The whole client: composition only."""

from __future__ import annotations

from typing import Any, TypeVar

from bfxsync.ws.client import PUB_WSS_HOST, WebSocketClient

C = TypeVar("C", bound="Client")


class Client:
    """
    One object for everything; ``client.wss`` is the WebSocket side.

    Parameters
    ----------
    wss_host : str
        Address of the WebSocket.
    **options
        All keyword arguments of `WebSocketClient`.

    Attributes
    ----------
    wss : WebSocketClient
    """

    def __init__(self, *, wss_host: str = PUB_WSS_HOST, **options: Any) -> None:
        self.wss = WebSocketClient(wss_host, **options)

    def __enter__(self: C) -> C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything; returns within two seconds, from any thread."""
        self.wss.close()
