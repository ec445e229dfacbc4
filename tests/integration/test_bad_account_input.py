"""Inputs that cannot work give one clear error at the caller's line, and nothing is sent."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterator, Optional

import pytest

from bfxsync import (
    AuthError,
    BfxError,
    Client,
    NetworkError,
    OrderNotPlaced,
    UsageError,
)
from bfxsync.paper import PaperAccount, PaperExchange

from .bare_server import DEADLINE_S
from .fault_proxy import FaultProxy
from .support import Collector
from .user import SOON, wait_until
from .wire_tap import WireTap

LIMIT = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "30000")
OP = {"type": LIMIT[0], "symbol": LIMIT[1], "amount": LIMIT[2], "price": LIMIT[3]}

ACCOUNTS = [
    PaperAccount(),
    PaperAccount(api_key="read-key", api_secret="x", permissions={"orders": "r"}),
    PaperAccount(api_key="lend-key", api_secret="x", permissions={"funding": "r"}),
]

NAN, INFINITY = float("nan"), float("inf")


class Wire:
    """What has left the client, and what has reached the exchange."""

    def __init__(self, exchange: PaperExchange) -> None:
        self.exchange = exchange
        self.tap = WireTap()
        self.proxy = FaultProxy(exchange.port, self.tap)

    def client(self, *account: Any, **options: Any) -> Client:
        url, rest = map(self.proxy.url, (self.exchange.url, self.exchange.rest_url))
        options = {"wss_host": url, "rest_host": rest, "backoff": SOON, **options}
        return self.exchange.client(*account, **options)

    def count(self) -> tuple[int, int]:
        """Inputs that were sent, and requests other than logins that came, by any client."""
        requests = self.exchange.journal.find(kind="request")
        came = [entry for entry in requests if entry.name != "auth"]
        return len(self.tap.inputs()), len(came)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with PaperExchange(rate=1e-3, accounts=ACCOUNTS) as exchange:
        wire = Wire(exchange)
        yield wire
        wire.proxy.close()


@pytest.fixture(scope="module")
def bfx(wire: Wire) -> Iterator[Client]:
    with wire.client() as bfx:
        bfx.wss.wait_authenticated(DEADLINE_S)
        yield bfx


@pytest.fixture
def nothing_is_sent(wire: Wire) -> Iterator[None]:
    before = wire.count()
    yield
    assert wire.count() == before


def refused(
    call: Callable[[], Any], kind: Any = UsageError, match: str | None = None
) -> None:
    """Check the error, and that it comes from this very line of the caller."""
    with pytest.raises(kind, match=match) as caught:
        call()
    assert type(caught.value).__module__ == "bfxsync.errors" or kind is UsageError
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    code = call.__code__
    assert code in [entry.frame.code.raw for entry in caught.traceback]


NO_ORDERS: dict[str, tuple[dict[str, Any], str]] = {
    "six digits": ({"price": "30000.1"}, "price"),
    "six digits as float": ({"price": 30000.1}, "price"),
    "price of nan": ({"price": NAN}, "price"),
    "price below zero": ({"price": "-1"}, "price"),
    "price is text": ({"price": "cheap"}, "price"),
    "no price": ({"price": None}, "price"),
    "amount of zero": ({"amount": 0}, "amount"),
    "amount of zero as text": ({"amount": "0.000"}, "amount"),
    "amount of nan": ({"amount": NAN}, "amount"),
    "endless amount": ({"amount": INFINITY}, "amount"),
    "amount is True": ({"amount": True}, "amount"),
    "amount is text": ({"amount": "all"}, "amount"),
    "no amount": ({"amount": None}, "amount"),
    "unknown type": ({"type": "EXCHANGE LIMITED"}, "type"),
    "no type": ({"type": None}, "type"),
    "currency": ({"symbol": "USD"}, "symbol"),
    "funding currency": ({"symbol": "fUSD"}, "symbol"),
    "symbol in bytes": ({"symbol": b"tBTCUSD"}, "symbol"),
    "cid below zero": ({"cid": -1}, "cid"),
    "cid too long": ({"cid": 2**45}, "cid"),
    "cid is text": ({"cid": "5"}, "cid"),
    "cid is True": ({"cid": True}, "cid"),
    "gid beyond 32 bits": ({"gid": 2**32}, "gid"),
    "flags below zero": ({"flags": -1}, "flags"),
    "lev of zero": ({"lev": 0}, "lev"),
    "tif without zone": ({"tif": "tomorrow"}, "tif"),
    "meta is text": ({"meta": "x"}, "meta"),
    "on_fill is text": ({"on_fill": "print"}, "on_fill"),
    "on_done is a number": ({"on_done": 5}, "on_done"),
    "queued below zero": ({"queue_for_s": -1}, "queue_for_s"),
    "queued as text": ({"queue_for_s": "5"}, "queue_for_s"),
    "queued for ever": ({"queue_for_s": INFINITY}, "queue_for_s"),
}


@pytest.mark.parametrize("name", NO_ORDERS)
@pytest.mark.usefixtures("nothing_is_sent")
def test_orders_that_cannot_be(bfx: Client, name: str) -> None:
    change, match = NO_ORDERS[name]
    order = {**OP, **change}
    refused(lambda: bfx.wss.inputs.submit_order(**order), match=match)


NO_INPUTS: dict[str, tuple[Callable[[Any], Any], Optional[str]]] = {
    "update of nothing": (lambda i: i.update_order(None, price=5), "id"),
    "update with amount and delta": (
        lambda i: i.update_order(5, amount=1, delta=1),
        "amount|delta",
    ),
    "update with six digits": (lambda i: i.update_order(5, price="30000.1"), "price"),
    "cancel of nothing": (lambda i: i.cancel_order(), "id"),
    "cancel by id of zero": (lambda i: i.cancel_order(id=0), "id"),
    "cancel by id as text": (lambda i: i.cancel_order(id="5"), "id"),
    "cancel by unknown cid": (lambda i: i.cancel_order(cid=123), "cid_date"),
    "cancel by id and cid": (lambda i: i.cancel_order(id=5, cid=5), "id"),
    "cancel on no day": (lambda i: i.cancel_order(cid=5, cid_date="2026-02-30"), None),
    "cancel of none": (lambda i: i.cancel_order_multi(), None),
    "cancel of an empty list": (lambda i: i.cancel_order_multi(id=[]), "id"),
    "no operations": (lambda i: i.submit_order_multi([]), "ops"),
    "operations as text": (lambda i: i.submit_order_multi("on"), "ops"),
    "unknown operation": (lambda i: i.submit_order_multi([("xx", {})]), "xx"),
    "one bad operation of two": (
        lambda i: i.submit_order_multi([("on", OP), ("on", {**OP, "amount": 0})]),
        "amount",
    ),
    "offer of a pair": (
        lambda i: i.submit_funding_offer("LIMIT", "tBTCUSD", "200", "0.05", 2),
        "symbol",
    ),
    "offer of nothing": (
        lambda i: i.submit_funding_offer("LIMIT", "fUSD", "0", "0.05", 2),
        "amount",
    ),
    "offer of a day": (
        lambda i: i.submit_funding_offer("LIMIT", "fUSD", "200", "0.05", 1),
        "period",
    ),
    "cancel of no offer": (lambda i: i.cancel_funding_offer(0), "id"),
    "calc of nothing": (lambda i: i.calc(), None),
    "calc of a number": (lambda i: i.calc(5), None),
    "message of another type": (lambda i: i.notify({}, type="x"), "ucm-"),
}


@pytest.mark.parametrize("name", NO_INPUTS)
@pytest.mark.usefixtures("nothing_is_sent")
def test_inputs_that_cannot_be(bfx: Client, name: str) -> None:
    call, match = NO_INPUTS[name]
    refused(lambda: call(bfx.wss.inputs), match=match)


def test_a_cid_that_was_used_on_the_same_day(wire: Wire, bfx: Client) -> None:
    bfx.wss.inputs.submit_order(*LIMIT, cid=77).result(DEADLINE_S)
    before = wire.count()
    refused(lambda: bfx.wss.inputs.submit_order(*LIMIT, cid=77), match="cid")
    refused(
        lambda: bfx.wss.inputs.submit_order_multi([("on", {**OP, "cid": 78})] * 2),
        match="cid",
    )
    assert wire.count() == before


def test_a_key_that_may_not_trade(wire: Wire) -> None:
    with wire.client(wire.exchange.accounts[1]) as bfx:
        bfx.wss.wait_authenticated(DEADLINE_S)
        assert not bfx.wss.caps.can("orders.write") and bfx.wss.caps.can("orders.read")
        before = wire.count()
        for call in (
            lambda: bfx.wss.inputs.submit_order(*LIMIT),
            lambda: bfx.wss.inputs.update_order(5, price=5),
            lambda: bfx.wss.inputs.cancel_order(id=5),
            lambda: bfx.wss.inputs.cancel_order_multi(all=True),
            lambda: bfx.wss.inputs.submit_order_multi([("on", OP)]),
        ):
            refused(call, BfxError, "orders")
        assert wire.count() == before


def test_a_key_that_may_not_lend(wire: Wire) -> None:
    with wire.client(wire.exchange.accounts[2]) as bfx:
        bfx.wss.wait_authenticated(DEADLINE_S)
        before = wire.count()
        offer = ("LIMIT", "fUSD", "200", "0.05", 2)
        refused(
            lambda: bfx.wss.inputs.submit_funding_offer(*offer), BfxError, "funding"
        )
        refused(lambda: bfx.wss.inputs.cancel_funding_offer(5), BfxError, "funding")
        assert wire.count() == before


def test_a_wrong_secret_ends_the_client(wire: Wire) -> None:
    host, before = wire.proxy.url(wire.exchange.url), wire.count()
    with Client("paper-key", "wrong", wss_host=host, backoff=SOON) as bfx:
        refused(lambda: bfx.wss.inputs.submit_order(*LIMIT), AuthError, "10100")
        with pytest.raises(AuthError) as raised:
            bfx.wss.run()
        assert raised.value.code == 10100 and isinstance(bfx.wss.exception, AuthError)
        refused(lambda: bfx.wss.inputs.submit_order(*LIMIT), AuthError, "10100")
        refused(lambda: bfx.wss.wait_authenticated(1), AuthError, "10100")
    assert wire.count() == before


@pytest.mark.usefixtures("nothing_is_sent")
def test_without_a_key_no_connection_is_made(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BFX_API_KEY", "BFX_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    before = wire.proxy.counts["accept"]
    with Client(wss_host=wire.proxy.url(wire.exchange.url)) as bfx:
        for call in (
            lambda: bfx.wss.inputs.submit_order(*LIMIT),
            lambda: bfx.wss.inputs.cancel_order(id=5),
            lambda: bfx.wss.authenticate(),
            lambda: bfx.wss.wait_authenticated(1),
            lambda: bfx.wss.subscribe_account(print),
        ):
            refused(call, UsageError, "key")
    assert wire.proxy.counts["accept"] == before


@pytest.fixture
def own_wire() -> Iterator[Wire]:
    """Of an exchange whose connections may be dropped."""
    with PaperExchange(rate=1e-3) as exchange:
        wire = Wire(exchange)
        yield wire
        wire.proxy.close()


def test_an_input_while_the_link_is_down(own_wire: Wire) -> None:
    wire = own_wire
    losses = Collector()
    with wire.client() as bfx:
        bfx.wss.on("disconnected", losses)
        bfx.wss.wait_authenticated(DEADLINE_S)
        wire.proxy.refuse("fin")
        wire.exchange.drop_connections()
        losses.wait_for(1)
        before = len(wire.tap.inputs()), wire.exchange.journal.last_number
        for call in (
            lambda: bfx.wss.inputs.submit_order(*LIMIT),
            lambda: bfx.wss.inputs.cancel_order(id=5),
            lambda: bfx.wss.inputs.submit_order_multi([("on", OP)]),
            lambda: bfx.wss.inputs.submit_funding_offer("LIMIT", "fUSD", 200, 0.05, 2),
        ):
            refused(call, NetworkError)
        queued = bfx.wss.inputs.submit_order(*LIMIT, queue_for_s=0.05)
        with pytest.raises(OrderNotPlaced) as expired:
            queued.result(DEADLINE_S)
        assert expired.value.proof == "never_sent"
        late = bfx.wss.inputs.submit_order(*LIMIT, queue_for_s=DEADLINE_S)
        wire.proxy.accept()
        assert late.result(DEADLINE_S).cid == late.cid
        assert len(wire.tap.inputs()) == before[0] + 1
    assert wire.exchange.journal.find(kind="request", cid=queued.cid) == []


def test_inputs_within_callbacks_work(bfx: Client) -> None:
    orders = Collector()

    def again(trade: Any) -> None:
        reply = bfx.wss.inputs.submit_order(*LIMIT)
        orders(reply.result(DEADLINE_S))

    bfx.wss.inputs.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.01", on_fill=again)
    (order,) = orders.wait_for(1)
    assert order.order_status == "ACTIVE"
    wait_until(lambda: order.id in bfx.wss.account.orders)


def test_replies_refuse_impossible_waits(bfx: Client) -> None:
    reply = bfx.wss.inputs.submit_order(*LIMIT)
    reply.result(DEADLINE_S)
    for bad in (-1, NAN, INFINITY, "5", True):
        for call in (reply.result, reply.wait_done, reply.wait_filled, reply.exception):
            with pytest.raises(UsageError, match="timeout"):
                call(bad)
    refused(lambda: reply.add_done_callback("print"), match="function")
    assert threading.current_thread() is threading.main_thread()
