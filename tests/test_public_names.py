"""What shows of the inside: in completion, in tracebacks, type errors and reprs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import traceback
from pathlib import Path

import pytest

import bfxsync
from bfxsync import BookUpdate, Client, Snapshot, Subscription, Trade, WebSocketClient
from bfxsync.paper import PaperExchange
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.client import RestClient
from bfxsync.rest.merchant import MerchantEndpoints
from bfxsync.rest.public import PublicEndpoints

CLASSES = [
    item
    for item in (getattr(bfxsync, name) for name in bfxsync.__all__)
    if isinstance(item, type)
]
ENDPOINTS = [AuthEndpoints, MerchantEndpoints, PublicEndpoints]
PACKAGE = Path(bfxsync.__file__).parent


def all_classes():
    """Return every class of the package."""
    found = {}
    for module in pkgutil.walk_packages(bfxsync.__path__, "bfxsync."):
        if module.name.endswith("__main__"):
            continue
        for item in vars(importlib.import_module(module.name)).values():
            if isinstance(item, type) and item.__module__.startswith("bfxsync"):
                found[f"{item.__module__}.{item.__qualname__}"] = item
    return found


def writes_its_repr(cls):
    """Tell whether a class has a repr of its own, not one that attrs or Python made."""
    code = getattr(vars(cls).get("__repr__"), "__code__", None)
    return code is not None and PACKAGE in Path(code.co_filename).parents


WITH_REPR = {name: cls for name, cls in all_classes().items() if writes_its_repr(cls)}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_what_the_library_does_at_a_fork_is_not_public(cls):
    public = {name for name in dir(cls) if not name.startswith("_")}
    assert not public & {"reset_after_fork", "detach_after_fork"}


@pytest.mark.parametrize(
    "cls", [*CLASSES, *ENDPOINTS, RestClient, PaperExchange], ids=lambda c: c.__name__
)
def test_type_errors_name_a_class_that_users_know(cls):
    users = (*CLASSES, *ENDPOINTS, RestClient, PaperExchange, bfxsync.models.Model)
    known = {c.__name__ for c in users}
    for name, member in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_") and member.__module__.startswith("bfxsync"):
            assert member.__qualname__.partition(".")[0] in known, member


@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python named no classes")
def test_a_missing_argument_is_told_by_the_public_name():
    with WebSocketClient("ws://127.0.0.1:1/ws/2") as client:
        with pytest.raises(TypeError, match=r"^WebSocketClient\.subscribe_ticker\(\)"):
            client.subscribe_ticker()
        assert repr(client.subscribe).startswith("<bound method WebSocketClient.")
    with Client() as client:
        with pytest.raises(TypeError, match=r"^PublicEndpoints\.get_t_ticker\(\)"):
            client.rest.public.get_t_ticker()


@pytest.mark.parametrize(
    "cls", [Subscription, bfxsync.BookSubscription, bfxsync.BookView, Snapshot]
)
def test_a_generic_class_can_be_subscripted_at_run_time(cls):
    assert cls[Trade].__origin__ is cls


def test_the_classes_with_a_repr_of_their_own_are_found():
    assert {Client, RestClient, WebSocketClient, Subscription, PaperExchange} <= set(
        WITH_REPR.values()
    )


@pytest.mark.parametrize("name", sorted(WITH_REPR))
def test_a_half_made_object_has_a_repr(name):
    cls = WITH_REPR[name]
    assert isinstance(repr(cls.__new__(cls)), str)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Client("key", None),
        lambda: Client(on_limit="x"),
        lambda: Client(rest_host="nonsense").rest,
        lambda: Client(mailbox_size=0),
        lambda: WebSocketClient("nonsense"),
        lambda: bfxsync.replay("/nowhere"),
        lambda: bfxsync.Backoff(first_s=-1),
        lambda: bfxsync.Signer("key", 5),
        lambda: PaperExchange(rate="x"),
    ],
)
def test_a_report_with_variables_can_be_made_of_a_refused_argument(make):
    try:
        make()
    except (ValueError, TypeError) as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert type(error).__name__ in "".join(report.format())
        for frame, _ in traceback.walk_tb(error.__traceback__):
            # Newer versions of Python guard this themselves.
            repr(frame.f_locals.get("self"))
    else:
        pytest.fail("it was not refused")


def test_a_snapshot_fits_on_a_screen():
    levels = [BookUpdate(50_000.0 + n, 1, 0.5) for n in range(250)]
    trades = [Trade(n, 1_700_000_000_000, 0.001, 50_000.1) for n in range(5_000)]
    for rows in (levels, trades):
        text = repr(Snapshot(rows))
        assert len(text) < 400 and "\n" not in text
        assert repr(rows[0]) in text and repr(rows[-1]) in text
        assert f"{len(rows) - 2} more" in text
    assert repr(Snapshot(levels[:2])) == (
        f"Snapshot(rows=[{levels[0]!r}, {levels[1]!r}], has_hole=False)"
    )


def test_order_type_is_written_as_the_exchange_has_it() -> None:
    assert str(bfxsync.OrderType.EXCHANGE_IOC) == "EXCHANGE IOC"
