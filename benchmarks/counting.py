"""Counts updates and measures their CPU time."""

from __future__ import annotations

import json
import resource
import time
from typing import Any, Callable, Dict, List, Tuple

from traffic import channels

#: How long to wait for updates beyond the last expected one.
GRACE_S = 0.2

Callback = Callable[[Any], None]
Handler = Callable[[Any, Any], None]


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Run:
    """
    Counts updates up to a goal and measures the CPU time spent on them.

    Attributes
    ----------
    first_count : int
        Updates before the flood: clients count a ticker's first frame as one.
    goal : int
        The number of updates after which the run is over.
    timeout_s : float
        How long to wait for the goal; missing updates count as lost.
    on_done : callable
        Called when the goal is reached, on the counting thread.
    count : callable
        Returns the number of updates so far.
    delays_us : list of float
        In a timed run, the time from sending to the callback, for each update.
    result : dict
        Printed at the end.
    """

    def __init__(self, flood: str, frames: int, timed: bool, timeout_s: float) -> None:
        self.wanted = channels(flood)
        self.timed = timed
        self.timeout_s = timeout_s
        self.first_count = sum(each.name == "ticker" for each in self.wanted)
        self.goal = self.first_count + frames
        self.on_done: Callable[[], None] = lambda: None
        self.count: Callable[[], int] = lambda: 0
        self.delays_us: List[float] = []
        self.result: Dict[str, Any] = {"gaps": 0, "dropped": 0, "books": None}
        self._cpu_s = 0.0

    def callbacks(self, as_rows: bool = False) -> Tuple[Callback, Handler]:
        """
        Return the user's callbacks, with one argument and with two.

        They are the same for all clients, and as short as possible. Tickers are objects, or rows.
        """
        if self.timed:
            return self._timed_callbacks(as_rows)
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

        self.count = lambda: count
        return on_data, on_event

    def _timed_callbacks(self, as_rows: bool) -> Tuple[Callback, Handler]:
        delays_us, goal, now_ns = self.delays_us, self.goal, time.monotonic_ns

        def on_data(ticker: Any) -> None:
            delays_us.append(now_ns() / 1000 - ticker.volume)
            if len(delays_us) == goal:
                self.finish()

        def on_row(row: Any) -> None:
            delays_us.append(now_ns() / 1000 - row[7])
            if len(delays_us) == goal:
                self.finish()

        def on_event(_subscription: object, ticker: Any) -> None:
            on_data(ticker)

        self.count = lambda: len(delays_us)
        return on_row if as_rows else on_data, on_event

    def start(self) -> None:
        """Request the start of the flood."""
        self._cpu_s = cpu_s()
        print("ready", flush=True)

    def finish(self) -> None:
        """Record the time and the CPU time of the last update."""
        self.result["cpu_s"] = cpu_s() - self._cpu_s
        self.result["finished"] = time.monotonic()
        self.on_done()

    def report(self) -> None:
        """Print the result."""
        self.result["count"] = self.count() - self.first_count
        delays_us = sorted(self.delays_us[self.first_count :])
        if delays_us:
            self.result["p50_us"] = delays_us[len(delays_us) // 2]
            self.result["p99_us"] = delays_us[len(delays_us) * 99 // 100]
        print(json.dumps(self.result), flush=True)
