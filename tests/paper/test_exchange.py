from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
from decimal import Decimal
from typing import Any, Callable

import pytest
import trustme

from bfxsync.errors import NetworkError, UsageError
from bfxsync.paper import PaperAccount, PaperExchange

from .support import Client


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_it_starts_stops_and_starts_again() -> None:
    exchange = PaperExchange()
    exchange.stop()
    assert exchange.start() is exchange
    url = exchange.url
    exchange.start()
    assert exchange.url == url
    with Client(url) as client:
        assert client.receive()["event"] == "info"
        assert (exchange.connections, exchange.connections_opened) == (1, 1)
        exchange.stop()
        exchange.stop()
        assert client.close_code() == 1001
    assert exchange.frames_sent == 1
    assert exchange.connections == 0
    exchange.start()
    with Client(exchange.url) as client:
        assert client.receive()["version"] == 2
    exchange.stop()


def test_the_same_port_can_be_used_again_at_once() -> None:
    with PaperExchange() as first:
        port = first.port
        with Client(first.url) as client:
            client.subscribe("ticker", "tBTCUSD")
            first.stop()
            first = PaperExchange(port=port).start()
            assert first.url == f"ws://127.0.0.1:{port}/ws/2"
            with Client(first.url) as again:
                again.subscribe("ticker", "tBTCUSD")
                first.drop_connections()
            first.stop()
            first.start()
            assert first.port == port
            first.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_stopping_ends_the_thread_and_leaves_no_descriptor() -> None:
    PaperExchange().start().stop()  # what is imported and opened once
    before = descriptors()
    exchange = PaperExchange(rate=500).start()
    silent = socket.create_connection(("127.0.0.1", exchange.port))
    clients = [Client(exchange.url) for _ in range(3)]
    for client in clients:
        client.subscribe("book", "tETHUSD", len="250")
    stopper = threading.Thread(target=exchange.stop)
    stopper.start()
    exchange.stop()
    # A stop that waits for the clients gives up after ten seconds, with the thread alive.
    assert not [t for t in threading.enumerate() if t.name == "bfxsync-paper"]
    stopper.join(30)
    assert not stopper.is_alive()
    silent.close()
    for client in clients:
        client.ws.shutdown()
    assert descriptors() == before


def test_a_taken_port_is_a_clear_error() -> None:
    with PaperExchange() as exchange:
        with pytest.raises(
            NetworkError, match=f"cannot listen on 127.0.0.1 port {exchange.port}"
        ):
            PaperExchange(port=exchange.port).start()


def test_without_aiohttp_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(UsageError, match=r'pip install "bfxsync\[paper\]"'):
        PaperExchange().start()


@pytest.mark.parametrize(
    "options",
    [
        {"speed": 0},
        {"rate": -1.0},
        {"heartbeat_s": float("nan")},
        {"liquidation_s": 0},
        {"rest_minute_s": -1},
        {"rate": "1"},
        {"port": 65_536},
        {"port": "8080"},
        {"captures": "btcusd-20181112"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        PaperExchange(**options)


def test_an_unknown_capture_is_refused_before_anything_starts() -> None:
    with pytest.raises(UsageError, match="a capture must be .*, not 'nope'"):
        PaperExchange(captures=["nope"]).start()


def test_a_start_that_fails_raises_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("no market today")

    exchange = PaperExchange()
    with monkeypatch.context() as patch:
        patch.setattr("bfxsync.paper.server.app.RandomPlayer", fail)
        with pytest.raises(RuntimeError, match="no market today"):
            exchange.start()
    with exchange, Client(exchange.url) as client:
        assert client.receive()["event"] == "info"


def test_a_call_raises_at_its_caller(
    exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("not now")

    monkeypatch.setattr("bfxsync.paper.server.app.Server.play", fail)
    with pytest.raises(RuntimeError, match="not now"):
        exchange.play()


def test_its_repr_says_where_it_is() -> None:
    exchange = PaperExchange()
    assert repr(exchange) == "<PaperExchange stopped>"
    with exchange:
        assert repr(exchange) == f"<PaperExchange {exchange.url}>"


def test_calls_need_a_running_exchange() -> None:
    exchange = PaperExchange()
    for call in (
        exchange.play,
        exchange.drop_connections,
        lambda: exchange.send_info(20060),
    ):
        with pytest.raises(UsageError, match="not running"):
            call()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_child_of_a_fork_can_only_be_a_client() -> None:
    with PaperExchange() as exchange:
        pid = os.fork()
        if pid == 0:
            os._exit(child_of(exchange))
        _, status = os.waitpid(pid, 0)
        assert os.WEXITSTATUS(status) == 0
        assert exchange.account.balances["exchange"]["BTC"] == 10
        with Client(exchange.url) as client:
            assert client.receive()["event"] == "info"


def child_of(exchange: PaperExchange) -> int:
    """Say in a child whether all is well: 0 if so."""
    calls: list[Callable[[], Any]] = [
        lambda: exchange.account.balances,
        exchange.start,
        exchange.play,
    ]
    for call in calls:
        try:
            call()
        except UsageError as error:
            if f"belongs to the process {os.getppid()}" not in str(error):
                return 1
        else:
            return 2
    exchange.stop()
    with Client(exchange.url) as client:
        return 0 if client.receive()["event"] == "info" else 3


def test_it_serves_tls() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with PaperExchange(ssl_context=context, rate=500) as exchange:
        assert exchange.url == f"wss://localhost:{exchange.port}/ws/2"
        with Client(exchange.url, sslopt={"context": trusting}) as client:
            client.subscribe("book", "tBTCUSD", len="100")
            client.until(
                lambda m: isinstance(m, list) and not isinstance(m[1][0], list)
            )
            exchange.stop()
            assert not [t for t in threading.enumerate() if t.name == "bfxsync-paper"]


def test_a_client_has_the_hosts_and_keys_of_its_account() -> None:
    accounts = [PaperAccount(), PaperAccount(api_key="paper-other", balances={})]
    with PaperExchange(rate=0.001, accounts=accounts) as exchange:
        with exchange.client(numbers=Decimal) as bfx:
            assert bfx.wss.subscribe_ticker("BTC/USD").get(timeout=5).bid > Decimal(0)
            wallets = bfx.rest.auth.get_wallets()
            assert {"BTC", "USD"} < {wallet.currency for wallet in wallets}
        with exchange.client(exchange.accounts[1]) as bfx:
            assert bfx.rest.auth.get_wallets() == []
        with exchange.client(rest_host="http://127.0.0.1:1/v2") as bfx:
            assert "127.0.0.1:1" in repr(bfx)


def test_a_client_needs_an_account_and_an_address() -> None:
    with pytest.raises(UsageError, match="not started"):
        PaperExchange().client()
    with pytest.raises(UsageError, match="without accounts"):
        PaperExchange(accounts=()).client()
    foreign: Any
    for foreign in (PaperExchange().account, PaperAccount(), "paper-key", 0):
        with pytest.raises(UsageError, match="account must be one of"):
            PaperExchange().client(foreign)
