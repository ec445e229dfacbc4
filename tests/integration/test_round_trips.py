"""How often a client waits for the exchange until it has data, whatever the network."""

from __future__ import annotations

import ssl
from typing import Optional

import pytest

from bfxsync import Backoff, ConnectionRateLimiter, WebSocketClient
from bfxsync.paper import PaperExchange

from .bare_server import DEADLINE_S, Tls
from .fault_proxy import FaultProxy
from .user import wait_until

REQUESTS = [
    {"channel": "ticker", "symbol": "tBTCUSD"},
    {"channel": "trades", "symbol": "tBTCUSD"},
    {"channel": "book", "symbol": "tETHUSD"},
]


def test_first_updates_take_no_avoidable_round_trip(
    security: Optional[Tls], monkeypatch: pytest.MonkeyPatch
) -> None:
    # TCP, the handshake, all requests; the answer to the last one brings the data.
    expected = 3
    context: Optional[ssl.SSLContext] = None
    ca_bundle = None
    if security is not None:
        expected += 1
        context, ca_bundle = security.context, security.ca_bundle
        monkeypatch.setattr(context, "minimum_version", ssl.TLSVersion.TLSv1_3)
        monkeypatch.setattr(context, "num_tickets", 0)
    with (
        PaperExchange(ssl_context=context) as exchange,
        FaultProxy(exchange.port) as proxy,
        WebSocketClient(
            proxy.url(exchange.url),
            ca_bundle=ca_bundle,
            timeout=DEADLINE_S,
            backoff=Backoff(first_s=0.0),
            pace=ConnectionRateLimiter(),
        ) as client,
    ):
        # Loopback would be there before all is subscribed.
        proxy.stop()
        subscriptions = client.subscribe_many(REQUESTS, wait=False)
        proxy.resume()
        client.wait_ready()
        assert proxy.round_trips() == expected
        # After a loss, too.
        proxy.reset()
        wait_until(lambda: client.stats()["gaps"] == len(REQUESTS))
        wait_until(lambda: all(s.status.value == "live" for s in subscriptions))
        assert proxy.round_trips() == expected
