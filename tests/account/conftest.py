"""A local exchange for the tests of the account's connection, one per file."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, Iterator

import pytest

from bfxsync import Backoff, Client
from bfxsync.paper import PaperAccount, PaperExchange

DEADLINE_S = 20.0

READER = PaperAccount(
    api_key="paper-reader",
    api_secret="paper-reader-secret",
    permissions={"orders": "r"},
)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """The threads of clients end with the test; those of the exchange may serve a whole file."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    for thread in left:
        if thread.name.startswith("bfxsync-"):
            thread.join(2.0)
    left = {thread for thread in left if thread.is_alive()}
    assert [t.name for t in left if t.name.startswith("bfxsync-")] == []


@pytest.fixture(scope="module")
def running() -> Iterator[PaperExchange]:
    with PaperExchange(rate=1e-3, accounts=[PaperAccount(), READER]) as exchange:
        yield exchange


@pytest.fixture
def exchange(running: PaperExchange) -> Iterator[PaperExchange]:
    """The exchange of the file, without open orders and faults."""
    yield running
    running.clear_faults()
    if running.account.orders:
        with running.client() as bfx:
            bfx.rest.auth.cancel_all_orders()


@pytest.fixture
def connect(exchange: PaperExchange) -> Iterator[Callable[..., Client]]:
    """Make clients that reconnect quickly; closed at the end."""
    clients = []

    def make(**options: Any) -> Client:
        options = {"backoff": Backoff(first_s=0.05), **options}
        clients.append(exchange.client(**options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers, until the end of the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
