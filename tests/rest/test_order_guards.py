"""Order guards while other calls are on the wire."""

from __future__ import annotations

import json
import threading
import time
import warnings
from typing import Any

import pytest

from bfxsync import Client, OrderBlocked, RemoteError

from .conftest import Serve
from .server import DEADLINE_S, Exchange
from .signed import KEY, SECRET
from .tables import arguments_of
from .test_auth_endpoints import WRITES

TERMS: Any = ("EXCHANGE LIMIT", "tBTCUSD", "0.5", "100")
CANCEL_ALL = "/v2/auth/w/order/cancel/multi"


def accepted(request: Exchange) -> bool:
    return request.answer([1700000000, "on-req", None, None, [], None, "SUCCESS", ""])


def test_order_that_waits_for_its_turn_is_halted(serve: Serve) -> None:
    release = threading.Event()

    def answer(request: Exchange) -> object:
        release.wait(DEADLINE_S)
        return accepted(request)

    server = serve(answer)
    failures: list[BaseException] = []

    def submit() -> None:
        try:
            bfx.rest.auth.submit_order(*TERMS)
        except OrderBlocked as error:
            failures.append(error)

    with Client(KEY, SECRET, rest_host=server.host) as bfx:
        threads = [threading.Thread(target=submit) for _ in range(3)]
        for thread in threads:
            thread.start()
        server.wait_for_requests(1)
        halting = threading.Thread(target=bfx.halt)
        halting.start()
        # Before it waits for its own turn.
        deadline = time.monotonic() + DEADLINE_S
        while not bfx.is_halted and time.monotonic() < deadline:
            time.sleep(0)
        release.set()
        for thread in (*threads, halting):
            thread.join()
    # Those two that waited were never sent, whether they had been admitted before or not.
    assert len(failures) == 2
    assert [request.target for request in server.requests][1:] == [CANCEL_ALL]
    assert json.loads(server.requests[-1].body) == {"all": 1}


def test_halt_refuses_exactly_what_places_or_changes_orders(serve: Serve) -> None:
    server = serve(accepted)
    refused = set()
    with Client(KEY, SECRET, rest_host=server.host, dry_run=True) as bfx:
        bfx.halt()
        for row in WRITES:
            arguments, options = arguments_of(row)
            name = row["call"][0]
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    getattr(getattr(bfx.rest, row["on"]), name)(*arguments, **options)
            except OrderBlocked:
                refused.add(name)
    assert refused == {
        "submit_order",
        "update_order",
        "submit_order_multi",
        "create_recurring_order",
        "update_recurring_order",
    }
    assert server.requests == []


@pytest.mark.parametrize("price", [0, None])
def test_pair_without_a_price_has_no_value_to_check(serve: Serve, price: Any) -> None:
    row = [price, 1, price, 1, 0, 0, price, 0, 0, 0]
    server = serve(lambda request: request.answer(row))
    limit: Any = {"max_order_value": {"USD": 1}}
    with Client(KEY, SECRET, rest_host=server.host, **limit) as bfx:
        with pytest.raises(RemoteError, match="has no price yet"):
            bfx.rest.auth.submit_order("MARKET", "tBTCUSD", "1000")
    assert [request.target for request in server.requests] == ["/v2/ticker/tBTCUSD"]
