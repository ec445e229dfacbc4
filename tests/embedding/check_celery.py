"""examples/embedding/celery_app: each order once, whatever happens to its task."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from celery import Celery
from example_programs import DEADLINE_S, wait_until
from redis_server import RedisServer

from bfxsync.paper import PaperExchange

TERMS = ("tBTCUSD", "0.01", "100")


@pytest.fixture
def url() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url


@pytest.fixture
def place(
    url: str, start: Callable[..., Any], tmp_path: Path
) -> Iterator[Callable[[str], Any]]:
    """Return a function that calls the task; its worker has one process at a time."""
    variables = {
        "CELERY_BROKER_URL": url,
        "BFX_NONCE_FILE": str(tmp_path / "nonce"),
    }
    options = ["--pool", "prefork", "-c", "1", "--loglevel", "info"]
    worker = start(
        *("-m", "celery", "-A", "tasks", "worker", *options),
        *("--without-gossip", "--without-mingle"),
        folder="celery_app",
        **variables,
    )
    worker.wait_for("ready.")
    with Celery(broker=url, backend=url) as app:

        def call(key: str) -> Any:
            return app.send_task("tasks.place", (key, *TERMS))

        call.worker = worker  # type: ignore[attr-defined]
        yield call
    assert worker.finish() == 0


def children(pid: int) -> list[int]:
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def ids(exchange: PaperExchange) -> set[int]:
    return {order["id"] for order in exchange.account.orders}


def test_an_order_is_placed_once(
    exchange: PaperExchange, place: Callable[[str], Any]
) -> None:
    first = place("a").get(timeout=DEADLINE_S)
    assert place("a").get(timeout=DEADLINE_S) == first
    assert ids(exchange) == {first}

    # The answer is lost: the task asks what became of the order.
    exchange.inject("lost_answer", path="auth/w/order/submit")
    second = place("b").get(timeout=DEADLINE_S)
    assert ids(exchange) == {first, second}

    # The worker is killed while it waits for the answer: another one gets the task.
    late = exchange.inject("late_answer", path="auth/w/order/submit", delay_s=30.0)
    result = place("c")
    wait_until(lambda: late.count == 1, "the order has arrived")
    worker: Any = place
    for pid in children(worker.worker.process.pid):
        os.kill(pid, signal.SIGKILL)
    third = result.get(timeout=DEADLINE_S)
    assert ids(exchange) == {first, second, third}
