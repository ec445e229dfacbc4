"""Creates connections: to the exchange, or to the Redis server of a relay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bfxsync._base.forks import lazily
from bfxsync.ws.core.subscription_table import Owner
from bfxsync.ws.io.connection import Connection
from bfxsync.ws.io.link import Link
from bfxsync.ws.settings import ConnectionSettings

if TYPE_CHECKING:
    from bfxsync.ws.io.relayed_connection import RelayedConnection


def open_connection(number: int, settings: ConnectionSettings, owner: Owner) -> Link:
    """Create the connection of a client with these settings."""
    if settings.source is not None:
        return lazily(_relayed_connection)(number, settings, owner).link
    return Connection(number, settings, owner).link


def _relayed_connection() -> type[RelayedConnection]:
    # Imported lazily: few clients use it.
    from bfxsync.ws.io.relayed_connection import RelayedConnection

    return RelayedConnection
