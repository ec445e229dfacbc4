"""Eight processes at a shared budget: no window has more than the limit."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from patience import at_most
from redis_server import RedisServer

from bfxsync.shared_limits.outage import SETTLE_S
from bfxsync.shared_limits.window import SPARE_S

pytestmark = pytest.mark.once

PROCESSES = 8
REQUESTS = 20

SENDERS = Path(__file__).with_name("senders.py")


class Senders:
    """The processes of ``senders.py``, which all know of each other."""

    def __init__(self, place: str, seconds: float, requests: int, window_s: float):
        options = [place, PROCESSES, seconds, requests, window_s]
        self._process = subprocess.Popen(
            [sys.executable, str(SENDERS), *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._timeout_s = seconds + at_most(60.0)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "all have met\n", self.end()

    def end(self) -> List[float]:
        """Return the times of all requests, by the monotonic clock."""
        try:
            out, self.log = self._process.communicate(timeout=self._timeout_s)
        finally:
            self._process.kill()
        sent: List[float] = json.loads(out)
        return sent


def most_in(sent: List[float], window_s: float) -> int:
    """Return the largest number of requests in any window, at the senders' clocks."""
    return max(
        (
            sum(first <= at < first + window_s for at in sent[i:])
            for i, first in enumerate(sent)
        ),
        default=0,
    )


@pytest.fixture(params=["file", "redis"])
def place(request: Any, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield str(tmp_path / "budget")
    else:
        with RedisServer() as server:
            yield f"{server.url}?address=office"


def check_windows(place: str, seconds: float, requests: int, window_s: float) -> None:
    sent = Senders(place, seconds, requests, window_s).end()
    assert most_in(sent, window_s - SPARE_S) <= requests
    # Late slots are lost, and a loaded machine has many of them.
    windows = (sent[-1] - sent[0]) // window_s
    assert len(sent) >= requests * max(windows / 2, 1)


def test_eight_processes_keep_to_one_limit(place: str) -> None:
    check_windows(place, seconds=3.5, requests=REQUESTS, window_s=2.0)


@pytest.mark.long
def test_eight_processes_keep_to_one_limit_for_minutes(place: str) -> None:
    check_windows(place, seconds=200.0, requests=90, window_s=61.0)


def check_outage(window_s: float, before_s: float, during_s: float) -> None:
    """Kill the server and start it again, while eight processes send as fast as they may."""
    after_s = SETTLE_S + 2 * window_s
    with RedisServer() as server:
        place = f"{server.url}?address=office"
        senders = Senders(place, before_s + during_s + after_s, REQUESTS, window_s)
        threading.Event().wait(before_s)
        server.kill()
        killed = time.monotonic()
        threading.Event().wait(during_s)
        back = time.monotonic()
        server.start()
        sent = senders.end()
    assert most_in(sent, window_s - SPARE_S) <= REQUESTS
    during = [at for at in sent if killed + SPARE_S < at < back]
    # One window passes before the first of them; then each has an eighth, rounded down.
    assert during and min(during) > killed + window_s - SPARE_S
    assert most_in(during, window_s - SPARE_S) <= REQUESTS // PROCESSES * PROCESSES
    assert any(at > back + SETTLE_S for at in sent)
    assert senders.log.count("the shared budget is away") == PROCESSES
    assert f"keeps to 1/{PROCESSES} of each limit" in senders.log


def test_an_outage_leaves_each_process_a_part() -> None:
    check_outage(window_s=2.0, before_s=0.5, during_s=3.0)


@pytest.mark.long
def test_a_long_outage_leaves_each_process_a_part() -> None:
    check_outage(window_s=20.0, before_s=30.0, during_s=70.0)
