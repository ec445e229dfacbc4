"""A dry run: every write is checked, logged and answered, and none is sent."""

from __future__ import annotations

import inspect
import logging
import warnings
from typing import Any, Iterator

import pytest

from bfxsync import Client, ClosedError, OrderBlocked, UsageError
from bfxsync._base.hidden import hidden_in, hide_private
from bfxsync.models.notification import Notification
from bfxsync.models.orders import PartialOrder

from .conftest import Serve
from .server import Exchange, Server
from .signed import KEY, SECRET
from .tables import arguments_of
from .test_auth_endpoints import FACES, WRITES, identity

WRITTEN = {(row["on"], row["call"][0]) for row in WRITES}

ORDER: Any = ("EXCHANGE LIMIT", "tBTCUSD", "0.5", "100")


def only_reads(request: Exchange) -> object:
    """Answer reads with an empty list, and cut off writes."""
    if "/auth/w/" in request.target:
        return False
    return request.answer([])


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(only_reads)


@pytest.fixture
def bfx(server: Server) -> Iterator[Client]:
    with Client(KEY, SECRET, rest_host=server.host, dry_run=True) as client:
        yield client


def test_table_has_every_method_that_writes() -> None:
    for on, face in FACES.items():
        for name, method in inspect.getmembers(face, inspect.isfunction):
            source = inspect.getsource(method)
            is_write = "self._write(" in source or "self._write_order(" in source
            if is_write and not name.startswith("_"):
                assert (on, name) in WRITTEN
    assert len(WRITTEN) >= 40


def test_no_write_is_sent(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bfxsync")
    for row in WRITES:
        caplog.clear()
        arguments, options = arguments_of(row)
        # Orders of several rows have the same client id.
        bfx = Client(KEY, SECRET, rest_host=server.host, dry_run=True)
        with warnings.catch_warnings(), bfx:
            method = getattr(getattr(bfx.rest, row["on"]), row["call"][0])
            warnings.simplefilter("ignore", DeprecationWarning)
            note = method(*arguments, **options)
        assert type(note) is Notification, identity(row)
        assert (note.status, note.message_id) == ("DRY_RUN", None)
        assert note.raise_for_status() is note
        assert note.endpoint == row["request"]["path"]
        text = caplog.records[-1].getMessage()
        assert text.startswith(f"dry run: POST {note.endpoint} {{")
        for secret in hidden_in(hide_private(row["request"]["body"])):
            # In quotes, as a short one may be a part of another value.
            assert f"'{secret}'" not in caplog.text
    assert server.requests == []


def test_raw_write_is_answered_with_a_row(bfx: Client, server: Server) -> None:
    row = bfx.rest.request("POST", "auth/w/of/tomorrow", body={"a": 1})
    assert (row[1], row[6]) == ("auth/w/of/tomorrow", "DRY_RUN")
    body = {"type": "MARKET", "symbol": "tBTCUSD", "amount": "1"}
    row = bfx.rest.request("POST", "auth/w/order/submit", body=body)
    assert row[4][0][3] == "tBTCUSD"
    assert bfx.rest.request("POST", "platform/of/tomorrow", body={})[6] == "DRY_RUN"
    assert server.requests == []


def test_reads_are_sent(bfx: Client, server: Server) -> None:
    assert bfx.rest.auth.get_orders() == []
    assert bfx.rest.public.get_t_trades("tBTCUSD") == []
    assert bfx.rest.request("POST", "auth/r/wallets") == []
    assert len(server.requests) == 3


def test_program_goes_on_with_its_order(bfx: Client) -> None:
    order = bfx.rest.auth.submit_order(*ORDER, cid=7).raise_for_status().data
    assert type(order) is PartialOrder
    assert (order.id, order.cid, order.amount, order.price) == (None, 7, 0.5, 100)
    cancelled = bfx.rest.auth.cancel_order(cid=7, cid_date="2026-01-31")
    assert cancelled.data.cid == 7
    assert bfx.halt().raise_for_status().data == []


def test_arguments_and_guards_are_checked(server: Server) -> None:
    options: Any = {"max_open_orders": 1, "max_orders_per_minute": 1, "post_only": True}
    with Client(KEY, SECRET, rest_host=server.host, dry_run=True, **options) as bfx:
        with pytest.raises(UsageError, match="^amount must not be zero"):
            bfx.rest.auth.submit_order("LIMIT", "tBTCUSD", 0, "100")
        with pytest.raises(OrderBlocked, match="^post_only"):
            bfx.rest.auth.submit_order("MARKET", "tBTCUSD", 1)
        order = bfx.rest.auth.submit_order(*ORDER).data
        assert order.flags == 4096
        with pytest.raises(OrderBlocked, match="^max_orders_per_minute"):
            bfx.rest.auth.submit_order(*ORDER)
    assert [request.target for request in server.requests] == ["/v2/auth/r/orders"]


def test_dry_run_needs_a_key_and_an_open_client(server: Server) -> None:
    with Client(rest_host=server.host, dry_run=True) as bfx:
        with pytest.raises(UsageError, match="needs a key"):
            bfx.rest.auth.submit_order(*ORDER)
    with Client(KEY, SECRET, rest_host=server.host, dry_run=True) as bfx:
        auth = bfx.rest.auth
    with pytest.raises(ClosedError):
        auth.submit_order(*ORDER)


def test_first_write_of_a_dry_run_warns(
    bfx: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        bfx.rest.auth.submit_order(*ORDER)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "no write is sent" in record.getMessage()


@pytest.mark.parametrize("value", [None, "no", 2])
def test_dry_run_is_true_or_false(value: Any) -> None:
    with pytest.raises(UsageError, match="^dry_run must be True or False"):
        Client(dry_run=value)
