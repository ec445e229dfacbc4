from __future__ import annotations

import threading
from typing import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.enumerate()  # of an exchange that a module shares
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert [thread for thread in left if thread.name.startswith("bfxsync-")] == []
