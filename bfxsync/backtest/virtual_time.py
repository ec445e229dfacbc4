"""
The time of a strategy under test, which is that of its recording.

Strategy: while it is installed, the functions of the module `time` return the time of the exchange
to the threads of the strategy: the calling one, those of callbacks, and all that are started
meanwhile. A thread of the strategy that waits, in bfxsync, in `time.sleep`, or for an event, queue
or thread of Python's own, is parked: on the lock on which it would wait anyway, but without a
timeout in real time. The driver advances the time only while all of them are parked, and lets one
of them go on at a time. So nothing depends on how fast this machine is.

All other threads keep the real time: those that were there before, those of the exchange, of the
driver and of connections. Ages and lags of data, which compare times of a connection's thread with
the present, are real, too.
"""

from __future__ import annotations

import datetime
import os
import queue
import sys
import threading
import time
from _thread import get_ident
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import bfxsync
from bfxsync._base import latch
from bfxsync.backtest.parking import Parked, Parking
from bfxsync.backtest.virtual_dates import datetime_module
from bfxsync.ws.dispatch.ready_queue import Sleeper

_PACKAGE = os.path.dirname(bfxsync.__file__) + os.sep
# Their times are compared with those of connections.
_REAL = tuple(
    os.path.join(_PACKAGE, *name.split("/"))
    for name in ("_base/clock.py", "ws/dispatch/mailbox.py")
)
_REAL_THREADS = ("bfxsync-io-", "bfxsync-paper", "bfxsync-record")
# Short-lived ones of bfxsync, for whose work another thread waits; Python has no object of them.
_HELPERS = "Dummy-"
# The driver knows whether a dispatch thread has something to do.
_NOT_AWAITED = (*_REAL_THREADS, _HELPERS, "bfxsync-dispatch")

# The clock that only goes forward begins far above the real one, so that no deadline of a strategy
# has passed by the real clock of a connection.
_LEAD_S = 1e7
# The shortest sleep, or a loop that polls would stop the time.
_LEAST_SLEEP_S = 0.001

_NAMES = (
    *("sleep", "time", "time_ns", "monotonic", "monotonic_ns"),
    *("ctime", "gmtime", "localtime", "strftime"),
)


class _WorkLock:
    """The lock of a thread that waits for a helper, which may wait in turn."""

    def __init__(self, has_helper: Set[int]) -> None:
        self._has_helper = has_helper
        self._lock = latch.locked()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        self._has_helper.add(get_ident())
        try:
            return self._lock.acquire(blocking, timeout)
        finally:
            self._has_helper.discard(get_ident())

    def release(self) -> None:
        self._lock.release()


class VirtualTime:
    """
    Gives the threads of a strategy the time of an exchange.

    Parameters
    ----------
    now_s : callable
        Returns the seconds since the start of the exchange.
    begin_mts : int
        The time of its start, in ms since 1970.
    """

    def __init__(self, now_s: Callable[[], float], begin_mts: int) -> None:
        self.now_s = now_s
        self.begin_mts = begin_mts
        self.main = threading.current_thread()
        self.parking: Parking = Parking(now_s)
        self.is_on = False
        # Those of dispatch threads, by thread, from their first sleep on.
        self.sleepers: Dict[int, Sleeper] = {}
        # Threads that wait for the work of one of bfxsync's own helpers.
        self._has_helper: Set[int] = set()
        self._others: Set[threading.Thread] = set(threading.enumerate()) - {self.main}
        self._mine = threading.local()
        self._undo: List[Tuple[Any, str, Any]] = []
        self._base = time.monotonic() + _LEAD_S
        # The originals, also while they are replaced.
        self._real = {name: getattr(time, name) for name in _NAMES}
        self._dispatcher_sleep = Sleeper.sleep
        self._condition_wait = threading.Condition.wait
        self._start = threading.Thread.start
        self._join = threading.Thread.join

    # --- installing -----------------------------------------------------------------------------

    def install(self) -> None:
        """Replace the functions of this process, until `remove`."""
        self.is_on = True
        self._mine.is_user = True
        for name in _NAMES:
            self._replace(time, name, getattr(self, name))
        self._replace(latch, "new_waiter", self._new_waiter)
        self._replace(latch, "new_waiter_for_work", self._new_waiter_for_work)
        # Imported from `time` by name.
        self._replace(threading, "_time", self.monotonic)
        self._replace(queue, "time", self.monotonic)
        virtual = self

        def wait(condition: Any, timeout: Optional[float] = None) -> bool:
            return virtual._wait_on(condition, timeout)

        def start(thread: threading.Thread) -> None:
            virtual._start_in_turn(thread)

        self._replace(threading.Thread, "start", start)

        def join(thread: threading.Thread, timeout: Optional[float] = None) -> None:
            virtual._wait_for(thread, timeout)

        def sleep(sleeper: Sleeper) -> None:
            virtual.sleepers[get_ident()] = sleeper
            virtual._dispatcher_sleep(sleeper)
            if virtual.is_user():
                virtual.parking.wait_for_turn()

        self._replace(Sleeper, "sleep", sleep)
        self._replace(threading.Condition, "wait", wait)
        self._replace(threading.Thread, "join", join)

    def remove(self) -> None:
        """Restore the functions, and end the threads that are parked."""
        self.is_on = False
        for owner, name, old in reversed(self._undo):
            if isinstance(owner, dict):
                owner[name] = old
            else:
                setattr(owner, name, old)
        self._undo.clear()
        self.parking.close()

    def adopt(self, names: Dict[str, Any]) -> None:
        """Replace what a module of the strategy has imported from `time` and `datetime`."""
        known: Dict[int, Any] = {
            id(function): getattr(self, name) for name, function in self._real.items()
        }
        dates = datetime_module(self._time_s)
        known[id(datetime)] = dates
        known[id(datetime.datetime)] = dates.datetime
        known[id(datetime.date)] = dates.date
        for name, value in list(names.items()):
            if id(value) in known:
                self._replace(names, name, known[id(value)])

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        if isinstance(owner, dict):
            self._undo.append((owner, name, owner[name]))
            owner[name] = new
        else:
            self._undo.append((owner, name, getattr(owner, name)))
            setattr(owner, name, new)

    # --- the functions of `time` ----------------------------------------------------------------

    def is_user(self) -> bool:
        """Return whether this thread is one of the strategy."""
        if not self.is_on:
            return False
        try:
            return bool(self._mine.is_user)
        except AttributeError:
            thread = threading.current_thread()
            is_real = thread.name.startswith(_REAL_THREADS) or thread in self._others
            self._mine.is_user = not is_real
            return not is_real

    def awaits(self, thread: threading.Thread) -> bool:
        """Return whether time passes only while this thread is parked."""
        return not (thread.name.startswith(_NOT_AWAITED) or thread in self._others)

    def is_quiet(self, thread: threading.Thread) -> bool:
        """Return whether a thread waits: for something, or for its turn."""
        parked = self.parking.entries.get(thread.ident or 0)
        if parked is not None:
            return parked.is_waiting or parked.wants_turn
        if thread.ident not in self._has_helper:
            return False
        return any(
            each.thread.name.startswith(_HELPERS)
            and (each.is_waiting or each.wants_turn)
            for each in self.parking.all()
        )

    def time(self) -> float:
        """Replace `time.time`."""
        if self.is_user() and not _is_of(_REAL):
            return self._time_s()
        return self._real["time"]()  # type: ignore[no-any-return]

    def time_ns(self) -> int:
        """Replace `time.time_ns`."""
        if self.is_user() and not _is_of(_REAL):
            return round(self._time_s() * 1000) * 1_000_000
        return self._real["time_ns"]()  # type: ignore[no-any-return]

    def monotonic(self) -> float:
        """Replace `time.monotonic`."""
        if self.is_user() and not _is_of(_REAL):
            return self.monotonic_s()
        return self._real["monotonic"]()  # type: ignore[no-any-return]

    def monotonic_ns(self) -> int:
        """Replace `time.monotonic_ns`."""
        if self.is_user() and not _is_of(_REAL):
            return int(self.monotonic_s() * 1e9)
        return self._real["monotonic_ns"]()  # type: ignore[no-any-return]

    def monotonic_s(self) -> float:
        """Return the time since any moment, on every thread."""
        return self._base + self.now_s()

    def ctime(self, *seconds: Any) -> Any:
        """Replace `time.ctime`."""
        return self._real["ctime"](*(seconds or (self.time(),)))

    def gmtime(self, *seconds: Any) -> Any:
        """Replace `time.gmtime`."""
        return self._real["gmtime"](*(seconds or (self.time(),)))

    def localtime(self, *seconds: Any) -> Any:
        """Replace `time.localtime`."""
        return self._real["localtime"](*(seconds or (self.time(),)))

    def strftime(self, format: str, *moment: Any) -> Any:
        """Replace `time.strftime`."""
        return self._real["strftime"](format, *(moment or (self.localtime(),)))

    def sleep(self, seconds: float) -> None:
        """Replace `time.sleep`."""
        if not self.is_user() or _is_of((_PACKAGE,)):
            # In bfxsync, only moments in which another thread is at work.
            self._real["sleep"](seconds)
            return
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.parking.park(Parked(self.parking), max(float(seconds), _LEAST_SLEEP_S))

    def _time_s(self) -> float:
        return (self.begin_mts + int(self.now_s() * 1000 + 1e-3)) / 1000

    # --- waiting --------------------------------------------------------------------------------

    def _new_waiter(self) -> latch.Waiter:
        return Parked(self.parking) if self.is_user() else latch.locked()

    def _new_waiter_for_work(self) -> latch.Waiter:
        return _WorkLock(self._has_helper) if self.is_user() else latch.locked()

    def _wait_on(self, condition: Any, timeout: Optional[float]) -> bool:
        """Replace `Condition.wait`, and so the waits for events, queues, barriers and futures."""
        is_starting = getattr(self._mine, "is_starting", False)
        if timeout == 0 or is_starting or not self.is_user():
            return self._condition_wait(condition, timeout)
        if not condition._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        lock = Parked(self.parking)
        condition._waiters.append(lock)
        saved = condition._release_save()
        is_notified = False
        try:
            is_notified = self.parking.park(lock, timeout and max(timeout, 0.0))
            return is_notified
        finally:
            condition._acquire_restore(saved)
            if not is_notified:
                try:
                    condition._waiters.remove(lock)
                except ValueError:
                    pass

    def _start_in_turn(self, thread: threading.Thread) -> None:
        """Replace `Thread.start`: a thread of the strategy waits for its turn first."""
        if self.is_user() and not thread.name.startswith(_REAL_THREADS):
            run, wait_for_turn = thread.run, self.parking.wait_for_turn

            def run_in_turn() -> None:
                wait_for_turn()
                run()

            thread.run = run_in_turn  # type: ignore[method-assign]
        # Until it has begun; that is work of Python.
        self._mine.is_starting = True
        try:
            self._start(thread)
        finally:
            self._mine.is_starting = False

    def _wait_for(self, thread: threading.Thread, timeout: Optional[float]) -> None:
        """Replace `Thread.join`."""
        is_real = thread.name.startswith(_REAL_THREADS)
        if self.is_user() and not is_real and thread.is_alive() and timeout != 0:
            parked = Parked(self.parking)
            parked.is_over = lambda: not thread.is_alive()
            if not self.parking.park(parked, timeout and max(timeout, 0.0)):
                return
        self._join(thread, timeout)


def _is_of(paths: Tuple[str, ...]) -> bool:
    """Return whether the caller of the calling function is in one of these files."""
    return sys._getframe(2).f_code.co_filename.startswith(paths)
