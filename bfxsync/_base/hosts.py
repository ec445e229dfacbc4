"""
The exchange's addresses, and all that is decided about the address of a host.

Strategy: an address is checked once, where a user gives it, and rebuilt from its parts, so that
one host has one spelling for the budgets, for comparisons, and for every parser that reads it
later. What may be secret in it is refused (a user, a password) or shown as ``***`` (a query).
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

PUB_REST_HOST = "https://api-pub.bitfinex.com/v2"
"""REST, without a key."""

REST_HOST = "https://api.bitfinex.com/v2"
"""REST for accounts; it serves the public paths too."""

PUB_WSS_HOST = "wss://api-pub.bitfinex.com/ws/2"
"""WebSocket, public channels."""

WSS_HOST = "wss://api.bitfinex.com/ws/2"
"""WebSocket for accounts; it serves the public channels too."""

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

PAPER_PREFIX = "paper-"
"""How keys begin that are worth nothing: those of the local exchange."""

HIDDEN = "***"


# Without a backslash, a bracket or a blank, which parsers of addresses read in different ways.
_VISIBLE = re.compile(r"[!-Z^-~]+")
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")


class Address(NamedTuple):
    """
    Where a server is.

    Attributes
    ----------
    scheme, hostname : str
        In small letters; an IPv6 address has no brackets.
    port : int
    path : str
    query : str
    """

    scheme: str
    hostname: str
    port: int
    path: str = ""
    query: str = ""

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.netloc}{self.path}{query}"

    @property
    def netloc(self) -> str:
        """The host as it is written in an address; its port only if it is not the usual one."""
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        is_usual = DEFAULT_PORTS.get(self.scheme) == self.port
        return name if is_usual else f"{name}:{self.port}"


def address_of(url: object) -> Address | None:
    """Return the parts of an address without user and password; None if it is none."""
    if not isinstance(url, str) or not _VISIBLE.fullmatch(_without_brackets(url)):
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
    """Return the name of a host in small letters, without port; an empty text if there is none."""
    address = address_of(url)
    return "" if address is None else address.hostname


def is_loopback(hostname: str) -> bool:
    """Tell whether a host's name means this machine."""
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
    """Return an address as it may be printed and logged: what may be secret is ``***``."""
    address = address_of(url)
    if address is None:
        return HIDDEN
    return str(address._replace(query=HIDDEN if address.query else ""))


def _checked_name(name: str | None) -> str:
    """
    Return a host's name without the dot that may end it.

    Raises
    ------
    ValueError
        It is none.
    """
    name = (name or "").lower()
    if ":" in name:
        return str(ipaddress.IPv6Address(name))
    name = name[:-1] if name.endswith(".") else name
    if not _NAME.fullmatch(name):
        raise ValueError("no name of a host")
    return name


def _without_brackets(url: str) -> str:
    # Those around an IPv6 address.
    return url.replace("[", "", 1).replace("]", "", 1)
