from __future__ import annotations

import threading
from typing import Iterator

import pytest

from bfxsync.paper import PaperAccount, PaperExchange

from .support import EngineHarness, Signed

OTHER = PaperAccount(api_key="other-key", api_secret="other-secret")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Here an exchange may serve all tests of a file."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert [t for t in left if t.name.startswith("bfxsync-")] == []


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    """An exchange with two accounts, whose markets stand still."""
    with PaperExchange(rate=1e-3, accounts=[PaperAccount(), OTHER]) as exchange:
        yield exchange


@pytest.fixture
def signed(exchange: PaperExchange) -> Iterator[Signed]:
    with Signed(exchange) as signed:
        yield signed


@pytest.fixture
def other(exchange: PaperExchange) -> Iterator[Signed]:
    with Signed(exchange, OTHER.api_key, OTHER.api_secret) as signed:
        yield signed


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness()
