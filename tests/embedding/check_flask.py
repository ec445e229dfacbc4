"""examples/embedding/flask_app under gunicorn: forks, reload, shutdown."""

from __future__ import annotations

import signal
from typing import Any, Callable

from example_programs import ask, free_port, wait_until

from bfxsync.paper import PaperExchange


def test_workers_stream_reload_and_end(
    exchange: PaperExchange, start: Callable[..., Any]
) -> None:
    port = free_port()
    gunicorn = start(
        "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "app:app", folder="flask_app"
    )
    wait_until(lambda: exchange.connections == 2, "a connection per worker")
    wait_until(lambda: ask(port, "/readyz")[0] == 200, "ready")
    status, price = wait_until(lambda: ask(port, "/price"), "a price")
    assert status == 200 and 0 < price["bid"] < price["ask"]
    assert ask(port, "/livez")[1]["is_alive"]

    # HUP: new workers connect, the old ones close their connections.
    gunicorn.process.send_signal(signal.SIGHUP)
    wait_until(lambda: exchange.connections_opened == 4, "new workers")
    wait_until(lambda: exchange.connections == 2, "the old ones are gone")
    wait_until(lambda: ask(port, "/readyz")[0] == 200, "ready again")

    # An outage: not ready, but alive.
    exchange.inject("refuse_handshake", times=None, status=503)
    exchange.drop_connections()
    wait_until(lambda: ask(port, "/readyz")[0] == 503, "not ready")
    assert ask(port, "/livez")[0] == 200 and ask(port, "/price")[0] == 503
    exchange.clear_faults()
    wait_until(lambda: exchange.connections == 2, "reconnected")

    assert gunicorn.finish() == 0
    wait_until(lambda: exchange.connections == 0, "closed")
    assert "Traceback" not in gunicorn.output
