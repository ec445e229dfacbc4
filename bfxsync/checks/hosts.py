"""Checks of the hosts that a client connects to."""

from __future__ import annotations

import os
from typing import Callable

from bfxsync._base.hosts import (
    PAPER_PREFIX,
    PUB_REST_HOST,
    PUB_WSS_HOST,
    REST_HOST,
    WSS_HOST,
    address_of,
    hostname_of,
    is_loopback,
    shown,
)
from bfxsync.errors import UsageError

_PUBLIC_NAME = "api-pub.bitfinex.com"


def check_rest_host(host: object) -> str:
    """Return the base URL of REST, without trailing slash."""
    address = address_of(host)
    if address is None or address.scheme not in ("http", "https") or address.query:
        raise UsageError(f"a host must look like 'https://host/path'{_found(host)}")
    return str(address._replace(path=address.path.rstrip("/")))


def check_wss_host(host: object) -> str:
    """Return the URL of a WebSocket."""
    address = address_of(host)
    if address is None or address.scheme not in ("ws", "wss"):
        raise UsageError(f"a host must look like 'wss://host/path'{_found(host)}")
    return str(address)


def rest_host_of(host: object = None) -> str:
    """Return the base address of REST: of the argument, of ``BFX_REST_HOST``, or the exchange's."""
    return _host_of(host, "BFX_REST_HOST", check_rest_host, PUB_REST_HOST)


def wss_host_of(host: object = None) -> str:
    """Return the address of a WebSocket: of the argument, ``BFX_WSS_HOST``, or the exchange's."""
    return _host_of(host, "BFX_WSS_HOST", check_wss_host, PUB_WSS_HOST)


def _host_of(
    host: object, variable: str, check: Callable[[object], str], default: str
) -> str:
    if host is not None:
        return check(host)
    found = os.environ.get(variable)
    if not found:
        return default
    try:
        return check(found)
    except UsageError as exc:
        raise UsageError(f"{variable} of the environment: {exc}") from None


def signed_rest_host(host: str, auth_host: object = None) -> str:
    """
    Return the base URL for signed calls: `auth_host` if it is not None.

    By default `REST_HOST`, or the (checked) `host` of the other calls unless that is the exchange's
    public host, which does not accept signed calls.
    """
    if auth_host is None:
        return REST_HOST if hostname_of(host) == _PUBLIC_NAME else host
    checked = check_rest_host(auth_host)
    if hostname_of(checked) == _PUBLIC_NAME:
        raise UsageError(f"{checked} does not accept signed calls; {REST_HOST} does")
    return checked


def signed_wss_host(host: str, auth_host: object = None) -> str:
    """
    Return the URL of the WebSocket of an account: `auth_host` if it is not None.

    By default `WSS_HOST`, or the (checked) `host` of the public channels unless that is the
    exchange's public host, which does not accept keys.
    """
    if auth_host is None:
        return WSS_HOST if hostname_of(host) == _PUBLIC_NAME else host
    checked = check_wss_host(auth_host)
    if hostname_of(checked) == _PUBLIC_NAME:
        raise UsageError(f"{checked} does not accept keys; {WSS_HOST} does")
    return checked


def check_encryption(host: str, key: str | None, allow_insecure: bool) -> None:
    """
    Refuse to send a key to another machine in clear text.

    Keys of the local exchange, which begin with ``paper-``, are allowed.
    """
    address = address_of(host)
    assert address is not None
    if (
        key is None
        or allow_insecure
        or address.scheme in ("https", "wss")
        or key.startswith(PAPER_PREFIX)
        or is_loopback(address.hostname)
    ):
        return
    raise UsageError(
        f"{shown(host)} is not encrypted, so that anyone on the network path could read and change "
        f"the requests: use {address.scheme}s://, or allow_insecure=True"
    )


def _found(host: object) -> str:
    """Return the end of a message about an invalid host; empty if the host may hold a secret."""
    is_harmless = isinstance(host, str) and not set("@?#%\\") & set(host)
    return (
        f", not {host!r}" if is_harmless or not isinstance(host, (str, bytes)) else ""
    )
