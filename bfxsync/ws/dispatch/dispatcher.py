"""
The threads that run user code.

Strategy: a mailbox that receives items and is not scheduled adds its queue to the ready queue,
once. A dispatch thread gets a batch from it and calls the handler of each item's class. No other
thread serves the mailbox at the same time, so its items are handled one after the other even with
several threads. An exception of user code is reported and has no other effect.
"""

from __future__ import annotations

import time
from functools import partial
from threading import Thread, current_thread, get_ident
from types import TracebackType
from typing import Any, Callable, Dict, Optional, Set, Tuple

from bfxsync._base.cells import call_where_raised, failed_in_cell
from bfxsync._base.describe import (
    cut_before,
    raised_at,
    traceback_of,
    type_name,
    without_our_frames,
)
from bfxsync._base.enums import Policy, SubscriptionStatus
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import start_thread
from bfxsync.models.stream import Status
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.dispatch.ready_queue import ReadyQueue, Sleeper
from bfxsync.ws.dispatch.update_signal import UpdateSignal

_log = get_logger(__name__)

BATCH = 256
"""Maximum number of items of one mailbox that are handled before the next mailbox is served."""

ENDS = (SystemExit, KeyboardInterrupt)
"""Exceptions by which user code ends the program."""

Routes = Dict[type, Callable[[Any], object]]

_ON_ERROR = "on_error raised"

_MAX_KINDS = 1_000


class CallbackErrors:
    """
    Exceptions of one queue's callbacks: all are counted, the first of each kind is reported.

    A kind is a class and the line that raised. Classes are compared by name, as user code may
    define hashing and comparison of a class.
    """

    def __init__(self) -> None:
        self.count: int = 0
        # Its traceback begins with the user's function.
        self.last: BaseException | None = None
        self._last_head: TracebackType | None = None
        self._kinds: Set[Tuple[str, str, int]] = set()

    def add(self, exc: BaseException) -> bool:
        """Count an exception; return whether it is the first of its kind."""
        self.count += 1
        without_our_frames(exc)
        if exc is self.last and self._last_head is not None:
            cut_before(exc, self._last_head)
        self.last, self._last_head = exc, traceback_of(exc)
        kind = (type_name(exc), *raised_at(exc))
        # Generated code, whose lines are always new, must not use unlimited memory.
        if kind in self._kinds or len(self._kinds) >= _MAX_KINDS:
            return False
        self._kinds.add(kind)
        return True


class CallbackQueue:
    """
    A mailbox whose items are passed to user code.

    `routes` has the handler for each class of items; other items are ignored. `name` is used in
    messages. After `max_errors` exceptions, `on_failed` is called with the last one and the handler
    of `Status` with FAILED; all further items are ignored. `has_updates` is False for a queue of
    connection events, which do not wake threads that wait for updates.
    """

    def __init__(
        self,
        name: str,
        routes: Routes,
        dispatcher: Dispatcher,
        *,
        size: int,
        policy: Policy = Policy.RESYNC,
        max_errors: int | None = None,
        has_updates: bool = True,
    ) -> None:
        self.name = name
        self.has_updates = has_updates
        self.routes = routes
        self.errors: CallbackErrors = CallbackErrors()
        self.max_errors = max_errors
        self.on_failed: Callable[[BaseException], object] = lambda exc: None
        ready = dispatcher.ready
        self.mailbox: Mailbox = Mailbox(
            size, policy, partial(ready.items.append, self), ready.wake
        )


class Dispatcher:
    """
    The threads that call handlers, each of them one at a time.

    Parameters
    ----------
    on_error : callable, optional
        Called with exceptions of handlers, the first of each kind and queue.
    on_exit : callable, optional
        Called with exceptions that end the program, such as the `SystemExit` of ``sys.exit()``.
    thread_count : int
        With 0 the handlers are called by `run_ready`, on the I/O threads.
    on_failure : callable, optional
        Called with an exception of our own code that has ended a thread.
    """

    def __init__(
        self,
        name: str,
        on_error: Callable[[BaseException], object] | None = None,
        on_exit: Callable[[BaseException], object] = lambda exc: None,
        thread_count: int = 1,
        on_failure: Callable[[BaseException], object] = lambda exc: None,
    ) -> None:
        self.is_inline: bool = thread_count == 0
        self.update_signal: UpdateSignal = UpdateSignal()
        # Queues with items; None makes a thread check whether it should end.
        self.ready: ReadyQueue[Optional[CallbackQueue]] = ReadyQueue()
        # Items that were not delivered before the end.
        self.dropped_count: int = 0
        # The latest exception of user code.
        self.last_error: BaseException | None = None
        self._on_error = on_error
        self._on_exit = on_exit
        self._on_failure = on_failure
        self._own_errors = CallbackErrors()
        # By thread, each of which writes its own entry only; likewise `_running`.
        self._error_counts: Dict[int, int] = {}
        self._running: Dict[int, Tuple[CallbackQueue, float]] = {}
        # Those of its threads, as long as they run.
        self._sleepers: Set[Sleeper] = set()
        self._deadline: float | None = None
        self._is_stopping = False
        self._is_detached = False
        self._names = [name]
        if thread_count != 1:
            self._names = [f"{name}-{n + 1}" for n in range(thread_count)]
        self._threads: list[Thread] = []

    @property
    def is_current(self) -> bool:
        """Whether the current thread is a dispatch thread."""
        return current_thread() in self._threads

    @property
    def error_count(self) -> int:
        """Exceptions of user code, on all threads."""
        return sum(self._error_counts.copy().values())

    def start(self) -> None:
        """Start the threads that have not been started; `OSError` without a descriptor for one."""
        for name in self._names[len(self._threads) :]:
            # Created here, as a thread created before a fork cannot be started after it (Python
            # 3.13).
            thread = Thread(
                target=self._main, name=name, args=(Sleeper(),), daemon=True
            )
            start_thread(thread)
            self._threads.append(thread)

    def stop(self, deadline: float) -> None:
        """Handle queued items until the deadline (monotonic time), then end the threads."""
        # A second call, such as from a callback that closes at each item, must not delay the end.
        self._deadline = min(deadline, self._deadline or deadline)
        self._is_stopping = True
        self.ready.put(None)

    def join(self, deadline: float) -> bool:
        """Wait for the threads to end; return False if user code is still `running`."""
        others = [thread for thread in self._threads if thread is not current_thread()]
        for thread in others:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in others)

    @property
    def has_lost_threads(self) -> bool:
        """Whether one of its threads has ended."""
        return not all(thread.is_alive() for thread in self._threads)

    def running(self, for_s: float = 0.0) -> list[str]:
        """
        Return the names of the queues that other threads are serving.

        With `for_s` only those whose present batch began at least so many seconds ago.
        """
        me, since = get_ident(), time.monotonic() - for_s
        return [
            queue.name
            for thread, (queue, began) in self._running.copy().items()
            if thread != me and began <= since
        ]

    def detach_after_fork(self) -> None:
        """
        Stop calling handlers in a forked child, as the queued items belong to the parent.

        If a callback has forked, its thread is the only one of the child, and ends.
        """
        self._is_detached = self._is_stopping = True
        self._deadline = 0.0
        self._running.clear()
        self.ready.detach_after_fork()
        for sleeper in self._sleepers:
            sleeper.close()

    def run_ready(self) -> None:
        """Call the handlers of all queued items: on this thread, or on a dispatch thread."""
        if not self.is_inline:
            self.ready.wake()
            return
        items = self.ready.items
        while items:
            try:
                callback_queue = items.popleft()
            except IndexError:
                return  # another I/O thread was quicker
            if callback_queue is not None:
                self._serve(callback_queue)

    def _main(self, sleeper: Sleeper) -> None:
        self._sleepers.add(sleeper)
        try:
            self._run(sleeper)
        except BaseException as exc:
            # Otherwise callbacks would end silently, and waiting threads would hang.
            self._on_failure(exc)
        finally:
            # Closed with the last reference, as the program may keep a closed client. Frames keep
            # their variables as long as the traceback of an exception refers to them.
            self._sleepers.discard(sleeper)
            del sleeper

    def _run(self, sleeper: Sleeper) -> None:
        while not self._is_stopping or self.ready.items:
            callback_queue = self.ready.get(sleeper)
            if callback_queue is not None:
                self._serve(callback_queue)
            # No reference to a queue, and thereby to user code, may survive while waiting.
            callback_queue = None
        del sleeper  # see `_main`
        if self._is_detached:
            return
        # Wakes the next thread, which may be waiting.
        self.ready.put(None)
        if self.dropped_count:
            _log.warning(
                "%d items were not delivered before the end", self.dropped_count
            )

    def _serve(self, callback_queue: CallbackQueue) -> None:
        thread = get_ident()
        self._running[thread] = callback_queue, time.monotonic()
        self._call(callback_queue, callback_queue.mailbox.next_batch(BATCH))
        # Absent in a fork that a callback has made.
        self._running.pop(thread, None)
        if self.update_signal.is_awaited and callback_queue.has_updates:
            # Wakes threads that wait for values stored by callbacks.
            self.update_signal.notify()
        # If a callback has forked, the remaining items belong to the parent.
        if not self._is_detached and callback_queue.mailbox.finish_batch():
            self.ready.put(callback_queue)

    def _call(self, callback_queue: CallbackQueue, batch: list[Any]) -> None:
        routes = callback_queue.routes
        items = iter(batch)
        for item in items:
            handler = routes.get(item.__class__)
            if handler is None:
                continue
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self.dropped_count += 1 + sum(1 for _ in items)
                return
            try:
                handler(item)
            except ENDS as exc:
                _log.info("a callback of %s ends the program", callback_queue.name)
                self._on_exit(exc)
            except BaseException as exc:
                # Any exception, as other callbacks need the thread.
                self.report(callback_queue, exc)
                limit = callback_queue.max_errors
                if limit is not None and callback_queue.errors.count >= limit:
                    self._quarantine(callback_queue, exc)
                    return

    def _quarantine(self, callback_queue: CallbackQueue, exc: BaseException) -> None:
        routes = callback_queue.routes
        # Reset first, as the last call below may raise as well.
        callback_queue.max_errors = None
        callback_queue.routes = {}
        callback_queue.on_failed(exc)
        if Status in routes:
            callback_queue.routes = {Status: routes[Status]}
            self._call(callback_queue, [Status(SubscriptionStatus.FAILED)])
            callback_queue.routes = {}

    def report(self, callback_queue: CallbackQueue, exc: BaseException) -> None:
        """Count an exception; log the first of its kind and pass it to `on_error`."""
        is_new = self._add(callback_queue.errors, exc)
        # What is logged appears in the cell of the callback.
        call_where_raised(exc, self._publish, callback_queue.name, exc, is_new)

    def _publish(self, name: str, exc: BaseException, is_new: bool) -> None:
        failed_in_cell(name, exc)
        if is_new:
            _log.error("a callback of %s raised", name, exc_info=exc)
            self.call_on_error(exc)

    def call_on_error(self, exc: BaseException) -> None:
        """Pass an error to the user's `on_error`; log what that raises."""
        if self._on_error is None:
            return
        try:
            self._on_error(exc)
        except ENDS as end:
            _log.info("on_error ends the program")
            self._on_exit(end)
        except BaseException as own:
            if self._add(self._own_errors, own):
                call_where_raised(own, partial(_log.error, exc_info=own), _ON_ERROR)

    def _add(self, errors: CallbackErrors, exc: BaseException) -> bool:
        is_new = errors.add(exc)
        self.last_error = exc
        counts, thread = self._error_counts, get_ident()
        counts[thread] = counts.get(thread, 0) + 1
        return is_new
