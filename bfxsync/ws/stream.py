"""
One subscription on the wire and everyone who uses it.

Strategy: a `Stream` belongs to the I/O thread alone. What a user's handle shares with it is a
`Ticket`: the I/O thread writes its fields, each once or as a single assignment, other threads
read them. Neither knows the client, so that an abandoned client can be collected.
"""

from __future__ import annotations

import logging
from threading import Event
from typing import Any

from bfxsync.errors import BfxError
from bfxsync.models.stream import Gap, Snapshot, Status
from bfxsync.types import SubscriptionStatus
from bfxsync.wire.channels import Channel
from bfxsync.ws.dispatch import Outlet
from bfxsync.ws.mailbox import Mailbox, Policy

logger = logging.getLogger(__name__)


class Waiter:
    """Something that a thread waits for."""

    def __init__(self) -> None:
        self.resolved = Event()
        self.error: BfxError | None = None

    def resolve(self, error: BfxError | None) -> None:
        """Let the waiting thread go on, with this error if there is one."""
        self.error = error
        self.resolved.set()


class Ticket(Waiter):
    """
    One user's share in a stream.

    Attributes
    ----------
    channel : Channel
        As it was asked for; from the attachment on that of the stream.
    outlet : Outlet or None
        Where the callback's items go; None without callback.
    reader : Mailbox or None
        What is iterated over; made by the first who wants to read.
    asked_at : float or None
        When the request first went out (monotonic time).
    is_released : bool
        The pool has taken it off its books.
    is_awaited : bool
        A call waits for it and raises its error; else `on_error` gets that.
    """

    def __init__(
        self,
        channel: Channel,
        subscription: dict[str, str],
        outlet: Outlet | None,
        *,
        size: int,
        policy: Policy,
    ) -> None:
        super().__init__()
        self.channel = channel
        self.identity = channel.identity
        self.subscription = subscription
        self.outlet = outlet
        self.reader: Mailbox | None = None
        self.size = size
        self.policy = policy
        self.status = SubscriptionStatus.PENDING
        self.asked_at: float | None = None
        self.update_count = 0
        self.gap_count = 0
        self.is_released = False
        self.is_awaited = False

    @property
    def name(self) -> str:
        """For messages."""
        return " ".join(self.identity)

    @property
    def is_active(self) -> bool:
        """False once it was refused, unsubscribed, or its client closed."""
        ended = (SubscriptionStatus.REJECTED, SubscriptionStatus.CLOSED)
        return self.status not in ended

    def resolve(self, error: BfxError | None) -> None:
        """Let the waiting thread go on; an error ends the iteration too."""
        self.status = SubscriptionStatus.LIVE
        if error is not None:
            self.end(error, SubscriptionStatus.REJECTED)
        super().resolve(error)

    def withdraw(self, waiting: BfxError) -> None:
        """End it for its user: who waits for it gets this error."""
        if not self.resolved.is_set():
            self.resolve(waiting)
        if self.status is not SubscriptionStatus.REJECTED or self.error is waiting:
            self.end(None, SubscriptionStatus.CLOSED)

    def end(self, error: BfxError | None, status: SubscriptionStatus) -> None:
        """Nothing more comes."""
        self.status = status
        if self.reader is not None:
            self.reader.close(error)
        if self.outlet is not None:
            self.outlet.mailbox.close()


class Stream:
    """
    The token of a subscription.

    Attributes
    ----------
    tickets : list of Ticket
        Its users; it ends with the last of them.
    listener : Outlet or None
        Where the items for event handlers go.
    """

    def __init__(self, channel: Channel, subscription: dict[str, str]) -> None:
        self.channel = channel
        self.subscription = subscription
        self.tickets: list[Ticket] = []
        self.listener: Outlet | None = None
        self.is_resolved = False
        self.asked_at: float | None = None
        self._mailboxes: list[Mailbox] = []

    def attach(self, ticket: Ticket) -> None:
        """Add a user, who begins with the local state."""
        self.tickets.append(ticket)
        ticket.channel = self.channel
        ticket.asked_at = self.asked_at
        if ticket.outlet is not None:
            self._begin(ticket.outlet.mailbox)
        if self.is_resolved:
            ticket.resolve(None)
            if not self.channel.is_live:
                ticket.status = SubscriptionStatus.GAP

    def detach(self, ticket: Ticket) -> bool:
        """Remove a user; return whether it was the last."""
        if ticket in self.tickets:
            self.tickets.remove(ticket)
            theirs = (ticket.outlet.mailbox if ticket.outlet else None, ticket.reader)
            self._mailboxes = [box for box in self._mailboxes if box not in theirs]
        return not self.tickets

    def read(self, ticket: Ticket, reader: Mailbox) -> None:
        """Fill a reader from now on, beginning with the local state."""
        ticket.reader = reader
        if ticket in self.tickets:
            self._begin(reader)
        else:
            reader.close(ticket.error)

    def listen(self, outlet: Outlet) -> None:
        """Fill the outlet of the event handlers from now on."""
        self.listener = outlet
        self._begin(outlet.mailbox)

    def ask(self, now: float) -> None:
        """Note that the request went out: the timeouts count from now."""
        self.asked_at = now
        for ticket in self.tickets:
            ticket.asked_at = now

    def acknowledge(self, output: Any) -> None:
        """Tell the event handlers that the exchange accepted the subscription."""
        if self.listener is not None:
            self.listener.mailbox.put([output], self.channel.restart)

    def deliver(self, updates: list[Any]) -> bool:
        """Hand updates to all users; return whether one of them should be given a moment."""
        first = updates[0]
        if first.__class__ in (Snapshot, Gap, Status):
            self._note(first)
        crowded = False
        for ticket in self.tickets:
            ticket.update_count += len(updates)
        for mailbox in self._mailboxes:
            mailbox.put(updates, self.channel.restart)
            crowded = crowded or mailbox.is_crowded
        return crowded

    def resolve(self, error: BfxError | None) -> None:
        """Let the waiting threads go on."""
        self.is_resolved = error is None
        for ticket in self.tickets:
            ticket.resolve(error)

    def end(self, error: BfxError | None, waiting: BfxError) -> None:
        """Nothing more comes: end the iterations, and fail those that still wait."""
        for ticket in self.tickets:
            if not ticket.resolved.is_set():
                ticket.resolve(waiting)
            ticket.end(error, SubscriptionStatus.CLOSED)

    def _begin(self, mailbox: Mailbox) -> None:
        self._mailboxes.append(mailbox)
        items = self.channel.restart()
        if items:
            mailbox.put(items, self.channel.restart)

    def _note(self, item: Any) -> None:
        """Keep the status and the counts of the users; a gap that nobody would see is logged."""
        status = SubscriptionStatus.LIVE
        if isinstance(item, Status):
            status = item.status
        elif isinstance(item, Gap):
            status = SubscriptionStatus.GAP
        for ticket in self.tickets:
            ticket.status = status
            # The updates that follow in the same block are counted with it.
            ticket.update_count -= 1
            if isinstance(item, Gap):
                ticket.gap_count += 1
                if ticket.outlet is None and ticket.reader is None:
                    logger.warning("%s: gap: %s", ticket.name, item.reason)
