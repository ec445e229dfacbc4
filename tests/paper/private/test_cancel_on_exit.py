"""``cancel_on_exit``: at the end, the orders of the client are cancelled, and no others."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
from typing import Any, Iterator

import pytest
from patience import at_most

from bfxsync import Client, OutcomeUnknown, UsageError
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.rest import cancel_on_exit
from bfxsync.rest.http import transport as transport_module
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

# Far below the market, so that it rests.
LIMIT = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.1", "price": "100"}
SUBMIT = "auth/w/order/submit"


@pytest.fixture(scope="module")
def venue() -> Iterator[PaperExchange]:
    with PaperExchange(rate=1e-3, accounts=[PaperAccount()]) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def other(venue: PaperExchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Another client of the account, with an order that stays."""
    limits = RequestRateLimiter(exempt_loopback=True)
    monkeypatch.setattr(transport_module, "SHARED", limits)
    with connect(venue) as client:
        client.rest.auth.submit_order(**LIMIT, cid=1)
        yield client
        client.rest.auth.cancel_all_orders()


def connect(venue: PaperExchange, **options: Any) -> Client:
    key, secret = venue.account.api_key, venue.account.api_secret
    return Client(key, secret, rest_host=venue.rest_url, **options)


def cids(venue: PaperExchange) -> list[int]:
    return sorted(order["cid"] for order in venue.account.orders)


def test_close_cancels_what_the_client_has_placed(
    venue: PaperExchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bfxsync.rest.cancel_on_exit")
    with connect(venue, cancel_on_exit=True) as bfx:
        auth = bfx.rest.auth
        auth.submit_order(**LIMIT, cid=2)
        auth.submit_order_multi([("on", {**LIMIT, "cid": cid}) for cid in (3, 4)])
        bfx.rest.request("POST", SUBMIT, body={**LIMIT, "cid": 5})
        auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
        auth.cancel_order(id=auth.submit_order(**LIMIT).data.id)
        assert cids(venue) == [1, 2, 3, 4, 5]
    assert cids(venue) == [1]
    assert "4 orders cancelled" in caplog.text
    requests = venue.rest_requests
    bfx.close()
    assert venue.rest_requests == requests


def test_order_whose_answer_was_lost_is_cancelled(venue: PaperExchange) -> None:
    with connect(venue, cancel_on_exit=True) as bfx:
        venue.inject("lost_answer", path=SUBMIT)
        with pytest.raises(OutcomeUnknown):
            bfx.rest.auth.submit_order(**LIMIT, cid=6)
        assert cids(venue) == [1, 6]
    assert cids(venue) == [1]


@pytest.mark.parametrize("options", [{"cancel_on_exit": True}, {}])
def test_client_that_placed_nothing_asks_nothing(
    venue: PaperExchange, options: Any
) -> None:
    with connect(venue, **options) as bfx:
        bfx.rest.auth.get_orders()
        requests = venue.rest_requests
    assert venue.rest_requests == requests


def test_orders_stay_without_the_option(venue: PaperExchange) -> None:
    with connect(venue) as bfx:
        bfx.rest.auth.submit_order(**LIMIT, cid=2)
    assert cids(venue) == [1, 2]


def test_failure_is_logged_and_closes_all_the_same(
    venue: PaperExchange,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancel_on_exit, "CALL_S", 0.5)
    with connect(venue, cancel_on_exit=True) as bfx:
        order = bfx.rest.auth.submit_order(**LIMIT, cid=2).data
        venue.inject("lost_request", path="auth/w/order/cancel/multi")
    (record,) = [record for record in caplog.records if record.levelno >= 40]
    assert f"the orders [{order.id}] may still be open" in record.getMessage()
    assert cids(venue) == [1, 2]
    bfx.close()
    assert cids(venue) == [1]


@pytest.mark.parametrize("value", [None, "no", 1.5])
def test_option_is_true_or_false(value: Any) -> None:
    with pytest.raises(UsageError, match="^cancel_on_exit must be True or False"):
        Client(cancel_on_exit=value)


# --- how a program may end --------------------------------------------------------------------

PROGRAM = """
import os, signal, sys, time
from bfxsync import Client

bfx = Client({key!r}, {secret!r}, rest_host={host!r}, cancel_on_exit=True)
bfx.rest.auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.1", "100", cid=2)
print("placed", flush=True)
"""

ENDS = {
    "end": "",
    "interrupt": "time.sleep(60)",
    # Without close() its threads go on until the very end.
    "threads": """
import threading

def trade(cid):
    while True:
        try:
            bfx.rest.auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.1", "100", cid=cid)
        except BaseException:
            return
        cid += 1

for number in range(1, 4):
    threading.Thread(target=trade, args=(number * 1_000_000,), daemon=True).start()
while len(bfx.rest.auth.get_orders()) < 10:
    pass
""",
    "child": (
        "child = os.fork()\nif not child: sys.exit()\n"
        "os.waitpid(child, 0); os.kill(os.getpid(), signal.SIGKILL)"
    ),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on Windows")
@pytest.mark.parametrize("end", ENDS)
def test_end_of_a_program_cancels_its_orders(venue: PaperExchange, end: str) -> None:
    account = venue.account
    head = textwrap.dedent(PROGRAM).format(
        key=account.api_key, secret=account.api_secret, host=venue.rest_url
    )
    program = subprocess.Popen(
        [sys.executable, "-c", head + ENDS[end]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "placed\n"
    if end == "interrupt":
        program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=at_most(30))
    assert "may still be open" not in errors
    # A child has placed nothing, and nothing runs after a kill.
    assert cids(venue) == ([1, 2] if end == "child" else [1])
