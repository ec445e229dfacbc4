"""R13 on the account's socket: every code of the exchange gives one class of error."""

from __future__ import annotations

import threading
from typing import Any, Iterator

import pytest

from bfxsync import (
    ApiError,
    AuthError,
    Client,
    NetworkError,
    NonceTooSmall,
    NotReady,
    OrderRejected,
    RateLimited,
    SubscriptionRejected,
)
from bfxsync.paper import PaperExchange

from .bare_server import DEADLINE_S, BareServer
from .conftest import Serve
from .support import INFO, Collector
from .user import SOON, wait_until

CODES = [10000, 10001, 10008, 10011, 10012, 10020, 10050, *range(10100, 10105)]
CODES += [*range(10111, 10115), 10200, 10201, *range(10300, 10306), 10400, 10401]
CODES += [10500, 11000, 11010, 20060, 54321]

CLASSES = {
    **dict.fromkeys((10008, 11000, 20060), NotReady),
    **dict.fromkeys((10011, 10012, *range(10300, 10306)), SubscriptionRejected),
    **dict.fromkeys((10400, 10401), SubscriptionRejected),
    **dict.fromkeys((*range(10100, 10105), *range(10111, 10114)), AuthError),
    **dict.fromkeys((10200, 10201), AuthError),
    10114: NonceTooSmall,
    11010: RateLimited,
}
"""All others: `OrderRejected`, or `AuthError` of a login."""

LIMIT = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "30000")

PASSING = {10008, 11000, 11010, 20060}
"""Of maintenance and limits: they say nothing about a key."""


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=1e-3) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def bfx(exchange: PaperExchange) -> Iterator[Client]:
    with exchange.client() as bfx:
        bfx.wss.wait_authenticated(DEADLINE_S)
        yield bfx


@pytest.mark.parametrize("code", CODES)
def test_r13_refused_inputs_have_their_code(
    exchange: PaperExchange, bfx: Client, code: int
) -> None:
    inputs = bfx.wss.inputs
    order = inputs.submit_order(*LIMIT).result(DEADLINE_S)
    for name, call in {
        "on": lambda: inputs.submit_order(*LIMIT),
        "ou": lambda: inputs.update_order(order.id, price="30001"),
        "oc": lambda: inputs.cancel_order(id=order.id),
    }.items():
        exchange.inject("reject_order", input=name, code=code, text=f"no {name}")
        reply = call()
        with pytest.raises(ApiError) as caught:
            reply.result(DEADLINE_S)
        error = caught.value
        assert type(error) is CLASSES.get(code, OrderRejected)
        assert (error.code, error.message) == (code, f"no {name}")
        assert error.raw is not None and error.retryable == (code in {*PASSING, 10114})
        assert reply.exception(0) is error
    exchange.clear_faults()
    assert inputs.cancel_order(id=order.id).result(DEADLINE_S).id == order.id


@pytest.mark.parametrize("code", [*CODES, None])
def test_r04_r13_a_refused_login_ends_the_client_or_is_repeated(
    serve: Serve, code: int | None
) -> None:
    server = serve()
    stop = threading.Event()
    refusing = threading.Thread(target=refuse, args=(server, code, stop), daemon=True)
    refusing.start()
    errors = Collector()
    with Client(
        "key", "secret", wss_host=server.url, backoff=SOON, on_error=errors
    ) as bfx:
        if code in PASSING:

            def is_refused() -> bool:
                with pytest.raises(NetworkError) as raised:
                    bfx.wss.wait_authenticated(0.1)
                return str(code) in str(raised.value)

            # On a busy machine the first refusal is not there that soon.
            wait_until(is_refused)
            assert bfx.wss.exception is None and server.accepted > 0
        else:
            kind = CLASSES.get(code or 0, AuthError)
            if kind is SubscriptionRejected:
                # Nothing was subscribed.
                kind = AuthError
            with pytest.raises(kind) as raised:
                bfx.wss.wait_authenticated(DEADLINE_S)
            assert type(raised.value) is kind and raised.value.code == code
            expected = {"event": "auth", "status": "FAILED", **body(code)}
            assert raised.value.raw == expected
            with pytest.raises(kind):
                bfx.wss.run()
            assert server.accepted == (6 if code == 10114 else 1)
        stop.set()
    refusing.join(DEADLINE_S)


def body(code: int | None) -> dict[str, Any]:
    return {"msg": "no", "chanId": 0} if code is None else {"code": code, "msg": "no"}


def refuse(server: BareServer, code: int | None, stop: threading.Event) -> None:
    """Refuse every login."""
    while not stop.is_set():
        try:
            peer = server.next_peer(0.1)
            peer.send_json(INFO)
            event = peer.receive_json(DEADLINE_S)
            while event["event"] != "auth":
                peer.send_json({**event, "status": "OK"})
                event = peer.receive_json(DEADLINE_S)
            peer.send_json({"event": "auth", "status": "FAILED", **body(code)})
        except (AssertionError, EOFError, OSError):
            continue
