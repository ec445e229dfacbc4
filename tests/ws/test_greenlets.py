"""Programs in which gevent or eventlet has patched the standard library."""

from __future__ import annotations

import importlib.util

import pytest
from scripts import run

from bfxsync._base.greenlets import check_threads, patched_by

# What it does to a module, for machines that have neither: classes and functions of its own in
# the place of those of the standard library.
STAND_IN = """
import importlib

def replace(module, name, package):
    module = importlib.import_module(module)
    real = getattr(module, name)
    if isinstance(real, type):
        ours = type(name, (real,), {"__module__": package + ".parts"})
    else:
        def ours(*arguments, **options):
            return real(*arguments, **options)
        ours.__module__ = package + ".parts"
    setattr(module, name, ours)
    return real
"""

# Nothing is opened, so the address may be nobody's.
BODY = """
def tickers(client, **options):
    client.subscribe_ticker("tBTCUSD", **options)

for call in (
    WebSocketClient.start,
    WebSocketClient.run,
    WebSocketClient.wait_ready,
    WebSocketClient.ping,
    tickers,
    lambda client: tickers(client, wait=False),
):
    with WebSocketClient("ws://127.0.0.1:9/ws/2") as client:
        before = threading.active_count(), descriptors()
        try:
            call(client)
        except UsageError as exc:
            assert package in str(exc), exc
        else:
            raise AssertionError(call)
        assert (threading.active_count(), descriptors()) == before
say("refused")
"""


def test_real_threads_are_what_they_are():
    assert patched_by() is None
    check_threads()


@pytest.mark.parametrize("package", ["gevent", "eventlet"])
def test_any_part_that_is_replaced_is_found(package):
    body = """
from bfxsync._base.greenlets import patched_by
for module, name in (
    ("socket", "socket"),
    ("ssl", "SSLContext"),
    ("select", "select"),
    ("time", "sleep"),
    ("_thread", "start_new_thread"),
    ("_thread", "allocate_lock"),
):
    assert patched_by() is None
    real = replace(module, name, package)
    assert patched_by() == package, name
    setattr(importlib.import_module(module), name, real)
say("found")
"""
    result = run(STAND_IN + body, package=package)
    assert (result.code, result.output) == (0, "found\n")


def test_connections_are_refused_where_sockets_are_replaced():
    patch = "replace('socket', 'socket', 'gevent')\n"
    result = run(STAND_IN + patch + BODY, package="gevent")
    assert (result.code, result.output) == (0, "refused\n")


@pytest.mark.parametrize(
    ("package", "patch"),
    [
        ("gevent", "from gevent import monkey; monkey.patch_all()"),
        # It warns of itself: it is old.
        (
            "eventlet",
            "import warnings; warnings.simplefilter('ignore')\n"
            "import eventlet; eventlet.monkey_patch()",
        ),
    ],
    ids=["gevent", "eventlet"],
)
def test_connections_are_refused_under_the_real_ones(package, patch):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    result = run(f"{patch}\n{BODY}", package=package)
    assert (result.code, result.output) == (0, "refused\n")
