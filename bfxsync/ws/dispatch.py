"""
The thread on which user code runs.

Strategy: a mailbox that gets something and is not scheduled puts itself into the ready queue,
once; the dispatch thread takes a batch from it and calls, for each item, the handler of its
class. An exception of user code is reported and changes nothing else.
"""

from __future__ import annotations

import logging
import time
from queue import SimpleQueue
from threading import Thread, current_thread
from typing import Any, Callable, Dict, Optional

from bfxsync.ws.mailbox import Mailbox, Policy

logger = logging.getLogger(__name__)

BATCH = 256
"""Items taken from a mailbox before the next one has its turn."""

Routes = Dict[type, Callable[[Any], object]]


class Outlet:
    """
    A mailbox whose items go to user code.

    Attributes
    ----------
    name : str
        For messages.
    mailbox : Mailbox
    routes : dict
        The handler of each class of item; other items are passed over.
    error_count : int
        Exceptions raised by the handlers.
    """

    def __init__(
        self,
        name: str,
        routes: Routes,
        dispatcher: Dispatcher,
        *,
        size: int,
        policy: Policy = Policy.RESYNC,
    ) -> None:
        self.name = name
        self.routes = routes
        self.error_count = 0
        self.mailbox = Mailbox(size, policy, self._schedule)
        self._ready = dispatcher.ready
        # Kinds of exception that were reported in full already.
        self._reported: set[type[BaseException]] = set()

    def _schedule(self, _mailbox: Mailbox) -> None:
        self._ready.put(self)

    def is_new(self, exc: BaseException) -> bool:
        """Count an exception; tell whether it is the first of its kind here."""
        self.error_count += 1
        if type(exc) in self._reported:
            return False
        self._reported.add(type(exc))
        return True


class Dispatcher:
    """
    One thread that calls the handlers, one at a time.

    Parameters
    ----------
    on_error : callable, optional
        Gets the exceptions of handlers, the first of each kind and handler.
    on_exit : callable, optional
        Gets what asks for the end of the program: the `SystemExit` of ``sys.exit()``.

    Attributes
    ----------
    ready : SimpleQueue
        Outlets that have something; None ends the thread.
    dropped_count : int
        Items thrown away because the end did not wait for them.
    """

    def __init__(
        self,
        name: str,
        on_error: Callable[[BaseException], object] | None = None,
        on_exit: Callable[[BaseException], object] = lambda exc: None,
    ) -> None:
        self.ready: SimpleQueue[Optional[Outlet]] = SimpleQueue()
        self.dropped_count = 0
        self._on_error = on_error
        self._on_exit = on_exit
        self._deadline: float | None = None
        self._running: Outlet | None = None
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """True on the dispatch thread itself."""
        return current_thread() is self._thread

    def stop(self, deadline: float) -> None:
        """Let what is queued run until the deadline (monotonic time), then end."""
        # A second call, as from a callback that closes at each item, must not move the end.
        self._deadline = min(deadline, self._deadline or deadline)
        self.ready.put(None)

    def join(self, deadline: float) -> bool:
        """Wait for the thread's end; False if user code still runs then, which is named."""
        if self.is_current or self._thread.ident is None:
            return True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if not self._thread.is_alive():
            return True
        running = self._running
        if running is not None:
            logger.warning(
                "a callback of %s is still running; its thread ends with it",
                running.name,
            )
        return False

    def _run(self) -> None:
        stopping = False
        while not (stopping and self.ready.empty()):
            outlet = self.ready.get()
            if outlet is None:
                stopping = True
                continue
            self._running = outlet
            batch, more = outlet.mailbox.take(BATCH)
            self._call(outlet, batch)
            if more:
                self.ready.put(outlet)
            # Nothing may keep an outlet, and with it user code, alive while waiting.
            self._running = outlet = None
        if self.dropped_count:
            logger.warning(
                "%d items were not delivered before the end", self.dropped_count
            )

    def _call(self, outlet: Outlet, batch: list[Any]) -> None:
        routes = outlet.routes
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
            except (SystemExit, KeyboardInterrupt) as exc:
                logger.info("a callback of %s ends the program", outlet.name)
                self._on_exit(exc)
            except BaseException as exc:
                # Whatever it is: the thread belongs to the other callbacks too.
                self.report(outlet, exc)

    def report(self, outlet: Outlet, exc: BaseException) -> None:
        """Log the first exception of its kind with its traceback, and hand it to `on_error`."""
        if not outlet.is_new(exc):
            return
        logger.error("a callback of %s raised", outlet.name, exc_info=exc)
        self.call_on_error(exc)

    def call_on_error(self, exc: BaseException) -> None:
        """Hand an error to the user's `on_error`; one that it raises itself is logged."""
        if self._on_error is None:
            return
        try:
            self._on_error(exc)
        except Exception:
            logger.exception("on_error raised")
