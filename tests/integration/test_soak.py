"""R09: under random faults nothing grows, however long it goes on."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any, Callable

import pytest
from patience import at_most

import bfxsync
from bfxsync.paper import PaperExchange
from bfxsync.ws.io.transport import BLOCK_SIZE

from .fault_proxy import FaultProxy
from .soak_client import MAILBOX_SIZE

SCRIPT = Path(__file__).parent / "soak_client.py"
ROOTS = (Path(bfxsync.__file__).parent.parent, Path(__file__).parent.parent.parent)

# In the short form, the interpreter is still filling its free lists.
SHORT_S, LONG_S = 12.0, 300.0

# Bytes of the shortest update of a channel that the client uses.
SMALLEST_FRAME = 30


def faults(exchange: PaperExchange, proxy: FaultProxy) -> dict[str, Callable[[], Any]]:
    """Return what may go wrong; each leaves things as they were or ends by itself."""
    pause = threading.Event()

    def for_a_moment(begin: Callable[[], Any], seconds: float) -> None:
        begin()
        pause.wait(seconds)
        proxy.clear()

    def maintain() -> None:
        exchange.send_info(20060)
        pause.wait(0.2)
        exchange.send_info(20061)

    return {
        "reset": proxy.reset,
        "fin": proxy.fin,
        "half_close": proxy.half_close,
        "stop": lambda: for_a_moment(proxy.stop, 0.5),
        "slice": lambda: for_a_moment(lambda: proxy.slice(7), 0.3),
        "limit": lambda: for_a_moment(lambda: proxy.limit(20_000), 0.3),
        "absent": lambda: for_a_moment(proxy.refuse, 0.2),
        "close_1012": lambda: exchange.drop_connections(1012),
        "info_20051": lambda: exchange.send_info(20051),
        "maintenance": maintain,
        "wrong_checksum": lambda: exchange.inject("wrong_checksum", symbol="tBTCUSD"),
        "lost_book_update": lambda: exchange.inject(
            "lost_book_update", symbol="tETHUSD"
        ),
        "sequence_hole": lambda: exchange.inject("sequence_hole"),
        "duplicate_frame": lambda: exchange.inject("duplicate_frame"),
        "garbage": lambda: exchange.inject("garbage"),
        "refuse_handshake": lambda: exchange.inject("refuse_handshake", status=503),
        "no_answer": lambda: exchange.inject("no_answer"),
        "late_ack": lambda: exchange.inject("late_ack", delay_s=0.3),
    }


def soak(seconds: float, seed: int) -> tuple[list[dict[str, int]], dict[str, Any]]:
    """Use a client for so long while things go wrong; return its samples and statistics."""
    chance = random.Random(seed)
    samples: list[dict[str, int]] = []
    with (
        PaperExchange(
            rate=200.0, heartbeat_s=0.5, checksum_s=0.2, farewell_s=0.05
        ) as exchange,
        FaultProxy(exchange.port) as proxy,
    ):
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), proxy.url(exchange.url)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, ROOTS))},
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            possible = faults(exchange, proxy)
            pause = threading.Event()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                possible[chance.choice(sorted(possible))]()
                pause.wait(chance.uniform(0.05, 1.0))
            assert process.poll() is None, "the client has ended"
            process.stdin.close()
            lines = process.stdout.read().splitlines()
            process.wait(10.0)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        samples = [json.loads(line) for line in lines[:-1]]
        assert exchange.fault_counts and proxy.counts, "nothing went wrong"
    return samples, json.loads(lines[-1])


def assert_bounded(samples: list[dict[str, int]], stats: dict[str, Any]) -> None:
    # One block may come on top, and one item that is on its way.
    most = MAILBOX_SIZE + BLOCK_SIZE // SMALLEST_FRAME + 1
    assert all(sample["queued"] <= most for sample in samples)
    assert stats["closed_in_s"] < at_most(2.0) and stats["left"] == []
    assert stats["gaps"] and stats["drops"] and stats["reconnects"], stats
    # The exchange went on speaking to it up to the end.
    assert samples[-1]["frames"] > samples[len(samples) // 2]["frames"]


def test_r09_nothing_grows_under_random_faults() -> None:
    samples, stats = soak(SHORT_S, seed=1)
    assert_bounded(samples, stats)
    half = len(samples) // 2
    for name in ("threads", "descriptors"):
        early = max(sample[name] for sample in samples[:half])
        assert max(sample[name] for sample in samples[half:]) <= early + 6, name


@pytest.mark.long
@pytest.mark.timeout(LONG_S + 120)
def test_r09_nothing_has_a_slope_in_five_minutes_of_random_faults() -> None:
    samples, stats = soak(LONG_S, seed=2)
    assert_bounded(samples, stats)
    third = len(samples) // 3
    for name, allowed in (("rss_kb", 1.05), ("threads", 1.0), ("descriptors", 1.0)):
        middle = median(sample[name] for sample in samples[third : 2 * third])
        last = median(sample[name] for sample in samples[-third:])
        # One connection more or less is two descriptors of its selector and its wake-up, each.
        assert last <= middle * allowed + (0 if name == "rss_kb" else 6), (
            name,
            samples,
        )
