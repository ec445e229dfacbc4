"""Threads of the package that outlive a test."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def no_thread_left(*prefixes: str) -> Iterator[None]:
    """Fail if a thread was started and not ended within; earlier ones may be shared."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert [t for t in left if t.name.startswith(("bfxsync-", *prefixes))] == []
