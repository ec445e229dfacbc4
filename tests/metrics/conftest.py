"""A local exchange for the tests of metrics, one per file."""

from __future__ import annotations

from typing import Iterator

import pytest

from bfxsync.paper import PaperExchange


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(ticker_s=0.02) as exchange:
        yield exchange
