"""The account channel over real sockets."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any, Iterator

import pytest

from bfxsync.paper import PaperExchange

from ..support import Client, connected, is_event, is_heartbeat
from .channel import (
    auth_message,
    codes_of,
    is_code,
    logged_in,
    node_audit,
    plain_audit,
    rows_of,
)
from .conftest import OTHER
from .support import Signed

SUBMIT, CANCEL = "auth/w/order/submit", "auth/w/order/cancel"
LIMIT = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.1", "price": "100"}


@pytest.fixture
def client(exchange: PaperExchange) -> Iterator[Client]:
    with connected(exchange) as client:
        yield client


def test_auth_may_be_the_first_frame_of_all(exchange: PaperExchange) -> None:
    with Client(exchange.url) as client:
        messages = logged_in(client)
        assert [m["event"] for m in messages if isinstance(m, dict)] == ["info", "auth"]
        assert codes_of(messages) == ["ps", "ws", "os", "fos", "fcs", "fls"]


def test_orders_by_rest_show_on_all_sockets(
    exchange: PaperExchange, signed: Signed, client: Client
) -> None:
    with Client(exchange.url) as second, Client(exchange.url) as other:
        logged_in(client)
        logged_in(second)
        logged_in(other, key=OTHER.api_key, secret=OTHER.api_secret)
        ((row,),) = [signed.post(SUBMIT, **LIMIT)[4]]
        for each in (client, second):
            frames = each.until(lambda message: is_code("on", message))
            assert rows_of("on", frames) == [row]
        signed.post(CANCEL, id=row[0])
        for each in (client, second):
            frames = each.until(lambda message: is_code("oc", message))
            assert rows_of("oc", frames)[0][:4] == row[:4]
        other.send(event="ping")
        assert codes_of(other.until(is_event("pong"))) == []


def test_rest_and_channel_use_one_nonce(signed: Signed, client: Client) -> None:
    signed.post("auth/r/wallets")
    small = auth_message(nonce=1)
    client.send(**small)
    assert client.until(is_event("auth"))[-1]["code"] == 10114
    logged_in(client)
    headers = signed.headers("auth/r/wallets", b"{}", small["authNonce"])
    assert signed.send("auth/r/wallets", b"{}", headers).json()[1] == 10114


def test_an_authenticated_socket_lives_on_heartbeats() -> None:
    with PaperExchange(rate=1e-3, idle_s=0.1, heartbeat_s=0.04) as exchange:
        with Client(exchange.url) as client:
            logged_in(client)
            begin = time.monotonic()
            while time.monotonic() < begin + 0.3:
                assert is_heartbeat(client.receive())
            client.send(event="unauth")
            assert client.close_code() is None


@pytest.mark.parametrize("end", ["close", "cut", "reset"])
def test_dms_cancels_orders_when_the_socket_is_lost(
    exchange: PaperExchange, signed: Signed, client: Client, end: str
) -> None:
    logged_in(client)
    careful = Client(exchange.url)
    logged_in(careful, dms=4)
    row = signed.post(SUBMIT, **LIMIT)[4][0]
    if end == "close":
        careful.ws.close()
    else:
        if end == "reset":
            linger = struct.pack("ii", 1, 0)
            careful.ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        careful.ws.shutdown()
    frames = client.until(lambda message: is_code("oc", message))
    assert rows_of("oc", frames)[0][0] == row[0]
    assert exchange.account.orders == []


def test_orders_of_the_channel_show_in_rest(
    exchange: PaperExchange, signed: Signed, client: Client
) -> None:
    logged_in(client)
    client.ws.send(json.dumps([0, "on", None, {**LIMIT, "cid": 7}]))
    frames = client.until(lambda message: is_code("on", message))
    (note,), (row,) = rows_of("n", frames), rows_of("on", frames)
    assert note[1] == "on-req" and note[4] == row
    assert codes_of(frames)[0] == "n"
    assert signed.post("auth/r/orders") == [row]
    signed.post("auth/w/order/update", id=row[0], price="99")
    (changed,) = rows_of("ou", client.until(lambda message: is_code("ou", message)))
    assert signed.post("auth/r/orders") == [changed] and changed[16] == 99
    client.ws.send(json.dumps([0, "oc", None, {"id": row[0]}]))
    client.until(lambda message: is_code("oc", message))
    (closed,) = signed.post("auth/r/orders/hist")
    assert closed[0] == row[0] and closed[13] == "CANCELED"


def test_both_transports_refuse_an_order_alike(signed: Signed, client: Client) -> None:
    logged_in(client)
    for change in (
        {"cid": "7"},
        {"type": "nope"},
        {"symbol": "tNOPE"},
        {"amount": "0"},
        {"amount": "0.00001"},
        {"amount": "5000"},
        {"price": None},
        {"tif": "2020-01-01"},
        {"meta": 5},
        {"flags": "64"},
    ):
        body: dict[str, Any] = {**LIMIT, **change}
        client.ws.send(json.dumps([0, "on", None, body]))
        (note,) = rows_of("n", client.until(lambda message: is_code("n", message)))
        assert (note[5], note[7]) == signed.error(SUBMIT, **body)


def test_a_transfer_by_rest_is_notified(signed: Signed, client: Client) -> None:
    logged_in(client)
    body = {"from_": "exchange", "to": "margin", "currency": "USD", "amount": "50"}
    signed.post("auth/w/transfer", **body)
    (note,) = rows_of("n", client.until(lambda message: is_code("n", message)))
    text = "50 USD transferred from Exchange to Margin"
    assert note[1:] == ["wallet_transfer", None, None, None, None, "SUCCESS", text]


@pytest.mark.parametrize("counts", [False, True])
def test_numbers_have_no_gap_on_a_busy_socket(counts: bool) -> None:
    market = {**LIMIT, "type": "EXCHANGE MARKET"}
    with PaperExchange(rate=300, heartbeat_s=0.02, notification_seq=counts) as exchange:
        with connected(exchange) as client:
            for channel in ("trades", "book"):
                client.send(event="subscribe", channel=channel, symbol="tBTCUSD")
            messages = logged_in(client)
            for cid in range(20):
                body = LIMIT if cid % 2 else market
                client.ws.send(json.dumps([0, "on", None, {**body, "cid": cid}]))
                messages += client.until(is_order_event)
            client.ws.send(json.dumps([0, "oc_multi", None, {"all": 1}]))
            messages += client.until(lambda message: is_code("oc", message))
            messages += client.until(lambda message: is_code("hb", message))
    assert {"te", "oc", "n"} <= set(codes_of(messages))
    public = [m for m in messages if isinstance(m, list) and m[0]]
    assert len(public) > 5
    (plain_audit if counts else node_audit)(messages)


def is_order_event(message: Any) -> bool:
    return is_code("on", message) or is_code("oc", message)
