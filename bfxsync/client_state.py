"""The methods of `Client` that describe its state as plain data; importable without REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Protocol

    class Socket(Protocol):
        """The WebSocket of a client."""

        def stats(self) -> dict[str, Any]:
            """Return its counters."""
            ...

        def health(self, *, stuck_after: float | None = None) -> dict[str, Any]:
            """Return whether it works."""
            ...

    class Rest(Protocol):
        """REST of a client."""

        def stats(self) -> dict[str, Any] | None:
            """Return its counters, None before its first use."""
            ...

    class HasParts(Protocol):
        """A client, as far as these methods use it."""

        @property
        def wss(self) -> Socket:
            """The WebSocket."""
            ...

        @property
        def _rest(self) -> Rest: ...


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
