"""
Which channel is on which connection.

Strategy: a channel is placed on the first connection that has room. One for which the exchange
has no room after all moves on, and teaches the connection its limit; a further connection that
has no channels left is taken off.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from threading import Lock

from bfxsync.errors import NetworkError
from bfxsync.logs import get_logger
from bfxsync.ws.line import Line
from bfxsync.ws.stats import Past
from bfxsync.ws.stream import Stream, Ticket

logger = get_logger(__name__)


class Places(ABC):
    """
    The part of a pool that places channels.

    Attributes
    ----------
    connections : list of Line
        In the order of opening.
    """

    def __init__(self) -> None:
        # Replaced, never changed: it is gone through without the lock.
        self.connections: list[Line] = []
        # Protects the placing of channels: _homes, _users, each connection's load, the counts of
        # what is no more, and the start of threads. `close` does not take it.
        self._lock = Lock()
        self._past = Past()
        self._homes: dict[tuple[str, ...], Line] = {}
        self._users: dict[tuple[str, ...], set[Ticket]] = {}
        # Those that have ended too, as long as somebody holds them.
        self._known: weakref.WeakSet[Ticket] = weakref.WeakSet()

    # --- any thread ---------------------------------------------------------------------------

    @abstractmethod
    def check_open(self) -> None:
        """Raise what ended the client, or that it was closed."""

    def place(self, ticket: Ticket) -> None:
        """Subscribe on the connection that has this subscription already, or has room."""
        with self._lock:
            self.check_open()
            connection = self._homes.get(ticket.identity)
            if connection is None:
                connection = self._with_room()
                connection.load += 1
                self._homes[ticket.identity] = connection
            self._users.setdefault(ticket.identity, set()).add(ticket)
            self._known.add(ticket)
            # Within the lock, so that it comes before the detachment of the same ticket.
            connection.attach(ticket)

    def release(self, ticket: Ticket) -> Line | None:
        """Take a ticket off the books; return its connection, None if that was done before."""
        with self._lock:
            if ticket.is_released:
                return None
            ticket.is_released = True
            self._past.drops += ticket.dropped_count
            connection = self._homes[ticket.identity]
            users = self._users[ticket.identity]
            users.discard(ticket)
            if not users:
                del self._homes[ticket.identity], self._users[ticket.identity]
                connection.load -= 1
                self._past.heals += ticket.channel.recovery.count
            return connection

    def home(self, ticket: Ticket) -> Line | None:
        """Return the connection of a ticket."""
        with self._lock:
            return None if ticket.is_released else self._homes[ticket.identity]

    def tickets(self) -> list[Ticket]:
        """Return all that are in use."""
        with self._lock:
            return [ticket for users in self._users.values() for ticket in users]

    def account(self) -> tuple[list[tuple[Ticket, Line]], list[Line], Past]:
        """
        Return all that counts, of one moment.

        Those are the tickets in use, each with its connection, the connections, and what those
        counted that are no more.
        """
        with self._lock:
            tickets = [
                (ticket, self._homes[identity])
                for identity, users in self._users.items()
                for ticket in users
            ]
            return tickets, self.connections, self._past.copy()

    # --- I/O threads --------------------------------------------------------------------------

    def released(self, ticket: Ticket) -> None:
        """Take a refused ticket off the books."""
        self.release(ticket)

    def sends_on(self, connection: Line, ticket: Ticket) -> bool:
        """
        Send a ticket to where its channel has moved in the meantime.

        Return False if its channel is at home where it is. One that was given up goes nowhere.
        """
        with self._lock:
            home = None if ticket.is_released else self._homes[ticket.identity]
            if home is not None and home is not connection:
                # Within the lock, so that it comes before the detachment of the same ticket.
                home.attach(ticket)
            return home is not connection

    def displaced(self, connection: Line, stream: Stream, limit: int | None) -> None:
        """
        Find another connection for a stream that must leave this one.

        Parameters
        ----------
        connection : Line
        stream : Stream
        limit : int or None
            How many channels the exchange has room for on this one; None if there was room, and
            no data.

        Raises
        ------
        NetworkError
            There is none, and none can be made.
        """
        identity = stream.channel.identity
        with self._lock:
            if limit is not None:
                connection.limit = min(connection.limit, limit)
            if self._homes.get(identity) is not connection:
                return
            connection.load -= 1
            try:
                other = self._with_room(but=connection)
            except NetworkError:
                # Until it is taken off the books, it counts here.
                connection.load += 1
                raise
            self._homes[identity] = other
            other.load += 1
            other.adopt(stream)
        logger.info("%s: moved to connection %d", " ".join(identity), other.number)

    def retires(self, connection: Line) -> bool:
        """Take a connection off the books if it has no channels; return whether it had none."""
        with self._lock:
            if connection.load:
                return False
            self._past.add(connection)
            self.connections = [
                other for other in self.connections if other is not connection
            ]
            return True

    # --- with the lock ------------------------------------------------------------------------

    def _with_room(self, but: Line | None = None) -> Line:
        for connection in self.connections:
            if connection is not but and connection.load < connection.limit:
                return connection
        return self._connect()

    @abstractmethod
    def _connect(self) -> Line:
        """Make and start a further connection."""
