from __future__ import annotations

import itertools
from typing import Iterator

import pytest
from redis_server import RedisServer

from bfxsync.paper import PaperExchange

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def fresh_server() -> Iterator[RedisServer]:
    """A server that the test may break."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(seed=1, rate=40, heartbeat_s=0.5, checksum_s=0.2) as exchange:
        yield exchange


@pytest.fixture
def shard() -> str:
    """A shard of this test's own."""
    return f"test-{next(_numbers)}"
