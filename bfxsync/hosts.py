"""The exchange's addresses, under the official client's names."""

from __future__ import annotations

import ipaddress

PUB_REST_HOST = "https://api-pub.bitfinex.com/v2"
"""REST, without a key."""

REST_HOST = "https://api.bitfinex.com/v2"
"""REST for accounts; it serves the public paths too."""

PUB_WSS_HOST = "wss://api-pub.bitfinex.com/ws/2"
"""WebSocket, public channels."""

WSS_HOST = "wss://api.bitfinex.com/ws/2"
"""WebSocket for accounts; it serves the public channels too."""


def is_loopback(host: str) -> bool:
    """Tell whether a host's name means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
