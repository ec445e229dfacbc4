"""
What a contestant does with the updates it gets, and what that cost.

In a flood the user's callback counts; at a steady rate it notes how long each update took; to check
a contestant it keeps what it got. The callbacks are the same for all clients.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from traffic import channels

#: How long to wait for updates beyond the last expected one.
GRACE_S = 0.2

#: A client that skips updates cannot tell the last one: it is at rest when it uses no more than
#: this CPU time in this time.
QUIET_S, QUIET_CPU_S = 0.1, 0.001

#: From an update to the values that all clients have, see `traffic.values`.
Read = Callable[[Any], List[float]]


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Run:
    """
    Counts updates up to a goal and measures the CPU time spent on them.

    Parameters
    ----------
    mode : str
        ``flood``, ``paced``, ``check``, ``connect`` or ``idle``.
    timeout_s : float
        How long to wait for the goal; missing updates count as lost. When idle: how long to stay.
    """

    def __init__(self, flood: str, frames: int, mode: str, timeout_s: float) -> None:
        self.wanted = channels(flood)
        self.mode = mode
        self.timeout_s = timeout_s
        #: Updates before the flood: clients count a ticker's first frame as one.
        self.first_count = sum(each.name == "ticker" for each in self.wanted)
        self.goal = self.first_count + frames if mode != "idle" else 0
        #: Called when the goal is reached, on the counting thread.
        self.on_done: Callable[[], None] = lambda: None
        self.count = 0
        #: The time of the first update.
        self.first_at: Optional[float] = None
        self.result: Dict[str, Any] = {"gaps": 0, "dropped": 0}
        self._delays_us: List[float] = []
        self._kept: Dict[str, List[List[float]]] = {}
        self._cpu_s = 0.0
        self._wakeups = 0
        self._counted: Callable[[], int] = lambda: self.count
        self._counting: Any = None

    # --- callbacks ----------------------------------------------------------------------------

    def callback(self, key: str, read: Read) -> Callable[[Any], None]:
        """Return the user's callback for one channel; the key is its symbol, or also te or tu."""
        if self.mode == "flood":
            return self._counters()[0]
        if self.mode == "check":
            kept = self._kept.setdefault(key, [])

            def keep(data: Any) -> None:
                kept.append(read(data))
                self._add()

            return keep
        delays_us, now_ns = self._delays_us, time.monotonic_ns
        if self.mode == "paced":

            def note_delay(data: Any) -> None:
                delays_us.append(now_ns() / 1000 - read(data)[2])
                self._add()

            return note_delay
        return lambda _: self._add()

    def handler(self, kind: str, read: Read) -> Callable[[Any, Any], None]:
        """Return the same for the events of all channels, which name the subscription first."""
        if self.mode == "flood":
            return self._counters()[1]
        callbacks: Dict[str, Callable[[Any], None]] = {}

        def on_event(subscription: Any, data: Any) -> None:
            key = f"{subscription['symbol']} {kind}".strip()
            if key not in callbacks:
                callbacks[key] = self.callback(key, read)
            callbacks[key](data)

        return on_event

    def keep(self, key: str, values: List[float]) -> None:
        """Keep the latest values of a channel, where the client skips those in between."""
        self._kept[key] = [values]

    def _counters(self) -> Tuple[Callable[[Any], None], Callable[[Any, Any], None]]:
        """Return the callbacks of all channels, as short as possible."""
        if self._counting is None:
            count, goal = 0, self.goal

            def on_data(_data: object) -> None:
                nonlocal count
                count += 1
                if count == goal:
                    self.finish()

            def on_event(_subscription: object, _data: object) -> None:
                nonlocal count
                count += 1
                if count == goal:
                    self.finish()

            self._counted = lambda: count
            self._counting = on_data, on_event
        return self._counting

    def _add(self) -> None:
        if self.first_at is None:
            self.first_at = time.monotonic()
        self.count += 1
        if self.count == self.goal:
            self.finish()

    # --- the course of a run ------------------------------------------------------------------

    def start(self) -> None:
        """Request the start of the flood."""
        self._wakeups = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        self._cpu_s = cpu_s()
        print("ready", flush=True)

    def stop_clock(self) -> None:
        self.result["cpu_s"] = cpu_s() - self._cpu_s
        self.result["finished"] = time.monotonic()

    def finish(self) -> None:
        """Record the time and the CPU time of the last update."""
        self.stop_clock()
        self.on_done()

    def stay(self) -> None:
        """Stay connected for a while, in which nothing happens; only when idle."""
        time.sleep(self.timeout_s)
        self.finish()

    def await_quiet(self) -> None:
        """Wait until everything was sent and the client is at rest."""
        sys.stdin.readline()
        deadline, before = time.monotonic() + self.timeout_s, 0.0
        while time.monotonic() < deadline and cpu_s() - before > QUIET_CPU_S:
            before = cpu_s()
            self.stop_clock()
            time.sleep(QUIET_S)
        self.on_done()

    def done_event(self) -> threading.Event:
        """Return an event for clients with threads that is set at the goal."""
        event = threading.Event()
        self.on_done = event.set
        return event

    def report(self) -> None:
        """Print the result."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.result["wakeups"] = usage.ru_nvcsw - self._wakeups
        self.result["rss_mb"] = usage.ru_maxrss / 1024
        self.result["count"] = self._counted() - self.first_count
        delays_us = sorted(self._delays_us[self.first_count :])
        if delays_us:
            self.result["p50_us"] = delays_us[len(delays_us) // 2]
            self.result["p99_us"] = delays_us[len(delays_us) * 99 // 100]
        if self._kept:
            self.result["kept"] = self._kept
        print(json.dumps(self.result, default=float), flush=True)
