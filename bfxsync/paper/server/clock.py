"""
The time of an exchange: of its markets, orders and accounts.

Strategy: timers are a heap in order of their times, and during a timer the clock shows its due
time, even if it runs late. So events depend on the timers only, and are the same in steps, in real
time and at any speed. If the timers take longer than the time between them, the clock falls behind.

At speed 1 the clock shows the time of day, until it is paused. Timers wait by the monotonic clock,
which cannot be set.
"""

from __future__ import annotations

import asyncio
import time
from heapq import heappop, heappush
from itertools import count
from typing import Awaitable, Callable

from bfxsync.errors import UsageError

Drain = Callable[[], Awaitable[None]]
"""Waits until the clients have read most of their data."""

MAX_SPEED = 1_000.0
"""Maximum speed of the clock; recordings may be faster."""
# Maximum number of timers before the clients get time to read.
_BURST = 100
# Maximum number of times of `advance`, which takes a second or less.
_MOST_TIMERS = 10_000
# With timers that are later than this, in real time, the clock falls behind.
_LATE_S = 0.1


class Timer:
    """A scheduled call."""

    __slots__ = ("at", "call", "order")

    def __init__(self, at: float, order: int, call: Callable[[], object]) -> None:
        self.at: float = at
        self.order: int = order
        self.call: Callable[[], object] | None = call

    def __lt__(self, other: Timer) -> bool:
        return (self.at, self.order) < (other.at, other.order)

    def cancel(self) -> None:
        """Cancel the call."""
        self.call = None


class Clock:
    """
    The clock of one exchange, which starts with its creation.

    Parameters
    ----------
    speed : float
        Seconds of the clock per second, at most `MAX_SPEED`.
    begin_mts : int, optional
        Time at which the clock starts; default: now.
    is_paused : bool
        Whether the clock is paused at the start.
    monotonic, wall : callable, optional
        The sources of time, in seconds.
    """

    def __init__(
        self,
        speed: float = 1.0,
        begin_mts: int | None = None,
        is_paused: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.speed: float = min(speed, MAX_SPEED)
        # Not by `pause`: real time that has passed by then would count.
        self.is_paused: bool = is_paused
        is_real = begin_mts is None and self.speed == 1.0
        self.shows_wall: bool = is_real and not is_paused
        self.begin_mts: int = int(wall() * 1000) if begin_mts is None else begin_mts
        self._monotonic = monotonic
        self._wall = wall
        # It passes from `_anchor_time`, at `_anchor` of the monotonic clock.
        self._anchor, self._anchor_time = monotonic(), 0.0
        self._time = 0.0
        self._is_read = False
        self._is_busy = False
        self._is_stepping = False
        self._timers: list[Timer] = []
        self._orders = count()
        self._woken: asyncio.Future[None] | None = None

    @property
    def pending(self) -> int:
        """Number of timers."""
        return len(self._timers)

    def time(self) -> float:
        """Return the seconds since the start, the same for a whole turn of the event loop."""
        if not (self.is_paused or self._is_busy or self._is_read):
            self._time = max(self._time, self._passing())
            self._is_read = True
            asyncio.get_running_loop().call_soon(self._forget)
        return self._time

    def now_mts(self) -> int:
        """Return the time of the exchange, in ms since 1970."""
        if self.shows_wall:
            return int(self._wall() * 1000)
        return self.begin_mts + _in_ms(self.time())

    def call_later(self, delay_s: float, call: Callable[[], object]) -> Timer:
        """Call a function after a time of this clock."""
        return self.call_at(self.time() + max(delay_s, 0.0), call)

    def call_at(self, at: float, call: Callable[[], object]) -> Timer:
        """Call a function at a time in seconds since the start, immediately if that is past."""
        timer = Timer(at, next(self._orders), call)
        heappush(self._timers, timer)
        if self._timers[0] is timer:
            self._wake()
        return timer

    def pause(self) -> None:
        """Stop the clock; `step` still advances it."""
        if not self.is_paused:
            passed_ms = _in_ms(self.time())
            if self.shows_wall:
                self.begin_mts = int(self._wall() * 1000) - passed_ms
                self.shows_wall = False
            self.is_paused = True

    def resume(self) -> None:
        """Continue from the time of the pause."""
        self._check_no_step()
        if self.is_paused:
            self._set_anchor()
            self.is_paused = False
            self._wake()

    async def step(self, seconds: float, drain: Drain) -> None:
        """Advance a paused clock, run all due timers, and wait for the clients to read."""
        self._check_paused()
        self._is_stepping = True
        try:
            target = self._time + seconds
            while self._run_due(target):
                await _give_way(drain)
            self._time = max(self._time, target)
            await _give_way(drain)
        finally:
            self._is_stepping = False

    async def advance(
        self, until: float, is_over: Callable[[], bool], drain: Drain
    ) -> None:
        """
        Advance a paused clock by one timer after the other, until something is over.

        `is_over` is called after all timers of a time. Stops at the time `until`, or after many
        timers, and only then lets the clients read.
        """
        self._check_paused()
        self._is_stepping = True
        try:
            for _ in range(_MOST_TIMERS):
                if is_over():
                    break
                if not self._timers or self._timers[0].at > until:
                    self._time = max(self._time, until)
                    break
                self._run_due(self._timers[0].at)
            await _give_way(drain)
        finally:
            self._is_stepping = False

    async def run(self, drain: Drain) -> None:
        """Let the time pass until cancelled; after many timers, wait for the clients to read."""
        while True:
            if self.is_paused or not self._timers:
                await self._sleep(None)
                continue
            delay = self._timers[0].at - self._passing()
            if delay > 0:
                await self._sleep(delay / self.speed)
            else:
                self._run_due(self._passing(), _report)
                await _give_way(drain)
                latest = self._passing() - _LATE_S * self.speed
                if self._timers and self._timers[0].at < latest:
                    self._set_anchor()

    def _run_due(
        self, target: float, report: Callable[[Exception], None] | None = None
    ) -> int:
        """Run timers up to a time, at most `_BURST`, and return how many there were."""
        ran = 0
        timers = self._timers
        self._is_busy = True
        try:
            while timers and timers[0].at <= target and ran < _BURST:
                timer = heappop(timers)
                self._time = max(self._time, timer.at)
                ran += 1
                if timer.call is not None:
                    try:
                        timer.call()
                    except Exception as exc:
                        if report is None:
                            raise
                        report(exc)
        finally:
            self._is_busy = False
        return ran

    def _forget(self) -> None:
        self._is_read = False

    def _passing(self) -> float:
        passed = self._monotonic() - self._anchor
        return self._anchor_time + passed * self.speed

    def _set_anchor(self) -> None:
        self._anchor, self._anchor_time = self._monotonic(), self._time

    def _check_paused(self) -> None:
        if not self.is_paused:
            raise UsageError("the exchange is not paused: call pause() before step()")
        self._check_no_step()

    def _check_no_step(self) -> None:
        if self._is_stepping:
            raise UsageError("the exchange is in the middle of a step")

    async def _sleep(self, delay_s: float | None) -> None:
        """Sleep until woken, for at most this delay in real time."""
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        timer = None if delay_s is None else loop.call_later(delay_s, self._wake)
        try:
            await self._woken
        finally:
            self._woken = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


def _in_ms(seconds: float) -> int:
    # Sums of decimal fractions are a little too small or too large.
    return int(seconds * 1000 + 1e-3)


async def _give_way(drain: Drain) -> None:
    # Sent frames are written in the next turn of the event loop.
    await asyncio.sleep(0)
    await drain()


def _report(exc: Exception) -> None:
    """Log an exception, as the event loop does for its own timers."""
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": "a timer failed", "exception": exc})
