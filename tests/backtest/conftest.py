from __future__ import annotations

import threading

import pytest
from recorded import write_recording

from bfxsync.backtest import Backtest, backtest

BALANCES = {"exchange": {"USD": 1000, "BTC": 5}}


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    """Twenty seconds in which the price rises from 101 to 121."""
    return write_recording(tmp_path_factory.mktemp("recorded") / "rising.jsonl")


@pytest.fixture
def run(recording):
    """``run(main)``: a backtest of a function, with little money."""

    def run(main, **options) -> Backtest:
        return backtest(main, recording, **{"balances": BALANCES, **options})

    return run


@pytest.fixture(autouse=True)
def nothing_left():
    before = set(threading.enumerate())
    yield
    left = [t.name for t in threading.enumerate() if t not in before and t.is_alive()]
    assert left == []
