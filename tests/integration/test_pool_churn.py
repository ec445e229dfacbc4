"""R05, R09: however often channels come and go, and whatever goes wrong, nothing is left."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import pytest

import bfxsync
from bfxsync.paper import PaperExchange

from .bare_server import DEADLINE_S
from .fault_proxy import FaultProxy
from .pool import channel_counts, identities
from .test_soak import faults
from .user import wait_until

SCRIPT = Path(__file__).parent / "churn_client.py"
ROOTS = (Path(bfxsync.__file__).parent.parent, Path(__file__).parent.parent.parent)

LIMIT = 15
"""Channels of a connection, of which the client has to learn: it would take 20."""

BOUNDED = {
    # By the number of classes of errors, and of places that raise.
    "EventPublisher._error_counts",
    "CallbackErrors._kinds",
    # By the number of dispatch threads.
    "Dispatcher._error_counts",
    # By the number of causes, and of topics of the log.
    "Link.losses",
    "Totals.losses",
    "Connection._logged",
    # By the time over which a rate is measured.
    "RateMeter._samples",
}
"""Tables that may still grow when all has been seen before, up to a number that is known."""

TURN_S = 2.0
"""After so long the threads of the client are others."""

ACTS = {
    *("subscribe", "subscribe_many", "subscribe_and_wait", "unsubscribe", "drop"),
    *("read", "resubscribe", "listen", "come_and_close"),
}


class Churning:
    """An exchange, the proxy before it, and a client process that never stops to change."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.exchange = PaperExchange(
            rate=50.0,
            heartbeat_s=0.3,
            checksum_s=0.2,
            farewell_s=0.05,
            max_channels=LIMIT,
        )

    def __enter__(self) -> Churning:
        self.exchange.start()
        self.proxy = FaultProxy(self.exchange.port)
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), self.proxy.url(self.exchange.url)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, ROOTS))},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.proxy.close()
        self.exchange.stop()

    def churn(self, seconds: float) -> dict[str, Any]:
        """Let the threads of the client work while things go wrong; return what they did."""
        self._ask(f"churn {seconds}")
        possible = {
            **faults(self.exchange, self.proxy),
            **{
                name: self._injecting(name)
                for name in (
                    "refuse_subscribe",
                    "duplicate_subscribe",
                    "reordered_acks",
                )
            },
        }
        pause, end = threading.Event(), time.monotonic() + seconds
        while time.monotonic() < end:
            possible[self.chance.choice(sorted(possible))]()
            pause.wait(self.chance.uniform(0.05, 1.0))
        answer = self._answer()
        self.proxy.clear()
        self.exchange.clear_faults()
        self.exchange.send_info(20061)
        return answer

    def settle(self) -> dict[str, Any]:
        """Let the client end what is left; return what it still holds."""
        self._ask("settle")
        return self._answer()

    def end(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.close()
        answer = self._answer()
        self.process.wait(DEADLINE_S)
        return answer

    def _injecting(self, name: str) -> Callable[[], Any]:
        return lambda: self.exchange.inject(name)

    def _ask(self, command: str) -> None:
        assert self.process.stdin is not None
        print(command, file=self.process.stdin, flush=True)

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the client has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


def assert_nothing_is_left(churning: Churning, held: dict[str, Any]) -> None:
    exchange = churning.exchange
    # None of the other clients, which are closed, is still on its way.
    with suppress(AssertionError):
        wait_until(lambda: channel_counts(exchange) == [0])
    assert (channel_counts(exchange), identities(exchange)) == ([0], [])
    assert held["remaining"] == ""
    ours = [name for name in held["threads"] if name.startswith("bfxsync-")]
    assert ours == ["bfxsync-dispatch-1", "bfxsync-dispatch-2", "bfxsync-io-1"]
    assert not [name for name in held["threads"] if name.startswith("churn")]
    kinds = ("Subscriber", "SharedSubscription", "SubscriptionState", "Subscription")
    assert {kind: held["objects"].get(kind, 0) for kind in kinds} == dict.fromkeys(
        kinds, 0
    )
    assert (held["objects"]["Link"], held["objects"]["Core"]) == (1, 1)


def growth(
    before: dict[str, int], after: dict[str, int], spare: int = 0
) -> dict[str, tuple[int, int]]:
    """Return what there is more of, by more than `spare`."""
    return {
        name: (before.get(name, 0), count)
        for name, count in after.items()
        if count > before.get(name, 0) + spare and name not in BOUNDED
    }


def churn_until_all_happened(churning: Churning, seconds: float) -> dict[str, Any]:
    """Churn so long, and on until all that may happen has happened: a machine may be slow."""
    deadline = time.monotonic() + seconds + 2 * DEADLINE_S
    end = time.monotonic() + seconds
    done = churning.churn(min(seconds, TURN_S))
    while time.monotonic() < end or not (
        done["reconnects"] and done["gaps"] and set(done["acts"]) >= ACTS
    ):
        assert time.monotonic() < deadline, done
        done = churning.churn(TURN_S)
    return done


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(
            2.0, marks=[pytest.mark.once, pytest.mark.timeout(400)], id="short"
        ),
        pytest.param(
            120.0, marks=[pytest.mark.long, pytest.mark.timeout(600)], id="long"
        ),
    ],
)
def test_r05_r09_churn_under_faults_leaves_nothing(seconds: float) -> None:
    with Churning(seed=1) as churning:
        churn_until_all_happened(churning, min(seconds, 30.0))
        # Twice, as the first look fills caches too.
        churning.settle()
        before = churning.settle()
        assert_nothing_is_left(churning, before)
        done = churn_until_all_happened(churning, seconds)
        after = churning.settle()
        assert_nothing_is_left(churning, after)
        assert churning.end() == {"left": []}
        assert churning.exchange.fault_counts and churning.proxy.counts
    print(json.dumps(done, indent=1))
    print({n: (before[n], after[n]) for n in ("rss_kb", "blocks", "descriptors")})
    assert growth(before["tables"], after["tables"]) == {}
    # What belonged to the last message may live on; one for each act would be hundreds.
    assert growth(before["objects"], after["objects"], spare=2) == {}
    assert after["descriptors"] <= before["descriptors"]
    # A free list or a cache may have a few more; one object for each act would be hundreds.
    assert after["blocks"] <= before["blocks"] + 200
    if seconds > 60.0:
        # With fragments, which grow with the highest load so far; the blocks above are exact.
        assert after["rss_kb"] <= before["rss_kb"] * 1.25
