"""examples/embedding/fastapi_app under uvicorn."""

from __future__ import annotations

from typing import Any, Callable

from example_programs import ask, free_port, wait_until

from bfxsync.paper import PaperExchange


def test_endpoints_answer_and_the_lifespan_closes(
    exchange: PaperExchange, start: Callable[..., Any]
) -> None:
    port = free_port()
    server = start(
        "-m", "uvicorn", "--port", str(port), "app:app", folder="fastapi_app"
    )
    wait_until(lambda: ask(port, "/readyz")[0] == 200, "ready")
    status, price = ask(port, "/price")
    assert status == 200 and 0 < price["bid"] < price["ask"]
    assert ask(port, "/volume")[1]["volume"] > 0
    assert exchange.connections == exchange.connections_opened == 1
    # uvicorn ends by the signal after its graceful shutdown.
    server.finish()
    wait_until(lambda: exchange.connections == 0, "closed")
    assert "Application shutdown complete" in server.output
    assert "Traceback" not in server.output
