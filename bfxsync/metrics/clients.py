"""The clients whose metrics are read, as long as they exist and are not closed."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Tuple

from bfxsync.errors import UsageError
from bfxsync.metrics.table import Reading

if TYPE_CHECKING:
    from typing_extensions import Protocol

    class AnyClient(Protocol):
        """A `Client` or `WebSocketClient`."""

        def stats(self) -> dict[str, Any]: ...

        def health(self, *, stuck_after: float | None = None) -> dict[str, Any]: ...


class Clients:
    """
    Clients by name.

    Strategy: they are referenced weakly, and each change is one operation on a dict, so that a
    scrape on another thread needs no lock.
    """

    def __init__(self, clients: Mapping[str, AnyClient]) -> None:
        self._references: Dict[str, weakref.ref[AnyClient]] = {}
        for name, client in dict(clients).items():
            self.add(name, client)

    def add(self, name: str, client: AnyClient) -> None:
        """Add a client; `UsageError` if its name is that of another open one."""
        if not (isinstance(name, str) and name):
            raise UsageError(f"the name of a client must be a text, not {name!r}")
        if not (hasattr(client, "stats") and hasattr(client, "health")):
            raise UsageError(
                f"{name!r} must be a Client or WebSocketClient, not {client!r}"
            )
        other = self._client(name)
        # In a forked child a client of its own may replace the copy of the parent's.
        is_taken = other not in (None, client) and not _is_copy(other)
        if is_taken:
            raise UsageError(f"there is another open client of the name {name!r}")
        self._references[name] = weakref.ref(client)

    def read(self) -> Iterator[Tuple[str, Reading]]:
        """Read the clients that are open, ended by an error, or copies in a forked child."""
        for name, reference in list(self._references.items()):
            if reference() is None:
                self._references.pop(name, None)
            client = self._client(name)
            if client is None:
                # Kept if it is closed: in a forked child it may be started again.
                continue
            stats = client.stats()
            wss = stats.get("wss", stats)
            yield name, Reading(client.health(), wss, stats.get("rest"))

    def _client(self, name: str) -> AnyClient | None:
        reference = self._references.get(name)
        client = None if reference is None else reference()
        if client is None:
            return None
        health = client.health()
        is_closed = health["status"] == "closed" and not health["is_forked"]
        return None if is_closed else client


def _is_copy(client: AnyClient | None) -> bool:
    return client is not None and bool(client.health()["is_forked"])
