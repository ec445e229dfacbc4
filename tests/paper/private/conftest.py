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


@pytest.fixture(scope="module")
def shared() -> Iterator[PaperExchange]:
    """The same for all tests of a file."""
    with PaperExchange(rate=1e-3, accounts=[PaperAccount(), OTHER]) as exchange:
        yield exchange


@pytest.fixture
def cleared(shared: PaperExchange) -> Iterator[PaperExchange]:
    """The shared exchange, without open orders and faults."""
    yield shared
    shared.clear_faults()
    for account in shared.accounts:
        with Signed(shared, account.api_key, account.api_secret) as signed:
            signed.post("auth/w/order/cancel/multi", all=1)


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
