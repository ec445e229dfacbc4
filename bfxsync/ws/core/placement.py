"""
Distributes channels over connections.

Strategy: a channel is placed on the first connection with room. If the exchange refuses it there
for lack of room, the channel moves to another connection and the limit of the first is lowered. A
further connection without channels is removed. A channel that is also subscribed raw needs two
connections, as the exchange refuses a second subscription to it on the same one. The account has a
connection of its own, which gets no other channels.
"""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Mapping, Protocol, Tuple

import attrs

from bfxsync._base.enums import SubscriptionStatus
from bfxsync._base.greenlets import check_threads
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import Section, later, shielded
from bfxsync.errors import NetworkError
from bfxsync.wire.channels import rival_of
from bfxsync.ws.core.lifetime import Lifetime
from bfxsync.ws.core.shared_subscription import SharedSubscription
from bfxsync.ws.core.subscriber import Home, Subscriber
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.io.link import Link

_log = get_logger(__name__)

Identity = Tuple[str, ...]
"""A channel's name and arguments."""


ACCOUNT = "account"
"""Name of the channel of the account."""


class Opener(Protocol):
    """Opens connections for the placement."""

    @property
    def has_account(self) -> bool:
        """Whether the account has a connection of its own."""
        ...

    def make_link(self, number: int, is_account: bool = False) -> Link:
        """Create a connection; raises `NetworkError` if no file descriptor is available."""
        ...

    def start_link(self, link: Link) -> None:
        """Start its thread and the dispatch threads; raises `NetworkError` if that fails."""


@attrs.frozen
class Totals:
    """Counters, summed over connections and subscribers."""

    frames: int = 0
    updates: int = 0
    gaps: int = 0
    heals: int = 0
    drops: int = 0
    jumps: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    losses: Mapping[str, int] = attrs.field(factory=dict)

    def with_link(self, link: Link) -> Totals:
        """Return the totals with one more connection."""
        return Totals(
            frames=self.frames + link.session.frame_count,
            updates=self.updates + link.table.totals.update_count,
            gaps=self.gaps + link.table.totals.gap_count,
            heals=self.heals,
            drops=self.drops + link.table.drop_count,
            jumps=self.jumps + link.jump_count,
            received_bytes=self.received_bytes + link.traffic.received,
            sent_bytes=self.sent_bytes + link.traffic.sent,
            # Copied in one step, as its thread may add to it.
            losses=Counter(self.losses) + Counter(dict(link.losses)),
        )


@attrs.frozen
class Directory:
    """All connections and subscribers at one moment."""

    links: Tuple[Link, ...] = ()
    """In the order of opening."""
    homes: Mapping[Identity, Link] = attrs.field(factory=dict)
    users: Mapping[Identity, Tuple[Subscriber, ...]] = attrs.field(factory=dict)
    account: Link | None = None
    """The connection of the account, one of `links`; it has the channel of the account only."""
    past: Totals = attrs.field(factory=Totals)
    """Totals of removed connections and subscribers."""


class Placement:
    """
    Places subscribers on connections, and opens connections for them.

    Strategy: a change replaces the directory, under a lock, on a thread that no signal reaches (see
    `shielded`). Readers use the current directory, which is immutable, and need no lock.
    """

    def __init__(self, lifetime: Lifetime, opener: Opener) -> None:
        self._lifetime = lifetime
        self._opener = opener
        # Protects the replacement of the directory, each connection's load and limit, and the
        # start of threads. I/O threads acquire it, so threads that can be interrupted must not.
        self._lock = Section()
        self._directory = Directory()
        self._opened_count = 0
        # Including ended ones that are still referenced.
        self._known: weakref.WeakSet[Subscriber] = weakref.WeakSet()

    # --- any thread, without the lock ---------------------------------------------------------

    @property
    def links(self) -> Tuple[Link, ...]:
        """The connections, in the order of opening."""
        return self._directory.links

    def first_link(self) -> Link:
        """Return the first connection; open it if there is none."""
        self._lifetime.check_open()
        links = self.links
        if links:
            return links[0]
        check_threads()
        return shielded(self._first_link)

    @property
    def account_link(self) -> Link | None:
        """The connection of the account, None before its first use."""
        return self._directory.account

    def open_account(self) -> Link:
        """Return the connection of the account; open it if there is none."""
        self._lifetime.check_open()
        link = self.account_link
        if link is not None:
            return link
        check_threads()
        return shielded(self._open_account)

    def place(self, subscriber: Subscriber) -> None:
        """Subscribe on the connection that has this channel already, or has room."""
        if not self.links:
            # First: without real threads, `shielded` would wait forever.
            check_threads()
        shielded(self._place, subscriber)

    def detach(self, *subscribers: Subscriber) -> None:
        """Unsubscribe; a rejected subscriber keeps its error."""
        if self._lock.is_mine:
            # Called by a finalizer while this thread is placing a subscriber.
            later(self._detach, subscribers)
        else:
            shielded(self._detach, subscribers)

    def drop(self, subscriber: Subscriber) -> None:
        """Detach a subscriber without a handle. Acquires no lock, as a finalizer may call it."""
        home = subscriber.home
        if home is not None and not self._lifetime.is_closing:
            home.submit(SubscriptionTable.drop, subscriber)

    def subscribers(self) -> list[Subscriber]:
        """Return the subscribers in use."""
        return [subscriber for subscriber, _ in self.overview()[0]]

    def overview(
        self,
    ) -> tuple[list[tuple[Subscriber, Link]], Tuple[Link, ...], Totals]:
        """Return all subscribers with their connections, all connections, and past totals."""
        now = self._directory
        subscribers = [
            (subscriber, now.homes[identity])
            for identity, users in now.users.items()
            for subscriber in users
        ]
        return subscribers, now.links, now.past

    def reset_after_fork(self) -> list[Subscriber]:
        """Replace the lock, which another thread may have held; return all subscribers."""
        self._lock = Section()
        return list(self._known)

    @property
    def has_opened(self) -> bool:
        """Whether a connection was ever opened."""
        return self._opened_count > 0

    # --- threads that no signal reaches -------------------------------------------------------

    def _first_link(self) -> Link:
        with self._lock:
            self._lifetime.check_open()
            return self.links[0] if self.links else self._open_link()

    def _open_account(self) -> Link:
        with self._lock:
            self._lifetime.check_open()
            return self._account_link()

    def _place(self, subscriber: Subscriber) -> None:
        identity = subscriber.identity
        with self._lock:
            self._lifetime.check_open()
            if subscriber.is_released:
                # Already detached, as the subscribe call was interrupted.
                return
            link = self._directory.homes.get(identity)
            if link is None and identity[0] == ACCOUNT and self._opener.has_account:
                link = self._account_link()
            elif link is None:
                link = self._with_room(self._rival(identity))
                link.load += 1
            now = self._directory
            self._directory = attrs.evolve(
                now,
                homes={**now.homes, identity: link},
                users={
                    **now.users,
                    identity: (*now.users.get(identity, ()), subscriber),
                },
            )
            self._known.add(subscriber)
            subscriber.home = link
            # Within the lock, so that it comes before the subscriber's detachment.
            link.submit(SubscriptionTable.attach, subscriber)

    def _detach(self, subscribers: Tuple[Subscriber, ...]) -> None:
        for subscriber in subscribers:
            if subscriber.error is None:
                # First, so that it drops no further updates.
                subscriber.end(None, SubscriptionStatus.CLOSED)
            link = self.release(subscriber)
            if link is not None:
                link.submit(SubscriptionTable.detach, subscriber)

    def release(self, subscriber: Subscriber) -> Link | None:
        """Remove a subscriber; return its connection, None if it was already removed."""
        identity = subscriber.identity
        with self._lock:
            now = self._directory
            if subscriber.is_released:
                return None
            subscriber.is_released = True
            subscriber.home = None
            users = now.users.get(identity, ())
            if subscriber not in users:
                return None
            link = now.homes[identity]
            subscriber.counted_drops = subscriber.dropped_count
            past = attrs.evolve(
                now.past, drops=now.past.drops + subscriber.counted_drops
            )
            homes, others = dict(now.homes), dict(now.users)
            others[identity] = tuple(user for user in users if user is not subscriber)
            if not others[identity]:
                del homes[identity], others[identity]
                if link is not now.account:
                    link.load -= 1
                past = attrs.evolve(
                    past, heals=past.heals + subscriber.channel.recovery.count
                )
            self._directory = attrs.evolve(now, homes=homes, users=others, past=past)
            return link

    def displace(
        self, link: Home, shared: SharedSubscription, limit: int | None
    ) -> None:
        """
        Move a subscription from this connection to another one.

        `limit` is the number of channels that the exchange accepts on this connection, or None if
        it accepted the channel but sent no data. Raises `NetworkError` if there is no other
        connection and none can be opened.
        """
        identity = shared.channel.identity
        with self._lock:
            if limit is not None:
                link.limit = min(link.limit, limit)
            if self._directory.homes.get(identity) is not link:
                return
            link.load -= 1
            try:
                other = self._with_room(link, self._rival(identity))
            except NetworkError:
                # Counted here until it is released.
                link.load += 1
                raise
            now = self._directory
            self._directory = attrs.evolve(now, homes={**now.homes, identity: other})
            for subscriber in now.users[identity]:
                subscriber.home = other
            other.load += 1
            other.submit(SubscriptionTable.adopt, shared)
        _log.info("%s: moved to connection %d", " ".join(identity), other.number)

    def retire(self, link: Link) -> bool:
        """Remove a connection if it has no channels; return whether it had none."""
        with self._lock:
            if link.load:
                return False
            now = self._directory
            rest = tuple(each for each in now.links if each is not link)
            self._directory = attrs.evolve(
                now, links=rest, past=now.past.with_link(link)
            )
            return True

    # --- with the lock ------------------------------------------------------------------------

    def _rival(self, identity: Identity) -> Link | None:
        """Return the connection that has the same channel in the other form (raw or typed)."""
        return self._directory.homes.get(rival_of(identity))

    def _with_room(self, *but: Home | None) -> Link:
        for link in self.links:
            if link not in but and link.load < link.limit:
                return link
        return self._open_link()

    def _account_link(self) -> Link:
        return self.account_link or self._open_link(is_account=True)

    def _open_link(self, is_account: bool = False) -> Link:
        link = self._opener.make_link(self._opened_count + 1, is_account)
        before = self._directory
        # Before it starts, as its thread looks up its own entry.
        now = attrs.evolve(before, links=(*before.links, link))
        self._directory = attrs.evolve(now, account=link) if is_account else now
        self._opened_count += 1
        try:
            self._opener.start_link(link)
        except NetworkError:
            # The next attempt starts the missing threads.
            self._opened_count -= 1
            self._directory = before
            link.detach_after_fork()
            raise
        return link
