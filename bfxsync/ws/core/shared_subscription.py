"""
One subscription on the wire and everyone who uses it.

Strategy: a `SharedSubscription` belongs to the I/O thread alone. What a user's handle shares with
it is a `Subscriber`: the I/O thread writes its fields, each once or as a single assignment, other
threads read them. Neither knows the client, so that an abandoned client can be collected.
"""

from __future__ import annotations

from typing import Any

from bfxsync._base.clock import CLOCK, Clock
from bfxsync._base.enums import Policy, SubscriptionStatus
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.wire.audit import STALE_AFTER_S
from bfxsync.wire.channels import Channel
from bfxsync.ws.dispatch.dispatcher import CallbackQueue
from bfxsync.ws.dispatch.events import EXTRAS
from bfxsync.ws.dispatch.mailbox import Mailbox

logger = get_logger(__name__)


class Waiter:
    """Something that a thread waits for, which a signal handler may interrupt."""

    def __init__(self) -> None:
        self.resolved: Latch = Latch()
        self.error: BfxError | None = None

    def resolve(self, error: BfxError | None) -> None:
        """Let the waiting thread go on, with this error if there is one."""
        self.error = error
        self.resolved.set()


class Subscriber(Waiter):
    """
    One user's share in a stream.

    Attributes
    ----------
    channel : Channel
        As it was asked for; from the attachment on that of the stream.
    outlet : Outlet or None
        Where the callback's items go; None without callback.
    has_callback : bool
        Its data goes to a function; else the outlet, if there is one, is for events alone.
    reader : Mailbox or None
        What is iterated over; made by the first who wants to read.
    asked_at : float or None
        When the request first went out (monotonic time).
    delay : BfxError or None
        Why it still has no data, although it is asked for again and again.
    is_released : bool
        The pool has taken it off its books.
    counted_drops : int
        Of its drops, those that are in the client's total since it was released.
    stale_after_s : float
        Silence after which its data is called stale.
    clock : Clock
        The channel's own.
    disowned : BfxError or None
        In the child of a fork: that this belongs to the parent.
    is_awaited : bool
        A call waits for it and raises its error; else `on_error` gets that.
    """

    error: BfxError | None

    # Of the class, so that `reading` can tell in one step whether there is one.
    reader: Mailbox | None = None

    def __init__(
        self,
        channel: Channel,
        subscription: dict[str, str],
        callback_queue: CallbackQueue | None,
        *,
        size: int,
        policy: Policy,
        stale_after_s: float = STALE_AFTER_S,
        clock: Clock = CLOCK,
        has_callback: bool = False,
    ) -> None:
        super().__init__()
        self.channel = channel
        self.identity: tuple[str, ...] = channel.identity
        self.subscription = subscription
        self.callback_queue = callback_queue
        self.has_callback = has_callback
        self.size = size
        self.policy = policy
        self.stale_after_s = stale_after_s
        self.clock = clock
        self.status: SubscriptionStatus = SubscriptionStatus.PENDING
        self.asked_at: float | None = None
        self.delay: BfxError | None = None
        self.update_count = 0
        self.gap_count = 0
        self.is_released: bool = False
        self.counted_drops = 0
        self.is_awaited = False
        self.detached: BfxError | None = None

    @property
    def name(self) -> str:
        """For messages."""
        return " ".join(self.identity)

    @property
    def age_s(self) -> float | None:
        """Seconds since the last frame of any kind; None if none has come on this connection."""
        seen_at = self.channel.seen_at
        return None if seen_at is None else max(0.0, self.clock.now() - seen_at)

    @property
    def is_stale(self) -> bool:
        """True if what is known may be old: not live, or silent for too long."""
        current = (SubscriptionStatus.LIVE, SubscriptionStatus.DEGRADED)
        if self.status not in current:
            return True
        age_s = self.age_s
        return age_s is None or age_s >= self.stale_after_s

    @property
    def lag_s(self) -> float:
        """How long the oldest item waits for its consumer, or the last one did."""
        return max((box.lag_s for box in self.mailboxes), default=0.0)

    @property
    def queued_count(self) -> int:
        """Items that wait for the consumer."""
        return sum(map(len, self.mailboxes))

    @property
    def dropped_count(self) -> int:
        """Updates thrown away because the consumer was too slow."""
        return sum(box.dropped_count for box in self.mailboxes)

    @property
    def mailboxes(self) -> list[Mailbox]:
        """What its user's items wait in."""
        boxes = [self.callback_queue.mailbox] if self.callback_queue is not None else []
        return boxes if self.reader is None else [*boxes, self.reader]

    @property
    def is_active(self) -> bool:
        """False once it was refused, unsubscribed, or its client closed."""
        ended = (SubscriptionStatus.REJECTED, SubscriptionStatus.CLOSED)
        return self.status not in ended

    def reading(self) -> Mailbox:
        """Return the reader, the same one for all threads that ask."""
        if self.reader is None:
            vars(self).setdefault("reader", Mailbox(self.size, self.policy))
        assert self.reader is not None
        return self.reader

    def resolve(self, error: BfxError | None) -> None:
        """Let the waiting thread go on; an error ends the iteration too."""
        self.status = SubscriptionStatus.LIVE
        if error is not None:
            self.end(error, SubscriptionStatus.REJECTED)
        super().resolve(error)

    def withdraw(self, waiting: BfxError) -> None:
        """End it for its user: who waits for it gets this error."""
        if not self.resolved.is_set:
            self.resolve(waiting)
        if self.status is not SubscriptionStatus.REJECTED or self.error is waiting:
            self.end(None, SubscriptionStatus.CLOSED)

    def detach_after_fork(self, error: BfxError) -> None:
        """End it in a child process, whatever state its locks were in when that was forked."""
        self.detached = error
        if self.is_active:
            self.status = SubscriptionStatus.CLOSED
            self.error = error
        self.is_released = True
        self.resolved.set()
        self.callback_queue = None
        self.reader = Mailbox(self.size, self.policy)
        self.reader.close(error)

    def end(self, error: BfxError | None, status: SubscriptionStatus) -> None:
        """Nothing more comes."""
        self.status = status
        if self.reader is not None:
            self.reader.close(error)
        if self.callback_queue is not None:
            self.callback_queue.mailbox.close()


class SharedSubscription:
    """
    The token of a subscription.

    Attributes
    ----------
    subscription : dict
        What event handlers are told it is: the fields of the first user that there is.
    tickets : list of Ticket
        Its users; it ends with the last of them.
    listener : Outlet or None
        Where the items for event handlers go.
    is_crowded : bool
        At the last delivery one of its consumers had fallen behind.
    gap_count : int
    status : SubscriptionStatus
        As its users see it; those that come later too.
    """

    def __init__(self, channel: Channel, subscription: dict[str, str]) -> None:
        self.channel = channel
        self.subscription: dict[str, str] = subscription
        self.subscribers: list[Subscriber] = []
        self.listener: CallbackQueue | None = None
        self.is_resolved: bool = False
        self.is_crowded: bool = False
        self.gap_count: int = 0
        self.status: SubscriptionStatus = SubscriptionStatus.PENDING
        self.asked_at: float | None = None
        self._delay: BfxError | None = None
        # Those of the users.
        self._mailboxes: list[Mailbox] = []
        # Users that came in a gap, after the others had their first data.
        self._has_waiting = False

    def attach(self, subscriber: Subscriber) -> None:
        """Add a user, who begins with the local state."""
        self.subscribers.append(subscriber)
        subscriber.channel = self.channel
        subscriber.asked_at = self.asked_at
        subscriber.delay = self._delay
        if subscriber.callback_queue is not None:
            self._begin(subscriber.callback_queue.mailbox)
        if subscriber.reader is not None:
            # It was read from before it came here.
            self._begin(subscriber.reader)
        if self.is_resolved:
            subscriber.status = self.status
            # In a gap there is nothing to begin with: it waits for the next snapshot.
            self._has_waiting = True
            self._resolve_waiting()

    def detach(self, subscriber: Subscriber) -> bool:
        """Remove a user; return whether it was the last."""
        if subscriber in self.subscribers:
            self.subscribers.remove(subscriber)
            theirs = (
                (
                    subscriber.callback_queue.mailbox
                    if subscriber.callback_queue
                    else None
                ),
                subscriber.reader,
            )
            self._mailboxes = [box for box in self._mailboxes if box not in theirs]
        if not self.subscribers:
            return True
        self.subscription = self.subscribers[0].subscription
        return False

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        """Fill a reader from now on, beginning with the local state."""
        subscriber.reader = reader
        self._begin(reader)

    def stop_reading(self, reader: Mailbox) -> None:
        """Fill a reader no more."""
        self._mailboxes = [box for box in self._mailboxes if box is not reader]

    def listen(self, callback_queue: CallbackQueue) -> None:
        """Fill the outlet of the event handlers from now on."""
        self.listener = callback_queue
        self._start(callback_queue.mailbox)

    def ask(self, now: float | None) -> None:
        """Note when the request first went out, as timeouts count from then; None: it did not."""
        if now is not None and self.asked_at is not None:
            # Once more, on another connection: a call must not wait longer for that.
            return
        self.asked_at = now
        for subscriber in self.subscribers:
            subscriber.asked_at = now

    def delay(self, error: BfxError | None) -> None:
        """Note why there is no data yet; None once there is."""
        self._delay = error
        for subscriber in self.subscribers:
            subscriber.delay = error

    def acknowledge(self, output: Any) -> None:
        """Tell the event handlers that the exchange accepted the subscription."""
        if self.listener is not None:
            self.listener.mailbox.put([output], self.channel.restart)

    def join(self, other: SharedSubscription) -> None:
        """Let another stream of the same channel go on for all users of this one."""
        for subscriber in self.subscribers:
            other.attach(subscriber)
        self.subscribers = []

    def deliver(self, updates: list[Any]) -> int:
        """Hand updates to all users, and return how many there are but for an event."""
        first = updates[0]
        theirs = updates
        if self.channel.extras:
            theirs = [item for item in updates if item.__class__ not in EXTRAS]
        count = len(theirs)
        if first.__class__ in (Snapshot, Gap, Status, Degraded):
            count -= 1
            self._note(first)
        crowded = False
        for subscriber in self.subscribers:
            subscriber.update_count += count
        for mailbox in self._mailboxes:
            mailbox.put(theirs, self.channel.restart)
            crowded = crowded or mailbox.is_crowded
        if self.listener is not None:
            self.listener.mailbox.put(updates, self.channel.restart)
            crowded = crowded or self.listener.mailbox.is_crowded
        self.is_crowded = crowded
        if self._has_waiting:
            self._resolve_waiting()
        return count

    def resolve(self, error: BfxError | None) -> None:
        """Let the waiting threads go on."""
        self.is_resolved = error is None
        self.status = SubscriptionStatus.LIVE
        for subscriber in self.subscribers:
            subscriber.resolve(error)

    def end(self, error: BfxError | None, waiting: BfxError) -> None:
        """Nothing more comes: end the iterations, and fail those that still wait."""
        for subscriber in self.subscribers:
            if not subscriber.resolved.is_set:
                subscriber.resolve(waiting)
            subscriber.end(error, SubscriptionStatus.CLOSED)

    def _resolve_waiting(self) -> None:
        """Let those go on who came in a gap, if that is over."""
        if not self.channel.is_live:
            return
        self._has_waiting = False
        for subscriber in self.subscribers:
            if not subscriber.resolved.is_set:
                subscriber.resolve(None)
                subscriber.status = self.status

    def _begin(self, mailbox: Mailbox) -> None:
        if mailbox in self._mailboxes:
            return
        self._mailboxes.append(mailbox)
        self._start(mailbox)

    def _start(self, mailbox: Mailbox) -> None:
        mailbox.put(self.channel.restart(), self.channel.restart)
        mailbox.begun.set()

    def _note(self, item: Any) -> None:
        """Keep the status and the counts of the users; a gap that nobody would see is logged."""
        status = SubscriptionStatus.LIVE
        if isinstance(item, Status):
            status = item.status
        elif isinstance(item, Degraded):
            status = SubscriptionStatus.DEGRADED
        elif isinstance(item, Gap):
            status = SubscriptionStatus.GAP
            self.gap_count += 1
        elif self._delay is not None:
            self.delay(None)
        self.status = status
        for subscriber in self.subscribers:
            subscriber.status = status
            if isinstance(item, Gap):
                subscriber.gap_count += 1
                if subscriber.callback_queue is None and subscriber.reader is None:
                    logger.info("%s: gap: %s", subscriber.name, item.reason)
