"""``cancel_on_exit`` when something goes wrong at the end."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from typing import Any, Callable, Iterator

import pytest

from bfxsync import Client, ClosedError
from bfxsync.auth.signer import Signer
from bfxsync.rest import cancel_on_exit
from bfxsync.rest.http import transport as transport_module
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

from .conftest import Serve
from .server import DEADLINE_S, Exchange, Server
from .signed import KEY, SECRET

ORDER: Any = ("EXCHANGE LIMIT", "tBTCUSD", "0.5", "100")
ORDERS, CANCEL = "/v2/auth/r/orders", "/v2/auth/w/order/cancel/multi"


def row(id: int, cid: int, status: Any = "ACTIVE") -> list[Any]:
    found: list[Any] = [id, None, cid, "tBTCUSD", 2**42, 2**42, 0.5, 0.5]
    found += ["EXCHANGE LIMIT", None, None, None, 0, status, None, None, 100, 0, 0, 0]
    return found + [None] * 12


class Account:
    """
    Accepts orders with the ids 1, 2, …

    Attributes
    ----------
    list_orders : callable
        Answers a request for the open orders.
    before_order : callable
        Called with each new order before it is accepted.
    cancelled : list
        Bodies of the cancellations.
    """

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self.cancelled: list[Any] = []
        self.before_order: Callable[[Exchange], object] = lambda request: None
        self.list_orders: Callable[[Exchange], object] = lambda request: request.answer(
            self.rows
        )

    def __call__(self, request: Exchange) -> object:
        body = json.loads(request.body)
        if request.target == ORDERS:
            return self.list_orders(request)
        data: list[Any] = []
        if request.target == CANCEL:
            self.cancelled.append(body)
        else:
            self.before_order(request)
            self.rows.append(row(len(self.rows) + 1, body["cid"]))
            data = self.rows[-1:]
        kind = "oc_multi-req" if request.target == CANCEL else "on-req"
        return request.answer(
            [1700000000000, kind, None, None, data, None, "SUCCESS", ""]
        )


@pytest.fixture(autouse=True)
def no_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = RequestRateLimiter(exempt_loopback=True)
    monkeypatch.setattr(transport_module, "SHARED", limits)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def server(serve: Serve, account: Account) -> Server:
    return serve(account)


@pytest.fixture
def bfx(server: Server) -> Iterator[Client]:
    with Client(KEY, SECRET, rest_host=server.host, cancel_on_exit=True) as client:
        client.rest.auth.submit_order(*ORDER)
        yield client


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.ERROR
    ]


def test_orders_are_cancelled_where_they_cannot_be_requested(
    bfx: Client,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(cancel_on_exit, "MOST_UNREAD", 2)
    for _ in range(2):
        bfx.rest.auth.submit_order(*ORDER)
    account.list_orders = lambda request: request.answer(
        ["error", 10001, "not now"], 500
    )
    bfx.close()
    assert account.cancelled == [{"id": [2, 3]}]
    (message,) = errors_in(caplog)
    assert "the last 2 orders were cancelled" in message and "not now" in message
    account.list_orders = lambda request: request.answer(account.rows)
    bfx.close()
    assert account.cancelled[1:] == [{"id": [1, 2, 3]}]


def test_own_orders_are_cancelled_beside_unreadable_rows(
    bfx: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel_on_exit, "MOST_UNREAD", 1)
    for _ in range(2):
        bfx.rest.auth.submit_order(*ORDER)
    account.rows = [account.rows[0], row(7, 7), ["unreadable"], account.rows[2]]
    bfx.close()
    assert account.cancelled == [{"id": [1, 3]}]
    account.rows.clear()


def test_interrupted_cancellation_is_made_by_the_next_close(
    bfx: Client, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupt(request: Exchange) -> object:
        account.list_orders = lambda request: request.answer(account.rows)
        os.kill(os.getpid(), signal.SIGINT)
        return False

    account.list_orders = interrupt
    with pytest.raises(KeyboardInterrupt):
        bfx.close()
    assert account.cancelled == []
    assert (
        "interrupted, orders of this client may still be open" in errors_in(caplog)[0]
    )
    bfx.close()
    assert account.cancelled == [{"id": [1]}]
    bfx.close()
    assert len(account.cancelled) == 1


def test_second_close_waits_for_the_cancellation(
    bfx: Client, account: Account, server: Server
) -> None:
    release = threading.Event()

    def hold(request: Exchange) -> object:
        assert release.wait(DEADLINE_S)
        return request.answer(account.rows)

    account.list_orders = hold
    seen: list[Any] = []

    def close() -> None:
        bfx.close()
        seen.append(list(account.cancelled))

    threads = [threading.Thread(target=close, name="test-close") for _ in range(2)]
    for thread in threads:
        thread.start()
        server.wait_for_requests(2)
    threads[1].join(0.05)
    release.set()
    for thread in threads:
        thread.join(DEADLINE_S)
    # Whoever returns may end the program.
    assert seen == [[{"id": [1]}]] * 2


def test_signal_handler_may_close_within_the_cancellation(
    bfx: Client, account: Account
) -> None:
    def in_between(request: Exchange) -> object:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert handled.wait(DEADLINE_S)
        return request.answer(account.rows)

    def close(number: int, frame: object) -> None:
        bfx.close()
        handled.set()

    handled = threading.Event()
    account.list_orders = in_between
    before = signal.signal(signal.SIGUSR1, close)
    try:
        bfx.close()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert account.cancelled == [{"id": [1]}]


def test_signal_handler_may_close_while_an_order_is_sent(
    bfx: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel_on_exit, "CALL_S", 0.1)
    handled = threading.Event()

    def hold(request: Exchange) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert handled.wait(DEADLINE_S)

    def close(number: int, frame: object) -> None:
        # The order that it interrupts keeps the turn, so that nothing can be cancelled yet.
        bfx.close()
        handled.set()

    account.before_order = hold
    before = signal.signal(signal.SIGUSR1, close)
    try:
        bfx.rest.auth.submit_order(*ORDER).raise_for_status()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert account.cancelled == []
    monkeypatch.setattr(cancel_on_exit, "CALL_S", DEADLINE_S)
    bfx.close()
    assert account.cancelled == [{"id": [1, 2]}]


def test_no_order_follows_the_cancellation(bfx: Client, account: Account) -> None:
    auth = bfx.rest.auth
    bfx.close()
    with pytest.raises(ClosedError):
        auth.submit_order(*ORDER)
    assert len(account.rows) == 1


def test_any_failure_is_logged_and_none_raised(
    bfx: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> dict[str, str]:
        raise MemoryError

    with monkeypatch.context() as out_of_memory:
        out_of_memory.setattr(Signer, "rest_headers", fail)
        bfx.close()
    (message,) = errors_in(caplog)
    assert "orders of this client may still be open: MemoryError" in message
