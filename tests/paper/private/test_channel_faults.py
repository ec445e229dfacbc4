"""Faults of the account channel, each over a real socket and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

import pytest
import websocket

from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange
from bfxsync.paper.fault_options import CHANNEL_FAULTS

from ..support import Client, connected, is_event
from .channel import auth_message, is_code, logged_in
from .support import Signed

ORDER = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.01"}
FAR = {**ORDER, "price": "50000"}
MARKET = {**ORDER, "type": "EXCHANGE MARKET"}


@pytest.fixture
def exchange(cleared: PaperExchange) -> PaperExchange:
    return cleared


@pytest.fixture
def client(exchange: PaperExchange) -> Iterator[Client]:
    with connected(exchange) as client:
        logged_in(client)
        yield client


class Count:
    """How often a fault has happened since."""

    def __init__(self, exchange: PaperExchange, name: str) -> None:
        self._get = lambda: exchange.fault_counts[name]
        self._before = self._get()

    def __call__(self) -> int:
        return self._get() - self._before


def give(client: Client, kind: str, data: Any) -> None:
    client.ws.send(json.dumps([0, kind, None, data]))


def frames(client: Client) -> list[Any]:
    """What has come on the account channel until now."""
    client.send(event="ping")
    found = client.until(is_event("pong"))
    return [each for each in found if isinstance(each, list) and each[1] != "hb"]


def codes(client: Client) -> list[str]:
    """Their codes, without those of wallets and margin."""
    return [
        each[1] for each in frames(client) if each[1] in ("n", *"on oc te tu".split())
    ]


def until_cut(client: Client) -> list[Any]:
    """What comes until the connection is cut without a close frame."""
    found: list[Any] = []
    while True:
        try:
            opcode, data = client.ws.recv_data(control_frame=True)
        except (websocket.WebSocketConnectionClosedException, OSError):
            return found
        assert opcode == websocket.ABNF.OPCODE_TEXT
        found.append(json.loads(data))


def test_a_notification_is_lost_but_not_the_order(
    exchange: PaperExchange, client: Client
) -> None:
    count = Count(exchange, "lost_notification")
    exchange.inject("lost_notification", input="on", cid=5)
    give(client, "on", {**FAR, "cid": 4})
    give(client, "on", {**FAR, "cid": 5})
    assert codes(client) == ["n", "on", "on"]
    assert [order["cid"] for order in exchange.account.orders] == [4, 5]
    assert count() == 1
    lost = exchange.journal.find(kind="answer", cid=5)
    assert [entry.data[1] for entry in lost] == ["on-req"]


def test_a_notification_comes_late(exchange: PaperExchange, client: Client) -> None:
    count = Count(exchange, "late_notification")
    exchange.inject("late_notification", delay_s=0.05)
    give(client, "on", FAR)
    assert codes(client) == ["on"]
    note = client.until(lambda message: is_code("n", message))[-1][2]
    assert (note[1], note[6]) == ("on-req", "SUCCESS") and count() == 1


def test_a_notification_comes_twice(exchange: PaperExchange, client: Client) -> None:
    count = Count(exchange, "duplicate_notification")
    exchange.inject("duplicate_notification", symbol="tBTCUSD")
    give(client, "on", FAR)
    first, second = [each[2] for each in frames(client) if each[1] == "n"]
    assert first == second and count() == 1
    assert len(exchange.account.orders) == 1


def test_a_notification_comes_after_the_fill(
    exchange: PaperExchange, client: Client
) -> None:
    count = Count(exchange, "notification_after_events")
    exchange.inject("notification_after_events", input="on")
    give(client, "on", MARKET)
    assert codes(client) == ["te", "tu", "oc", "n"]
    give(client, "on", MARKET)
    assert codes(client) == ["n", "te", "tu", "oc"]
    assert count() == 1


@pytest.mark.parametrize("event", ["te", "tu"])
def test_a_trade_comes_twice_as_one_frame_after_the_other(
    exchange: PaperExchange, client: Client, event: str
) -> None:
    count = Count(exchange, "duplicate_event")
    exchange.inject("duplicate_event", event=event)
    give(client, "on", MARKET)
    found = frames(client)
    first, second = [each for each in found if each[1] == event]
    assert first[2] == second[2] and second[3] == first[3] + 1
    # The sequence has no hole.
    numbers = [each[3] for each in found if each[1] != "n"]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert count() == 1 and len(exchange.account.trades) > 0


@pytest.mark.parametrize(("lost", "left"), [("te", "tu"), ("tu", "te")])
def test_a_trade_has_only_one_of_its_events(
    exchange: PaperExchange, client: Client, lost: str, left: str
) -> None:
    count = Count(exchange, "lost_event")
    exchange.inject("lost_event", event=lost, account="paper-key", cid=7)
    give(client, "on", {**MARKET, "cid": 6})
    give(client, "on", {**MARKET, "cid": 7})
    first = ["n", "te", "tu", "oc"]
    assert codes(client) == first + ["n", left, "oc"]
    assert count() == 1


def test_the_connection_is_cut_before_the_input_has_come(
    exchange: PaperExchange, client: Client
) -> None:
    count = Count(exchange, "cut_before_input")
    exchange.inject("cut_before_input", cid=5)
    start = exchange.journal.last_number
    give(client, "ox_multi", [["on", {**FAR, "cid": 4}], ["on", {**FAR, "cid": 5}]])
    client.ws.send(json.dumps([0, "on", None, FAR]))  # on the same connection
    assert until_cut(client) == []
    assert exchange.account.orders == [] and count() == 1
    assert exchange.journal.find(after=start) == []


def test_the_connection_is_cut_after_the_input_was_executed(
    exchange: PaperExchange, client: Client
) -> None:
    count = Count(exchange, "cut_after_input")
    exchange.inject("cut_after_input", input="on")
    give(client, "on", FAR)
    assert until_cut(client) == []
    assert len(exchange.account.orders) == 1 and count() == 1


def test_the_connection_is_cut_after_the_notification(
    exchange: PaperExchange, client: Client
) -> None:
    count = Count(exchange, "cut_after_notification")
    exchange.inject("cut_after_notification")
    give(client, "on", MARKET)
    (only,) = until_cut(client)
    assert only[1] == "n" and only[2][1] == "on-req"
    assert len(exchange.account.closed_orders) > 0 and count() == 1


def test_the_connection_is_cut_after_the_order_was_announced(
    exchange: PaperExchange, client: Client
) -> None:
    count = Count(exchange, "cut_after_on")
    exchange.inject("cut_after_on", cid=5)
    give(client, "on", {**FAR, "cid": 4})
    give(client, "on", {**FAR, "cid": 5})
    found = until_cut(client)
    assert [each[1] for each in found if each[1] in ("n", "on")] == ["n", "on"] * 2
    assert found[-1][1] == "on" and found[-1][2][2] == 5
    assert count() == 1 and len(exchange.account.orders) == 2


def test_an_order_by_rest_cuts_the_socket_as_well(
    exchange: PaperExchange, client: Client
) -> None:
    exchange.inject("cut_after_on", account="other-key")
    exchange.inject("cut_after_on", account="paper-key")
    with Signed(exchange) as signed:
        signed.post("auth/w/order/submit", **FAR)
    found = until_cut(client)
    assert found[-1][1] == "on"


def test_a_refused_login_is_counted(exchange: PaperExchange) -> None:
    count = Count(exchange, "small_nonce")
    exchange.inject("small_nonce", path="auth")
    with Client(exchange.url) as client:
        client.receive()
        client.send(**auth_message())
        assert client.until(is_event("auth"))[-1]["code"] == 10114
        logged_in(client)
    assert count() == 1


def test_an_order_is_rejected_on_the_channel(
    exchange: PaperExchange, client: Client
) -> None:
    exchange.inject("reject_order", code=10_057, cid=5)
    exchange.inject("reject_order", input="fon", code=10_058)
    offer = {"type": "LIMIT", "symbol": "fUSD", "amount": "200", "rate": "0.05"}
    give(client, "on", {**FAR, "cid": 5})
    give(client, "fon", {**offer, "period": 2})
    notes = [each[2] for each in frames(client) if each[1] == "n"]
    assert [(note[1], note[5], note[6]) for note in notes] == [
        ("on-req", 10_057, "ERROR"),
        ("fon-req", 10_058, "ERROR"),
    ]
    assert notes[0][4][2] == 5


def test_maintenance_on_the_channel_is_announced_and_ends(
    exchange: PaperExchange, client: Client
) -> None:
    exchange.inject("maintenance", executed=True, length_s=0.05)
    give(client, "on", FAR)
    infos = [client.until(is_event("info"))[-1]["code"] for _ in range(2)]
    assert infos == [20060, 20061]
    assert len(exchange.account.orders) == 1
    exchange.inject("maintenance", executed=False, length_s=0.05)
    give(client, "on", FAR)
    found = client.until(is_event("info")) + client.until(is_event("info"))
    notes = [each[2] for each in found if is_code("n", each)]
    give(client, "on", FAR)
    notes += [each[2] for each in frames(client) if each[1] == "n"]
    assert [(note[5], note[6]) for note in notes] == [
        (20060, "ERROR"),
        (None, "SUCCESS"),
    ]
    assert len(exchange.account.orders) == 2


@pytest.mark.parametrize("data", [None, 5, [5], [["on"]], [["on", 5]], [[None, {}]]])
def test_malformed_batches_use_up_nothing(
    exchange: PaperExchange, client: Client, data: Any
) -> None:
    for fault in ("cut_before_input", "cut_after_input"):
        exchange.inject(fault, cid=99)
    give(client, "ox_multi", data)
    assert codes(client) == ["n"]
    give(client, "oc", data)
    assert codes(client) == ["n"]


@pytest.mark.parametrize(
    ("fault", "options", "message"),
    [
        ("lost_event", {"event": "hb"}, "event must be one of on, ou, oc, te"),
        ("lost_notification", {"input": "ox_multi"}, "input must be one of on, "),
        ("late_notification", {"delay_s": None}, "delay_s must be seconds"),
        ("cut_after_on", {"input": "on"}, "cut_after_on has no option 'input'"),
        ("cut_before_input", {"symbol": "tNOPE"}, "no market 'tNOPE'"),
    ],
    ids=str,
)
def test_impossible_faults_are_refused(
    exchange: PaperExchange, fault: str, options: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        exchange.inject(fault, **options)


def test_every_fault_of_the_channel_is_tested_here() -> None:
    source = Path(__file__).read_text()
    assert all(f'"{name}"' in source for name in CHANNEL_FAULTS)
