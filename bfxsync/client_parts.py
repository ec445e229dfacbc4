"""
The parts of a client that are imported on first use.

The functions that import are called by `lazily`, so that no fork can happen meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Mapping

from bfxsync._base.forks import lazily
from bfxsync.checks.hosts import check_encryption

if TYPE_CHECKING:
    from bfxsync.rest.client import RestClient
    from bfxsync.symbols import Symbols


def check_hosts(hosts: Iterable[str], allow_insecure: bool, key: str) -> None:
    """Refuse to send a key to any of the hosts without encryption."""
    for host in hosts:
        check_encryption(host, key, allow_insecure)


def credentials_and_guard() -> Any:
    """Import what a client with keys and orders needs, unlike a `WebSocketClient` alone."""
    from bfxsync.credentials import ClientCredentials, hidden_source
    from bfxsync.guards.guard import OrderGuard
    from bfxsync.guards.limits import OrderLimits

    def guard(**limits: Any) -> OrderGuard:
        return OrderGuard(OrderLimits.of(**limits))

    return ClientCredentials, hidden_source, guard


def connected(options: Mapping[str, Any], **changes: Any) -> RestClient:
    """Return a REST client with these options."""
    return lazily(_rest_client)(**{**options, **changes})


def _rest_client() -> type[RestClient]:
    # Includes modules that Python imports lazily on a DNS lookup or when a date is parsed.
    import email.utils  # noqa: F401
    import encodings.idna  # noqa: F401

    from bfxsync.rest.client import RestClient

    return RestClient


def symbols_class() -> type[Symbols]:
    """Import the class of `Client.symbols`."""
    from bfxsync.symbols import Symbols

    return Symbols
