from __future__ import annotations

from typing import Iterator

import pytest
from threads_left import no_thread_left


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    with no_thread_left():
        yield
