"""
Host and Origin checks of requests.

Strategy: a web page can make its visitor's browser connect to any address, loopback included. Two
headers that no script can set give it away: Origin is the host of the page, and Host is the name
that the browser connected to. With DNS rebinding (a name that is changed to a loopback address
after the page was loaded) both are the page's own host. So both must name this exchange, or this
machine, whose own programs could connect without a browser anyway. Programs send the Host that they
connect to, and either no Origin, or one made of the Host, or a fixed one: loopback or the real
exchange.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Iterable, Sequence, Union

_REAL = "bitfinex.com"
# Only a host and a port, since parsers differ in what else they accept. The origins of some clients
# end with a slash.
_HOST = r"(\[[0-9a-f:.]+\]|[^\s:/?#@\\\[\]]+)(?::\d*)?"
_HOST_HEADER = re.compile(_HOST, re.ASCII | re.IGNORECASE)
_ORIGIN_HEADER = re.compile(rf"[a-z][a-z\d+.-]*://{_HOST}/?", re.ASCII | re.IGNORECASE)
_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class AccessPolicy:
    """The accepted values of Host and Origin."""

    def __init__(self, listen_host: str, allowed_hosts: Iterable[str]) -> None:
        names = {"localhost", listen_host, *allowed_hosts}
        self._names = {_normalized(name) for name in names if name}
        address = _address(listen_host or "0.0.0.0")
        self._is_on_all_addresses = address is not None and address.is_unspecified

    def refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        """Return why a request with these header values is refused; None if it is accepted."""
        if len(hosts) > 1 or len(origins) > 1:
            return "a request has at most one Host and one Origin"
        # HTTP/1.0 clients may leave out Host; browsers never do.
        host = _host_in(_HOST_HEADER, hosts[0]) if hosts else "localhost"
        if not (self._is_known(host) or self._is_address_listened_on(host)):
            return (
                f"Host {hosts[0]!r} is not this exchange, which answers to loopback names and to"
                " the address it listens on; PaperExchange(allowed_hosts=[...]) adds others"
            )
        if origins:
            origin = _host_in(_ORIGIN_HEADER, origins[0])
            if not (self._is_known(origin) or (origin and origin == host)):
                return (
                    f"web pages of {origins[0]!r} are not answered;"
                    " PaperExchange(allowed_hosts=[...]) adds their host"
                )
        return None

    def _is_known(self, host: str) -> bool:
        address = _address(host)
        return (
            host in self._names
            or (address is not None and address.is_loopback)
            # For programs that are redirected here from the real exchange.
            or host == _REAL
            or host.endswith(f".{_REAL}")
        )

    def _is_address_listened_on(self, host: str) -> bool:
        # An address has no DNS record to rebind.
        return self._is_on_all_addresses and _address(host) is not None


def _host_in(form: re.Pattern[str], header: str) -> str:
    """Return the host of a header, empty if it is malformed."""
    match = form.fullmatch(header)
    return _normalized(match.group(1)) if match else ""


def _normalized(host: str) -> str:
    host = host.lower().strip("[]")
    host = host[:-1] if host.endswith(".") else host
    address = _address(host)
    return host if address is None else str(address)


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
