from __future__ import annotations

import threading
from typing import Iterator

import pytest

from bfxsync.paper import PaperExchange


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert [t for t in threading.enumerate() if t.name.startswith("bfxsync-")] == []


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    """A lively one."""
    with PaperExchange(rate=200, checksum_s=0.05) as exchange:
        yield exchange


@pytest.fixture
def quiet() -> Iterator[PaperExchange]:
    """One that sends nothing but snapshots and heartbeats."""
    with PaperExchange(rate=1e-3, heartbeat_s=0.05) as exchange:
        yield exchange
