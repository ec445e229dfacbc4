"""
The core of a client: its connections, its dispatch thread, and what they share.

Strategy: threads hold this and never the client, so that an abandoned client is collected and
its finalizer can end them. Channels are placed on the first connection that has room.
"""

from __future__ import annotations

import atexit
import logging
import time
import warnings
import weakref
from threading import Lock
from typing import Any

import attrs

from bfxsync.errors import BfxError, ClosedError
from bfxsync.types import SubscriptionStatus
from bfxsync.ws.connection import Connection, Settings
from bfxsync.ws.dispatch import Dispatcher, Outlet
from bfxsync.ws.events import (
    Listeners,
    extras_of,
    kind_of,
    names_for,
    routes_for,
)
from bfxsync.ws.latch import Latch
from bfxsync.ws.mailbox import Policy
from bfxsync.ws.stream import Stream, Ticket

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 2.0

_CONTROL_SIZE = 1_000


@attrs.frozen
class _Opened:
    pass


@attrs.frozen
class _Disconnected:
    code: int
    reason: str


@attrs.frozen
class _Reported:
    error: BfxError


class Pool:
    """
    Everything that lives on threads.

    Attributes
    ----------
    exception : BfxError or None
        What ended it, if that was not `close`.
    exit_by : BaseException or None
        The `SystemExit` of a callback that ended it.
    stopped : Latch
        Set when it has ended or is about to.
    """

    def __init__(self, settings: Settings, on_error: Any) -> None:
        self.settings = settings
        self.exception: BfxError | None = None
        self.stopped = Latch()
        self.listeners = Listeners()
        self.dispatcher = Dispatcher("bfxsync-dispatch", on_error, self.exit)
        self.exit_by: BaseException | None = None
        self.is_closing = False
        self._was_opened = False
        self.connections: list[Connection] = []
        # Protects the placing of channels: _homes, _users, each connection's load, and the
        # start of threads. `close` does not take it.
        self._lock = Lock()
        self._homes: dict[tuple[str, ...], Connection] = {}
        self._users: dict[tuple[str, ...], set[Ticket]] = {}
        self._control = Outlet(
            "a connection event",
            {
                _Opened: self._emit_open,
                _Disconnected: self._emit_disconnected,
                _Reported: self._emit_reported,
            },
            self.dispatcher,
            size=_CONTROL_SIZE,
            policy=Policy.DROP_OLDEST,
        )
        _OPEN_POOLS.add(self)

    # --- any thread ---------------------------------------------------------------------------

    def start(self) -> Connection:
        """Open the first connection if there is none."""
        with self._lock:
            return self._first()

    def place(self, ticket: Ticket, timeout_s: float, expires: float | None) -> None:
        """Subscribe on the connection that has this subscription already, or has room."""
        with self._lock:
            self.check_open()
            connection = self._homes.get(ticket.identity)
            if connection is None:
                connection = self._with_room()
                connection.load += 1
                self._homes[ticket.identity] = connection
            self._users.setdefault(ticket.identity, set()).add(ticket)
            # Within the lock, so that it comes before the detachment of the same ticket.
            connection.attach(ticket, timeout_s, expires)

    def release(self, ticket: Ticket) -> Connection | None:
        """Take a ticket off the books; return its connection, None if that was done before."""
        with self._lock:
            if ticket.is_released:
                return None
            ticket.is_released = True
            connection = self._homes[ticket.identity]
            users = self._users[ticket.identity]
            users.discard(ticket)
            if not users:
                del self._homes[ticket.identity], self._users[ticket.identity]
                connection.load -= 1
            return connection

    def detach(self, ticket: Ticket) -> None:
        """Give a share up; one that was refused keeps its error."""
        connection = self.release(ticket)
        if connection is not None:
            connection.detach(ticket)
        if ticket.error is None:
            ticket.end(None, SubscriptionStatus.CLOSED)

    def home(self, ticket: Ticket) -> Connection | None:
        """Return the connection of a ticket."""
        with self._lock:
            return None if ticket.is_released else self._homes[ticket.identity]

    def tickets(self) -> list[Ticket]:
        """Return all that are in use."""
        with self._lock:
            return [ticket for users in self._users.values() for ticket in users]

    def listen(self) -> None:
        """Look again for who listens to events."""
        for connection in list(self.connections):
            connection.listen()

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
        """End everything within the timeout; return whether all threads have ended."""
        deadline = time.monotonic() + timeout_s
        self.begin_close()
        # A part is left for the callbacks if a connection attempt takes all the time.
        io_deadline = deadline - timeout_s / 4
        ended = [connection.join(io_deadline) for connection in list(self.connections)]
        if not all(ended):
            self._refuse_waiting()
        # After the connections, so that their last items are still delivered.
        self.dispatcher.stop(deadline)
        ended.append(self.dispatcher.join(deadline))
        self.stopped.set()
        _OPEN_POOLS.discard(self)
        if not all(ended[:-1]):
            logger.warning("a connection attempt is under way; its thread ends with it")
        return all(ended)

    def _refuse_waiting(self) -> None:
        """Answer those whose I/O thread is still in a connection attempt."""
        # Not waited for: a signal handler may have interrupted who holds it.
        if not self._lock.acquire(blocking=False):
            return
        try:
            tickets = [ticket for users in self._users.values() for ticket in users]
        finally:
            self._lock.release()
        for ticket in tickets:
            ticket.withdraw(ClosedError("the client was closed"))

    def exit(self, exc: BaseException) -> None:
        """End, and let `run` raise what a callback asked for."""
        self.exit_by = exc
        self.begin_close()
        self.stopped.set()

    def begin_close(self) -> None:
        """Tell everything to end, and wait for nothing."""
        self.is_closing = True
        for connection in list(self.connections):
            connection.close()

    def abandon(self) -> None:
        """End without waiting: nobody holds the client any more."""
        if self.is_closing:
            return
        self.begin_close()
        self.dispatcher.stop(time.monotonic() + CLOSE_TIMEOUT_S)
        self.stopped.set()
        if self.connections:
            # Last, as it may be made an error.
            warnings.warn(
                "a client was dropped without close()", ResourceWarning, stacklevel=2
            )

    def _first(self) -> Connection:
        self.check_open()
        return self.connections[0] if self.connections else self._connect()

    def _with_room(self) -> Connection:
        limit = self.settings.channels_per_connection
        for connection in self.connections:
            if connection.load < limit:
                return connection
        return self._connect()

    def _connect(self) -> Connection:
        connection = Connection(len(self.connections) + 1, self.settings, self)
        if not self.connections:
            self.dispatcher.start()
        self.connections.append(connection)
        connection.start()
        if self.is_closing:
            # Closed in this moment: the loop over the connections may have missed this one.
            connection.close()
        return connection

    def check_open(self) -> None:
        """Raise what ended the client, or that it was closed."""
        if self.exception is not None:
            # Raised at many places: the traceback is each one's own.
            raise self.exception.with_traceback(None)
        if self.is_closing:
            raise ClosedError("the client is closed")

    # --- I/O threads --------------------------------------------------------------------------

    def opened(self) -> None:
        """Tell the handlers of `open`, once: many subscribe there, and that is kept for them."""
        if self._was_opened:
            return
        self._was_opened = True
        self._control.mailbox.put([_Opened()], list)

    def disconnected(self, code: int, reason: str) -> None:
        """Tell the handlers of `disconnected`."""
        self._control.mailbox.put([_Disconnected(code, reason)], list)

    def reported(self, error: BfxError) -> None:
        """Tell `on_error`."""
        self._control.mailbox.put([_Reported(error)], list)

    def released(self, ticket: Ticket) -> None:
        """Take a refused ticket off the books."""
        self.release(ticket)

    def failed(self, error: BfxError) -> None:
        """End everything: one connection's fatal error would be every other's too."""
        if self.exception is None:
            self.exception = error
        self.begin_close()
        self.stopped.set()

    def listener_for(self, stream: Stream) -> Outlet | None:
        """Return a new outlet for the event handlers of a stream, if it needs one now."""
        kind = kind_of(stream.channel)
        names = names_for(kind)
        stream.channel.extras = self.listeners.wants(extras_of(names))
        if stream.listener is not None or not self.listeners.wants(names):
            return None
        outlet = Outlet(
            f"an event of {' '.join(stream.channel.identity)}",
            {},
            self.dispatcher,
            size=self.settings.mailbox_size,
        )
        dispatcher = self.dispatcher
        outlet.routes = routes_for(
            kind,
            stream.subscription,
            self.listeners,
            lambda exc: dispatcher.report(outlet, exc),
        )
        return outlet

    # --- the dispatch thread ------------------------------------------------------------------

    def _emit_open(self, _: _Opened) -> None:
        self.listeners.emit("open", report=self._report)

    def _emit_disconnected(self, item: _Disconnected) -> None:
        self.listeners.emit("disconnected", item.code, item.reason, report=self._report)

    def _emit_reported(self, item: _Reported) -> None:
        logger.warning("%s: %s", type(item.error).__name__, item.error)
        self.dispatcher.call_on_error(item.error)

    def _report(self, exc: Exception) -> None:
        self.dispatcher.report(self._control, exc)


_OPEN_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End the threads in an orderly way: one that prints while Python ends may crash it."""
    for pool in list(_OPEN_POOLS):
        if pool.connections:
            pool.close(1.0)
