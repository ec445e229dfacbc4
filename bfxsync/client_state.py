"""The methods of `Client` that describe its state as plain data; importable without REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Protocol

    from bfxsync.client_parts import LazyRest
    from bfxsync.ws.client import WebSocketClient

    class HasParts(Protocol):
        """A client, as far as these methods use it."""

        wss: WebSocketClient
        _rest: LazyRest


def stats(self: HasParts) -> dict[str, Any]:
    """
    Return state and counters as plain data.

    Returns
    -------
    dict
        JSON-serializable. ``wss``: see `WebSocketClient.stats`; ``rest``: see
        `RestClient.stats`, or None before the first use of REST.
    """
    return {"wss": self.wss.stats(), "rest": self._rest.stats()}


def health(self: HasParts, *, stuck_after: float | None = None) -> dict[str, Any]:
    """
    Return whether the client works, for liveness and readiness probes.

    It is about the WebSocket: see `WebSocketClient.health`. REST has no connection that could be
    lost, so a program that uses REST alone has no use for ``is_ready``.

    Parameters
    ----------
    stuck_after : float, optional
        Seconds; see `WebSocketClient.health`.
    """
    return self.wss.health(stuck_after=stuck_after)
