"""
Selects the proxy for a host: the user's, or one from the environment.

Strategy: decided once, when a client is created, and the same for both transports: ``wss`` uses the
proxy of ``https``. Loopback hosts never use a proxy from the environment, as ``localhost`` is
another machine for the proxy.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import sys
from typing import Mapping
from urllib.parse import quote, unquote, urlsplit

import attrs

from bfxsync._base.hidden import Hidden
from bfxsync._base.hosts import Address, address_of, is_loopback
from bfxsync.errors import UsageError

# The environment variables distinguish only these two.
_SCHEMES = {"ws": "http", "wss": "https"}

# Desktops write `socks` for a proxy that also resolves names.
_ALIASES = {"socks": "socks5h"}

# Default ports by kind of proxy.
_SOCKS_PORTS = dict.fromkeys(("socks4", "socks4a", "socks5", "socks5h"), 1080)
_EXPLICIT_PORTS = {"http": 3128, **_SOCKS_PORTS}
_ENVIRONMENT_PORTS = {"http": 80, "https": 443, **_SOCKS_PORTS}

MOST_CREDENTIALS = 127
"""Maximum bytes of a user name or password for SOCKS; PySocks encodes longer ones wrongly."""


@attrs.frozen
class Proxy:
    """Address and credentials of a proxy."""

    kind: str
    """``http``, ``https``, ``socks4``, ``socks5``; ``socks4a`` and ``socks5h`` resolve names."""
    hostname: str
    port: int
    username: str | None = attrs.field(default=None, repr=False)
    password: str | None = attrs.field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}://{self._place}"

    @property
    def is_socks(self) -> bool:
        """Whether the protocol is SOCKS."""
        return self.kind.startswith("socks")

    @property
    def url(self) -> str:
        """The URL, including the password; its `repr` is masked."""
        user = ""
        if self.username is not None:
            password = quote(self.password or "", safe="")
            user = f"{quote(self.username, safe='')}:{password}@"
        return Hidden(f"{self.kind}://{user}{self._place}")

    @property
    def _place(self) -> str:
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{name}:{self.port}"


def proxy_for(url: str, proxy: object = None) -> Proxy | None:
    """
    Return the proxy for the host of a URL, or None for a direct connection.

    `proxy`, such as ``http://user:password@host:3128``, is used for loopback hosts too. Without it
    the environment decides: ``https_proxy``, ``http_proxy``, ``all_proxy`` and ``no_proxy``, also
    in upper case.

    Raises `UsageError` if the proxy is invalid or needs the extra ``socks``; the message contains
    nothing that may be a password.
    """
    if proxy is not None:
        found = _parsed(proxy, _EXPLICIT_PORTS)
        refusal = "proxy must look like 'http://host:port' (or socks4, socks4a, socks5, socks5h)"
    else:
        address = address_of(url)
        if address is None or is_loopback(address.hostname):
            return None
        text = _environments(address)
        if not text:
            return None
        text = Hidden(text if "://" in text else f"http://{text}")
        found = _parsed(text, _ENVIRONMENT_PORTS)
        refusal = (
            "the proxy in the environment must look like 'http://host:port' "
            "(or https, socks4, socks4a, socks5, socks5h)"
        )
    if found is None:
        # Here, where no frame holds the parts of the URL.
        raise UsageError(refusal)
    if found.is_socks:
        _check_socks(found)
    return found


def _parsed(text: object, ports: Mapping[str, int]) -> Proxy | None:
    """Parse a proxy's URL; return None if it is invalid or its kind is not in `ports`."""
    if not isinstance(text, str):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    kind = _ALIASES.get(parts.scheme, parts.scheme)
    place = address_of("http://" + parts.netloc.rpartition("@")[2])
    # What looks like a path may be a password with unquoted special characters.
    is_odd = parts.path not in ("", "/") or parts.query or parts.fragment
    if kind not in ports or place is None or is_odd:
        return None
    username, password = (
        None if value is None else unquote(value)
        for value in (parts.username, parts.password)
    )
    return Proxy(kind, place.hostname, port or ports[kind], username, password)


def _check_socks(proxy: Proxy) -> None:
    if importlib.util.find_spec("socks") is None:
        raise UsageError(
            'a SOCKS proxy needs the extra "socks": pip install "bfxsync[socks]"'
        )
    for value in (proxy.username, proxy.password):
        if len((value or "").encode()) > MOST_CREDENTIALS:
            raise UsageError(
                "the user and the password of a SOCKS proxy may have at most "
                f"{MOST_CREDENTIALS} bytes each"
            )


def _environments(address: Address) -> str | None:
    """Return the environment's proxy for an address."""
    scheme = _SCHEMES.get(address.scheme, address.scheme)
    named = [_variable(f"{name}_proxy") for name in (scheme, "all")]
    if any(value is not None for value in named):
        if _is_exempt(address, _variable("no_proxy") or ""):
            return None
        return named[0] or named[1]
    return _of_the_system(scheme, address.hostname)


def _variable(name: str) -> str | None:
    """Return a variable, stripped; the lower-case name takes precedence, even if empty."""
    # `os.environ` is not bound to a local variable: its `repr` shows everything in it.
    value = os.environ.get(name)
    if value is None and not (name == "http_proxy" and "REQUEST_METHOD" in os.environ):
        # In a CGI script HTTP_PROXY is the request header "Proxy".
        value = os.environ.get(name.upper())
    return None if value is None else value.strip()


def _is_exempt(address: Address, no_proxy: str) -> bool:
    """Return whether a host matches a list of names, domains, addresses and networks."""
    return any(
        _matches(address, entry) for entry in re.split(r"[\s,]+", no_proxy) if entry
    )


def _matches(address: Address, entry: str) -> bool:
    if entry == "*":
        return True
    name, port = entry.lower(), None
    found = re.fullmatch(r"(\[[^]]+\]|[^:]+):(\d+)", name)
    if found:
        name, port = found.group(1), int(found.group(2))
    if port is not None and port != address.port:
        return False
    try:
        ip = ipaddress.ip_address(address.hostname)
    except ValueError:
        domain = (name[1:] if name.startswith("*.") else name).strip(".")
        return bool(domain) and f".{address.hostname}".endswith(f".{domain}")
    try:
        return ip in ipaddress.ip_network(name.strip("[]"), strict=False)
    except ValueError:
        return False


def _of_the_system(scheme: str, hostname: str) -> str | None:
    """Return the proxy in the system settings of macOS or Windows; None elsewhere."""
    if sys.platform not in ("darwin", "win32"):
        return None
    from urllib.request import getproxies, proxy_bypass

    return None if proxy_bypass(hostname) else getproxies().get(scheme)
