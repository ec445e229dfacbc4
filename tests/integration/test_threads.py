"""R01: many threads ask, one thread touches the socket, and nothing gets lost in a stream."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional

import pytest

from bfxsync import WebSocketClient

from .bare_server import BareServer, Peer, Tls
from .conftest import Connect, Serve
from .support import TICKER, Collector, acknowledge, greet, round_trip

THREADS = 4

PACE_S = 0.001
"""Between bursts of the stream; faster than that, a request waits behind a megabyte of it."""


class Spy:
    """Who calls into the client's sockets of the network."""

    CALLS = ("recv", "send", "sendall", "recv_into", "read", "write", "pending")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        self.callers: dict[str, set[int]] = {}
        self._port = port
        self._is_ours: dict[int, tuple[Any, bool]] = {}
        for kind in (socket.socket, ssl.SSLSocket):
            for name in self.CALLS:
                method = getattr(kind, name, None)
                if method is not None:
                    monkeypatch.setattr(kind, name, self._wrap(name, method))

    def _wrap(self, name: str, method: Any) -> Any:
        def call(sock: Any, *arguments: Any, **options: Any) -> Any:
            if self._watches(sock):
                self.callers.setdefault(name, set()).add(threading.get_ident())
            return method(sock, *arguments, **options)

        return call

    def _watches(self, sock: Any) -> bool:
        known = self._is_ours.get(id(sock))
        if known is None:
            try:
                peer = sock.getpeername()
            except OSError:
                return False
            ours = isinstance(peer, tuple) and peer[1] == self._port
            # Held, so that its id is not used again.
            known = self._is_ours[id(sock)] = sock, ours
        return known[1]


class Exchange:
    """Answers a client's requests, and streams all the time; one thread drives it."""

    STREAMED = 1

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.events: dict[str, int] = {"subscribe": 0, "unsubscribe": 0, "ping": 0}
        self.streamed = 0
        self._last_chan_id = self.STREAMED

    def run(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30.0
        while True:
            assert time.monotonic() < deadline
            request = self.peer.poll(PACE_S)
            if request is None and is_done():
                return
            answers: list[Any] = [[self.STREAMED, TICKER]] * 20
            self.streamed += 20
            if request is not None:
                answers += self._answer(json.loads(request.payload))
            self.peer.send_json(*answers)

    def _answer(self, request: dict[str, Any]) -> list[Any]:
        event = request["event"]
        self.events[event] += 1
        if event == "subscribe":
            self._last_chan_id += 1
            chan_id = self._last_chan_id
            ack = {**request, "event": "subscribed", "chanId": chan_id}
            return [ack, [chan_id, TICKER]]
        if event == "unsubscribe":
            return [{**request, "event": "unsubscribed", "status": "OK"}]
        return [{"event": "pong", "ts": 0, "cid": request["cid"]}]


def streaming(client: WebSocketClient, server: BareServer) -> Exchange:
    """Connect, and subscribe to what is going to be streamed."""
    client.subscribe_many([{"channel": "ticker", "symbol": "tSTREAM"}], wait=False)
    peer = server.next_peer()
    greet(peer)
    acknowledge(peer, Exchange.STREAMED, [Exchange.STREAMED, TICKER])
    client.wait_ready()
    return Exchange(peer)


def in_threads(exchange: Exchange, work: Callable[[int], None]) -> None:
    """Let several threads work while the exchange streams and answers; raise what they raise."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="test-worker") as executor:
        futures = [executor.submit(work, number) for number in range(THREADS)]
        exchange.run(lambda: all(future.done() for future in futures))
        for future in futures:
            future.result()


@pytest.mark.parametrize("slice_size", [None, 61], ids=["whole", "cut"])
def test_r01_only_the_io_thread_touches_the_socket(
    serve: Serve,
    connect: Connect,
    security: Optional[Tls],
    monkeypatch: pytest.MonkeyPatch,
    slice_size: Optional[int],
) -> None:
    rounds = 25
    server = serve(tls=security)
    spy = Spy(monkeypatch, server.port)
    errors, closes = Collector(), Collector()
    client = connect(server, flags=0, on_error=errors)
    client.on("disconnected", closes)
    exchange = streaming(client, server)
    exchange.peer.slice_size = slice_size

    def work(number: int) -> None:
        for count in range(rounds):
            subscription = client.subscribe("ticker", symbol=f"tN{number}R{count}")
            client.ping()
            subscription.unsubscribe()
            client.ping()

    in_threads(exchange, work)
    total = THREADS * rounds
    assert exchange.events == {
        "subscribe": total,
        "unsubscribe": total,
        "ping": 2 * total,
    }
    exchange.peer.slice_size = None
    round_trip(client, exchange.peer)
    # The greeting, the first subscription, the last pong; an answer to each request, and each
    # subscription's first ticker.
    answers = 1 + 2 + 1 + 4 * total + total
    assert client.frame_count == answers + exchange.streamed

    (io_thread,) = [t for t in threading.enumerate() if t.name == "bfxsync-io-1"]
    client.close()
    assert {"recv_into", "send"} <= spy.callers.keys()
    assert spy.callers == {name: {io_thread.ident} for name in spy.callers}
    assert (errors.items, closes.items) == ([], [(1000, "")])
    assert server.accepted == 1


def test_r01_connections_in_a_row_survive_sending_threads(
    serve: Serve, connect: Connect, security: Optional[Tls]
) -> None:
    server = serve(tls=security)
    for count in range(10):
        closes = Collector()
        client = connect(server, flags=0)
        client.on("disconnected", closes)
        exchange = streaming(client, server)
        exchange.peer.slice_size = 997

        def work(_: int) -> None:
            for _ in range(30):
                client.ping()

        in_threads(exchange, work)
        assert exchange.events["ping"] == 30 * THREADS
        client.close()
        assert closes.items == [(1000, "")]
        assert server.accepted == count + 1
