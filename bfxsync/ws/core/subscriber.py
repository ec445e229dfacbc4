"""
The state that a user's handle shares with the I/O thread.

Strategy: the I/O thread writes the fields of a `Subscriber`, each once or as a single assignment;
other threads read them. None of these objects refers to the client, so an abandoned client can be
garbage collected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Protocol

import attrs

from bfxsync._base.clock import CLOCK, Clock
from bfxsync._base.enums import Policy, SubscriptionStatus
from bfxsync._base.latch import Latch
from bfxsync.errors import BfxError
from bfxsync.wire.audit import STALE_AFTER_S
from bfxsync.wire.channels import Channel
from bfxsync.ws.dispatch.dispatcher import CallbackQueue
from bfxsync.ws.dispatch.mailbox import Mailbox

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")


_ENDED = (
    SubscriptionStatus.REJECTED,
    SubscriptionStatus.FAILED,
    SubscriptionStatus.CLOSED,
)


class Home(Protocol):
    """The connection of a subscriber; every method may be called from any thread."""

    number: int
    limit: int
    load: int
    last_error: BfxError | None

    def submit(
        self,
        command: Callable[Concatenate[Any, P], Any],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> None: ...

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None: ...


@attrs.define(eq=False, repr=False, slots=False)
class Waiter:
    """A result that threads wait for; a signal handler may interrupt the wait."""

    resolved: Latch = attrs.field(factory=Latch, init=False)
    error: BfxError | None = attrs.field(default=None, init=False)

    def resolve(self, error: BfxError | None) -> None:
        """Wake the waiting threads, with an error if there is one."""
        self.error = error
        self.resolved.set()


@attrs.define(eq=False, repr=False, slots=False)
class Subscriber(Waiter):
    """One user's part of a shared subscription."""

    channel: Channel
    """The channel it was created with; once attached, that of the shared subscription."""
    subscription: dict[str, str]
    callback_queue: CallbackQueue | None
    """Queue of its callback and event handler; None if it has neither."""
    size: int = attrs.field(kw_only=True)
    policy: Policy = attrs.field(kw_only=True)
    stale_after_s: float = attrs.field(default=STALE_AFTER_S, kw_only=True)
    """Silence after which its data counts as stale."""
    clock: Clock = attrs.field(default=CLOCK, kw_only=True)
    """Clock of the channel."""
    has_callback: bool = attrs.field(default=False, kw_only=True)
    """Whether data goes to a callback; otherwise the queue, if any, is for events only."""
    home: Home | None = None
    """Its connection, None while it has none; assigned under the lock of the placement."""
    failure: BfxError | None = None
    """Why the subscription was quarantined; takes precedence over later errors."""
    requested_at: float | None = None
    """Monotonic time of the first request."""
    delay: BfxError | None = None
    """Why repeated requests have brought no data yet."""
    update_count: int = 0
    gap_count: int = 0
    is_released: bool = False
    """Removed from the placement."""
    counted_drops: int = 0
    """Drops that were added to the client's total at its release."""
    is_awaited: bool = False
    """Whether a call waits for it and raises its error; if not, `on_error` gets the error."""
    detached: BfxError | None = None
    """The error that every call raises in a forked child."""
    reader: Mailbox | None = None
    """Mailbox of the iteration, created by the first reader."""
    _status: SubscriptionStatus = attrs.field(
        default=SubscriptionStatus.PENDING, init=False
    )

    def __attrs_post_init__(self) -> None:
        self.identity: tuple[str, ...] = self.channel.identity

    @property
    def status(self) -> SubscriptionStatus:
        """State for the user."""
        return self._status if self.failure is None else SubscriptionStatus.FAILED

    @status.setter
    def status(self, status: SubscriptionStatus) -> None:
        self._status = status

    @property
    def ended_by(self) -> BfxError | None:
        """The error that the iteration raises at its end."""
        return self.failure or self.error

    @property
    def name(self) -> str:
        """Channel and arguments, for messages."""
        return " ".join(self.identity)

    @property
    def age_s(self) -> float | None:
        """Seconds since the last frame of any kind; None before the first on this connection."""
        seen_at = self.channel.seen_at
        return None if seen_at is None else max(0.0, self.clock.now() - seen_at)

    @property
    def is_stale(self) -> bool:
        """Whether the data may be outdated: not live, or silent for too long."""
        current = (SubscriptionStatus.LIVE, SubscriptionStatus.DEGRADED)
        age_s = self.age_s
        is_silent = age_s is None or age_s >= self.stale_after_s
        return is_silent or self.status not in current

    @property
    def lag_s(self) -> float:
        """Waiting time of the oldest queued item, or of the last one that was consumed."""
        return max((box.lag_s for box in self.mailboxes), default=0.0)

    @property
    def queued_count(self) -> int:
        """Items queued for the consumer."""
        return sum(map(len, self.mailboxes))

    @property
    def dropped_count(self) -> int:
        """Updates dropped because the consumer was too slow."""
        return sum(box.dropped_count for box in self.mailboxes)

    @property
    def mailboxes(self) -> list[Mailbox]:
        """The mailboxes of its callback and its iteration."""
        boxes = [self.callback_queue.mailbox] if self.callback_queue is not None else []
        return boxes if self.reader is None else [*boxes, self.reader]

    @property
    def is_active(self) -> bool:
        """False once rejected, quarantined, unsubscribed, or closed with its client."""
        return self.status not in _ENDED

    def reading(self) -> Mailbox:
        """Return the reader; all threads get the same one."""
        reader = self.reader
        if reader is None:
            # One step, so that all threads get the mailbox of the first.
            new = Mailbox(self.size, self.policy)
            self.reader = reader = vars(self).setdefault("_first_reader", new)
        return reader

    def resolve(self, error: BfxError | None) -> None:
        """Wake the waiting threads; an error ends the iteration too."""
        if error is None:
            self.status = SubscriptionStatus.LIVE
        else:
            self.end(error, SubscriptionStatus.REJECTED)
        super().resolve(error)

    def withdraw(self, waiting: BfxError) -> None:
        """End the subscription for its user; waiting calls raise `failure`, or else `waiting`."""
        waiting = self.failure or waiting
        if not self.resolved.is_set:
            self.resolve(waiting)
        if self.status is not SubscriptionStatus.REJECTED or self.error is waiting:
            self.end(None, SubscriptionStatus.CLOSED)

    def detach_after_fork(self, error: BfxError) -> None:
        """End the subscription in a forked child, regardless of the state of its locks."""
        self.detached = error
        if self.is_active:
            self.status = SubscriptionStatus.CLOSED
            super().resolve(error)
        self.is_released = True
        self.resolved.set()
        self.callback_queue = None
        self.reader = Mailbox(self.size, self.policy)
        self.reader.close(error)

    def end(self, error: BfxError | None, status: SubscriptionStatus) -> None:
        """Close its mailboxes."""
        self.status = status
        error = self.failure or error
        if self.reader is not None:
            self.reader.close(error)
        if self.callback_queue is not None:
            self.callback_queue.mailbox.close()
