"""A local exchange for the tests of the threads, and a watch over what they leave behind."""

from __future__ import annotations

import threading

import pytest

from bfxsync import Backoff, WebSocketClient
from bfxsync.paper import PaperExchange


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    left = [t for t in threading.enumerate() if t.name.startswith("bfxsync-")]
    for thread in left:
        # One that ends just now is fine; one that does not is named.
        thread.join(2.0)
    assert [t.name for t in left if t.is_alive()] == []


@pytest.fixture
def exchange():
    with PaperExchange(rate=300.0, checksum_s=0.05) as exchange:
        yield exchange


@pytest.fixture
def client(exchange):
    with WebSocketClient(exchange.url, backoff=Backoff(first_s=0.05)) as client:
        yield client


class Record:
    """What a callback got, in order, and a way to wait for more."""

    def __init__(self) -> None:
        self.items = []
        self._changed = threading.Condition()

    def __call__(self, *item):
        with self._changed:
            self.items.append(item[0] if len(item) == 1 else item)
            self._changed.notify_all()

    def wait(self, condition, timeout=5.0):
        """Wait until the condition holds for the items, and return them."""
        with self._changed:
            is_met = self._changed.wait_for(lambda: condition(self.items), timeout)
            assert is_met, f"only {self.items[-5:]} after {timeout} s"
            return list(self.items)

    def wait_for(self, count, timeout=5.0):
        return self.wait(lambda items: len(items) >= count, timeout)

    def of(self, *kinds):
        with self._changed:
            return [item for item in self.items if isinstance(item, kinds)]


@pytest.fixture
def record():
    return Record
