"""R01: a stream in small pieces, late and in TLS, while many threads send: nobody is cut off."""

from __future__ import annotations

import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bfxsync import WebSocketClient

from .bare_server import DEADLINE_S, BareServer, Tls
from .fault_proxy import FaultProxy
from .support import Collector
from .test_threads import THREADS, in_threads, streaming

SENDS = 30

CALLS = (
    "do_handshake",
    "pending",
    "read",
    "recv",
    "recv_into",
    "send",
    "sendall",
    "shutdown",
    "unwrap",
    "write",
)


class Owners:
    """
    Which threads call into the TLS sockets of clients.

    Attributes
    ----------
    threads : dict
        Of each socket: the threads by their identity and name.
    called : set of str
        Methods.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads: dict[int, set[tuple[int, str]]] = {}
        self.called: set[str] = set()
        # Held, so that no id is used again.
        self._socks: dict[int, Any] = {}
        for name in CALLS:
            # Those of the plain socket below it too, in case somebody goes past TLS.
            for kind in (ssl.SSLSocket, socket.socket):
                method = getattr(kind, name, None)
                if method is not None:
                    monkeypatch.setattr(kind, name, self._wrap(name, method))

    def _wrap(self, name: str, method: Any) -> Any:
        def call(sock: Any, *arguments: Any, **options: Any) -> Any:
            if isinstance(sock, ssl.SSLSocket):
                thread = threading.current_thread()
                caller = threading.get_ident(), thread.name
                self._socks.setdefault(id(sock), sock)
                self.threads.setdefault(id(sock), set()).add(caller)
                self.called.add(name)
            return method(sock, *arguments, **options)

        return call


def survive(tls: Tls, connections: int) -> None:
    """Let connections, one after the other, carry a stream and the sends of several threads."""
    with BareServer(tls=tls) as server, FaultProxy(server.port) as proxy:
        proxy.slice(300)
        proxy.delay(0.0005, jitter_s=0.001)
        for number in range(connections):
            errors, closes = Collector(), Collector()
            client = WebSocketClient(
                proxy.url(server.url),
                flags=0,
                timeout=DEADLINE_S,
                ca_bundle=tls.ca_bundle,
                on_error=errors,
            )
            with client:
                client.on("disconnected", closes)
                exchange = streaming(client, server)

                def work(thread: int) -> None:
                    for _ in range(thread, SENDS, THREADS):
                        client.ping()

                in_threads(exchange, work)
                assert exchange.events["ping"] == SENDS
                assert (closes.items, errors.items) == ([], [])
            assert closes.items == [(1000, "")]
            assert server.accepted == proxy.counts["accept"] == number + 1
        assert min(proxy.counts[name] for name in ("slice", "delay")) > connections


def assert_one_owner_each(owners: Owners, connections: int) -> None:
    assert len(owners.threads) == connections
    for callers in owners.threads.values():
        ((_, name),) = callers
        assert name == "bfxsync-io-1"
    assert {"do_handshake", "pending", "recv_into", "send"} <= owners.called


def test_r01_a_stream_in_pieces_survives_sending_threads(
    tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = Owners(monkeypatch)
    survive(tls, 5)
    assert_one_owner_each(owners, 5)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_r01_a_thousand_connections_survive_sending_threads(
    tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = Owners(monkeypatch)
    lanes, each = 4, 250
    with ThreadPoolExecutor(lanes, thread_name_prefix="test-lane") as executor:
        for done in [executor.submit(survive, tls, each) for _ in range(lanes)]:
            done.result()
    assert_one_owner_each(owners, lanes * each)
