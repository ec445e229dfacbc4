"""
The core of a client: its connections, its dispatch thread, and what they share.

Strategy: threads hold this and never the client, so that an abandoned client is collected and
its finalizer can end them.
"""

from __future__ import annotations

import atexit
import os
import time
import warnings
import weakref
from typing import Any, Callable, Iterable, Tuple

import attrs

from bfxsync._base.describe import error_text
from bfxsync._base.enums import ConnectionStatus, SubscriptionStatus
from bfxsync._base.forks import renew_after_fork
from bfxsync._base.greenlets import check_threads
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import Section, later, shielded
from bfxsync.errors import BfxError, ClosedError, NetworkError, UsageError
from bfxsync.ws.core.placement import Placement
from bfxsync.ws.core.shared_subscription import SharedSubscription, Subscriber
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher
from bfxsync.ws.dispatch.event_publisher import EventPublisher
from bfxsync.ws.dispatch.events import Listeners
from bfxsync.ws.io.connection import Connection
from bfxsync.ws.io.link import Link
from bfxsync.ws.settings import ConnectionSettings

logger = get_logger(__name__)

CLOSE_TIMEOUT_S = 2.0

_MOMENT_S = 0.2


Connect = Callable[[int, ConnectionSettings, Any], Link]
"""Makes a connection of a number, the settings, and whom it tells."""

_Note = Tuple[Callable[..., None], str]
"""What has not ended at a close, and the method of the logger that tells it."""


class Core(Placement):
    """
    Everything that lives on threads.

    Parameters
    ----------
    settings : Settings
    on_error : callable or None
    connect : callable
        Makes the connections.

    Attributes
    ----------
    is_forked : bool
        This is a child's copy: the threads stayed in the parent.
    exception : BfxError or None
        What ended it, if that was not `close`.
    exit_by : BaseException or None
        The `SystemExit` of a callback that ended it.
    stopped : Latch
        Set when it has ended or is about to.
    """

    def __init__(
        self, settings: ConnectionSettings, on_error: Any, connect: Connect = Connection
    ) -> None:
        super().__init__()
        self.settings = settings
        self.on_error = on_error
        self.exception: BfxError | None = None
        self.stopped: Latch = Latch()
        self.dispatcher: Dispatcher = Dispatcher(
            "bfxsync-dispatch",
            on_error,
            self.exit,
            settings.dispatch_threads,
            self._dispatch_failed,
        )
        self._publisher = EventPublisher(self.dispatcher, settings.mailbox_size)
        self.exit_by: BaseException | None = None
        self.is_closing: bool = False
        self.is_forked: bool = False
        self._make_connection = connect
        self._numbers = 0
        self._pid = os.getpid()
        self._successor: Core | None = None
        _OPEN_POOLS.add(self)
        renew_after_fork(self)

    # --- any thread ---------------------------------------------------------------------------

    def start(self) -> Link:
        """Open the first connection if there is none."""
        self.check_open()
        connections = self.connections
        if connections:
            return connections[0]
        check_threads()
        return shielded(self._start)

    @property
    def listeners(self) -> Listeners:
        """Who listens to which event."""
        return self._publisher.listeners

    @property
    def status(self) -> ConnectionStatus:
        """How the first connection is."""
        if self.is_closing:
            # Whatever a thread is at that has yet to end.
            failed = self.exception is not None
            return ConnectionStatus.FAILED if failed else ConnectionStatus.CLOSED
        connections = self.connections
        return connections[0].status if connections else ConnectionStatus.NEW

    def detach(self, *subscribers: Subscriber) -> None:
        """Give shares up; one that was refused keeps its error."""
        if self._lock.is_mine:
            # A finalizer, which Python has called just while this thread places something.
            later(self._detach, subscribers)
        else:
            shielded(self._detach, subscribers)

    def _detach(self, subscribers: Iterable[Subscriber]) -> None:
        for subscriber in subscribers:
            if subscriber.error is None:
                # First, so that it drops nothing more.
                subscriber.end(None, SubscriptionStatus.CLOSED)
            connection = self._release(subscriber)
            if connection is not None:
                connection.detach(subscriber)

    def drop(self, subscriber: Subscriber) -> None:
        """Give up what nobody can read any more; a finalizer may call it, as it takes no lock."""
        connection = self.home(subscriber)
        if connection is not None and not self.is_closing:
            connection.drop(subscriber)

    def listen(self) -> None:
        """Look again for who listens to events."""
        for connection in self.connections:
            connection.listen()

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
        """End everything within the timeout; return whether all threads have ended."""
        if self.is_forked:
            return True
        # Even if the main thread is interrupted while it waits: what has begun goes on.
        has_ended, notes = shielded(self._close, timeout_s)
        # Only here, by the caller: a signal handler may have interrupted `logging`, and then no
        # other thread gets its lock before the handler has returned.
        for log, note in notes:
            log("%s; its thread ends with it", note)
        return has_ended

    def _close(self, timeout_s: float) -> tuple[bool, list[_Note]]:
        """Do so; return what there is to be logged as well."""
        notes: list[_Note] = []
        deadline = time.monotonic() + timeout_s
        self.begin_close()
        # A part is left for the callbacks if a connection attempt takes all the time.
        io_deadline = deadline - timeout_s / 4
        ended = [connection.join(io_deadline) for connection in self.connections]
        if not all(ended):
            if self.dispatcher.is_inline:
                notes.append((logger.warning, "a callback is under way"))
            else:
                # Nothing that anybody could change.
                notes.append((logger.info, "a connection attempt is under way"))
            # Those whose I/O thread is at something else would wait for ever.
            for subscriber in self.subscribers():
                subscriber.withdraw(ClosedError("the client was closed"))
        recorder = self.settings.recorder
        if recorder is not None:
            # After the connections, so that it has their ends. Before the callbacks end, which go
            # on meanwhile: `on_error` is one of them, and the last lines may find the disk full.
            recorder.stop()
            is_whole = recorder.join(deadline - min(_MOMENT_S, timeout_s / 8))
            if not is_whole:
                note = "the end of a recording is still being written"
                notes.append((logger.warning, note))
            ended.append(is_whole)
        # After the connections, so that their last items are still delivered.
        self.dispatcher.stop(deadline)
        ended.append(self.dispatcher.join(deadline))
        if not ended[-1]:
            notes += [
                (logger.warning, f"a callback of {name} is still running")
                for name in self.dispatcher.running()
            ]
        self.stopped.set()
        _OPEN_POOLS.discard(self)
        return all(ended), notes

    def exit(self, exc: BaseException) -> None:
        """End, and let `run` raise what a callback asked for."""
        self.exit_by = exc
        self.begin_close()
        self.stopped.set()

    def begin_close(self) -> None:
        """Tell everything to end, and wait for nothing."""
        self.is_closing = True
        for connection in self.connections:
            connection.close()

    def abandon(self) -> None:
        """End without waiting: nobody holds the client any more."""
        if self.is_closing:
            return
        self.begin_close()
        self.dispatcher.stop(time.monotonic() + CLOSE_TIMEOUT_S)
        if self.settings.recorder is not None:
            self.settings.recorder.stop()
        self.stopped.set()
        if self.connections:
            # Last, as it may be made an error.
            warnings.warn(
                "a client was dropped without close()", ResourceWarning, stacklevel=2
            )

    def _reset_after_fork(self) -> None:
        """
        Let go of everything in a child process: the threads stayed in the parent.

        Any lock may have been held by one of them, so none is taken here.
        """
        self._lock = Section()
        self._publisher.listeners = self.listeners.copy()
        if not self._numbers:
            # Nothing had begun, so all of it can begin here.
            return
        # What was closed remains so.
        self.is_forked = self.is_forked or not self.is_closing
        self.is_closing = True
        self.stopped.set()
        self.dispatcher.detach_after_fork()
        for connection in self.connections:
            connection.detach_after_fork()
        error = (
            self._forked() if self.is_forked else ClosedError("the client is closed")
        )
        for subscriber in list(self._known):
            subscriber.detach_after_fork(error)

    def successor(self) -> Core:
        """Return the one that takes its place in a child process, with the same handlers."""
        return shielded(self._succeed)

    def _succeed(self) -> Core:
        with self._lock:
            if self._successor is None:
                # The recording, if there is one, is the parent's.
                settings = attrs.evolve(self.settings, recorder=None)
                self._successor = Core(settings, self.on_error, self._make_connection)
                self._successor._publisher.listeners = self.listeners
            return self._successor

    def _forked(self) -> ClosedError:
        return ClosedError(
            f"this client's connections and threads belong to the process {self._pid}, of which "
            "this one is a fork; start() makes new ones here, and then subscribe anew"
        )

    def _start(self) -> Link:
        with self._lock:
            self.check_open()
            return self.connections[0] if self.connections else self._connect()

    def _connect(self) -> Link:
        check_threads()
        if self.settings.proxy_problem is not None:
            raise UsageError(self.settings.proxy_problem)
        number = self._numbers + 1
        try:
            connection = self._make_connection(number, self.settings, self)
        except OSError as exc:
            raise _unmade(exc) from exc
        self._numbers = number
        before = self._directory
        self._directory = attrs.evolve(
            before, connections=(*before.connections, connection)
        )
        try:
            self.dispatcher.start()
            connection.start()
        except RuntimeError as exc:
            # No more threads; the next attempt starts what is missing.
            self._numbers -= 1
            self._directory = before
            connection.detach_after_fork()
            raise _unmade(exc) from exc
        if self.is_closing:
            # Closed in this moment: the loop over the connections may have missed this one.
            connection.close()
        return connection

    def check_open(self) -> None:
        """Raise what ended the client, or that it was closed."""
        if self.is_forked:
            raise self._forked()
        self.check_exit()
        if self.exception is not None:
            # Raised at many places: the traceback is each one's own.
            raise self.exception.with_traceback(None)
        if self.is_closing:
            raise ClosedError("the client is closed")

    def has_writer(self, subscriber: Subscriber) -> bool:
        """Tell whether a thread other than this one may be changing the ticket's channel."""
        home = self.home(subscriber)
        # Shared with others, a channel lives on without the ticket.
        lines = self.connections if home is None else [home]
        return any(not (line.is_current or line.is_finished) for line in lines)

    def check_exit(self) -> None:
        """Raise what a callback ended the program with, if one did."""
        if self.exit_by is not None:
            raise self.exit_by.with_traceback(None)

    def check_may_wait(self) -> None:
        """
        Raise if this thread is one that the wait would be for.

        Raises
        ------
        UsageError
            It is a connection's thread, on which callbacks run with ``dispatch_threads=0``.
        """
        # In the child of a fork nobody waits, whichever thread it was.
        if not self.dispatcher.is_inline or self.is_forked:
            return
        if any(connection.is_current for connection in self.connections):
            raise UsageError(
                "with dispatch_threads=0 a callback runs on the thread that would have to do what "
                "is waited for here; use wait=False, or a dispatch thread"
            )

    def check_may_run(self) -> None:
        """
        Raise if this thread is one that user code runs on.

        Raises
        ------
        UsageError
            A callback waits for the end: no other would be called until then.
        """
        self.check_may_wait()
        if self.dispatcher.is_current and not self.is_forked:
            raise UsageError(
                "run() was called by a callback, and no other would be called while it waits; "
                "call it on a thread of your own"
            )

    # --- I/O threads --------------------------------------------------------------------------

    def run_ready(self) -> None:
        """Call the handlers on this thread, if there is no other for them."""
        if self.dispatcher.is_inline:
            self.dispatcher.run_ready()

    def opened(self) -> None:
        """Tell the handlers of `open`."""
        self._publisher.opened()

    def disconnected(self, code: int, reason: str) -> None:
        """Tell the handlers of `disconnected`."""
        self._publisher.disconnected(code, reason)

    def reported(self, error: BfxError) -> None:
        """Tell `on_error`."""
        self._publisher.reported(error)

    def listener_for(self, stream: SharedSubscription) -> CallbackQueue | None:
        """Return a new outlet for the event handlers of a stream, if it needs one now."""
        return self._publisher.listener_for(stream)

    def failed(self, error: BfxError) -> None:
        """End everything: one connection's fatal error would be every other's too."""
        is_first = self.exception is None
        if is_first:
            self.exception = error
        self.begin_close()
        self.stopped.set()
        if is_first:
            # Last, so that whatever happens there, nobody waits any longer.
            self._publisher.failed(error)

    # --- dispatch threads ---------------------------------------------------------------------

    def _dispatch_failed(self, exc: BaseException) -> None:
        error = BfxError(
            f"a dispatch thread failed; this is a mistake in bfxsync: {error_text(exc)}"
        )
        error.__cause__ = exc
        self.failed(error)


def _unmade(exc: Exception) -> NetworkError:
    return NetworkError(f"no connection can be made: {exc}", phase="connect")


_OPEN_POOLS: weakref.WeakSet[Core] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End the threads in an orderly way: one that prints while Python ends may crash it."""
    for core in list(_OPEN_POOLS):
        if core.connections:
            core.close(1.0)
