"""examples/embedding/django_site: runserver with its reload, and a command that streams."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any, Callable

import pytest
from example_programs import EXAMPLES, ask, free_port, wait_until

from bfxsync.paper import PaperExchange


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy whose files may be changed."""
    copy = tmp_path / "site"
    shutil.copytree(EXAMPLES / "django_site", copy)
    return copy


def test_runserver_leaves_no_connection_at_a_reload(
    exchange: PaperExchange, start: Callable[..., Any], site: Path
) -> None:
    port = free_port()
    server = start("manage.py", "runserver", str(port), folder=site)
    wait_until(lambda: ask(port, "/readyz")[0] == 200, "ready")
    status, price = ask(port, "/price")
    assert status == 200 and 0 < price["bid"] < price["ask"]
    # Two processes have loaded the site, one has connected.
    assert exchange.connections == exchange.connections_opened == 1

    with open(site / "market" / "views.py", "a") as file:
        file.write("\n# changed\n")
    server.wait_for("Watching for file changes", 2)
    wait_until(lambda: exchange.connections == 0, "the old process is gone")
    wait_until(lambda: ask(port, "/readyz")[0] == 200, "ready again")
    assert (exchange.connections, exchange.connections_opened) == (1, 2)


def test_the_command_stores_trades_until_sigterm(
    exchange: PaperExchange, start: Callable[..., Any], site: Path
) -> None:
    assert start("manage.py", "migrate", "--run-syncdb", folder=site).finish(None) == 0
    assert exchange.connections_opened == 0
    stream = start("manage.py", "stream", "tBTCUSD", folder=site)
    wait_until(lambda: stream.output.count("\n") >= 5, "trades")
    assert stream.finish() == 0
    with sqlite3.connect(site / "market.sqlite3") as database:
        (count,) = database.execute("SELECT count(*) FROM market_trade").fetchone()
    assert count == stream.output.count("\n") >= 5
