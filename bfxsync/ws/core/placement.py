"""
Which channel is on which connection.

Strategy: a channel is placed on the first connection that has room. One for which the exchange
has no room after all moves on, and teaches the connection its limit; a further connection that
has no channels left is taken off.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from typing import Mapping, Tuple

import attrs

from bfxsync._base.greenlets import check_threads
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import Section, shielded
from bfxsync.errors import NetworkError
from bfxsync.ws.core.shared_subscription import SharedSubscription, Subscriber
from bfxsync.ws.io.link import Link
from bfxsync.ws.stats import Past

logger = get_logger(__name__)

Identity = Tuple[str, ...]
"""What a channel is known by: its name and its arguments."""


@attrs.frozen
class Directory:
    """
    What is where, at one moment.

    Attributes
    ----------
    connections : tuple of Line
        In the order of opening.
    homes : dict
        The connection of each identity.
    users : dict
        The tickets of each identity.
    past : Past
        What connections and tickets counted that are no more.
    """

    connections: Tuple[Link, ...] = ()
    homes: Mapping[Identity, Link] = attrs.field(factory=dict)
    users: Mapping[Identity, Tuple[Subscriber, ...]] = attrs.field(factory=dict)
    past: Past = attrs.field(factory=Past)


class Placement(ABC):
    """
    The part of a pool that places channels.

    Strategy: whoever changes something puts a new directory in the place of the old one, under a
    lock, on a thread that no signal reaches (see `shielded`). Whoever wants to know something
    takes the directory that there is, which nobody changes any more, and needs no lock.
    """

    def __init__(self) -> None:
        # Protects the replacement of the directory, each connection's load and limit, and the
        # start of threads. I/O threads take it too: no thread that can be interrupted may.
        self._lock = Section()
        self._directory = Directory()
        # Those that have ended too, as long as somebody holds them.
        self._known: weakref.WeakSet[Subscriber] = weakref.WeakSet()

    # --- any thread, without the lock ---------------------------------------------------------

    @property
    def connections(self) -> Tuple[Link, ...]:
        """In the order of opening."""
        return self._directory.connections

    @abstractmethod
    def check_open(self) -> None:
        """Raise what ended the client, or that it was closed."""

    def place(self, subscriber: Subscriber) -> None:
        """Subscribe on the connection that has this subscription already, or has room."""
        if not self.connections:
            # Before anything waits: without real threads it would wait for ever.
            check_threads()
        shielded(self._place, subscriber)

    def home(self, subscriber: Subscriber) -> Link | None:
        """Return the connection of a ticket."""
        if subscriber.is_released:
            return None
        return self._directory.homes.get(subscriber.identity)

    def subscribers(self) -> list[Subscriber]:
        """Return all that are in use."""
        return [subscriber for subscriber, _ in self.account()[0]]

    def account(self) -> tuple[list[tuple[Subscriber, Link]], Tuple[Link, ...], Past]:
        """
        Return all that counts, of one moment.

        Those are the tickets in use, each with its connection, the connections, and what those
        counted that are no more.
        """
        now = self._directory
        subscribers = [
            (subscriber, now.homes[identity])
            for identity, users in now.users.items()
            for subscriber in users
        ]
        return subscribers, now.connections, now.past

    # --- threads that no signal reaches -------------------------------------------------------

    def _place(self, subscriber: Subscriber) -> None:
        identity = subscriber.identity
        with self._lock:
            self.check_open()
            if subscriber.is_released:
                # Given up before it came here: who asked for it was interrupted.
                return
            connection = self._directory.homes.get(identity)
            if connection is None:
                connection = self._with_room()
                connection.load += 1
            now = self._directory
            self._directory = attrs.evolve(
                now,
                homes={**now.homes, identity: connection},
                users={
                    **now.users,
                    identity: (*now.users.get(identity, ()), subscriber),
                },
            )
            self._known.add(subscriber)
            # Within the lock, so that it comes before the detachment of the same ticket.
            connection.attach(subscriber)

    def _release(self, subscriber: Subscriber) -> Link | None:
        """Take a ticket off the books; return its connection, None if that was done before."""
        identity = subscriber.identity
        with self._lock:
            now = self._directory
            if subscriber.is_released:
                return None
            subscriber.is_released = True
            users = now.users.get(identity, ())
            if subscriber not in users:
                return None
            connection = now.homes[identity]
            subscriber.counted_drops = subscriber.dropped_count
            past = attrs.evolve(
                now.past, drops=now.past.drops + subscriber.counted_drops
            )
            rest = tuple(user for user in users if user is not subscriber)
            if rest:
                homes, others = now.homes, {**now.users, identity: rest}
            else:
                homes, others = dict(now.homes), dict(now.users)
                del homes[identity], others[identity]
                connection.load -= 1
                past = attrs.evolve(
                    past, heals=past.heals + subscriber.channel.recovery.count
                )
            self._directory = attrs.evolve(now, homes=homes, users=others, past=past)
            return connection

    def released(self, subscriber: Subscriber) -> None:
        """Take a refused ticket off the books."""
        self._release(subscriber)

    def sends_on(self, connection: Link, subscriber: Subscriber) -> bool:
        """
        Send a ticket to where its channel has moved in the meantime.

        Return False if its channel is at home where it is. One that was given up goes nowhere.
        """
        with self._lock:
            home = self.home(subscriber)
            if home is not None and home is not connection:
                # Within the lock, so that it comes before the detachment of the same ticket.
                home.attach(subscriber)
            return home is not connection

    def displaced(
        self, connection: Link, stream: SharedSubscription, limit: int | None
    ) -> None:
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
            if self._directory.homes.get(identity) is not connection:
                return
            connection.load -= 1
            try:
                other = self._with_room(but=connection)
            except NetworkError:
                # Until it is taken off the books, it counts here.
                connection.load += 1
                raise
            now = self._directory
            self._directory = attrs.evolve(now, homes={**now.homes, identity: other})
            other.load += 1
            other.adopt(stream)
        logger.info("%s: moved to connection %d", " ".join(identity), other.number)

    def retires(self, connection: Link) -> bool:
        """Take a connection off the books if it has no channels; return whether it had none."""
        with self._lock:
            if connection.load:
                return False
            now = self._directory
            rest = tuple(line for line in now.connections if line is not connection)
            self._directory = attrs.evolve(
                now, connections=rest, past=now.past.with_line(connection)
            )
            return True

    # --- with the lock ------------------------------------------------------------------------

    def _with_room(self, but: Link | None = None) -> Link:
        for connection in self.connections:
            if connection is not but and connection.load < connection.limit:
                return connection
        return self._connect()

    @abstractmethod
    def _connect(self) -> Link:
        """Make and start a further connection."""
