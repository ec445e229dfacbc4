"""
The thread that lets the time of a backtest pass.

Strategy: one event of the recording at a time. Between two of them it waits until everything has
come to rest: each connection has handled what the exchange has sent, no callback is waiting to be
called, and all threads of the strategy are parked. Then it advances the exchange to whatever is
first: the next message to the strategy, the time for which a thread waits, or the next point of the
equity curve. Then the threads that have something to do go on, one at a time: those of callbacks,
the main thread, others. So the order of everything is the same on every machine.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from typing import Any, Callable, List, NamedTuple, Optional, Set, Tuple

import bfxsync
from bfxsync._base.enums import ConnectionStatus
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import start_thread
from bfxsync.backtest.observing import Observer
from bfxsync.backtest.parking import Parked
from bfxsync.backtest.virtual_time import VirtualTime
from bfxsync.errors import RequestTimeout
from bfxsync.paper import PaperExchange
from bfxsync.testing.settle import cores_of
from bfxsync.ws.core.core import CLOSE_TIMEOUT_S, Core
from bfxsync.ws.core.subscriber import Waiter
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.dispatch.dispatcher import Dispatcher
from bfxsync.ws.dispatch.ready_queue import ReadyQueue, Sleeper
from bfxsync.ws.io.link import Link

_log = get_logger(__name__)

AFTER_S = 60.0
"""Time of the exchange between two interrupts of a strategy that goes on after the end."""

# Of the exchange, without a look at the strategy.
_LONGEST_S = 60.0
# In real time. A connection answers in milliseconds, unless the machine sleeps.
_PONG_S = 60.0
_BUSY_S = 10.0
_OTHER_S = 1.0
_NAP_S, _LONGEST_NAP_S = 0.0002, 0.02
_SPINS = 50
_TOLD_EVERY = 200

_OPENING = (
    ConnectionStatus.NEW,
    ConnectionStatus.CONNECTING,
    ConnectionStatus.RECONNECTING,
)
_FOREIGN = (os.path.dirname(bfxsync.__file__), os.path.dirname(threading.__file__))


class _Traffic(NamedTuple):
    """
    Counts all that is on its way between clients and their exchange.

    Nothing is, if a ping of every connection has changed nothing else. Its pong comes after what
    the exchange sent before, and what the client sent before the ping has arrived. What a
    connection sends in between, because of a message that it reads, is behind the ping: only its
    own count shows it.
    """

    frames: int
    requests: int
    submitted: int
    sent: int
    links: List[Tuple[Link, ConnectionStatus]]
    """One that has opened meanwhile was not asked."""

    def after_pings(self, count: int) -> _Traffic:
        """Return what it is after so many pings, if nothing else has happened."""
        frames, requests, submitted, sent, links = self
        return _Traffic(
            frames + count, requests, submitted + count, sent + count, links
        )


class RecordingEnded(KeyboardInterrupt):
    """Ends a strategy at the end of the recording, as Ctrl-C ends it elsewhere."""


class Driver:
    """
    Plays a recording to a strategy that runs on another thread.

    Parameters
    ----------
    exchange : PaperExchange
        Running and paused, with a recording that is not playing.
    virtual : VirtualTime
        Installed.
    observer : Observer
        Sees the account after each step.
    step_s : float or None
        Seconds after which it waits for the strategy; None: after each message.
    """

    def __init__(
        self,
        exchange: PaperExchange,
        virtual: VirtualTime,
        observer: Observer,
        step_s: Optional[float],
        on_pass: Callable[[], object] = lambda: None,
    ) -> None:
        self.exchange = exchange
        self.steps: int = 0
        self.was_interrupted: bool = False
        """Whether the strategy was still running at the end of the recording."""
        self.error: Optional[BaseException] = None
        self._virtual = virtual
        self._observer = observer
        # On this thread no call of the exchange may wait any more.
        self._server: Any = exchange._thread.server
        self._step_s = step_s
        self._on_pass = on_pass
        self._is_done = False
        self._interrupt_at = 0.0
        self._ignored: Set[threading.Thread] = set()
        # Also those that were closed, whose callbacks may still run.
        self._cores: Set[Core] = set()
        self._handler = signal.getsignal(signal.SIGINT)
        self._thread = threading.Thread(
            target=self._main, name="bfxsync-paper-backtest", daemon=True
        )

    def start(self) -> None:
        """Start the thread."""
        start_thread(self._thread)

    def wait_for_turn(self) -> None:
        """Wait until the strategy may begin, on its thread; from then on all comes in its order."""
        self._virtual.parking.wait_for_turn()

    def stop(self) -> None:
        """End the thread, and the virtual time: the strategy has ended."""
        self._is_done = True
        self._virtual.parking.changed.set()
        self._thread.join()
        for core in self._cores:
            # Nothing is called in real time.
            core.dispatcher.stop(0.0)
        self._virtual.remove()
        for core in self._cores:
            core.dispatcher.join(time.monotonic() + CLOSE_TIMEOUT_S)

    def _main(self) -> None:
        try:
            self.exchange.play()
            while not self._is_done:
                self._settle()
                if not self._is_done:
                    self._pass()
        except BaseException as exc:
            # It would wait for ever otherwise.
            self.error = exc
            self._virtual.remove()

    # --- the passing of time ---------------------------------------------------------------------

    def _pass(self) -> None:
        """Let time pass up to the next thing that happens; all threads are parked."""
        virtual, observer = self._virtual, self._observer
        waiting = [each for each in virtual.parking.all() if each.is_waiting]
        ready = [
            each for each in waiting if each.is_over is not None and each.is_over()
        ]
        now = virtual.now_s()
        late = [e for e in waiting if e.deadline is not None and e.deadline <= now]
        for parked in late:
            parked.is_late = True
        if ready or late:
            for parked in (*ready, *late):
                parked.end()
            return
        if self.exchange.finished.is_set() and now >= self._interrupt_at:
            self._interrupt_at = now + AFTER_S
            self.was_interrupted = True
            main = virtual.parking.entries.get(virtual.main.ident or 0)
            if main is not None:
                self._interrupt(main)
            return
        # Not for ever: it may be stopped.
        until = now + _LONGEST_S
        for parked in waiting:
            if parked.deadline is not None:
                until = min(until, parked.deadline)
        if self.exchange.finished.is_set():
            until = min(until, self._interrupt_at)
        self.steps += 1
        if self.steps % _TOLD_EVERY == 0:
            self._on_pass()
        if self._step_s is not None:
            until = min(until, now + self._step_s)
        observer.advance(self.exchange, until, is_whole=self._step_s is not None)

    def _interrupt(self, parked: Parked) -> None:
        """End a wait of the strategy as Ctrl-C would."""
        handler = signal.getsignal(signal.SIGINT)
        is_own = handler is not self._handler

        def interrupt() -> None:
            if is_own and callable(handler):
                handler(int(signal.SIGINT), None)
            else:
                raise RecordingEnded("the recording has ended")

        parked.interrupt = interrupt
        parked.end()

    # --- rest ------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """
        Let threads go on, one after the other, until all of them wait and nothing is on its way.

        While one goes on, no message reaches a client. So what a thread finds does not depend on
        how fast it is.
        """
        exchange, hold = self.exchange, self._server.hold
        while not self._is_done:
            self._wait_until_quiet(self._busy_threads)
            if hold.is_on:
                exchange._thread.post(lambda server: server.hold.end())
            self._wait_until_quiet(self._busy)
            is_settled = False
            while not (is_settled or self._is_done):
                before = self._traffic()
                pongs = self._ping()
                self._wait_until_quiet(self._busy)
                is_settled = self._traffic() == before.after_pings(pongs)
            waiting = [each for each in self._virtual.parking.all() if each.wants_turn]
            if not waiting or self._is_done:
                return
            hold.is_on = True
            min(waiting, key=self._place).give_turn()

    def _traffic(self) -> _Traffic:
        exchange, links = self.exchange, self._links()
        return _Traffic(
            exchange.frames_sent,
            exchange.rest_requests,
            sum(link.submit_count for link in links),
            sum(link.sent_count for link in links),
            [(link, link.status) for link in links],
        )

    def _links(self) -> List[Link]:
        """Return the connections of all open clients."""
        cores = cores_of(self.exchange.port)
        return [link for core in cores for link in core.placement.links]

    def _place(self, parked: Parked) -> Tuple[int, str, int]:
        """Return the place of a thread in the order: callbacks, the main thread, others."""
        thread = parked.thread
        if thread.name.startswith("bfxsync-"):
            return 0, thread.name, 0
        if thread is self._virtual.main:
            return 1, "", 0
        alive = threading.enumerate()
        return 2, "", alive.index(thread) if thread in alive else len(alive)

    def _ping(self) -> int:
        """Wait until all clients have handled what was sent; return the number of pongs."""
        return sum(map(_ping, cores_of(self.exchange.port)))

    def _wait_until_quiet(self, busy_now: Callable[[], List[threading.Thread]]) -> None:
        """Wait for threads that have something to do."""
        changed, tries = self._virtual.parking.changed, 0
        began_at, is_told = time.monotonic(), False
        while not self._is_done:
            changed.clear()
            busy = busy_now()
            if not busy:
                return
            tries += 1
            if tries < _SPINS:
                time.sleep(0)
                continue
            # Ever longer, as it would take the interpreter from the thread that works.
            changed.wait(min(_NAP_S * (tries - _SPINS + 1), _LONGEST_NAP_S))
            busy_s = time.monotonic() - began_at
            if busy_s > _OTHER_S:
                self._ignore(busy)
            if busy_s > _BUSY_S and not is_told:
                is_told = True
                place = place_of(busy[0])
                _log.warning("%s; the time of the backtest stands still", place)

    def _busy(self) -> List[threading.Thread]:
        """Return the threads that have something to do, those of opening connections included."""
        opening = [
            link._thread
            for link in self._links()
            if link.status in _OPENING and link._thread.is_alive()
        ]
        return opening or self._busy_threads()

    def _busy_threads(self) -> List[threading.Thread]:
        """Return the threads of the strategy that have something to do."""
        is_quiet = self._virtual.is_quiet
        self._cores.update(cores_of(self.exchange.port))
        busy = [t for core in self._cores for t in self._busy_in(core.dispatcher)]
        for thread in threading.enumerate():
            if self._virtual.awaits(thread) and thread not in self._ignored:
                if not is_quiet(thread):
                    busy.append(thread)
        return busy

    def _busy_in(self, dispatcher: Dispatcher) -> List[threading.Thread]:
        """Return the threads of a client that call a callback, or are about to."""
        alive = [thread for thread in dispatcher._threads if thread.is_alive()]
        free = [thread for thread in alive if not self._virtual.is_quiet(thread)]
        # By thread, as one that was woken may be among the sleepers for another moment.
        asleep, has_items = asleep_at(dispatcher.ready)
        own = self._virtual.sleepers
        if any(own.get(thread.ident or 0) not in asleep for thread in free):
            return free
        # A thread that wants its turn wakes the next one, if there is work for it.
        wanting = {p.thread for p in self._virtual.parking.all() if p.wants_turn}
        has_work = has_items and not wanting.intersection(alive)
        return free if has_work else []

    def _ignore(self, busy: List[threading.Thread]) -> None:
        """Go on without threads that wait by other means, such as those of a pool."""
        for thread in busy:
            if thread is not self._virtual.main and not thread.name.startswith(
                "bfxsync-"
            ):
                self._ignored.add(thread)
                _log.warning(
                    "%s; the backtest goes on without it, so its order is not fixed",
                    place_of(thread),
                )


def asleep_at(ready: ReadyQueue[Any]) -> Tuple[List[Sleeper], bool]:
    """Return who sleeps, or is about to, at one moment, and whether there are items then."""
    before = ready._sleepers.copy()
    has_items = bool(ready.items)
    # A thread that finds an item leaves without a sleep, and takes the item only then.
    after = ready._sleepers.copy()
    return [entry[0] for entry in before if entry in after], has_items


def place_of(thread: threading.Thread) -> str:
    """Say where a thread is: the innermost line that is not of bfxsync or of Python."""
    frame = sys._current_frames().get(thread.ident or 0)
    stack = [] if frame is None else traceback.extract_stack(frame)
    own = [each for each in stack if not each.filename.startswith(_FOREIGN)]
    where = own[-1] if own else None
    place = "" if where is None else f" at {where.filename}:{where.lineno}"
    return f"the thread {thread.name} has not waited for anything for a while{place}"


def _ping(core: Core) -> int:
    """Wait until the connections of a client have handled what was sent; return their number."""
    count = 0
    # Callbacks on a connection's thread are called before it reads the second pong.
    for _ in range(2 if core.dispatcher.is_inline else 1):
        waiters = []
        for link in core.placement.links:
            if link.status is ConnectionStatus.OPEN:
                waiter = Waiter()
                link.submit(SubscriptionTable.ping, waiter, time.monotonic() + _PONG_S)
                waiters.append(waiter)
        for waiter in waiters:
            if not waiter.resolved.wait(_PONG_S + 1):
                raise RequestTimeout("a connection of the backtest does not answer")
        # One that cannot send a ping now has something else to do.
        count += sum(waiter.error is None for waiter in waiters)
    return count
