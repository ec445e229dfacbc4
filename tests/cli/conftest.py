from __future__ import annotations

import threading
from typing import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert [t for t in threading.enumerate() if t.name.startswith("bfxsync-")] == []
