"""
The subscriptions of one connection: executes users' commands, and delivers the session's outputs.

Everything here runs on the connection's thread. Methods return outputs, such as messages to send,
for the connection to perform.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Hashable,
    Protocol,
    Sequence,
    Union,
    cast,
)

import attrs

from bfxsync._base.enums import SubscriptionStatus
from bfxsync.errors import BfxError, ClosedError, NetworkError
from bfxsync.models.stream import Status
from bfxsync.wire.commands import (
    Ping,
    Resubscribe,
    SessionProtocol,
    Subscribe,
    Unsubscribe,
)
from bfxsync.wire.outputs import (
    Acknowledged,
    AnyOutput,
    Delayed,
    Displaced,
    Report,
    Requested,
    Resolve,
)
from bfxsync.ws.core.lifetime import Lifetime
from bfxsync.ws.core.shared_subscription import SharedSubscription, Totals
from bfxsync.ws.core.subscriber import Home, Subscriber, Waiter
from bfxsync.ws.dispatch.event_publisher import EventPublisher
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.dispatch.update_signal import UpdateSignal

if TYPE_CHECKING:
    from typing_extensions import assert_never


class Registry(Protocol):
    """The placement of channels, as a connection uses it."""

    def detach(self, *subscribers: Subscriber) -> None: ...

    def release(self, subscriber: Subscriber) -> object: ...

    def displace(
        self, link: Home, shared: SharedSubscription, limit: int | None
    ) -> None: ...

    def retire(self, link: Any) -> bool: ...


class Owner(Protocol):
    """The core, as a connection uses it; called on the connection's thread."""

    lifetime: Lifetime
    publisher: EventPublisher

    @property
    def placement(self) -> Registry: ...

    def failed(self, error: BfxError) -> None: ...

    def run_ready(self) -> None: ...


SubscriptionOutput = Union[Requested, Delayed, Acknowledged, Resolve, Displaced, Report]
"""Outputs performed by `SubscriptionTable.perform`; the connection performs all others."""

Outputs = Sequence[AnyOutput]

_NONE: Outputs = ()


@attrs.define(eq=False, repr=False, slots=False)
class SubscriptionTable:
    """The shared subscriptions of a connection, by identity."""

    _session: SessionProtocol
    _owner: Owner
    _clock: Callable[[], float]
    """Clock of the session."""
    _home: Home
    """The connection."""
    totals: Totals = attrs.field(factory=Totals)
    drop_count: int = 0
    """Updates dropped for slow event handlers of subscriptions that have ended."""
    _shared: dict[tuple[str, ...], SharedSubscription] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._update_signal: UpdateSignal = self._owner.publisher.update_signal

    def __len__(self) -> int:
        return len(self._shared)

    @property
    def listening(self) -> list[Mailbox]:
        """The mailboxes of event handlers; for any thread."""
        queues = [shared.listener for shared in list(self._shared.values())]
        return [queue.mailbox for queue in queues if queue is not None]

    @property
    def readers(self) -> list[tuple[Subscriber, Mailbox]]:
        """The subscribers that are iterated over, and their mailboxes."""
        return [
            (subscriber, subscriber.reader)
            for shared in self._shared.values()
            for subscriber in shared.subscribers
            if subscriber.reader is not None
        ]

    # --- commands -----------------------------------------------------------------------------

    def attach(self, subscriber: Subscriber) -> Outputs:
        """Subscribe, or share the existing subscription."""
        if subscriber.is_released:
            # Detached before it arrived; if it is detached later, `detach` will be called.
            return _NONE
        shared = self._shared.get(subscriber.identity)
        if shared is not None:
            shared.attach(subscriber)
            return _NONE
        home = subscriber.home
        if home is not None and home is not self._home:
            # The channel has moved to another connection.
            home.submit(SubscriptionTable.attach, subscriber)
            return _NONE
        shared = SharedSubscription(
            subscriber.channel, subscriber.subscription, clock=subscriber.clock
        )
        shared.attach(subscriber)
        return self._request(shared)

    def adopt(self, shared: SharedSubscription) -> Outputs:
        """Continue a subscription that was moved from another connection."""
        # Subscribers released in the meantime: the other connection got their `detach`.
        for subscriber in [each for each in shared.subscribers if each.is_released]:
            shared.detach(subscriber)
        existing = self._shared.get(shared.channel.identity)
        if existing is not None:
            # The same channel was subscribed here in the meantime.
            shared.merge_into(existing)
            self._count_out(shared)
        elif shared.subscribers:
            return self._request(shared)
        return _NONE

    def detach(self, subscriber: Subscriber) -> Outputs:
        """Remove a subscriber; unsubscribe if it was the last."""
        shared = self._shared.get(subscriber.identity)
        outputs = _NONE
        if shared is not None and shared.detach(subscriber):
            del self._shared[subscriber.identity]
            self._count_out(shared)
            outputs = self._session.apply(Unsubscribe(shared), self._clock())
        # Drops after its release.
        self.drop_count += subscriber.dropped_count - subscriber.counted_drops
        subscriber.counted_drops = subscriber.dropped_count
        # Set again, as messages in between may have changed it.
        subscriber.withdraw(ClosedError(f"{subscriber.name}: unsubscribed"))
        return outputs

    def drop(self, subscriber: Subscriber) -> Outputs:
        """Detach a subscriber without a handle; one with event handlers only loses its reader."""
        if subscriber.callback_queue is None:
            self._owner.placement.detach(subscriber)
            return _NONE
        reader, shared = subscriber.reader, self._shared.get(subscriber.identity)
        if reader is not None:
            reader.discard()
            if shared is not None:
                shared.stop_reading(reader)
        return _NONE

    def resubscribe(self, subscriber: Subscriber) -> Outputs:
        """Unsubscribe a channel and subscribe it again."""
        shared = self._shared.get(subscriber.identity)
        if shared is None:
            return _NONE
        return self._session.apply(Resubscribe(shared), self._clock())

    def read(self, subscriber: Subscriber, reader: Mailbox) -> Outputs:
        """Start filling a reader."""
        shared = self._shared.get(subscriber.identity)
        if shared is not None and subscriber in shared.subscribers:
            shared.read(subscriber, reader)
            return _NONE
        home = subscriber.home
        if home is None:
            reader.close(subscriber.ended_by)
        elif home is not self._home:
            # The channel has moved. (A channel being moved here starts when it arrives.)
            home.read(subscriber, reader)
        return _NONE

    def listen(self) -> Outputs:
        """Create queues for newly registered event handlers."""
        for shared in self._shared.values():
            self._add_listener(shared)
        return _NONE

    def ping(self, waiter: Waiter, expires: float) -> Outputs:
        """Send a ping; the pong resolves the waiter."""
        return self._session.apply(Ping(waiter, expires), self._clock())

    # --- outputs ------------------------------------------------------------------------------

    def perform(self, output: SubscriptionOutput) -> Outputs:
        """Perform an output of the session, and return the resulting outputs."""
        if isinstance(output, Requested):
            _shared_of(output).mark_requested(self._clock())
        elif isinstance(output, Delayed):
            _shared_of(output).delay(output.error)
        elif isinstance(output, Acknowledged):
            _shared_of(output).acknowledge(output)
        elif isinstance(output, Resolve):
            self._resolve(output.token, output.error)
        elif isinstance(output, Displaced):
            return self._displace(output)
        elif isinstance(output, Report):
            self._owner.publisher.reported(output.error)
        else:
            assert_never(output)
        return _NONE

    def end(self, error: BfxError | None, waiting: BfxError) -> None:
        """End all subscriptions: iterations with `error`, if any, waiting calls with `waiting`."""
        with ExitStack() as stack:
            # Each is ended even if another one fails, as after a bug in this package.
            stack.callback(self._end_waiting, waiting)
            for shared in self._shared.values():
                stack.callback(self._count_out, shared)
                stack.callback(shared.end, error, waiting)
        self._shared.clear()

    def refuse(
        self, arguments: Sequence[object], exception: BfxError | None, error: BfxError
    ) -> None:
        """Fail a command after the end: iterations with `exception`, waiting calls with `error`."""
        for argument in arguments:
            if isinstance(argument, Mailbox):
                argument.close(exception)
            elif isinstance(argument, SharedSubscription):
                argument.end(exception, error)
            elif isinstance(argument, Waiter) and not argument.resolved.is_set:
                argument.resolve(error)

    def _end_waiting(self, waiting: BfxError) -> None:
        for output in self._session.lose("closed"):
            if isinstance(output, Resolve) and isinstance(output.token, Waiter):
                output.token.resolve(waiting)

    def _request(self, shared: SharedSubscription) -> Outputs:
        self._shared[shared.channel.identity] = shared
        shared.totals = self.totals
        self._add_listener(shared)
        command = Subscribe(shared, shared.channel, shared.is_resolved)
        return self._session.apply(command, self._clock())

    def _count_out(self, shared: SharedSubscription) -> None:
        if shared.listener is not None:
            self.drop_count += shared.listener.mailbox.dropped_count

    def _add_listener(self, shared: SharedSubscription) -> None:
        callback_queue = self._owner.publisher.listener_for(shared)
        if callback_queue is not None:
            shared.listen(callback_queue)

    def _displace(self, output: Displaced) -> Outputs:
        shared = self._shared.pop(_shared_of(output).channel.identity)
        shared.is_resolved = output.is_resolved
        if output.limit is not None:
            # There was no room for it: the request has not been sent yet.
            shared.mark_requested(None)
        try:
            self._owner.placement.displace(self._home, shared, output.limit)
        except NetworkError as exc:
            if output.limit is None:
                # There is still room on this connection.
                return self._request(shared)
            # No thread or descriptor for another connection: only this channel fails.
            if shared.is_resolved:
                shared.deliver([Status(SubscriptionStatus.REJECTED)])
                self._owner.publisher.reported(exc)
            self._resolve(shared, exc)
        return _NONE

    def _resolve(self, token: Hashable, error: BfxError | None) -> None:
        if not isinstance(token, SharedSubscription):
            cast(Waiter, token).resolve(error)
            return
        if error is not None and not token.is_resolved:
            token.deliver([Status(SubscriptionStatus.REJECTED)])
            if not all(subscriber.is_awaited for subscriber in token.subscribers):
                self._owner.publisher.reported(error)
        token.resolve(error)
        if error is not None:
            self._shared.pop(token.channel.identity, None)
            self._count_out(token)
            for subscriber in token.subscribers:
                self._owner.placement.release(subscriber)
            if self._update_signal.is_awaited:
                # Last, as the waiting threads read its status.
                self._update_signal.notify()


def _shared_of(
    output: Requested | Delayed | Acknowledged | Displaced,
) -> SharedSubscription:
    return cast(SharedSubscription, output.token)
