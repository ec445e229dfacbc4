"""
The exchange's addresses, and parsing of URLs.

Strategy: a URL is parsed once, when the user passes it, and rebuilt from its parts, so that a host
has one spelling for rate limits, comparisons and every later parser. User and password are refused;
the query is shown as ``***``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

PUB_REST_HOST = "https://api-pub.bitfinex.com/v2"
"""REST, without a key."""

REST_HOST = "https://api.bitfinex.com/v2"
"""REST with a key; it serves the public paths too."""

PUB_WSS_HOST = "wss://api-pub.bitfinex.com/ws/2"
"""WebSocket, public channels."""

WSS_HOST = "wss://api.bitfinex.com/ws/2"
"""WebSocket with a key; it serves the public channels too."""

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

PAPER_PREFIX = "paper-"
"""Prefix of the keys of the local exchange, which are not secret."""

HIDDEN = "***"

# No backslash, bracket or blank: URL parsers disagree about them.
_VISIBLE = re.compile(r"[!-Z^-~]+")
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")


class Address(NamedTuple):
    """The parts of a URL that name a server."""

    scheme: str
    """In lower case, like the name."""
    hostname: str
    """An IPv6 address has no brackets."""
    port: int
    path: str = ""
    query: str = ""

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.netloc}{self.path}{query}"

    @property
    def netloc(self) -> str:
        """Host and port as written in a URL; the default port is left out."""
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        is_usual = DEFAULT_PORTS.get(self.scheme) == self.port
        return name if is_usual else f"{name}:{self.port}"


def address_of(url: object) -> Address | None:
    """Return the parts of a URL; None if it is invalid or contains a user or password."""
    if not isinstance(url, str):
        return None
    # Without the brackets of an IPv6 address.
    if not _VISIBLE.fullmatch(url.replace("[", "", 1).replace("]", "", 1)):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
        hostname = _checked_name(parts.hostname)
    except ValueError:
        return None
    if port is None:
        port = DEFAULT_PORTS.get(parts.scheme)
    if not hostname or not port or "@" in parts.netloc or parts.fragment:
        return None
    return Address(parts.scheme, hostname, port, parts.path, parts.query)


def hostname_of(url: str) -> str:
    """Return the host name of a URL in lower case, without port; empty if there is none."""
    address = address_of(url)
    return "" if address is None else address.hostname


def is_loopback(hostname: str) -> bool:
    """Return whether a host name refers to this machine."""
    name = hostname.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped: Optional[ipaddress.IPv4Address] = getattr(ip, "ipv4_mapped", None)
    return (ip if mapped is None else mapped).is_loopback


def shown(url: str) -> str:
    """Return a URL for logs and messages, with its query masked."""
    address = address_of(url)
    if address is None:
        return HIDDEN
    return str(address._replace(query=HIDDEN if address.query else ""))


def _checked_name(name: str | None) -> str:
    """Return a host name without its trailing dot; raises `ValueError` if it is invalid."""
    name = (name or "").lower()
    if ":" in name:
        return str(ipaddress.IPv6Address(name))
    name = name[:-1] if name.endswith(".") else name
    if not _NAME.fullmatch(name):
        raise ValueError("invalid host name")
    return name
