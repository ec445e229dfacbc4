"""Clients of a notebook by name."""

from __future__ import annotations

import traceback
from decimal import Decimal

import pytest

import bfxsync
from bfxsync import UsageError
from bfxsync._base import cells as base
from bfxsync.notebook import client, clients

SECRET = "paper-secret-of-this-test"


@pytest.fixture
def options(notebook, exchange):
    return {"wss_host": exchange.url, "rest_host": exchange.rest_url}


def is_closed(found):
    return found.wss.status is bfxsync.ConnectionStatus.CLOSED


def test_the_same_arguments_give_the_living_client(options):
    first = client("main", timeout=10, max_order_value={"USD": Decimal("5")}, **options)
    again = client("main", timeout=10.0, max_order_value={"USD": 5}, **options)
    assert again is first
    assert client(**options) is not first


@pytest.mark.parametrize(
    "change",
    [
        {"timeout": 5.0},
        {"numbers": Decimal},
        {"post_only": True},
        {"on_error": lambda error: None},
        {"filters": ["trading"]},
        {"max_order_value": {"USD": 1000}},
        {"api_key": "paper-key", "api_secret": SECRET},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_arguments_close_the_earlier_client(options, change):
    first = client("main", **options)
    second = client("main", **options, **change)
    assert second is not first
    assert is_closed(first) and not is_closed(second)
    assert client("main", **options, **change) is second
    assert client("main", **options) is not second and is_closed(second)


def test_other_names_are_other_clients(options):
    assert client("one", **options) is not client("two", **options)
    assert not is_closed(client("one", **options))


def test_a_closed_client_is_replaced(options):
    first = client(**options)
    first.close()
    second = client(**options)
    assert second is not first and not is_closed(second)


def test_an_impossible_argument_leaves_the_client_open(options):
    first = client(**options)
    with pytest.raises(UsageError, match="^timeout must be"):
        client(**options, timeout=-1)
    with pytest.raises(TypeError, match="timeuot"):
        client(**options, timeuot=1)
    with pytest.raises(UsageError, match="^paper must be"):
        client(**options, paper="yes")
    for name in ("", 5, None):
        with pytest.raises(UsageError, match="^name must be text, not"):
            client(name)
    assert not is_closed(first) and client(**options) is first


def test_another_key_in_the_environment_is_another_client(options, monkeypatch):
    monkeypatch.setenv("BFX_API_KEY", "paper-key")
    monkeypatch.setenv("BFX_API_SECRET", SECRET)
    first = client(**options)
    assert client(**options) is first
    monkeypatch.setenv("BFX_API_SECRET", SECRET + "2")
    assert client(**options) is not first and is_closed(first)


def test_a_function_is_compared_by_identity(options):
    def on_error(error):
        pass

    first = client(on_error=on_error, **options)
    assert client(on_error=on_error, **options) is first
    assert client(on_error=lambda error: None, **options) is not first


def test_no_secret_is_kept_but_a_hash(options):
    client("main", api_key="paper-key", api_secret=SECRET, **options)
    (named,) = clients._clients.values()
    assert SECRET not in repr(named) and SECRET not in repr(vars(clients))


def test_a_misspelled_secret_is_in_no_traceback(options):
    with pytest.raises(TypeError) as info:
        client(api_secrett=SECRET, **options)
    report = traceback.TracebackException.from_exception(
        info.value, capture_locals=True
    )
    # The frame of this test has it.
    frames = [frame for frame in report.stack if "tests" not in frame.filename]
    assert frames and not any(SECRET in str(frame.locals) for frame in frames)


def test_a_paper_client_has_its_own_exchange(notebook):
    notebook.run("bfx = bfxsync.notebook.client('p', paper=True)")
    first = notebook["bfx"]
    notebook.run("bfx = bfxsync.notebook.client('p', paper=True)")
    assert notebook["bfx"] is first and first.exchange is not None
    notebook.run("bfx = bfxsync.notebook.client('p', paper=True, timeout=5)")
    assert is_closed(first) and notebook["bfx"].exchange is not first.exchange


def test_clients_by_name_are_only_for_notebooks(monkeypatch):
    monkeypatch.setattr(clients, "shell", lambda: None)
    with pytest.raises(UsageError, match="use bfxsync.Client"):
        client()


def test_a_callback_is_called_as_it_is_outside_of_notebooks(monkeypatch):
    monkeypatch.setattr(base, "shell", lambda: None)
    function = print
    assert base.in_cell(function) is function
