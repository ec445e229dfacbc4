from __future__ import annotations

import gc
import socket
import time
from collections import Counter
from typing import Any

import pytest
from patience import at_most

from bfxsync.paper import PaperExchange
from bfxsync.paper.server.app import Server

from .support import BookCopy, Client, is_event

SEQ, CHECKSUM, BULK = 65536, 131072, 536870912


def test_compression_is_not_negotiated(exchange: PaperExchange) -> None:
    offer = ["Sec-WebSocket-Extensions: permessage-deflate"]
    with Client(exchange.url, header=offer) as client:
        assert "sec-websocket-extensions" not in client.ws.getheaders()


def test_requests_are_answered(exchange: PaperExchange) -> None:
    with Client(exchange.url) as client:
        info = client.receive()
        assert info["platform"] == {"status": 1} and len(info["serverId"]) == 36
        client.ws.send("no JSON")
        client.send(event="ping", cid=5)
        pong = client.receive()
        assert pong["cid"] == 5 and abs(pong["ts"] / 1000 - time.time()) < 5
        client.ws.ping("x")
        client.send(event="subscribe", channel="ticker", symbol="tNOPE")
        assert client.until(is_event("error"))[-1]["code"] == 10300


def test_heartbeats_come_on_every_channel_busy_or_quiet() -> None:
    with (
        PaperExchange(rate=100, heartbeat_s=0.1) as exchange,
        Client(exchange.url) as client,
    ):
        ids = [client.subscribe("book", "tETHUSD"), client.subscribe("trades", "fUSD")]
        beats: Counter[int] = Counter()
        while min(beats[chan_id] for chan_id in ids) < 3:
            message = client.receive()
            if message[1:] == ["hb"]:
                beats[message[0]] += 1
        assert abs(beats[ids[0]] - beats[ids[1]]) <= 1


def test_only_an_idle_socket_without_subscriptions_is_disconnected() -> None:
    with PaperExchange(idle_s=0.2) as exchange:
        with Client(exchange.url) as idle, Client(exchange.url) as busy:
            busy.subscribe("ticker", "tBTCUSD")
            idle.send(event="ping")
            begin = time.monotonic()
            assert idle.close_code() is None
            assert 0.15 < time.monotonic() - begin < at_most(2)
            busy.send(event="ping")
            busy.until(is_event("pong"))
            assert exchange.connections == 1


@pytest.mark.parametrize("code", [None, 1012, 1001])
def test_connections_can_be_dropped(exchange: PaperExchange, code: int | None) -> None:
    with Client(exchange.url) as one, Client(exchange.url) as two:
        one.subscribe("book", "tETHUSD")
        two.receive()
        assert exchange.drop_connections(code) == 2
        assert exchange.connections == 0
        assert one.close_code() == two.close_code() == code
    with Client(exchange.url) as three:
        assert three.receive()["event"] == "info"


def test_a_client_that_closes_gets_its_code_back(exchange: PaperExchange) -> None:
    with Client(exchange.url) as client:
        client.subscribe("book", "tETHUSD")
        client.ws.send_close(3999)
        assert client.close_code() == 3999
        assert client.close_code() is None
        assert exchange.connections == 0


def test_other_requests_are_refused_and_do_no_harm(exchange: PaperExchange) -> None:
    for path, status in (("/ws/2", b"400"), ("/nope", b"404")):
        with socket.create_connection(("127.0.0.1", exchange.port), timeout=5) as plain:
            plain.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert plain.recv(100).split()[1] == status
    with Client(exchange.url) as client:
        assert client.receive()["event"] == "info"


def test_info_goes_to_all(exchange: PaperExchange) -> None:
    with Client(exchange.url) as one, Client(exchange.url) as two:
        one.receive()
        two.receive()
        assert exchange.send_info(20060) == 2
        for client in (one, two):
            assert client.receive()["code"] == 20060


def test_a_client_that_does_not_read_is_cut_off() -> None:
    with PaperExchange(rate=1e-3, stall_s=0.1) as exchange:
        with Client(exchange.url) as deaf, Client(exchange.url) as other:
            deaf.subscribe("ticker", "tBTCUSD")
            deaf.ws.settimeout(30)
            try:
                # More than the buffers of both sides hold comes back.
                for _ in range(16):
                    deaf.send(event="ping", cid="x" * 900_000)
            except OSError:
                pass  # cut off already
            deadline = time.monotonic() + 30
            while exchange.connections > 1:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            other.send(event="ping")
            other.until(is_event("pong"))


@pytest.mark.parametrize(
    "flags", [SEQ | CHECKSUM, SEQ | CHECKSUM | BULK], ids=["one", "bulk"]
)
@pytest.mark.parametrize(
    ("symbol", "prec", "length"),
    [
        ("tBTCUSD", "P0", 25),
        ("tETHUSD", "R0", 100),
        ("tLTCBTC", "P0", 100),
        ("tLTCBTC", "P3", 1),
        ("fUSD", "P0", 25),
        ("fUSD", "R0", 250),
    ],
)
def test_books_sent_to_a_client_stay_within_their_length(
    exchange: PaperExchange, flags: int, symbol: str, prec: str, length: int
) -> None:
    copy = BookCopy(prec == "R0", is_funding=symbol == "fUSD")
    with Client(exchange.url) as client:
        client.send(event="conf", flags=flags)
        chan_id = client.subscribe("book", symbol, prec=prec, len=str(length))
        seq = 0
        checksums = updates = 0
        while updates < 60 and (checksums < 2 or symbol == "fUSD"):
            message = client.receive()
            seq += 1
            assert message[0] == chan_id and message[-1] == seq
            if message[1] == "cs":
                checksums += 1
                assert message[2] == copy.checksum()
                continue
            rows = message[1]
            if seq > 1:
                updates += 1
                if not flags & BULK:
                    rows = [rows]
            copy.feed(rows, limit=length)


def test_confirmations_follow_trades_of_the_random_market(
    exchange: PaperExchange,
) -> None:
    with Client(exchange.url) as client:
        client.subscribe("trades", "fUSD")
        waiting: dict[int, tuple[Any, float]] = {}
        delays: list[float] = []
        while len(delays) < 5:
            message = client.receive()
            if message[1] == "fte":
                waiting[message[2][0]] = (message[2], time.monotonic())
            elif message[1] == "ftu":
                row, at = waiting.pop(message[2][0])
                assert row == message[2]
                delays.append(time.monotonic() - at)
        # A client that is read late gets both at once.
        assert 0.02 < max(delays) < at_most(0.5)


def test_frames_are_counted(exchange: PaperExchange) -> None:
    with Client(exchange.url) as client:
        client.receive()
        before = exchange.frames_sent
        client.send(event="ping")
        assert client.receive()["event"] == "pong"
        assert exchange.frames_sent == before + 1


def test_the_status_of_a_derivative_comes_every_second(
    exchange: PaperExchange,
) -> None:
    with Client(exchange.url) as client:
        chan_id = client.subscribe_key("status", "deriv:tBTCF0:USTF0")
        times = []
        for _ in range(3):
            got, row = client.receive()
            times.append(time.monotonic())
            assert got == chan_id and len(row) == 23
        assert 1.5 < times[2] - times[0] < 4


def test_liquidations_come_now_and_then() -> None:
    with PaperExchange(liquidation_s=0.01) as exchange, Client(exchange.url) as client:
        chan_id = client.subscribe_key("status", "liq:global")
        for _ in range(6):
            got, rows = client.receive()
            assert got == chan_id and [len(row) for row in rows] == [12]
        client.send(event="unsubscribe", chanId=chan_id)
        client.until(is_event("unsubscribed"))
        again = client.subscribe_key("status", "liq:global")
        assert client.receive()[0] == again


def test_candles_follow_the_trades(exchange: PaperExchange) -> None:
    with Client(exchange.url) as client:
        candles = client.subscribe_key("candles", "trade:1D:tBTCUSD")
        newest, *_ = client.receive()[1]
        client.subscribe("trades", "tBTCUSD")
        last = None
        for _ in range(60):
            chan_id, *payload = client.receive()
            if chan_id == candles:
                (row,) = payload
                # The last price of a day is that of the last trade, sent just before or after.
                assert row[0] >= newest[0] and row[4] <= row[2] <= row[3]
                last = row
        assert last is not None and last[5] != newest[5]


def test_a_stopped_exchange_is_forgotten() -> None:
    def servers() -> set[int]:
        gc.collect()
        return {id(thing) for thing in gc.get_objects() if isinstance(thing, Server)}

    before = servers()
    with PaperExchange() as exchange, Client(exchange.url) as client:
        client.receive()
        assert servers() - before
    assert servers() <= before
