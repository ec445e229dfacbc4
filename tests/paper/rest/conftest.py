from __future__ import annotations

import threading
from typing import Iterator

import pytest

from bfxsync.paper import PaperExchange

from .support import Rest


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Here an exchange may serve all tests of a file, as reading changes nothing."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert [t for t in left if t.name.startswith("bfxsync-")] == []


@pytest.fixture(scope="module")
def still() -> Iterator[PaperExchange]:
    """An exchange on which nothing happens, subscribed or not."""
    with PaperExchange(rate=0.001) as exchange:
        yield exchange


@pytest.fixture
def rest(still: PaperExchange) -> Iterator[Rest]:
    with Rest(still) as rest:
        yield rest
