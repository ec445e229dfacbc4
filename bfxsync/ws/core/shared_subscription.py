"""One subscription on the wire and all its subscribers; owned by the I/O thread."""

from __future__ import annotations

import time
from typing import Any

import attrs

from bfxsync._base.clock import CLOCK, Clock
from bfxsync._base.enums import Policy, SubscriptionStatus
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.wire.channels import Channel
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.dispatch.dispatcher import CallbackQueue
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.dispatch.update_kinds import EXTRAS

_log = get_logger(__name__)

_EVENTS = frozenset((Snapshot, Gap, Status, Degraded))


@attrs.define(eq=False, repr=False)
class Totals:
    """Counts of all subscriptions of a connection, including ended ones."""

    update_count: int = 0
    gap_count: int = 0
    is_crowded: bool = False
    """Set when a consumer has fallen behind; reset by the reader of the flag."""


@attrs.define(eq=False, repr=False, slots=False)
class SharedSubscription:
    """A subscription on the wire, and its token in the session."""

    channel: Channel
    subscription: dict[str, str]
    """The subscription as event handlers see it: the fields of its first subscriber."""
    subscribers: list[Subscriber] = attrs.field(factory=list)
    """The channel is unsubscribed with the last one."""
    listener: CallbackQueue | None = None
    """Queue of the event handlers."""
    is_resolved: bool = False
    totals: Totals = attrs.field(factory=Totals)
    """Those of its connection."""
    status: SubscriptionStatus = SubscriptionStatus.PENDING
    """Status for current and future subscribers."""
    requested_at: float | None = None
    clock: Clock = attrs.field(default=CLOCK, kw_only=True)
    """Clock of the channel."""
    is_permanent: bool = attrs.field(default=False, kw_only=True)
    """Whether it stays without subscribers."""
    _gap: Gap | None = None
    """The gap that the next snapshot ends."""
    _delay: BfxError | None = None
    _mailboxes: list[Mailbox] = attrs.field(factory=list)
    """Mailboxes of the subscribers."""
    _has_waiting: bool = False
    """Whether subscribers that were attached during a gap are waiting for their first data."""

    def __attrs_post_init__(self) -> None:
        # Looked up once, as it is needed for every block.
        self._restart = self.channel.restart
        self._set_wants_last()

    def attach(self, subscriber: Subscriber) -> None:
        """Add a subscriber, starting with a snapshot of the local state."""
        self.subscribers.append(subscriber)
        subscriber.channel = self.channel
        subscriber.requested_at = self.requested_at
        subscriber.delay = self._delay
        if subscriber.callback_queue is not None:
            self._fill(subscriber.callback_queue.mailbox)
        if subscriber.reader is not None:
            # Its iteration began before the attachment.
            self._fill(subscriber.reader)
        if self.is_resolved:
            subscriber.status = self.status
            # During a gap there is no state to start with: wait for the next snapshot.
            self._has_waiting = True
            self._resolve_waiting()

    def detach(self, subscriber: Subscriber) -> bool:
        """Remove a subscriber; return whether it was the last."""
        if subscriber in self.subscribers:
            self.subscribers.remove(subscriber)
            theirs = subscriber.mailboxes
            self._mailboxes = [box for box in self._mailboxes if box not in theirs]
            self._set_wants_last()
        if not self.subscribers:
            return not self.is_permanent
        self.subscription = self.subscribers[0].subscription
        return False

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        """Start filling a reader, beginning with the local state."""
        subscriber.reader = reader
        self._fill(reader)

    def stop_reading(self, reader: Mailbox) -> None:
        """Stop filling a reader."""
        self._mailboxes = [box for box in self._mailboxes if box is not reader]
        self._set_wants_last()

    def listen(self, callback_queue: CallbackQueue) -> None:
        """Start filling the queue of the event handlers."""
        self.listener = callback_queue
        self._set_wants_last()
        self._start(callback_queue.mailbox)

    def mark_requested(self, now: float | None) -> None:
        """Record the time of the first request, for timeouts; None if it has not been sent."""
        if now is not None and self.requested_at is not None:
            # Sent again on another connection, which must not extend the timeout of a call.
            return
        self.requested_at = now
        for subscriber in self.subscribers:
            subscriber.requested_at = now

    def delay(self, error: BfxError | None) -> None:
        """Record why there is no data yet; None once there is data."""
        self._delay = error
        for subscriber in self.subscribers:
            subscriber.delay = error

    def acknowledge(self, output: Any) -> None:
        """Publish the `subscribed` event."""
        if self.listener is not None:
            self.listener.mailbox.put([output], self._restart)

    def merge_into(self, other: SharedSubscription) -> None:
        """Move all subscribers to another subscription of the same channel."""
        for subscriber in self.subscribers:
            other.attach(subscriber)
        self.subscribers = []

    def deliver(self, updates: list[Any], now: float | None = None) -> int:
        """
        Deliver updates to all subscribers; return their number, without a leading event.

        They arrived at `now` (monotonic time), by default just now. Wakes no dispatch thread.
        """
        if now is None:
            now = time.monotonic()
        theirs = updates
        if self.channel.extras:
            theirs = [item for item in updates if item.__class__ not in EXTRAS]
        count = len(theirs)
        if self.channel.skipped_count:
            # Frames that were skipped because only the latest state is wanted.
            count += self.channel.skipped_count
            self.channel.skipped_count = 0
        if updates[0].__class__ in _EVENTS:
            count -= 1
            self._note(updates[0])
        self.totals.update_count += count
        for subscriber in self.subscribers:
            subscriber.update_count += count
        for mailbox in self._mailboxes:
            if mailbox.add(theirs, self._restart, now):
                self.totals.is_crowded = True
        if self.listener is not None:
            if self.listener.mailbox.add(updates, self._restart, now):
                self.totals.is_crowded = True
        if self._has_waiting:
            self._resolve_waiting()
        return count

    def resolve(self, error: BfxError | None) -> None:
        """Wake the waiting threads."""
        self.is_resolved = error is None
        self.status = SubscriptionStatus.LIVE
        for subscriber in self.subscribers:
            subscriber.resolve(error)

    def end(self, error: BfxError | None, waiting: BfxError) -> None:
        """End iterations with `error`, and waiting calls with `waiting`."""
        for subscriber in self.subscribers:
            if not subscriber.resolved.is_set:
                subscriber.resolve(waiting)
            subscriber.end(error, SubscriptionStatus.CLOSED)

    def _resolve_waiting(self) -> None:
        # Subscribers that were attached during a gap, once it is over.
        if not self.channel.is_live:
            return
        self._has_waiting = False
        for subscriber in self.subscribers:
            if not subscriber.resolved.is_set:
                subscriber.resolve(None)
                subscriber.status = self.status

    def _fill(self, mailbox: Mailbox) -> None:
        if mailbox in self._mailboxes:
            return
        self._mailboxes.append(mailbox)
        self._set_wants_last()
        self._start(mailbox)

    def _set_wants_last(self) -> None:
        """Set whether the channel may skip all but its latest state: all mailboxes are `LATEST`."""
        channel = self.channel
        channel.wants_last = (
            channel.is_whole
            and self.listener is None
            and all(box.policy is Policy.LATEST for box in self._mailboxes)
        )

    def _start(self, mailbox: Mailbox) -> None:
        mailbox.put(self._restart(), self._restart)
        mailbox.begun.set()

    def _note(self, item: Any) -> None:
        # Updates status and counts of the subscribers, and logs gaps of those without a consumer.
        status = SubscriptionStatus.LIVE
        if isinstance(item, Status):
            status = item.status
        elif isinstance(item, Degraded):
            status = SubscriptionStatus.DEGRADED
        elif isinstance(item, Gap):
            status = SubscriptionStatus.GAP
            self.totals.gap_count += 1
            self._gap = item
            seen_at = self.channel.seen_at
            since = self.channel.lost_at if seen_at is None else seen_at
            if since is not None:
                item.since = self.clock.utc(since)
        else:
            if self._delay is not None:
                self.delay(None)
            if self._gap is not None:
                # Before the snapshot that ends the gap is delivered.
                self._gap.until = self.clock.utc(self.clock.now())
                self._gap = None
        self.status = status
        for subscriber in self.subscribers:
            subscriber.status = status
            if isinstance(item, Gap):
                subscriber.gap_count += 1
                if subscriber.callback_queue is None and subscriber.reader is None:
                    _log.info("%s: gap: %s", subscriber.name, item.reason)
